"""`mlrun-like hub source`: where catalogues are, and in which order they are asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlrun_like.cli.output import Json, clean, counted, print_json, print_table
from mlrun_like.errors import InvalidArgumentError, MissingFileError, MLRunLikeError, NotFoundError
from mlrun_like.marketplace.addresses import KINDS
from mlrun_like.marketplace.catalogue import read_catalogue
from mlrun_like.marketplace.index import index_places
from mlrun_like.marketplace.signatures import accept as accept_index
from mlrun_like.marketplace.signatures import day_of
from mlrun_like.marketplace.source import (
    HubSource,
    delete_source,
    get_source,
    list_sources,
    store_source,
)
from mlrun_like.tracking.connect import open_store

__all__ = ["sources"]

sources = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Where catalogues are, in the order in which hub:// names are looked up.",
)


@sources.command("list")
def list_all(as_json: Json = False) -> None:
    """List the catalogues in their order.

    mlrun-like hub source list
    """
    found = list_sources(open_store())
    if as_json:
        print_json([one.to_dict() for one in found])
        return
    rows = [[one.name, one.path, one.channel, "yes" if one.key else "", one.description]
            for one in found]  # fmt: skip
    print_table(["name", "path", "channel", "signed", "description"], rows)


@sources.command()
def add(
    name: Annotated[str, typer.Argument(help="What hub://NAME/... calls it.")],
    path: Annotated[str, typer.Argument(help="A folder, https://..., or git+https://...#branch.")],
    channel: Annotated[str, typer.Option("--channel", help="Which of its channels.")] = "master",
    place: Annotated[int, typer.Option("--place", help="1: the first; -1: the last.")] = -1,
    key: Annotated[
        str, typer.Option("--key", help="Its public key: only what that signed is used.")
    ] = "",
    description: Annotated[str, typer.Option("--description", help="What it holds.")] = "",
) -> None:
    """Add a catalogue, or change one, and look into it.

    mlrun-like hub source add team git+https://git.example.org/team/hub.git#main

    The token of a private one is the variable HUB_TOKEN_<NAME>.
    """
    if "://" not in path:  # recorded, so it must mean the same from every folder
        path = str(Path(path).expanduser().absolute())
    made = HubSource(name, path, channel, place, description, key)
    folder = Path(path.removeprefix("file://"))
    if not made.remote and not folder.is_dir():
        raise MissingFileError(
            f"{str(folder)!r} is {'no folder' if folder.exists() else 'not there'}, "
            "so it is no catalogue",
            fix="correct the path, or make it: mlrun-like hub publish ITEM FOLDER",
        )
    done = store_source(open_store(), made)
    typer.echo(f"{done.name}: {done.path}, number {done.index} in the order")
    try:
        items = {item.name for item in read_catalogue(done, refresh=True).items}
    except MLRunLikeError as exc:  # a server may be away just now, and the record stays
        typer.echo(f"warning: {clean(exc.what)}", err=True)
        return
    typer.echo(f"it offers {counted(len(items), 'item')}")
    if not items:
        typer.echo(f"warning: nothing is in its channel {channel!r}", err=True)


@sources.command()
def accept(name: Annotated[str, typer.Argument(help="The catalogue.")]) -> None:
    """Accept that a signed catalogue was set back to an older index, or lost one, on purpose.

    mlrun-like hub source accept team
    """
    source = get_source(open_store(), name)
    if not source.key:
        raise InvalidArgumentError(
            f"the catalogue {name!r} has no key, so an old index of it is not told from a new one",
            fix="mlrun-like hub source add NAME PATH --key KEY",
        )
    for kind in KINDS:
        for place in index_places(source, kind):
            done = accept_index(source, place)
            if done is None:
                continue
            before, now = (day_of(one) if one else "none" for one in done)
            typer.echo(f"{place}: {now}" + ("" if before == now else f", after {before}"))


@sources.command()
def remove(name: Annotated[str, typer.Argument(help="The catalogue.")]) -> None:
    """Forget a catalogue; functions that were made of its items stay.

    mlrun-like hub source remove team
    """
    if not delete_source(open_store(), name):
        raise NotFoundError(f"there is no catalogue {name!r}", fix="mlrun-like hub source list")
    typer.echo(f"{name}: removed")
