"""The project's own files: down, up, in parts, listed, deleted; clients need no other credentials.

They lie below the service's root, see `artifacts.service_root`. Bodies pass piece by piece, so that
memory does not grow with the file; what is not complete is seen by nobody.
"""

from __future__ import annotations

from typing import Any

from fastapi import Body
from fastapi.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.content.media import FILE, disposition
from mlrun_like.api.content.places import open_target, project_file
from mlrun_like.api.content.previewing import PreviewRequest, preview
from mlrun_like.api.content.transfer import Incoming, etag_of, file_answer, receive
from mlrun_like.api.content.uploads import MOST_OF_PART, Upload, start_upload
from mlrun_like.api.content.viewing import view_answer
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.bodies import flag, number
from mlrun_like.api.routing import Needs, Routes, caller_of
from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.service_root import RootStore, check_path
from mlrun_like.artifacts.stores import join_url
from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    MissingFileError,
)
from mlrun_like.names import check_project

__all__ = ["ROUTES", "preview_request"]

ROUTES = Routes("files", prefix="/projects/{project}")
_READ = Needs("file", "read")
_WRITE = Needs("file", "create")
_CHUNK = 1 << 20
_STREAM = {"max_body": 0, "timeout": 0.0}
_BYTES = {200: {"content": {"application/octet-stream": {}}, "description": "The bytes."}}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@ROUTES.get("/files", needs=_READ, summary="Part of a file at a URL (MLRun's)", responses=_BYTES)
def read_part(request: Request, project: str, path: str = "") -> Response:
    """Send `size` bytes from `offset` of the file at a URL that the service opens."""
    size = number(request, "size", _CHUNK, 16 * _CHUNK)
    offset = number(request, "offset", 0, 10**12 - 1)
    item = open_target(path, project)
    if item.isdir():
        raise MissingFileError(f"file {str(item)!r} does not exist", fix="it is a folder")
    headers = {**FILE, "content-disposition": disposition(item.url)}
    return Response(item.get(size, offset), 200, headers, "application/octet-stream")


@ROUTES.get("/filestat", needs=_READ, summary="Size and time of a file at a URL (MLRun's)")
def stat_url(request: Request, project: str, path: str = "") -> Response:
    """Say what is known of the file at a URL that the service opens."""
    return json_answer(_stat(open_target(path, project)))


@ROUTES.get(
    "/file-stat/{path:path}",
    needs=_READ,
    summary="Size, time and version of a file",
    examples={"path": "a.csv", "size": 12, "modified": "2026-01-01T00:00:00+00:00"},
)
def stat_file(project: str, path: str) -> Response:
    """Say what is known of a file or folder."""
    item = _own(project, path, empty=True)
    return json_answer({"path": path, **_stat(item)})


@ROUTES.get("/file-list/{path:path}", needs=_READ, summary="Names in a folder")
def list_files(request: Request, project: str, path: str) -> Response:
    """List a folder, a page at a time; names of folders end with a slash."""
    item = _own(project, path, empty=True)
    try:
        names = item.ls()
    except MissingFileError:
        if path.strip("/"):
            raise
        names = []  # a project has no folder before its first file
    rows, pagination = paged(names, request, key=str, sorts={"name": str}, default="name")
    return json_answer({"files": [{"name": name} for name in rows], "pagination": pagination})


@ROUTES.get("/files/{path:path}", needs=_READ, summary="Download a file", responses=_BYTES)
def download(request: Request, project: str, path: str) -> Response:
    """Send a file, or the range of it that is asked for."""
    item = _own(project, path)
    headers = {
        **FILE,
        "content-type": "application/octet-stream",
        "content-disposition": disposition(path),
    }
    return file_answer(request, item, headers)


@ROUTES.get("/file-view/{path:path}", needs=_READ, summary="Show an image or a page", timeout=0.0)
def view(request: Request, project: str, path: str) -> Response:
    """Send a file in a form that a browser may show in place, kept from acting."""
    return view_answer(request, project_file(project, path))


@ROUTES.get("/file-preview/{path:path}", needs=_READ, summary="What is in a file")
def preview_file(request: Request, project: str, path: str) -> Response:
    """Say what is in a file: rows of a table, text, names in a folder."""
    found = preview(project_file(project, path), preview_request(request))
    return json_answer(found.to_dict())


@ROUTES.put(
    "/files/{path:path}", needs=_WRITE, summary="Upload a file", openapi_extra=_BODY, **_STREAM
)
async def upload(request: Request, project: str, path: str) -> Response:
    """Store the body as a file, all or nothing. `X-Content-SHA256`: its digest, which is compared;
    `If-None-Match: *`: only if there is none; `If-Match`: only if it is this version."""
    digest = request.headers.get("x-content-sha256", "").lower()
    incoming = Incoming(request, limit=config.service_upload_limit, digest=digest)
    item = await run_in_threadpool(_own, project, path)
    await run_in_threadpool(_check_new, request, item)
    await receive(lambda: item.write(incoming.chunks()))
    found = await run_in_threadpool(_stat, item)
    told = {"path": path, **found, "size": incoming.size, "sha256": incoming.sha256}
    return json_answer(told, 201, {"etag": found["etag"]})


