"""`mlrun-like hub`: what catalogues offer, and how an item is used."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mlrun_like.cli.hub_sharing import init, publish, test, validate, withdraw
from mlrun_like.cli.hub_sources import sources
from mlrun_like.cli.output import Json, clean, print_fields, print_json, print_table
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError, StoreUnavailableError
from mlrun_like.functions.hub import parse_address
from mlrun_like.functions.preflight.needs import check_installed
from mlrun_like.marketplace.addresses import KINDS
from mlrun_like.marketplace.browsing import hub_item, hub_items
from mlrun_like.marketplace.pins import Pin, pin_of, read_pins, write_pin
from mlrun_like.marketplace.resolving import find_item, function_file
from mlrun_like.marketplace.source import list_sources
from mlrun_like.marketplace.using import use_item
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Catalogues of functions, modules and steps: look, use, and give to them.",
)
app.add_typer(sources, name="source")
_ELSEWHERE = "it runs in an environment or image that has it (`hub test` makes one for its test)"
Item = Annotated[
    str, typer.Argument(metavar="ITEM", help="[SOURCE/]NAME[:VERSION]; hub:// may stand before it.")
]
Kind = Annotated[str, typer.Option("--kind", help="Only functions, modules or steps.")]
Source = Annotated[str, typer.Option("--source", help="Only this catalogue.")]


@app.command("list")
def list_items(
    kind: Kind = "",
    source: Source = "",
    category: Annotated[str, typer.Option("--category", help="Only this category.")] = "",
    versions: Annotated[bool, typer.Option("--all", "-a", help="All versions of each.")] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Ask the catalogues anew, however fresh the copies.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List what catalogues offer.

    mlrun-like hub list

    mlrun-like hub list --kind steps
    """
    tag = "*" if versions else "latest"
    _show_items(_items(kind, source, category=category, tag=tag, refresh=refresh), as_json)


@app.command()
def search(
    words: Annotated[list[str], typer.Argument(help="In name, description, category or label.")],
    kind: Kind = "",
    source: Source = "",
    as_json: Json = False,
) -> None:
    """Search the catalogues; an item must have all words.

    mlrun-like hub search drift model
    """
    _show_items(_items(kind, source, text=" ".join(words)), as_json)


@app.command()
def show(
    item: Item,
    code: Annotated[bool, typer.Option("--code", help="Print its code alone.")] = False,
    example: Annotated[bool, typer.Option("--example", help="Print its example alone.")] = False,
    as_json: Json = False,
) -> None:
    """Show one item: what it does, versions, digest, parameters, README.

    mlrun-like hub show describe

    mlrun-like hub show describe --example > example.py
    """
    source, name, tag = _address(item)
    found = hub_item(open_store(), source, name, tag)
    if as_json:
        print_json(found)
    elif code or example:
        text = found["code" if code else "example"]
        if not text:
            what = found["files_error"] or f"{item} has no {'code' if code else 'example'} to print"
            raise NotFoundError(what)
        typer.echo(text, nl=not text.endswith("\n"))
    else:
        _show_item(found)


@app.command()
def use(
    item: Item,
    project: Annotated[
        str, typer.Option("--project", "-p", help="The project; the default one if left out.")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="What it is called there.")] = "",
    pin: Annotated[bool, typer.Option("--pin", help="Write hub.lock too; see hub pin.")] = False,
    as_json: Json = False,
) -> None:
    """Store an item as a function of a project; nothing of it is run.

    mlrun-like hub use describe --project fraud

    mlrun-like run db://fraud/describe -i table=train.csv
    """
    source, wanted, tag = _address(item)
    store = open_store()
    found = find_item(store, source, wanted, tag)
    place = project or config.default_project
    made = use_item(store, place, found, name=name)
    if pin:
        # what was found, which another pin may have chosen
        write_pin(_pin(found.source, found.name, tag if found.tag == "latest" else found.tag))
    if as_json:
        print_json(made)
        return
    typer.echo(f"{found.url} {found.version} -> db://{place}/{made['metadata']['name']}")
    for finding in check_installed(found.requirements, found.url):
        # it may run in another place, so this is no error
        typer.echo(f"note: {finding.what}; {_ELSEWHERE}", err=True)


