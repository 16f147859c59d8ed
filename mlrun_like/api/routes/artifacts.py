"""Artifacts: their records by the page, their files to see and to keep, tags, and deletion."""

from __future__ import annotations

from typing import Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.content.places import Target, artifact_target
from mlrun_like.api.content.previewing import preview
from mlrun_like.api.content.viewing import download_answer, view_answer
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import page_of
from mlrun_like.api.routes.artifacts_data import (
    ArtifactChoice,
    artifact_data,
    artifact_rows,
    find_artifact,
    list_artifacts_page,
    uri_of,
)
from mlrun_like.api.routes.artifacts_deleting import delete_artifacts, versions_to_delete
from mlrun_like.api.routes.bodies import document_in, flag, labels_of, number
from mlrun_like.api.routes.files import preview_request
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.api.tasks.progress import Progress
from mlrun_like.api.tasks.starting import start_task
from mlrun_like.errors import InvalidArgumentError, NotFoundError, SpecError
from mlrun_like.names import check_key, check_label, check_tag
from mlrun_like.specs.artifact import ArtifactDoc
from mlrun_like.specs.model import parse, split_foreign
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("artifacts")
_P = "/projects/{project}/artifacts"
_READ = Needs("artifact", "read")
_DELETE = Needs("artifact", "delete")
_SORTS = ("updated", "name")
_FORMS = ("full", "summary")
_EXAMPLE = {
    "artifacts": [{"kind": "dataset", "metadata": {"key": "data", "project": "demo"}}],
    "pagination": {"page-token": None, "page-size": 100},
}


@ROUTES.get(
    "/artifacts", needs=Needs("artifact", "read", scope="visible"), summary="Artifacts of all",
    examples=_EXAMPLE,
)  # fmt: skip
def list_all(request: Request) -> Response:
    """List artifacts of all projects that the caller may see."""
    return _listed(request, "")


@ROUTES.get(_P, needs=_READ, summary="Artifacts of a project", examples=_EXAMPLE)
def list_artifacts(request: Request, project: str) -> Response:
    """List versions of artifacts, the newest first; filters as in MLRun: `name` (`~part`), `tag`,
    `kind`, `category`, `tree`, `iter`, `label`, `since`, `until`; `format=summary`: rows."""
    return _listed(request, project)


def _listed(request: Request, project: str) -> Response:
    asked = request.query_params
    page = page_of(request, sorts=_SORTS, default="-updated")
    form = asked.get("format") or "full"
    if form not in _FORMS:
        raise InvalidArgumentError(f"format {form[:40]!r} is not known", fix=", ".join(_FORMS))
    query = ArtifactQuery(
        project=project,
        key=_clean(asked.get("name") or asked.get("key") or ""),
        tag=_clean(asked.get("tag") or "*"),
        tree=_clean(asked.get("tree") or ""),
        kind=_clean(asked["kind"]) if "kind" in asked else None,
        category=_clean(asked.get("category") or ""),
        iteration=number(request, "iter", 0, 10**9) if asked.get("iter") else None,
        labels={_clean(k): v and _clean(v) for k, v in labels_of(request).items()},
        since=_clean(asked.get("since") or ""),
        until=_clean(asked.get("until") or ""),
    )
    sort = ("-" if page.descending else "") + page.sort
    token = asked.get("page-token") or asked.get("page_token") or ""
    found = list_artifacts_page(
        store_of(request), caller_of(request), query, sort=sort, token=token, size=page.size
    )
    rows = artifact_rows(found.rows) if form == "summary" else found.rows
    pagination = {"page-token": found.token or None, "page-size": page.size}
    return json_answer({"artifacts": rows, "pagination": pagination})


@ROUTES.get(f"{_P}/{{key}}", needs=_READ, summary="One artifact")
def read(request: Request, project: str, key: str) -> Response:
    """Give the record of a version: by `uid`, `tree` and `iter`, or `tag`; else the latest."""
    return json_answer({"artifact": find_artifact(*_asked(request, project, key))})


@ROUTES.get(f"{_P}/{{key}}/overview", needs=_READ, summary="All about an artifact")
def overview(request: Request, project: str, key: str) -> Response:
    """Give the record with its versions, tags and addresses."""
    store, _, _, choice = _asked(request, project, key)
    return json_answer(artifact_data(store, project, key, **vars(choice)))


@ROUTES.get(f"{_P}/{{key}}/preview", needs=_READ, summary="What is in an artifact")
def preview_artifact(request: Request, project: str, key: str) -> Response:
    """Show the beginning of what is in it; `path`: of a file in a folder."""
    found = preview(_target(request, project, key), preview_request(request))
    return json_answer(found.to_dict())


@ROUTES.get(f"{_P}/{{key}}/view", needs=_READ, summary="Show an image or a page", timeout=0.0)
def view(request: Request, project: str, key: str) -> Response:
    """Send it in a form that a browser may show in place, kept from acting."""
    return view_answer(request, _target(request, project, key))


@ROUTES.get(f"{_P}/{{key}}/download", needs=_READ, summary="The file of an artifact", timeout=0.0)
def download(request: Request, project: str, key: str) -> Response:
    """Send the file, or a range of it; `X-Content-SHA256`: its recorded digest."""
    target = _target(request, project, key)
    answer = download_answer(request, target)
    digest = _recorded_digest(target, request.query_params.get("path") or "")
    if digest:
        answer.headers["x-content-sha256"] = digest
    return answer


