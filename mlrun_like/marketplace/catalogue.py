"""All items of a source: from its `catalog.json`, or found by looking through its folders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.errors import InvalidArgumentError, NotFoundError, SpecError
from mlrun_like.marketplace.addresses import KINDS, check_name, spellings
from mlrun_like.marketplace.index import Index, read_index
from mlrun_like.marketplace.item import HubItem, read_item
from mlrun_like.marketplace.opening import Found, has_file, names_in, read_bytes
from mlrun_like.marketplace.source import HubSource
from mlrun_like.marketplace.versions import version_key
from mlrun_like.packaging.document import parse_text

__all__ = ["Catalogue", "item_at", "item_document", "read_catalogue"]

_CATALOGUE = 16 << 20
_ITEM = 256 << 10
_MOST = 20_000
_SCANNED = 2000


@dataclass
class Catalogue:
    """What a source offers.

    Args:
        source: It.
        items: Each version of each item; hidden ones too.
        age: Seconds since the oldest part was read from the source.
        error: Why old copies are shown; empty: they are fresh.
        problems: What could not be read, and was left out.
    """

    source: HubSource
    items: list[HubItem] = field(default_factory=list)
    age: float = 0.0
    error: str = ""
    problems: list[str] = field(default_factory=list)

    def add(self, read: Any, where: str) -> None:
        """Add an item made by a call, or the reason why there is none."""
        try:
            self.items.append(read())
        except (SpecError, InvalidArgumentError) as exc:
            self.problem(f"{where[:100]}: {exc.what}")

    def problem(self, text: str) -> None:
        """Remember what was left out; the first few are enough to find the fault."""
        if len(self.problems) < 50:
            self.problems.append(text[:300])


def read_catalogue(source: HubSource, *, refresh: bool = False) -> Catalogue:
    """Everything that a source offers; broken entries are left out and named.

    Args:
        source: The catalogue.
        refresh: Ask it anew, however fresh the copy is.

    Raises:
        StoreUnavailableError: if it cannot be reached and there is no copy.
        SpecError: if its `catalog.json` cannot be read.
        IntegrityError: if the source has a key, and its index no signature of it.
    """
    made = Catalogue(source)
    found = False
    for kind in KINDS:
        index = read_index(source, kind, refresh=refresh)
        if index is not None:
            found = True
            made.age = max(made.age, index.found.age)
            made.error = made.error or index.found.error
            _fill(made, index, kind)
    if not found and source.key:
        made.problem("it has a key, and no index that could be signed")
    elif not found:
        _scan(made)
    made.items.sort(key=lambda item: (item.name, item.tag != "latest", version_key(item.tag)))
    return made


def _fill(made: Catalogue, index: Index, kind: str) -> None:
    for name, versions in index.rows.items():
        if not isinstance(versions, dict):
            made.problem(f"{name[:100]}: its versions are no mapping")
            continue
        for tag, entry in versions.items():
            if len(made.items) >= _MOST:
                return made.problem(f"only the first {_MOST} are listed")
            where = index.folder_of(name, tag, entry)
            made.add(lambda n=name, t=tag, e=entry, w=where: _item(made, e, n, t, kind, w), name)


def _item(made: Catalogue, entry: Any, name: str, tag: str, kind: str, folder: str) -> HubItem:
    return read_item(
        entry, name=name, tag=tag, source=made.source.name, object_type=kind, folder=folder
    )


def _scan(made: Catalogue) -> None:
    """Folders with an `item.yaml` or `function.yaml`: names, and below them versions."""
    source = made.source
    for kind, base in _bases(source):
        for name in names_in(source, base, _SCANNED):
            if not base and name in (*KINDS, "docs", "cli", "tests"):
                continue
            try:
                check_name(name)
            except InvalidArgumentError as exc:
                made.problem(exc.what)
                continue
            folder = f"{base}/{name}/" if base else f"{name}/"
            for tag, place in _versions(source, folder):
                made.add(lambda n=name, t=tag, p=place, k=kind: _scanned(source, n, t, p, k), name)
            if len(made.items) >= _SCANNED:
                return made.problem(f"only the first {_SCANNED} are listed")


def _bases(source: HubSource) -> Iterator[tuple[str, str]]:
    for kind in KINDS:
        yield kind, f"{kind}/{source.channel}"
        yield kind, f"{kind}/src"
    yield "functions", ""


def _versions(source: HubSource, folder: str) -> Iterator[tuple[str, str]]:
    inside = names_in(source, folder.rstrip("/"), 500)
    if _has_item(source, folder) or ("src" in inside and _has_item(source, f"{folder}src/")):
        yield "latest", folder
    for tag in inside:
        if tag != "src" and any(_has_item(source, f"{folder}{tag}/{sub}") for sub in ("", "src/")):
            yield tag, f"{folder}{tag}/"


def _has_item(source: HubSource, folder: str) -> bool:
    return any(has_file(source, folder + name) for name in ("item.yaml", "function.yaml"))


def _scanned(source: HubSource, name: str, tag: str, folder: str, kind: str) -> HubItem:
    document = item_document(source, folder)
    said = document.get("marketplaceType")
    if said in KINDS and folder.partition("/")[0] not in KINDS:  # one folder of items of all sorts
        kind = said
    return read_item(
        document, name=name, tag=tag, source=source.name, object_type=kind, folder=folder
    )


def item_at(source: HubSource, folder: str, name: str, tag: str, kind: str) -> HubItem | None:
    """The item whose `item.yaml` is in a folder, or None.

    Args:
        source: The catalogue.
        folder: Its path there, with a slash at the end.
        name: What it is asked for as.
        tag: The version that it is asked for as.
        kind: What it is, if it does not say.

    Raises:
        SpecError: if its `item.yaml` cannot be read.
    """
    try:
        found = read_bytes(source, f"{folder}item.yaml", _CATALOGUE)
    except NotFoundError:
        return None
    place = f"{source.name}: {folder}item.yaml"
    document = parse_text(_text(found, _ITEM), place, "item")
    # it is called as its folder is: its own name may be spelled in another way
    known = next((one for one in spellings(name) if one in folder.split("/")), name)
    said = document.get("marketplaceType")
    return read_item(
        document, name=known, tag=tag or "latest", source=source.name,
        object_type=said if said in KINDS else kind, folder=folder,
    )  # fmt: skip


def item_document(source: HubSource, folder: str) -> dict[str, Any]:
    """What is said of the item in a folder: its `item.yaml`, else its `function.yaml`; or nothing.

    Raises:
        SpecError: if that cannot be read.
    """
    for name in ("item.yaml", "function.yaml"):
        for sub in ("", "src/"):
            try:
                found = read_bytes(source, f"{folder}{sub}{name}", _CATALOGUE)
            except (NotFoundError, InvalidArgumentError):
                continue
            if name == "item.yaml":
                return parse_text(_text(found, _ITEM), f"{source.name}: {folder}{name}", "item")
            return _of_function(found, f"{source.name}: {folder}{name}")
    return {}


def _of_function(found: Found, where: str) -> dict[str, Any]:
    document = parse_text(_text(found, _CATALOGUE), where)
    metadata, spec = document.get("metadata"), document.get("spec")
    metadata = metadata if isinstance(metadata, dict) else {}
    spec = spec if isinstance(spec, dict) else {}
    return {
        "description": spec.get("description", ""),
        "categories": metadata.get("categories"),
        "labels": metadata.get("labels"),
        "spec": {
            "kind": document.get("kind"),
            "handler": spec.get("default_handler"),
            "image": spec.get("image"),
        },
    }


def _text(found: Found, most: int) -> str:
    if len(found.data) > most:
        raise SpecError(f"it has more than {most} bytes", where=found.path)
    try:
        return found.data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise SpecError("it is not UTF-8 text", where=found.path) from exc
