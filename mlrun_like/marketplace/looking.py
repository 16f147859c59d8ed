"""The document of a function in one catalogue: as its index says, or where it may lie."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

import orjson

from mlrun_like.configuration import config
from mlrun_like.errors import (
    IntegrityError,
    NotFoundError,
    SpecError,
    StoreUnavailableError,
)
from mlrun_like.marketplace.addresses import KINDS, item_folders
from mlrun_like.marketplace.catalogue import item_at
from mlrun_like.marketplace.index import entry_of, is_published
from mlrun_like.marketplace.item import HubItem
from mlrun_like.marketplace.keeping import keep
from mlrun_like.marketplace.making import code_file, document_of
from mlrun_like.marketplace.opening import Found, read_bytes
from mlrun_like.marketplace.source import HubSource
from mlrun_like.marketplace.versions import check_product

__all__ = ["FunctionFile", "check_digest", "check_there", "digest_of", "function_in", "item_in"]

_FUNCTION = 4 << 20


class FunctionFile(NamedTuple):
    """The document of a function in a catalogue.

    Args:
        source: Where it was found.
        relative: Its path there.
        found: What was read.
        digest: `sha256:...` of it; where an index gives digests: of all that it says of the item,
            its other files too; of a document made here: of what it was made of.
    """

    source: HubSource
    relative: str
    found: Found
    digest: str

    def text(self, where: str) -> str:
        """What it says.

        Raises:
            SpecError: if it is no UTF-8 text.
        """
        try:
            return self.found.data.decode("utf-8-sig")
        except UnicodeDecodeError as exc:
            raise SpecError("it is not UTF-8 text", where=where) from exc


def function_in(source: HubSource, name: str, tag: str) -> FunctionFile | None:
    """The document of a function, module or step in a catalogue, or None.

    Args:
        source: The catalogue.
        name: Its name.
        tag: Its version; empty: the newest.

    Raises:
        StoreUnavailableError: if the catalogue cannot be reached and there is no copy.
        IntegrityError: if a file is not what the index promises.
        IncompatibleVersionError: if the item needs a newer product.
    """
    name = source.called(name)
    entry = entry_of(source, name, tag)
    if entry is not None:
        check_there(entry)
    if entry is not None and entry.digest:
        return _indexed(source, entry, tag)
    if source.key or (entry is None and is_published(source, name)):
        return None
    for folder in item_folders(name, tag, source.channel, "functions"):
        relative = f"{folder}function.yaml"
        try:
            found = read_bytes(source, relative, _FUNCTION)
        except NotFoundError:
            continue
        with suppress(StoreUnavailableError):  # the function is here, what is said of it is not
            said = item_at(source, folder, name, tag, "functions")
            if said is not None:
                check_product(said.min_version, said.url)
        return _kept(FunctionFile(source, relative, found, digest_of(found.data)))
    for kind, folder in _places(source, name, tag):
        item = item_at(source, folder, name, tag, kind)
        # a folder without versions in its path has one: that which it says
        if item is None or tag not in ("", "latest", item.version, *folder.split("/")):
            continue
        check_product(item.min_version, item.url)
        return _made(source, item, read_bytes(source, f"{folder}item.yaml", _FUNCTION).data)
    if entry is None:
        return None
    check_product(entry.min_version, entry.url)
    return _made(source, entry, orjson.dumps(entry.to_dict()))


def item_in(source: HubSource, name: str, tag: str, kind: str = "") -> HubItem | None:
    """What a catalogue says of an item, without looking through all of it; None: look there.

    Args:
        source: The catalogue.
        name: Its name.
        tag: Its version; empty: the newest.
        kind: `functions`, `modules` or `steps`; empty: any.
    """
    name = source.called(name)
    entry = entry_of(source, name, tag)
    if entry is not None and kind in ("", entry.object_type):
        return entry
    if entry is not None or source.key or is_published(source, name):
        return None
    for where, folder in _places(source, name, tag):
        item = item_at(source, folder, name, tag, where)
        if item is None or kind not in ("", item.object_type):
            continue
        if tag in ("", "latest", item.version, *folder.split("/")):
            return replace(item, folder=folder.removesuffix("src/"))
    return None


def _indexed(source: HubSource, item: HubItem, tag: str) -> FunctionFile:
    found = _promised(source, item)
    if digest_of(found.data) != item.digest:  # the copies may be of different times
        item = entry_of(source, item.name, tag, refresh=True) or item
        check_there(item)
        found = _promised(source, item, refresh=True)
        check_digest(found.data, item)
    digest = item.seal or item.digest
    return _kept(FunctionFile(source, f"{item.folder}src/function.yaml", found, digest))


def _promised(source: HubSource, item: HubItem, *, refresh: bool = False) -> Found:
    check_product(item.min_version, item.url)
    return read_bytes(source, f"{item.folder}src/function.yaml", _FUNCTION, refresh=refresh)


def _places(source: HubSource, name: str, tag: str) -> Iterator[tuple[str, str]]:
    seen: set[str] = set()
    for version in dict.fromkeys((tag, "")):
        for kind in KINDS:
            for folder in item_folders(name, version, source.channel, kind):
                if folder not in seen:
                    seen.add(folder)
                    yield kind, folder


def _made(source: HubSource, item: HubItem, said: bytes) -> FunctionFile:
    code = _code(source, item)
    data = orjson.dumps(document_of(item, code).to_dict())
    path = keep(f"made:///{digest_of(data)}/{item.name}.json", data)
    relative = f"{item.folder}item.yaml"
    found = Found(data, str(path or ""))
    return _kept(FunctionFile(source, relative, found, digest_of(said + b"\0" + code)))


def _kept(file: FunctionFile) -> FunctionFile:
    if not file.found.path:
        raise StoreUnavailableError(
            "what the catalogue gave cannot be kept on this machine",
            where=str(config.path("hub")),
            fix="make room on the disk",
        )
    return file


def _code(source: HubSource, item: HubItem) -> bytes:
    for place in (code_file(item), f"src/{code_file(item)}"):
        try:
            return read_bytes(source, item.folder + place, _FUNCTION).data
        except NotFoundError:
            continue
    raise NotFoundError(
        f"{item.url} has an item.yaml, and neither a function.yaml nor its code file "
        f"{code_file(item)!r}",
        where=f"{source.path}: {item.folder}",
    )


def check_there(item: HubItem) -> None:
    """Raise NotFoundError if a version was withdrawn by who published it."""
    if item.withdrawn:
        raise NotFoundError(
            f"{item.url} was withdrawn: {item.withdrawn}",
            where=item.source,
            fix=f"take another version: mlrun-like hub show {item.source}/{item.name}",
        )


def check_digest(data: bytes, item: HubItem, wanted: str = "") -> None:
    """Raise IntegrityError if bytes are not those that the catalogue promises.

    Args:
        data: They.
        item: What it promises.
        wanted: Their digest; by default that of the item's function.yaml.
    """
    if digest_of(data) != (wanted or item.digest):
        raise IntegrityError(
            f"{item.url} is not what its catalogue promises",
            where=item.source,
            fix="ask who runs the catalogue; do not use it until then",
        )


def digest_of(data: bytes) -> str:
    """`sha256:...` of bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
