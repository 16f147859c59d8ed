"""Projects as one file: made of a project, and made into one, by background tasks."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.projects import claim_project
from mlrun_like.api.content.transfer import Incoming, file_answer, receive
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.bodies import flag
from mlrun_like.api.routes.bundles_files import (
    FILE,
    MOST,
    bundle,
    context_of,
    file_name,
    keep_body,
    largest,
    look_at,
    opening_of,
    own_folder,
    pieces,
    unplaced,
)
from mlrun_like.api.routes.projects_data import project_document
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.api.tasks.progress import Progress
from mlrun_like.api.tasks.starting import start_task
from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    InvalidArgumentError,
    MissingFileError,
    NotFoundError,
)
from mlrun_like.names import check_project
from mlrun_like.projects.bundle import export_project
from mlrun_like.projects.project import MlrunProject
from mlrun_like.projects.restoring import import_project
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("bundles")
_LIST = "/projects/{project}/bundles"
_BODY = "bundle.zip"
_ZIP: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
_EXAMPLE = {
    "bundles": [{"name": "fraud-5f0c1a2b.zip", "size": 52100, "modified": "2026-01-01T00:00:00"}],
    "pagination": {"page-token": None, "page-size": 100},
}


@ROUTES.get(_LIST, needs=Needs("file", "read"), summary="List exports", examples=_EXAMPLE)
def list_bundles(request: Request, project: str) -> Response:
    """The files that exports of this project made, the newest first."""
    folder, rows = bundle(project), []
    with suppress(MissingFileError):
        for name in folder.ls():
            if FILE.fullmatch(name):
                stats = bundle(project, name).stat()
                modified = stats.modified.isoformat() if stats.modified else None
                rows.append({"name": name, "size": stats.size, "modified": modified})
    shown, pages = paged(
        rows,
        request,
        key=lambda row: str(row["name"]),
        sorts={
            "modified": lambda row: row["modified"],
            "name": lambda row: row["name"],
            "size": lambda row: row["size"],
        },
        default="-modified",
    )
    return json_answer({"bundles": shown, "pagination": pages})


@ROUTES.post(
    _LIST, needs=Needs("file", "create"), summary="Export a project to a file", status_code=202
)
def make_bundle(request: Request, project: str) -> Response:
    """Write functions, artifacts with their bytes (`content=false`: without), runs, metrics and
    logs into one file, as a background task; its result says the file's `name` and `address`, and
    in `notes` what was left out. Values of secrets are never in it."""
    store, content = store_of(request), flag(request, "content", True)
    document = project_document(store, project)
    plain = {key: value for key, value in document.items() if key != "context"}
    name = f"{project}-{uuid.uuid4().hex[:8]}.zip"

    def work(progress: Progress) -> Document:
        with tempfile.TemporaryDirectory(dir=own_folder(), prefix="export-") as place:
            path = Path(place, name)
            made = MlrunProject.from_dict(plain, context_of(project, document))
            done = export_project(
                made, path, content=content, tell=progress.tell, opening=opening_of(project)
            )
            size = path.stat().st_size
            progress.tell(0, 1, "storing the file")
            bundle(project, name).write(pieces(path))
        return {
            "name": name,
            "address": f"/api/v1/projects/{project}/bundles/{name}",
            "size": size,
            "counts": done.counts,
            "notes": done.notes[:100],
        }

    return start_task(request, "export-project", project, work, name=project)


@ROUTES.get(
    f"{_LIST}/{{file}}",
    needs=Needs("file", "read"),
    summary="Download an export",
    timeout=0.0,
    responses={200: {"content": {"application/zip": {}}, "description": "The file."}},
)
def get_bundle(request: Request, project: str, file: str) -> Response:
    """Send the file, or a range of it."""
    headers = {
        "content-type": "application/zip",
        "content-disposition": f'attachment; filename="{file_name(project, file)}"',
        "cache-control": "private, no-cache",
    }
    return file_answer(request, bundle(project, file), headers)


@ROUTES.delete(
    f"{_LIST}/{{file}}", needs=Needs("file", "delete"), summary="Delete an export", status_code=204
)
def delete_bundle(project: str, file: str) -> Response:
    """Remove the file; the project stays as it is."""
    item = bundle(project, file_name(project, file))
    if not item.exists():
        raise NotFoundError(f"there is no export {file!r}", where=f"project {project!r}")
    item.delete()
    return Response(status_code=204)


@ROUTES.post(
    "/project-bundles",
    needs=Needs("project", "create", scope="server"),
    summary="Import a project from a file",
    status_code=202,
    openapi_extra=_ZIP,
    max_body=0,
    timeout=0.0,
)
async def take_bundle(request: Request) -> Response:
    """Make a project out of the file that an export gave, sent as the body, in a background task.
    `name`: what it is called here; the caller becomes its admin. `overwrite=true`: a project of
    this name is deleted first, for which one must be its admin. Nothing in the file is run."""
    name = check_project(request.query_params.get("name") or "")
    overwrite = flag(request, "overwrite")
    await run_in_threadpool(_refuse, request, name, overwrite)
    place = Path(tempfile.mkdtemp(dir=own_folder(), prefix="import-"))
    try:
        incoming = Incoming(request, limit=config.service_upload_limit or MOST)
        await receive(lambda: keep_body(incoming, place / _BODY))
        if not incoming.size:
            raise InvalidArgumentError("the body is empty", fix="send the file of an export")
        await run_in_threadpool(look_at, place / _BODY)
        await run_in_threadpool(claim_project, request, name)
        return await run_in_threadpool(_begin, request, name, overwrite, place)
    except BaseException:
        await run_in_threadpool(shutil.rmtree, place, ignore_errors=True)
        raise


def _begin(request: Request, name: str, overwrite: bool, place: Path) -> Response:
    store = store_of(request)

    def work(progress: Progress) -> Document:
        try:
            folder = config.path("projects", name)
            if folder.exists():  # of one that was deleted, or is being replaced
                folder = config.path("projects", f"{name}.{uuid.uuid4().hex[:8]}")
            path = place / _BODY
            with unplaced():
                import_project(
                    path, folder, name,
                    overwrite=overwrite, max_bytes=largest(path), tell=progress.tell,
                )  # fmt: skip
            return {"project": name, "content": dict(store.project_content(name))}
        finally:
            shutil.rmtree(place, ignore_errors=True)

    return start_task(request, "import-project", name, work, name=name)


def _refuse(request: Request, name: str, overwrite: bool) -> None:
    """Before a byte is taken: the name is free, or the caller may delete what has it."""
    caller, store = caller_of(request), store_of(request)
    root = config.service_artifact_root
    if root and Path(root.removeprefix("file://")) != config.path("artifacts"):
        raise ConflictError(
            "this service keeps its files elsewhere, where an import cannot put them yet",
            where="setting service_artifact_root",
            fix="import where the store is: mlrun-like projects import FILE",
        )
    taken = bool(store.list_projects(name)) or any(store.project_content(name).values())
    if taken and not (overwrite and caller.may(name, "project", "delete")):
        raise ConflictError(
            f"there is a project {name!r} already",
            fix="give it another name, or overwrite=true if you are its admin",
        )
