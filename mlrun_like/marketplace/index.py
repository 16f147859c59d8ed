"""A catalogue's index, `catalog.json`: what it says of a name, and whose signature it bears.

An index that has been published names each file of an item with its digest, so that a reader sees
all of a version or nothing of it. A source with a key offers only what a signed index names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import orjson

from mlrun_like.errors import NotFoundError, SpecError
from mlrun_like.marketplace.addresses import KINDS, spellings
from mlrun_like.marketplace.item import HubItem, read_item
from mlrun_like.marketplace.opening import Found, read_bytes
from mlrun_like.marketplace.signatures import check_gone, read_signed
from mlrun_like.marketplace.source import HubSource

__all__ = ["Index", "entry_of", "index_places", "is_published", "read_index"]

_MOST = 16 << 20


class Index(NamedTuple):
    """The index of one kind of items.

    Args:
        rows: Name -> version -> what is said of it.
        place: Its path in the catalogue.
        found: The file.
    """

    rows: Mapping[str, Any]
    place: str
    found: Found

    def folder_of(self, name: str, tag: str, entry: Any) -> str:
        """Where the files of a version are, with a slash at the end.

        What was published as the latest lies in the folder of its version, which never changes.
        """
        published = isinstance(entry, dict) and entry.get("digest") and entry.get("version")
        return f"{self.place.rpartition('/')[0]}/{name}/{published or tag}/"


def read_index(source: HubSource, kind: str, *, refresh: bool = False) -> Index | None:
    """The index of a kind, or None if the catalogue has none.

    Args:
        source: The catalogue.
        kind: `functions`, `modules` or `steps`.
        refresh: Ask it anew, however fresh the copy is.

    Raises:
        StoreUnavailableError: if it cannot be reached and there is no copy.
        SpecError: if it cannot be read.
        IntegrityError: if the source has a key and the index no signature of it, is older than
            the last one seen, or was there before and is gone.
    """
    for place in index_places(source, kind):
        try:
            found = read_bytes(source, place, _MOST, refresh=refresh)
        except NotFoundError:
            # else one that is kept back would let an older place or the next source answer
            if source.key:
                check_gone(source, place)
            continue
        if source.key:
            found = read_signed(source, place, found)
        rows = _parsed(found.data, f"{source.name}: {place}")
        inner = rows.get(kind)
        if isinstance(inner, dict):  # an older form: {"functions": {"master": {...}}}
            channel = inner.get(source.channel)
            rows = channel if isinstance(channel, dict) else inner
        return Index(rows, place, found)
    return None


def index_places(source: HubSource, kind: str) -> tuple[str, str]:
    """Where the index of a kind may be in a catalogue."""
    return f"{kind}/{source.channel}/catalog.json", f"{kind}/catalog.json"


def entry_of(
    source: HubSource, name: str, tag: str = "", *, refresh: bool = False
) -> HubItem | None:
    """What an index says of a version, or None.

    Args:
        source: The catalogue.
        name: The item.
        tag: Its version; empty: the latest. One that a copy does not know is asked for anew.
        refresh: Ask it anew.
    """
    for kind in KINDS:
        index = read_index(source, kind, refresh=refresh)
        if index is None:
            continue
        for known, version, entry in _entries(index.rows, name, tag or "latest"):
            return read_item(
                entry, name=known, tag=version, source=source.name, object_type=kind,
                folder=index.folder_of(known, version, entry),
            )  # fmt: skip
        named = tag and any(known in index.rows for known in spellings(name))
        if named and source.remote and not refresh:  # the copy may be older than that version
            return entry_of(source, name, tag, refresh=True)
    return None


def is_published(source: HubSource, name: str) -> bool:
    """Whether an index gives digests for an item: then only versions that it names are there."""
    indexes = (read_index(source, kind) for kind in KINDS)
    return any(
        isinstance(entry, dict) and (entry.get("digest") or entry.get("withdrawn"))
        for index in indexes
        if index is not None
        for known in spellings(name)
        if isinstance(versions := index.rows.get(known), dict)
        for entry in versions.values()
    )


def _entries(
    rows: Mapping[str, Any], name: str, tag: str
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for known in spellings(name):
        versions = rows.get(known)
        if not isinstance(versions, dict):
            continue
        if isinstance(versions.get(tag), dict):
            yield known, tag, versions[tag]
        elif tag == "latest":  # all were withdrawn: that is said, and no other source is asked
            for version, row in versions.items():
                if isinstance(row, dict) and row.get("withdrawn"):
                    yield known, version, row


def _parsed(data: bytes, where: str) -> Mapping[str, Any]:
    try:
        document = orjson.loads(data)
    except (ValueError, RecursionError) as exc:
        raise SpecError(f"the catalogue is not JSON: {str(exc)[:200]}", where=where) from exc
    if not isinstance(document, dict):
        raise SpecError(f"a catalogue is a mapping, not {document!r:.60}", where=where)
    return document
