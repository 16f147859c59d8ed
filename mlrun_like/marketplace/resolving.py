"""From a name to its document: the sources are asked in their order.

A source that does not answer ends the search: what stands behind it could bear the same name and
be somebody else's.
"""

from __future__ import annotations

from typing import Any

from mlrun_like.artifacts.stores import join_url
from mlrun_like.errors import (
    IntegrityError,
    InvalidArgumentError,
    NotFoundError,
    SpecError,
    StoreUnavailableError,
    nearest,
)
from mlrun_like.marketplace.addresses import check_name, check_path, spellings
from mlrun_like.marketplace.catalogue import read_catalogue
from mlrun_like.marketplace.item import HubItem, read_item
from mlrun_like.marketplace.looking import (
    FunctionFile,
    check_digest,
    check_there,
    digest_of,
    function_in,
    item_in,
)
from mlrun_like.marketplace.opening import Found, read_bytes
from mlrun_like.marketplace.pins import check_pin, pin_of
from mlrun_like.marketplace.source import HubSource, get_source, list_sources
from mlrun_like.marketplace.versions import version_key
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

_ASSET = 16 << 20


def find_function(name: str, tag: str = "", source: str = "") -> str:
    """The path of a function's document on this machine; see `hub_address`.

    Args:
        name: Its name.
        tag: Its version; empty: the newest.
        source: Only this catalogue; empty: all in their order.

    Raises:
        NotFoundError: if no catalogue is known, or none has it.
        StoreUnavailableError: if one that comes first cannot be reached.
        IntegrityError: if it is not what its index promises, or what `hub.lock` pins.
        IncompatibleVersionError: if it needs a newer product.
    """
    store = open_store()
    return function_file(store, name, tag, source).found.path


def function_file(
    store: Any, name: str, tag: str = "", source: str = "", *, pinned: bool = True
) -> FunctionFile:
    """The document of a function; arguments and errors as for `find_function`.

    Args:
        store: Where sources are recorded.
        name: Its name.
        tag: Its version; empty: the newest.
        source: Only this catalogue.
        pinned: False: whatever `hub.lock` says.
    """
    check_name(name)
    if tag:
        check_name(tag, "version")
    pin = pin_of(name, tag, source) if pinned else None
    if pin is not None:
        name, tag, source = pin.name, pin.version, pin.source
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
            found = function_in(each, name, tag)
        except StoreUnavailableError as exc:
            raise StoreUnavailableError(
                f"catalogue {each.name!r} cannot be asked for {name!r}: {exc.what}",
                where=each.path,
                fix=exc.fix or f"name another one: hub://<source>/{name}",
            ) from exc
        if found is not None:
            if pin is not None:
                check_pin(pin, found.digest, digest_of(found.found.data))
            return found
    shown = name + (f":{tag}" if tag else "")
    places = ", ".join(item.path for item in sources)
    example = join_url(sources[-1].path, name, *([tag] if tag else []), "function.yaml")
    raise NotFoundError(
        f"no catalogue has a function {shown!r}.{_near(sources, name)}",
        where=places,
        fix=f"mlrun-like hub list shows what there is; or add {example}",
    )


def _near(sources: list[HubSource], name: str) -> str:
    known: set[str] = set()
    for source in sources:
        try:
            known.update(item.name for item in read_catalogue(source).items)
        except (StoreUnavailableError, SpecError, InvalidArgumentError):
            continue
    return nearest(name, sorted(known))


def find_item(
    store: Any, source: str, name: str, tag: str = "", *, kind: str = "", pinned: bool = True
) -> HubItem:
    """An item of a catalogue.

    Args:
        store: Where sources are recorded.
        source: The catalogue; empty: the first that has it.
        name: Its name.
        tag: Its version; empty: `latest`, else the newest that there is.
        kind: `functions`, `modules` or `steps`; empty: any.
        pinned: False: whatever `hub.lock` says.

    Raises:
        NotFoundError: if there is none.
        IntegrityError: if it is not what `hub.lock` pins.
    """
    check_name(name)
    pin = pin_of(name, tag, source) if pinned else None
    if pin is None:
        return _item(store, source, name, tag, kind)
    found = _item(store, pin.source, pin.name, pin.version, kind)
    if found.seal and not found.withdrawn:
        check_pin(pin, found.seal, found.digest)
    elif not found.withdrawn:  # its document alone can be compared
        function_file(store, name, tag, source)
    return found


def _item(store: Any, source: str, name: str, tag: str, kind: str) -> HubItem:
    sources = [get_source(store, source)] if source else list_sources(store)
    known: set[str] = set()
    for each in sources:
        direct = item_in(each, name, tag, kind)
        if direct is not None:
            return direct
        items = [i for i in read_catalogue(each).items if not kind or i.object_type == kind]
        mine = [item for item in items if item.name in spellings(name)]
        wanted = [item for item in mine if item.tag == (tag or "latest")]
        wanted += [item for item in mine if tag and item.version == tag]
        if wanted:
            return wanted[0]
        if mine and not tag:
            return max(mine, key=lambda item: version_key(item.version or item.tag))
        if not items and not mine:
            found = function_in(each, name, tag)
            if found is not None:
                folder = found.relative.rpartition("/")[0] + "/"
                return read_item({}, name=name, tag=tag or "latest", source=each.name,
                                 folder=folder.removesuffix("src/"))  # fmt: skip
        known.update(item.name for item in items)
    shown = name + (f":{tag}" if tag else "")
    raise NotFoundError(
        f"no catalogue has {shown!r}.{nearest(name, sorted(known))}",
        where=", ".join(each.name for each in sources),
        fix="mlrun-like hub list shows what there is",
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
    check_there(item)
    source = get_source(store, item.source)
    relative = check_path(item.assets.get(path, path))
    for place in (relative, f"src/{relative}"):
        promised = item.files.get(place, "")
        if place.endswith("function.yaml") and item.digest:
            promised = item.digest
        if item.files and not promised and not source.key:
            continue  # what a published index does not name is not there
        try:
            found = read_bytes(source, item.folder + place, _ASSET)
        except NotFoundError:
            continue
        if promised:
            check_digest(found.data, item, promised)
        elif source.key:
            raise IntegrityError(
                f"the signed index of {source.name!r} does not name {place!r}", where=item.url
            )
        return found
    raise NotFoundError(f"{item.url} has no file {path!r:.80}", where=source.name)
