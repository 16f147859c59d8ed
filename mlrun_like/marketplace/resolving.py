"""From a name to its document: the sources are asked in their order.

A source that does not answer ends the search: what stands behind it could bear the same name and
be somebody else's.
"""

from __future__ import annotations

import hashlib
from typing import Any, NamedTuple

from mlrun_like.artifacts.stores import join_url
from mlrun_like.configuration import config
from mlrun_like.errors import (
    IntegrityError,
    InvalidArgumentError,
    NotFoundError,
    SpecError,
    StoreUnavailableError,
    nearest,
)
from mlrun_like.marketplace.addresses import check_name, check_path, item_folders, spellings
from mlrun_like.marketplace.catalogue import read_catalogue
from mlrun_like.marketplace.item import HubItem, read_item
from mlrun_like.marketplace.opening import Found, read_bytes
from mlrun_like.marketplace.source import HubSource, get_source, list_sources
from mlrun_like.tracking.connect import open_store

__all__ = [
    "FunctionFile",
    "check_digest",
    "digest_of",
    "find_function",
    "find_item",
    "function_file",
    "read_asset",
]

_FUNCTION = 4 << 20
_ASSET = 16 << 20


class FunctionFile(NamedTuple):
    """The document of a function in a catalogue.

    Args:
        source: Where it was found.
        relative: Its path there.
        found: What was read.
        digest: `sha256:...` of it.
    """

    source: HubSource
    relative: str
    found: Found
    digest: str


def find_function(name: str, tag: str = "", source: str = "") -> str:
    """The path of a function's document on this machine; see `hub_address`.

    Args:
        name: Its name.
        tag: Its version; empty: the newest.
        source: Only this catalogue; empty: all in their order.

    Raises:
        NotFoundError: if no catalogue is known, or none has it.
        StoreUnavailableError: if one that comes first cannot be reached.
    """
    store = open_store()
    return function_file(store, name, tag, source).found.path


def function_file(store: Any, name: str, tag: str = "", source: str = "") -> FunctionFile:
    """The document of a function; arguments and errors as for `find_function`."""
    check_name(name)
    if tag:
        check_name(tag, "version")
    sources = [get_source(store, source)] if source else list_sources(store)
    if not sources:
        raise NotFoundError(
            f"no function catalogue is configured, so 'hub://{name}' cannot be found",
            where="setting hub_url",
            fix="set it to a folder or URL with <name>/function.yaml, or import the function.yaml "
            "by its path or URL",
        )
    for each in sources:
        try:
            found = _in_source(each, name, tag)
        except StoreUnavailableError as exc:
            raise StoreUnavailableError(
                f"catalogue {each.name!r} cannot be asked for {name!r}: {exc.what}",
                where=each.path,
                fix=exc.fix or f"name another one: hub://<source>/{name}",
            ) from exc
        if found is not None:
            return found
    shown = name + (f":{tag}" if tag else "")
    places = ", ".join(item.path for item in sources)
    example = join_url(sources[-1].path, name, *([tag] if tag else []), "function.yaml")
    raise NotFoundError(
        f"the catalogue has no function {shown!r}.{_near(sources, name)}",
        where=places,
        fix=f"there must be {example}",
    )


def _near(sources: list[HubSource], name: str) -> str:
    known: set[str] = set()
    for source in sources:
        try:
            known.update(item.name for item in read_catalogue(source).items)
        except (StoreUnavailableError, SpecError, InvalidArgumentError):
            continue
    return nearest(name, sorted(known))


def _in_source(source: HubSource, name: str, tag: str) -> FunctionFile | None:
    for folder in item_folders(name, tag, source.channel, "functions"):
        relative = f"{folder}function.yaml"
        try:
            found = read_bytes(source, relative, _FUNCTION)
        except NotFoundError:
            continue
        path = found.path
        if not path:
            raise StoreUnavailableError(
                "what the catalogue gave cannot be kept on this machine",
                where=str(config.path("hub")),
                fix="make room on the disk",
            )
        return FunctionFile(source, relative, found, digest_of(found.data))
    return None


def find_item(store: Any, source: str, name: str, tag: str = "", *, kind: str = "") -> HubItem:
    """An item of a catalogue.

    Args:
        store: Where sources are recorded.
        source: The catalogue; empty: the first that has it.
        name: Its name.
        tag: Its version; empty: `latest`, else the newest that there is.
        kind: `functions`, `modules` or `steps`; empty: any.

    Raises:
        NotFoundError: if there is none.
    """
    check_name(name)
    sources = [get_source(store, source)] if source else list_sources(store)
    known: set[str] = set()
    for each in sources:
        items = [i for i in read_catalogue(each).items if not kind or i.object_type == kind]
        mine = [item for item in items if item.name in spellings(name)]
        wanted = [item for item in mine if item.tag == (tag or "latest")]
        wanted += [item for item in mine if tag and item.version == tag]
        if wanted:
            return wanted[0]
        if mine and not tag:
            return mine[-1]
        if not items and not mine:
            found = _in_source(each, name, tag)
            if found is not None:
                folder = found.relative.rpartition("/")[0] + "/"
                return read_item({}, name=name, tag=tag or "latest", source=each.name,
                                 folder=folder.removesuffix("src/"))  # fmt: skip
        known.update(item.name for item in items)
    shown = name + (f":{tag}" if tag else "")
    raise NotFoundError(
        f"no catalogue has {shown!r}.{nearest(name, sorted(known))}",
        where=", ".join(each.name for each in sources),
        fix="look at GET /hub/catalog",
    )


def read_asset(store: Any, item: HubItem, path: str) -> Found:
    """A file of an item: by the name the catalogue gives it, or by its path.

    Args:
        store: Where sources are recorded.
        item: The item.
        path: `source`, `example` and the like, or `src/function.yaml`.

    Raises:
        NotFoundError: if there is none.
        InvalidArgumentError: if the path leads out of the item.
        IntegrityError: if it is the function's document and differs from the catalogue's digest.
    """
    source = get_source(store, item.source)
    relative = check_path(item.assets.get(path, path))
    for place in (relative, f"src/{relative}"):
        try:
            found = read_bytes(source, item.folder + place, _ASSET)
        except NotFoundError:
            continue
        if place.endswith("function.yaml") and item.digest:
            check_digest(found.data, item)
        return found
    raise NotFoundError(f"{item.url} has no file {path!r:.80}", where=source.name)


def check_digest(data: bytes, item: HubItem) -> None:
    """Raise IntegrityError if bytes are not those that the catalogue promises."""
    if item.digest != digest_of(data):
        raise IntegrityError(
            f"{item.url} is not what its catalogue promises",
            where=item.source,
            fix="ask who runs the catalogue; do not use it until then",
        )


def digest_of(data: bytes) -> str:
    """`sha256:...` of bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