@ROUTES.delete("/files/{path:path}", needs=Needs("file", "delete"), summary="Delete a file")
def delete(request: Request, project: str, path: str) -> Response:
    """Delete a file, or with `recursive=true` a folder with everything in it."""
    item = _own(project, path)
    existed = item.exists()
    item.delete(recursive=flag(request, "recursive"))
    return json_answer({"path": path, "deleted": existed})


@ROUTES.post(
    "/file-uploads",
    needs=_WRITE,
    summary="Begin an upload in parts",
    status_code=201,
    examples={"id": "0" * 32, "path": "a.bin", "state": "open", "received": 0, "parts": 0},
)
def begin(request: Request, project: str, body: dict[str, Any] = Body(...)) -> Response:  # noqa: B008
    """Begin to upload a large file; its parts are then sent one after another."""
    path = body.get("path")
    if not isinstance(path, str):
        raise InvalidArgumentError(f"path {path!r:.60} is no text", fix='{"path": "models/a.bin"}')
    found = start_upload(project, path, caller_of(request).name)
    return json_answer({**found.state(), "part_size": MOST_OF_PART}, 201)


@ROUTES.get("/file-uploads/{upload_id}", needs=_READ, summary="How far an upload is")
def upload_state(project: str, upload_id: str) -> Response:
    """Say which byte comes next."""
    return json_answer(Upload(project, upload_id).state())


@ROUTES.put(
    "/file-uploads/{upload_id}/parts/{offset}",
    needs=_WRITE,
    summary="Send a part of an upload",
    openapi_extra=_BODY,
    **_STREAM,
)
async def take_part(request: Request, project: str, upload_id: str, offset: int) -> Response:
    """Store a part of at most 64 MB that begins at `offset`; sending it again is harmless."""
    if not 0 <= offset <= 10**18:
        raise InvalidArgumentError(f"offset {offset} cannot be used")
    digest = request.headers.get("x-content-sha256", "").lower()
    incoming = Incoming(request, limit=MOST_OF_PART, digest=digest)
    found = await run_in_threadpool(Upload, project, upload_id)
    limit = config.service_upload_limit
    if limit and offset > limit:
        raise InvalidArgumentError(f"offset {offset} is beyond {limit}, the most that is taken")
    size = await receive(lambda: found.take(offset, incoming))
    return json_answer({"offset": offset, "size": size, "sha256": incoming.sha256}, 201)


@ROUTES.post(
    "/file-uploads/{upload_id}/complete",
    needs=_WRITE,
    summary="Let an uploaded file appear",
    timeout=0.0,
)
def complete(
    project: str,
    upload_id: str,
    body: dict[str, Any] = Body(...),  # noqa: B008
) -> Response:
    """Put the parts together; the file appears if it has this `size` and `sha256`."""
    size, sha256 = body.get("size"), body.get("sha256")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 10**18:
        raise InvalidArgumentError(f"size {size!r:.60} is no number of bytes")
    if not isinstance(sha256, str) or len(sha256) != 64:
        raise InvalidArgumentError(f"sha256 {sha256!r:.80} is no SHA-256")
    found = Upload(project, upload_id).complete(size, sha256.lower(), config.service_upload_limit)
    return json_answer(found, 200 if found["state"] == "done" else 202)


@ROUTES.delete("/file-uploads/{upload_id}", needs=_WRITE, summary="Give an upload up")
def abandon(project: str, upload_id: str) -> Response:
    """Remove the parts that came."""
    found = Upload(project, upload_id)
    found.abandon()
    return json_answer({"id": found.id, "deleted": True})


def preview_request(request: Request) -> PreviewRequest:
    """Which part of a file a request wants to see: `offset`, `rows`, `column` (repeated), `stats`,
    `format`."""
    return PreviewRequest(
        offset=number(request, "offset", 0, 10**11),
        rows=number(request, "rows", 50, 1000, 1),
        columns=tuple(request.query_params.getlist("column")),
        stats=flag(request, "stats"),
        format=request.query_params.get("format", "")[:20],
    )


def _own(project: str, path: str, *, empty: bool = False) -> DataItem:
    clean = join_url(check_project(project), check_path(path, empty=empty))
    return DataItem("", RootStore(), clean, f"service://{clean}")


def _stat(item: DataItem) -> dict[str, Any]:
    found = item.stat()
    return {
        "size": None if found.is_dir else found.size,
        "modified": found.modified.isoformat() if found.modified else None,
        "content_type": None if found.is_dir else "application/octet-stream",
        "mimetype": found.content_type,
        "is_dir": found.is_dir,
        "etag": "" if found.is_dir else etag_of(found, item.store.local_path(item._path)),
    }


def _check_new(request: Request, item: DataItem) -> None:
    fresh = request.headers.get("if-none-match", "").strip() == "*"
    if fresh and item.exists():
        raise ConflictError(f"{item} exists already", fix="choose another name")
