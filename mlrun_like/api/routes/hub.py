"""The hub: its sources and their order, the catalogue, an item's files, and using it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.bodies import document_in, flag, text
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.errors import (
    InvalidArgumentError,
    NotFoundError,
    SpecError,
    StoreUnavailableError,
)
from mlrun_like.marketplace.addresses import KINDS, check_path
from mlrun_like.marketplace.browsing import hub_item, hub_items, hub_sources
from mlrun_like.marketplace.resolving import find_item, read_asset
from mlrun_like.marketplace.source import HubSource, delete_source, get_source, store_source
from mlrun_like.marketplace.using import use_item
from mlrun_like.names import check_tag
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("hub")
_READ = Needs("hub", "read", scope="visible")
_SERVER = Needs("hub", "update", scope="server")
_EXAMPLE = {
    "index": 1,
    "source": {
        "metadata": {"name": "ours", "description": "Functions of our team"},
        "spec": {"path": "https://hub.example.org/marketplace", "channel": "master"},
    },
}
Given = Annotated[Any, Body(examples=[_EXAMPLE])]
Wanted = Annotated[Any, Body(examples=[{"url": "hub://ours/describe:1.2.0", "name": "describe"}])]
_SORTS = {
    "name": lambda row: str(row["metadata"]["name"]),
    "kind": lambda row: str(row["spec"]["kind"]),
}
_SAFE = {
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
}


@ROUTES.get("/hub/sources", needs=_READ, summary="List the hub's sources")
def list_sources(request: Request) -> Response:
    """In the order in which `hub://` names are looked up."""
    rows = hub_sources(store_of(request))
    order = {row["source"]["metadata"]["name"]: f"{at:06d}" for at, row in enumerate(rows)}
    shown, pages = paged(
        rows,
        request,
        key=lambda row: order[row["source"]["metadata"]["name"]],
        sorts={"name": lambda row: str(row["source"]["metadata"]["name"])},
    )
    return json_answer({"sources": shown, "pagination": pages})


@ROUTES.get("/hub/sources/{source}", needs=_READ, summary="Get a source of the hub")
def get_one(request: Request, source: str) -> Response:
    """Its path, channel and place in the order."""
    return json_answer(get_source(store_of(request), source).to_dict())


@ROUTES.post("/hub/sources", needs=_SERVER, summary="Add a source to the hub", status_code=201)
def create_source(request: Request, body: Given) -> Response:
    """Add a catalogue at a place in the order (`index`; -1: the last)."""
    return json_answer(_stored(request, "", body), 201)


@ROUTES.put("/hub/sources/{source}", needs=_SERVER, summary="Store a source of the hub")
def put_source(request: Request, source: str, body: Given) -> Response:
    """Make, change or move a catalogue."""
    return json_answer(_stored(request, source, body))


@ROUTES.delete(
    "/hub/sources/{source}",
    needs=Needs("hub", "delete", scope="server"),
    summary="Remove a source of the hub",
)
def remove_source(request: Request, source: str) -> Response:
    """Functions that were made of its items stay."""
    if not delete_source(store_of(request), source):
        raise NotFoundError(f"there is no catalogue {source!r:.80}")
    return Response(status_code=204)


@ROUTES.get("/hub/catalog", needs=_READ, summary="What all sources offer")
def catalog(request: Request) -> Response:
    """Filters: `source`, `kind` (functions, modules, steps), `text`, `category`, `tag` (`latest`,
    `*`: all). A source that cannot be read tells why in `sources`."""
    return _catalog(request, request.query_params.get("source") or "")


@ROUTES.get("/hub/sources/{source}/items", needs=_READ, summary="What a source offers")
def source_items(request: Request, source: str) -> Response:
    """Filters as for the whole catalogue."""
    return _catalog(request, source)


@ROUTES.post("/hub/sources/{source}/refresh", needs=_SERVER, summary="Ask a source anew")
def refresh(request: Request, source: str) -> Response:
    """Read its catalogue now, however fresh the copy is."""
    with _elsewhere():
        found = hub_items(store_of(request), source=source, tag="*", refresh=True)
    return json_answer(found["sources"][0])


@ROUTES.get("/hub/sources/{source}/items/{name}", needs=_READ, summary="Get an item of a source")
def get_item(request: Request, source: str, name: str) -> Response:
    """The item with its versions, its function, its text and its code. `tag`: which version."""
    tag = request.query_params.get("tag") or ""
    with _elsewhere():
        return json_answer(hub_item(store_of(request), source, name, tag))


@ROUTES.get(
    "/hub/sources/{source}/item-object",
    needs=_READ,
    summary="Get a file of an item",
    responses={200: {"content": {"application/octet-stream": {}}}},
)
def item_object(request: Request, source: str) -> Response:
    """The file at `url`: a path of the source such as
    `functions/master/describe/latest/src/function.yaml`; or of item `name` (and `tag`): `path`."""
    query, store = request.query_params, store_of(request)
    name, path = query.get("name") or "", query.get("path") or ""
    with _elsewhere():
        if not name:
            place = check_path(query.get("url") or path).split("/")
            if len(place) < 5:
                raise InvalidArgumentError("url is not the path of an item's file")
            item = find_item(store, source, place[2], place[3], kind=place[0])
            path = "/".join(place[4:])
        else:
            item = find_item(store, source, name, query.get("tag") or "")
        found = read_asset(store, item, path)
    shown = path.rpartition("/")[2]
    headers = {**_SAFE, "content-disposition": f'attachment; filename="{check_path(shown)}"'}
    return Response(found.data, media_type="application/octet-stream", headers=headers)


@ROUTES.post(
    "/projects/{project}/hub/use",
    needs=Needs("hub", "run"),
    summary="Use an item in a project",
    status_code=201,
)
def use(request: Request, project: str, body: Wanted) -> Response:
    """Store an item as a function of a project; nothing of it is run. `url` (`hub://...`) or
    `source`, `item` and `item_tag`; `name`: what it is called there; `tag`: a tag for it."""
    given = document_in(body, "a request for an item")
    source, item, version = _address(given)
    tag = text(given, "tag")
    if tag:
        check_tag(tag)
    store = store_of(request)
    if not caller_of(request).may(project, "function", "create"):
        raise NotFoundError(f"there is no project {project!r}")
    with _elsewhere():
        found = find_item(store, source, item, version, kind=text(given, "kind"))
        made = use_item(store, project, found, name=text(given, "name"), tag=tag)
    return json_answer({"function": made, "item": found.to_dict()}, 201)


class _SourceError(StoreUnavailableError):
    """A catalogue that does not answer: what the request names is at fault, not this service."""

    status = 424


@contextmanager
def _elsewhere() -> Iterator[None]:
    try:
        yield
    except StoreUnavailableError as exc:
        raise _SourceError(exc.what, where=exc.where, fix=exc.fix) from exc


def _address(given: Document) -> tuple[str, str, str]:
    url = text(given, "url")
    if not url:
        return text(given, "source"), text(given, "item"), text(given, "item_tag")
    if not url.startswith("hub://") or url.count("/") > 3:
        raise SpecError(f"{url[:80]!r} is no address in the hub", fix="hub://[<source>/]<name>")
    head, _, name = url.removeprefix("hub://").rpartition("/")
    name, _, version = name.partition(":")
    return head, name, version


def _catalog(request: Request, source: str) -> Response:
    query = request.query_params
    kind = query.get("kind") or query.get("object_type") or ""
    if kind and kind not in KINDS:
        raise InvalidArgumentError(f"kind {kind[:40]!r} is unknown", fix=", ".join(KINDS))
    found = hub_items(
        store_of(request),
        source=source,
        kind=kind,
        text=query.get("text") or "",
        category=query.get("category") or "",
        tag=query.get("tag") or "latest",
        refresh=flag(request, "force-refresh") and caller_of(request).is_admin,
    )
    shown, pages = paged(found["items"], request, key=_key, sorts=_SORTS, default="name")
    return json_answer({**found, "items": shown, "catalog": shown, "pagination": pages})


def _key(row: Document) -> str:
    meta = row["metadata"]
    return f"{meta['name']}/{meta['tag']}/{meta['object_type']}/{meta['source']}"


def _stored(request: Request, name: str, body: Any) -> Document:
    source = HubSource.from_dict(document_in(body, "a source"), name)
    return store_source(store_of(request), source).to_dict()
