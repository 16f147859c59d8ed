"""Catalogues as plain data: what sources offer, and one item with its function and texts."""

from __future__ import annotations

from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, NotFoundError
from mlrun_like.marketplace.addresses import spellings
from mlrun_like.marketplace.catalogue import read_catalogue
from mlrun_like.marketplace.item import HubItem
from mlrun_like.marketplace.making import WITHOUT_HANDLER, code_file
from mlrun_like.marketplace.resolving import find_item, function_file, read_asset
from mlrun_like.marketplace.shipped import shipped_folder
from mlrun_like.marketplace.source import DEFAULT, SHIPPED, get_source, list_sources
from mlrun_like.packaging.document import parse_text
from mlrun_like.types import Document

__all__ = ["hub_item", "hub_items", "hub_sources"]

_README = ("README.md", "docs/README.md", "readme.md")
_MOST = 256 << 10


def hub_sources(store: Any) -> list[Document]:
    """The catalogues in their order, as MLRun's IndexedHubSource."""
    return [source.to_dict() for source in list_sources(store)]


def hub_items(
    store: Any,
    *,
    source: str = "",
    kind: str = "",
    text: str = "",
    category: str = "",
    tag: str = "latest",
    refresh: bool = False,
) -> Document:
    """What the sources offer; one that cannot be read has its error, and the others are shown.

    Args:
        store: The store.
        source: Only this one.
        kind: `functions`, `modules` or `steps`.
        text: In the name, description, categories or labels, case ignored.
        category: One of its categories.
        tag: This version; `*`: all.
        refresh: Ask the sources anew, however fresh the copies are.

    Returns:
        `items` (HubItem documents), `sources` (name, path, age, stale, error, problems, and in
        `items` how many are listed, whatever their versions),
        `categories` (with counts).

    Raises:
        NotFoundError: if there is no such source.
    """
    sources = [get_source(store, source)] if source else list_sources(store)
    items: list[HubItem] = []
    told: list[Document] = []
    for one in sources:
        row: Document = {"name": one.name, "path": one.path, "channel": one.channel}
        try:
            found = read_catalogue(one, refresh=refresh)
        except MLRunLikeError as exc:
            told.append({**row, "age": None, "stale": True, "error": exc.what, "fix": exc.fix,
                         "items": 0, "problems": []})  # fmt: skip
            continue
        items += found.items
        state = {"age": found.age, "stale": bool(found.error), "error": found.error, "fix": ""}
        told.append({**row, **state, "items": _count(found.items), "problems": found.problems})
    chosen = [item for item in items if not item.hidden and _fits(item, kind, text, tag)]
    counts: dict[str, int] = {}
    for item in chosen:
        for word in item.categories:
            counts[word] = counts.get(word, 0) + 1
    shown = [item for item in chosen if not category or category in item.categories]
    return {
        "items": [item.to_dict() for item in shown],
        "sources": told,
        "categories": dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))),
    }


def hub_item(store: Any, source: str, name: str, tag: str = "") -> Document:
    """One item: `item`, `versions`, `function` (its document, or None), `digest`, `readme`, `code`,
    `example`, `files_error` (why one of these is empty, although it is there), `tested` (the state
    of its test when it was published), `use` (lines to write).

    Raises:
        NotFoundError: if there is none.
    """
    item = find_item(store, source, name, tag)
    versions = sorted(
        {
            one.tag: one.version
            for one in read_catalogue(get_source(store, item.source)).items
            if one.name in spellings(item.name) and not one.withdrawn
        }.items()
    )
    function, digest, error = _function(store, item)
    wrong: list[str] = []
    return {
        "item": item.to_dict(),
        "versions": [{"tag": one, "version": number} for one, number in versions],
        "function": function,
        "digest": digest,
        "function_error": error,
        "readme": _text(store, item, _README, wrong),
        "code": _text(store, item, (code_file(item),), wrong),
        "example": _text(store, item, (str(item.foreign.get("example") or "example.py"),), wrong),
        "files_error": wrong[0] if wrong and not error else "",
        "tested": _tested(item),
        "use": _use(item),
    }


def _count(items: list[HubItem]) -> int:
    return len({(item.object_type, item.name) for item in items if not item.hidden})


def _fits(item: HubItem, kind: str, text: str, tag: str) -> bool:
    if (kind and item.object_type != kind) or tag not in ("*", item.tag):
        return False
    words = " ".join([item.name, item.description, *item.categories, *item.labels.values()])
    return all(word in words.lower() for word in text.lower().split())


def _function(store: Any, item: HubItem) -> tuple[Document | None, str, str]:
    try:
        tag = "" if item.tag == "latest" else item.tag
        file = function_file(store, item.name, tag, item.source)
        return parse_text(file.text(item.url), item.url), file.digest, ""
    except MLRunLikeError as exc:
        return None, "", exc.what


def _text(store: Any, item: HubItem, names: tuple[str, ...], wrong: list[str]) -> str:
    for name in names:
        try:
            found = read_asset(store, item, name)
        except NotFoundError:
            continue
        except MLRunLikeError as exc:  # it is not what was promised, or cannot be read now
            wrong.append(f"{name}: {exc.what}")
            continue
        return found.data[:_MOST].decode("utf-8", "replace")
    return ""


def _tested(item: HubItem) -> str:
    """The state of its test, as it was when the item was published."""
    folder = shipped_folder()
    if folder is not None and item.source in (DEFAULT, SHIPPED) and not item.foreign.get("tested"):
        own = config.hub_url and item.source == DEFAULT
        return "" if own else "with every release of the product"
    return str(item.foreign.get("tested") or "")


def _use(item: HubItem) -> list[str]:
    """Lines that a person copies."""
    if item.withdrawn:
        return []
    address = f'"{item.url}"'
    front = "import mlrun_like as ml"
    market = "from mlrun_like.marketplace import import_module"
    if item.object_type == "steps":
        return [f"graph.to({address})"]
    if item.kind == "monitoring_application":
        return [f"project.set_model_monitoring_function({address})"]
    if item.object_type == "modules":
        return [market, f"module = import_module({address})"]
    if item.kind in WITHOUT_HANDLER:
        return [front, f"fn = ml.import_function({address})",
                'fn.add_model("m1", model_path="store://models/<project>/<name>")']  # fmt: skip
    return [front, f"run = ml.import_function({address}).run(params={{...}}, local=True)"]