@ROUTES.put(f"{_P}/{{key}}", needs=Needs("artifact", "create"), summary="Store a version")
def store_artifact(
    request: Request,
    project: str,
    key: str,
    body: dict[str, Any] = Body(...),  # noqa: B008
) -> Response:
    """Store the record of a version; `tag`: a tag it takes besides `latest`."""
    document = _checked(project, key, body)
    tag = request.query_params.get("tag") or ""
    if tag:
        check_tag(tag)
    store = store_of(request)
    store.store_artifact(document, tag=tag)
    stored = store.read_artifact(project, key, tag=tag)
    return json_answer({"artifact": stored, "uri": uri_of(stored)}, 201)


@ROUTES.put(f"{_P}/{{key}}/tags/{{tag}}", needs=Needs("artifact", "update"), summary="Give a tag")
def tag_version(request: Request, project: str, key: str, tag: str) -> Response:
    """Give a tag to a version (`uid`, `tree`, `iter`; else the latest); who held it loses it."""
    check_tag(tag)
    store, _, _, choice = _asked(request, project, key)
    choice = ArtifactChoice(tree=choice.tree, iteration=choice.iteration, uid=choice.uid)
    document = find_artifact(store, project, key, choice)
    uid = str(document["metadata"]["uid"])
    store.tag_artifact(project, key, uid, tag)
    return json_answer({"key": key, "uid": uid, "tag": tag})


@ROUTES.delete(f"{_P}/{{key}}", needs=_DELETE, summary="Delete a version, or all")
def delete(request: Request, project: str, key: str) -> Response:
    """Delete one version, with `all=true` all of the key; `data=true`: its file as well."""
    store, _, _, choice = _asked(request, project, key)
    if flag(request, "all"):
        documents = versions_to_delete(store, project, key)
        if not documents:
            raise NotFoundError(f"there is no artifact {key!r}", where=f"project {project!r}")
    else:
        documents = [find_artifact(store, project, key, choice)]
    return json_answer(delete_artifacts(store, project, documents, with_data=flag(request, "data")))


@ROUTES.post(f"{_P}/delete", needs=_DELETE, summary="Delete many in the background")
def delete_many(
    request: Request,
    project: str,
    body: dict[str, Any] = Body(...),  # noqa: B008
) -> Response:
    """Delete artifacts as a background task: `{"artifacts": [{"key": ..., "uid": ...}], "data":
    false}`; without `uid`: all versions of the key."""
    wanted = body.get("artifacts")
    if not isinstance(wanted, list) or not wanted or len(wanted) > 10_000:
        raise SpecError("artifacts must be a list of 1 to 10,000", fix='[{"key": "a"}]')
    pairs = []
    for one in wanted:
        if not isinstance(one, dict) or not isinstance(one.get("key"), str):
            raise SpecError(f"{one!r:.80} names no artifact", fix='{"key": "a", "uid": "..."}')
        pairs.append((check_key(one["key"]), str(one.get("uid") or "")))
    with_data, store = body.get("data") is True, store_of(request)

    def work(progress: Progress) -> Document:
        total: Document = {"deleted": 0, "files": 0, "problems": []}
        for done, (key, uid) in enumerate(pairs):
            progress.tell(done, len(pairs), f"deleting {key}")
            documents = versions_to_delete(store, project, key, uid)
            found = delete_artifacts(store, project, documents, with_data=with_data)
            total["deleted"] += found["deleted"]
            total["files"] += found["files"]
            total["problems"] = [*total["problems"], *found["problems"]][:100]
        return total

    return start_task(request, "delete-artifacts", project, work, name=f"{len(pairs)} artifacts")


def _asked(request: Request, project: str, key: str) -> tuple[SqlStore, str, str, ArtifactChoice]:
    query = request.query_params
    choice = ArtifactChoice(
        tag=_clean(query.get("tag") or ""),
        tree=_clean(query.get("tree") or ""),
        iteration=number(request, "iter", 0, 10**9) if query.get("iter") else None,
        uid=_clean(query.get("uid") or ""),
    )
    return store_of(request), project, _clean(key), choice


def _target(request: Request, project: str, key: str) -> Target:
    document = find_artifact(*_asked(request, project, key))
    path = request.query_params.get("path") or ""
    return artifact_target(document, project=project, path=path)


def _recorded_digest(target: Target, path: str) -> str:
    spec, status = target.document.get("spec") or {}, target.document.get("status") or {}
    files = status.get("files")
    if path:
        return str(files.get(path) or "") if isinstance(files, dict) else ""
    digest = spec.get("digest")
    alone = not isinstance(files, dict) and isinstance(digest, str)
    return digest if alone and digest and len(digest) == 64 else ""


def _checked(project: str, key: str, body: Document) -> Document:
    """A document that every store can keep, of this project and key."""
    document = document_in(body, "an artifact")
    known, _ = split_foreign(ArtifactDoc, document)
    parse(ArtifactDoc, known, "artifact")
    metadata, spec = document.get("metadata"), document.get("spec")
    if not isinstance(metadata, dict) or not isinstance(spec or {}, dict):
        raise SpecError("an artifact has metadata and spec", fix='{"metadata": {"key": "a"}}')
    named = str((spec or {}).get("db_key") or metadata.get("key") or key)
    if metadata.get("project") not in (None, "", project) or named != key:
        raise SpecError(
            f"the document is of {metadata.get('project')!r:.80} {named!r:.80}, and not of "
            f"{project!r} {key!r:.80}"
        )
    check_key(key)
    for name, value in (metadata.get("labels") or {}).items():
        check_label(str(name), str(value))
    own = {**metadata, "project": project, "key": metadata.get("key") or key}
    return {**document, "metadata": own, "spec": {**(spec or {}), "db_key": key}}


def _clean(text: str) -> str:
    """A text that every database can compare with."""
    if "\0" in text or len(text) > 2000:
        raise InvalidArgumentError(f"{text[:40]!r} cannot be looked for")
    return text.encode("utf-8", "replace").decode()
