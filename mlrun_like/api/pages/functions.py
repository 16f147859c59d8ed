"""Functions of a project, and the page of one: source, versions, environment, a form to run it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.pages.answers import html_answer
from mlrun_like.api.pages.forms import button, field
from mlrun_like.api.pages.frame import frame, heading
from mlrun_like.api.pages.function_run import run_form
from mlrun_like.api.pages.navigation import project_path
from mlrun_like.api.pages.run_parts import facts, value_shown
from mlrun_like.api.pages.source import diff_part, source_of, source_part
from mlrun_like.api.pages.words import (
    address,
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
from mlrun_like.errors import NotFoundError
from mlrun_like.types import Document

__all__ = ["ROUTES"]

ROUTES = Routes("pages-functions", page=True)
_LIST = "/projects/{project}/functions"
_READ = Needs("function", "read")
_TABS = (("", "Overview"), ("source", "Source"), ("run", "Run"), ("versions", "Versions"),
         ("environment", "Environment"))  # fmt: skip
_MOST = 500


@ROUTES.get(_LIST, needs=_READ, summary="Functions of a project", name="functions_page")
def functions_page(request: Request, project: str) -> Response:
    """The latest version of each."""
    name = request.query_params.get("name", "")[:200].strip()
    found = store_of(request).list_functions(project, f"~{name}" if name else "", "latest")
    base = project_path(project, "functions")
    rows = []
    for document in found[:_MOST]:
        metadata, spec = document["metadata"], document.get("spec") or {}
        where = project_path(project, "functions", metadata["name"])
        about = element("span", spec.get("description") or "", class_="sub")
        run = element("a", "Run…", href=f"{where}?tab=run") if spec.get("entry_points") else ""
        rows.append([
            element("span", element("a", metadata["name"], href=where), about),
            document.get("kind") or "",
            ", ".join(list(spec.get("entry_points") or ())[:4]),
            since(metadata.get("updated")),
            element("code", str(metadata.get("hash") or "")[:8]),
            labels_shown(metadata.get("labels"), 3),
            run,
        ])  # fmt: skip
    body = table(["Name", "Kind", "Handlers", "Updated", "Version", "Labels", "Run"], rows,
                 caption="functions")  # fmt: skip
    if not rows:
        body = empty(
            "No function yet.",
            "A function is code with what it needs to run. In Python:",
            code='project.set_function("train.py", name="trainer", kind="job", handler="train")',
        )
    if not rows and name:
        body = empty("No function is like this.", element("a", "Show all", href=base))
    find = element("form", field("name", "Name", name, placeholder="part of it"), button("Filter"),
                   method="get", action=base, class_="inline", role="search")  # fmt: skip
    note = f"The first {_MOST} of {len(found)}." if len(found) > _MOST else ""
    parts = [toolbar(find), body, element("p", note, class_="note") if note else ""]
    return html_answer(frame(request, "Functions", parts, project=project, here="functions"))


@ROUTES.get(_LIST + "/{name}", needs=_READ, summary="A function", name="function_page")
def function_page(request: Request, project: str, name: str) -> Response:
    """One version of it; by `hash` or `tag`, else the latest."""
    store, query = store_of(request), request.query_params
    document = store.read_function(
        project, name, tag=query.get("tag", ""), hash=query.get("hash", "")
    )
    tab, base = query.get("tab", ""), project_path(project, "functions", name)
    metadata, spec = document["metadata"], document.get("spec") or {}
    keep = {"hash": query.get("hash"), "tag": query.get("tag")}
    parts: list[str] = [
        tabs([(label, address(base, {"tab": key, **keep}), key == tab) for key, label in _TABS],
             "parts of the function")
    ]  # fmt: skip
    if tab == "source":
        parts.append(source_part(document))
    elif tab == "run":
        parts.append(run_form(request, document, project))
    elif tab == "versions":
        parts.append(_versions(request, project, name, base))
    elif tab == "environment":
        parts.append(_environment(document))
    else:
        parts += [
            facts([
                ("Kind", document.get("kind")),
                ("Description", spec.get("description")),
                ("Handler", spec.get("default_handler")),
                ("Image", spec.get("image")),
                ("File", (spec.get("build") or {}).get("origin_filename")),
                ("Updated", moment(metadata.get("updated"))),
                ("Version", element("code", metadata.get("hash") or "")),
                ("Labels", labels_shown(metadata.get("labels"), 20)),
            ]),
            _entry_points(document, base),
            section("Use it in Python", copyable(
                f"function = mlrun_like.get_or_create_project({project!r})"
                f".get_function({name!r})\nrun = function.run(params={{}})")),
        ]  # fmt: skip
    actions = []
    if caller_of(request).may(project, "run", "run") and tab != "run" and spec.get("entry_points"):
        where = address(base, {"tab": "run", **keep})
        actions.append(element("a", "Run…", href=where, class_="button main"))
    tag = metadata.get("tag") or ""
    lead = heading(name, badge(tag, "ok") if tag else "", actions=actions,
                   note=f"{document.get('kind') or 'function'} in {project}")  # fmt: skip
    crumbs = [("Functions", project_path(project, "functions"))]
    return html_answer(
        frame(request, name, parts, project=project, here="functions", crumbs=crumbs, lead=lead)
    )


def _entry_points(document: Document, base: str) -> Html:
    parts = []
    for name, point in ((document.get("spec") or {}).get("entry_points") or {}).items():
        rows = [
            [element("code", one.get("name", "")), one.get("type") or "",
             "required" if one.get("required") else value_shown(one.get("default")),
             one.get("doc") or ""]
            for one in point.get("parameters") or () if one.get("name") != "context"
        ]  # fmt: skip
        line = point.get("lineno")
        title: Any = element("a", name, href=f"{base}?tab=source#L{line}") if line else name
        parts.append(joined([
            element("h3", title),
            element("p", point.get("doc") or "", class_="note") if point.get("doc") else "",
            table(["Parameter", "Type", "Default", "What it is"], rows,
                  caption=f"parameters of {name}") if rows else "",
        ]))  # fmt: skip
    return section("Handlers", *parts) if parts else Html()


def _environment(document: Document) -> Html:
    spec = document.get("spec") or {}
    known, build = spec.get("environment") or {}, spec.get("build") or {}
    asked = [str(one) for one in build.get("requirements") or ()]
    lock = table(["Package", "Version"], sorted((known.get("lock") or {}).items()),
                 caption="packages")  # fmt: skip
    names = [
        [element("code", str(one.get("name"))), "set" if one.get("value") else "from a secret"]
        for one in spec.get("env") or () if isinstance(one, Mapping)
    ]  # fmt: skip
    parts = [
        facts([
            ("Image", spec.get("image")), ("Base image", build.get("base_image")),
            ("Python", known.get("python")), ("Platform", known.get("platform")),
            ("Resources", value_shown(spec["resources"]) if spec.get("resources") else ""),
        ]),
        section("Requirements", copyable("\n".join(asked))) if asked else "",
        section("Packages", lock) if lock else "",
        section("Variables", table(["Name", "Value"], names)) if names else "",
    ]  # fmt: skip
    if not any(parts):
        return empty("Nothing was recorded of its environment.")
    return joined(parts)


def _versions(request: Request, project: str, name: str, base: str) -> Html:
    store, query = store_of(request), request.query_params
    found = store.list_functions(project, name)
    by_hash: dict[str, list[Document]] = {}
    for document in found:
        by_hash.setdefault(str(document["metadata"].get("hash")), []).append(document)
    hashes = list(by_hash)
    one, two = query.get("before", ""), query.get("after", "")
    rows = []
    for at, (version, documents) in enumerate(by_hash.items()):
        tags = sorted({str(one["metadata"].get("tag") or "") for one in documents} - {""})
        older = hashes[at + 1] if at + 1 < len(hashes) else ""
        where = address(base, {"tab": "versions", "before": older, "after": version})
        rows.append([
            element("a", element("code", version[:10]), href=address(base, {"hash": version})),
            joined([badge(tag, "ok" if tag != "latest" else "none") for tag in tags], " "),
            moment(documents[0]["metadata"].get("updated")),
            element("a", "What changed", href=f"{where}#diff") if older else "the first",
        ])  # fmt: skip
    part = table(["Version", "Tags", "Updated", "Difference"], rows, caption="versions")
    if not (one and two):
        return part
    try:
        before = store.read_function(project, name, hash=one)
        after = store.read_function(project, name, hash=two)
    except NotFoundError:
        return part
    return joined([part, section("Difference", diff_part(source_of(before), source_of(after)),
                                 key="diff", note=f"{one[:10]} to {two[:10]}")])  # fmt: skip
