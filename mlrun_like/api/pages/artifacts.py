"""Artifacts of a project, and the page of one: preview, versions, lineage, how to read it."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.paging import decode_cursor, encode_cursor
from mlrun_like.api.pages.answers import html_answer, moved
from mlrun_like.api.pages.forms import asking, button, choice, field, post_form, read_form
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.lineage import lineage_part
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.previews import preview_part
from mlrun_like.api.pages.run_parts import facts
from mlrun_like.api.pages.words import (
    address,
    bytes_shown,
    copyable,
    empty,
    labels_shown,
    moment,
    since,
    tabs,
    toolbar,
)
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.drawing.markup import Html, element, joined
from mlrun_like.drawing.page import badge, section, table
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["ROUTES", "artifact_uri"]

ROUTES = Routes("pages-artifacts", page=True)
_LIST = "/projects/{project}/artifacts"
_READ = Needs("artifact", "read")
_SIZE = 50
_KINDS = ("", "dataset", "model", "plot", "table", "chart", "plotly", "document", "dir")
_FAMILIES = {"dataset": "datasets", "model": "models"}


@ROUTES.get(_LIST, needs=_READ, summary="Artifacts of a project", name="artifacts_page")
def artifacts_page(request: Request, project: str) -> Response:
    """The newest versions, by name, kind, label."""
    query = request.query_params
    name, kind = query.get("name", "")[:200].strip(), query.get("kind", "")[:40]
    label, token = query.get("label", "")[:200].strip(), query.get("page-token", "")
    key, equal, value = label.partition("=")
    page = store_of(request).page_artifacts(
        ArtifactQuery(
            project=project,
            key=f"~{name}" if name else "",
            kind=kind or None,
            tag="*" if query.get("all") else "latest",
            labels={key.strip(): value.strip() if equal else None} if label else {},
            limit=_SIZE,
            after=decode_cursor(token, "-updated") if token else (),
        )
    )
    base = project_path(project, "artifacts")
    kinds = [*_KINDS, *([kind] if kind not in _KINDS else [])]
    form = element(
        "form", field("name", "Name", name, placeholder="part of it", size="16"),
        choice("kind", "Kind", [(one, one or "any kind") for one in kinds], kind),
        field("label", "Label", label, placeholder="owner=ada", size="14"),
        choice("all", "Versions", [("", "latest"), ("1", "all")], query.get("all", "")),
        button("Filter"), method="get", action=base, class_="inline", role="search",
        aria_label="filter artifacts",
    )  # fmt: skip
    rows = [_row(document, project) for document in page.items]
    body = table(["Name", "Kind", "Version", "Updated", "Size", "Made by", "Labels"], rows,
                 ["Size"], caption="artifacts")  # fmt: skip
    if not rows:
        body = (
            empty("No artifact is like this.", element("a", "Show all", href=base))
            if name or kind or label
            else empty(
                "No artifact yet.",
                "Artifacts are what runs make: data sets, models, plots, files. In a run:",
                code='context.log_dataset("customers", df=rows)\n'
                'context.log_artifact("report", local_path="report.html")',
            )
        )
    links = []
    pairs = {"name": name, "kind": kind, "label": label, "all": query.get("all", "")}
    if token:
        links.append(element("a", "Newest", href=address(base, pairs), class_="button"))
    if page.after:
        where = address(base, {**pairs, "page-token": encode_cursor(page.after, "-updated")})
        links.append(element("a", f"Next {_SIZE}", href=where, class_="button", rel="next"))
    pages = element("nav", *links, class_="pager", aria_label="pages") if links else Html()
    return html_answer(
        frame(request, "Artifacts", [toolbar(form), body, pages], project=project, here="artifacts")
    )


def _row(document: Document, project: str) -> list[object]:
    metadata, spec = document["metadata"], document.get("spec") or {}
    key = spec.get("db_key") or metadata["key"]
    where = address(project_path(project, "artifacts", key), {"tree": metadata.get("tree")})
    tag = metadata.get("tag") or ""
    return [
        element("a", key, href=where),
        document.get("kind") or "artifact",
        badge(tag, "ok" if tag != "latest" else "none") if tag else element(
            "code", str(metadata.get("uid") or "")[:8]),
        since(metadata.get("updated")),
        bytes_shown(spec.get("size")),
        _producer(document, project),
        labels_shown(metadata.get("labels"), 3),
    ]  # fmt: skip


def _producer(document: Document, project: str) -> Html | str:
    producer = (document.get("spec") or {}).get("producer") or {}
    uid = str(producer.get("uri") or "").rpartition("/")[2]
    name = str(producer.get("name") or uid)
    if producer.get("kind") == "run" and uid:
        return element("a", name, href=project_path(project, "runs", uid))
    return name


def artifact_uri(document: Document, project: str) -> str:
    """The address of a version in code.

    >>> artifact_uri({"kind": "model", "metadata": {"key": "m", "tree": "t"}}, "p")
    'store://models/p/m@t'
    """
    metadata, spec = document["metadata"], document.get("spec") or {}
    family = _FAMILIES.get(document.get("kind") or "", "artifacts")
    key = spec.get("db_key") or metadata["key"]
    tree = f"@{metadata['tree']}" if metadata.get("tree") else ""
    number = f"#{metadata['iter']}" if "iter" in metadata else ""
    return f"store://{family}/{project}/{key}{number}{tree}"


@ROUTES.get(
    _LIST + "/{key:path}/-/delete", needs=Needs("artifact", "delete"),
    summary="Ask before an artifact is deleted", name="ask_delete_artifact",
)  # fmt: skip
def ask_delete(request: Request, project: str, key: str) -> Response:
    """Name the versions that go."""
    store = store_of(request)
    versions = store.list_artifacts(ArtifactQuery(project=project, key=key, tag="*"))
    if not versions:
        raise NotFoundError(f"there is no artifact {key!r}", where=f"project {project}")
    base = project_path(project, "artifacts", key)
    names = sorted({f"version of {one['metadata'].get('updated', '')[:19]}" for one in versions})
    part = asking(
        request, f"{base}/-/delete",
        f"Delete the record of {key!r} with all its versions? "
        "Runs that made or used it keep their lines of lineage.",
        names, verb="Delete it", back=base,
    )  # fmt: skip
    crumbs = [("Artifacts", project_path(project, "artifacts")), (key, base)]
    return html_answer(
        frame(request, "Delete artifact", [part], project=project, here="artifacts", crumbs=crumbs)
    )


@ROUTES.post(
    _LIST + "/{key:path}/-/delete", needs=Needs("artifact", "delete"),
    summary="Delete an artifact", name="delete_artifact_form",
)  # fmt: skip
async def delete(request: Request, project: str, key: str) -> Response:
    """Delete all versions of a key."""
    query = ArtifactQuery(project=project, key=key)
    await asyncio.to_thread(store_of(request).delete_artifacts, query)
    return moved(project_path(project, "artifacts"), "deleted")


@ROUTES.post(
    _LIST + "/{key:path}/-/tag", needs=Needs("artifact", "update"),
    summary="Move a tag to a version", name="tag_artifact_form",
)  # fmt: skip
async def tag(request: Request, project: str, key: str) -> Response:
    """Give a version a tag; the version that had it loses it."""
    form = await read_form(request)
    name, uid = form["tag"].strip(), form["uid"]
    if not name or len(name) > 60:
        raise InvalidArgumentError(f"tag {name[:60]!r} cannot be used", fix="1 to 60 letters")
    await asyncio.to_thread(store_of(request).tag_artifact, project, key, uid, name)
    return moved(address(project_path(project, "artifacts", key), {"tag": name}), "tagged")


@ROUTES.get(_LIST + "/{key:path}", needs=_READ, summary="An artifact", name="artifact_page")
def artifact_page(request: Request, project: str, key: str) -> Response:
    """One version: how it looks, where it comes from, which others there are."""
    store, query = store_of(request), request.query_params
    document = _version(store, project, key, tag=query.get("tag", ""), tree=query.get("tree", ""))
    tab, base = query.get("tab", ""), project_path(project, "artifacts", key)
    metadata, spec = document["metadata"], document.get("spec") or {}
    keep = {"tree": query.get("tree"), "tag": query.get("tag")}
    uri = artifact_uri(document, project)
    parts: list[str] = [
        tabs([(label, address(base, {"tab": name, **keep}), name == tab)
              for name, label in (("", "Preview"), ("versions", "Versions"),
                                  ("lineage", "Lineage"))], "parts of the artifact")
    ]  # fmt: skip
    if tab == "versions":
        parts.append(_versions(request, store, project, key, base))
    elif tab == "lineage":
        parts.append(lineage_part(request, project, uri=uri))
    else:
        offset = query.get("offset", "0")
        at = int(offset) if offset.isdecimal() and len(offset) < 12 else 0
        about = facts([
            ("Kind", document.get("kind") or "artifact"),
            ("Made by", _producer(document, project)),
            ("Updated", moment(metadata.get("updated"))),
            ("Size", bytes_shown(spec.get("size"))),
            ("Labels", labels_shown(metadata.get("labels"), 20)),
            ("Where", element("code", spec["target_path"]) if spec.get("target_path") else ""),
            ("SHA-256", element("code", spec["digest"]) if spec.get("digest") else ""),
        ])  # fmt: skip
        read = ".as_df()" if document.get("kind") in ("dataset", "table") else ""
        name = "table" if read else "item"
        code = f"import mlrun_like\n\n{name} = mlrun_like.get_dataitem({uri!r}){read}"
        parts += [about, section("Preview", preview_part(request, project, document, offset=at)),
                  section("Use it in Python", copyable(code))]  # fmt: skip
    actions = []
    file = f"/api/v1/projects/{quote(project, safe='')}/artifacts/{quote(key, safe='')}/download"
    if spec.get("target_path") or spec.get("inline") is not None:
        where = address(file, {"uid": metadata.get("uid")})
        actions.append(element("a", "Download", href=where, class_="button"))
    if caller_of(request).may(project, "artifact", "delete"):
        actions.append(element("a", "Delete…", href=f"{base}/-/delete", class_="button danger"))
    tag_ = metadata.get("tag") or ""
    lead = heading(key, badge(tag_, "ok") if tag_ else "", actions=actions, note=uri)
    crumbs = [("Artifacts", project_path(project, "artifacts"))]
    return html_answer(
        frame(request, key, parts, project=project, here="artifacts", crumbs=crumbs, lead=lead)
    )


def _version(store: SqlStore, project: str, key: str, *, tag: str, tree: str) -> Document:
    if tree and not tag:
        return store.read_artifact(project, key, tree=tree)
    return store.read_artifact(project, key, tag=tag)


def _versions(request: Request, store: SqlStore, project: str, key: str, base: str) -> Html:
    found = store.list_artifacts(ArtifactQuery(project=project, key=key, tag="*", limit=200))
    by_uid: dict[str, list[Document]] = {}
    for document in found:
        by_uid.setdefault(str(document["metadata"].get("uid")), []).append(document)
    rows = []
    may_tag = caller_of(request).may(project, "artifact", "update")
    for uid, documents in by_uid.items():
        metadata = documents[0]["metadata"]
        names = sorted({str(one["metadata"].get("tag") or "") for one in documents} - {""})
        form = post_form(
            request, f"{base}/-/tag", element("input", type="hidden", name="uid", value=uid),
            element("input", name="tag", size="10", required="required", maxlength="60",
                    aria_label=f"tag for version {uid[:8]}"),
            button("Tag"), kind="inline",
        ) if may_tag else ""  # fmt: skip
        rows.append([
            element("a", element("code", uid[:10]),
                    href=address(base, {"tree": metadata.get("tree")})),
            joined([badge(name, "ok" if name != "latest" else "none") for name in names], " "),
            moment(metadata.get("updated")),
            bytes_shown((documents[0].get("spec") or {}).get("size")),
            _producer(documents[0], project),
            form,
        ])  # fmt: skip
    headers = ["Version", "Tags", "Updated", "Size", "Made by", "Move a tag here"]
    return table(headers, rows, ["Size"], caption="versions")