@app.command("pin")
def pin_item(
    item: Annotated[str, typer.Argument(metavar="[ITEM]", help="Left out: list the pins.")] = "",
    remove: Annotated[bool, typer.Option("--remove", help="Forget the pin.")] = False,
    as_json: Json = False,
) -> None:
    """Pin an item to its version and digest in hub.lock: it then is that everywhere, or an error.

    mlrun-like hub pin describe
    """
    if item:
        source, name, tag = _address(item)
        known = pin_of(name, "", source)
        if remove and known is None:
            raise NotFoundError(f"{item} is not pinned", fix="mlrun-like hub pin lists the pins")
        write_pin(known if remove and known else _pin(source, name, tag), remove=remove)
    found = [pin._asdict() for pin in read_pins()]
    if as_json:
        print_json(found)
    elif not found:
        typer.echo("Nothing is pinned.")
    else:
        print_table(list(Pin._fields), [list(row.values()) for row in found])


app.command("validate")(validate)
app.command("test")(test)
app.command("publish")(publish)
app.command("withdraw")(withdraw)
app.command("init")(init)


def _address(item: str) -> tuple[str, str, str]:
    return parse_address(item if item.startswith("hub://") else f"hub://{item}")


def _pin(source: str, name: str, tag: str) -> Pin:
    store = open_store()
    item = find_item(store, source, name, tag, pinned=False)
    file = function_file(store, item.name, tag, item.source, pinned=False)
    version = item.version or item.tag
    if version == "latest":
        raise InvalidArgumentError(f"{item.url} has no version that could be pinned")
    return Pin(item.source, item.name, version, file.digest)


def _items(kind: str, source: str, **asked: Any) -> Document:
    if kind and kind not in KINDS:
        raise InvalidArgumentError(f"--kind {kind!r} is unknown", fix=", ".join(KINDS))
    store = open_store()
    try:
        store.connect()  # says at once if it is away
        return hub_items(store, source=source, kind=kind, **asked)
    except StoreUnavailableError as exc:
        if source and source not in [one.name for one in list_sources()]:
            raise
        typer.echo(
            f"warning: catalogues that were added in {store.shown} are left out: {clean(exc.what)}",
            err=True,
        )
        return hub_items(None, source=source, kind=kind, **asked)


def _show_items(found: Document, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    rows = [
        [
            one["metadata"]["name"],
            one["spec"]["kind"] or one["metadata"]["object_type"],
            one["metadata"]["version"] or one["metadata"]["tag"],
            one["metadata"]["description"],
            one["metadata"]["source"],
        ]
        for one in found["items"]
    ]
    if rows:
        print_table(["name", "kind", "version", "description", "source"], rows)
    else:
        typer.echo("Nothing is like this: `mlrun-like hub list` shows everything.")
    for one in found["sources"]:
        told = [one["error"], *one["problems"][:5]] if one["error"] else one["problems"][:5]
        for text in told:
            typer.echo(f"warning: catalogue {one['name']}: {text}", err=True)


def _show_item(found: Document) -> None:
    meta, spec = found["item"]["metadata"], found["item"]["spec"]
    versions = [row["version"] or row["tag"] for row in found["versions"]]
    print_fields(
        [
            ("name", meta["name"]),
            ("what", meta["description"]),
            ("type", meta["object_type"].removesuffix("s")),
            ("kind", spec["kind"]),
            ("version", meta["version"] or meta["tag"]),
            ("versions", ", ".join(dict.fromkeys(versions)) if len(set(versions)) > 1 else ""),
            ("source", meta["source"]),
            ("handler", spec["handler"]),
            ("class", spec["class_name"]),
            ("packages", ", ".join(spec["requirements"])),
            ("categories", ", ".join(meta["categories"])),
            ("tested", found["tested"]),
            ("digest", found["digest"]),
        ]
    )
    point = ((found["function"] or {}).get("spec") or {}).get("entry_points") or {}
    handler = point.get(spec["handler"] or spec["class_name"]) or {}
    rows = [
        [one.get("name"), one.get("type") or "", one.get("default"), one.get("doc") or ""]
        for one in handler.get("parameters") or []
        if one.get("name") not in ("context", "self")
    ]
    if rows:
        typer.echo("")
        print_table(["parameter", "type", "default", "what"],
                    [["" if cell is None else cell for cell in row] for row in rows])  # fmt: skip
    for text in filter(None, (found["function_error"], found["files_error"])):
        typer.echo(f"warning: {clean(text)}", err=True)
    typer.echo("\n" + "\n".join(f"    {line}" for line in found["use"]))
    if found["readme"]:
        typer.echo("\n" + clean(found["readme"]).rstrip())
