"""Which projects a call is about, whether the caller may, and what of the results it may see."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from starlette.requests import Request

from mlrun_like.api.access.caller import Caller, Projects
from mlrun_like.api.access.decide import check
from mlrun_like.api.access.projects import claim_project
from mlrun_like.errors import AccessDeniedError
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.listing_abilities import ListPage
from mlrun_like.tracking.remote.protocol import Method, projects_in

__all__ = ["allowed_call"]

_WIDE = frozenset({"", "*"})
_KINDS = {
    "feature-set": "feature-set",
    "feature-vector": "feature-vector",
    "hub-source": "hub",
}
Call = Callable[[FullStore], Any]


def allowed_call(
    request: Request, caller: Caller, row: Method, arguments: Mapping[str, Any]
) -> Call:
    """The call, if the caller may make it: what it gives is what the caller may see.

    Raises:
        NotFoundError: if it may not see a project that is named.
        AccessDeniedError: if it may not do this.
    """
    resource = row.resource
    if resource == "@kind":
        resource = _KINDS.get(str(arguments.get("kind")), "monitoring")
    projects = projects_in(row, arguments)
    query = arguments.get("query")
    picked = getattr(query, "projects", ())
    if picked:
        projects.update(picked)
        if row.kind == "read" and row.everywhere:
            projects -= _WIDE
    if row.name == "store_project":
        name = next(iter(projects), "")
        if name not in _WIDE:
            claim_project(request, name)
            projects.discard(name)
    for project in sorted(projects - _WIDE):
        check(caller, project, resource, row.action)

    def plainly(store: FullStore) -> Any:
        return getattr(store, row.name)(**arguments)

    if not projects & _WIDE:
        return plainly
    visible = caller.visible
    if visible is None or not row.everywhere:
        if row.kind != "read" or not row.everywhere:
            _everywhere(caller, resource, row.action)
        return plainly
    return lambda store: _narrowed(store, row, dict(arguments), visible)


def _everywhere(caller: Caller, resource: str, action: str) -> None:
    if not caller.may("", resource, action):
        raise AccessDeniedError(
            f"{caller.name} may not {action} a {resource} of all projects",
            fix="name a project",
        )


def _narrowed(store: FullStore, row: Method, given: dict[str, Any], visible: Projects) -> Any:
    special = _SPECIAL.get(row.name)
    if special is not None:
        return special(store, given, visible)
    return _seen(getattr(store, row.name)(**given), visible)


def _seen(rows: Iterable[Any], visible: Projects) -> list[Any]:
    return [one for one in rows if _project_of(one) in visible]


def _project_of(row: Any) -> str:
    if not isinstance(row, Mapping):
        return str(row.project)
    metadata = row.get("metadata")
    inner = metadata.get("project") if isinstance(metadata, Mapping) else None
    return str(inner or row.get("project") or "")


def _by_query(name: str) -> Callable[[FullStore, dict[str, Any], Projects], Any]:
    def listed(store: FullStore, given: dict[str, Any], visible: Projects) -> Any:
        given["query"] = dataclasses.replace(
            given["query"], project="", projects=tuple(sorted(visible))
        )
        # without any project there is nothing to be restricted to
        return getattr(store, name)(**given) if visible else _NOTHING[name]()

    return listed


def _endpoints(store: FullStore, given: dict[str, Any], visible: Projects) -> Any:
    query = given["query"]
    found = store.list_endpoints(dataclasses.replace(query, limit=0, offset=0))
    rows = _seen(found, visible)[query.offset :]
    return rows[: query.limit] if query.limit else rows


def _activations(store: FullStore, given: dict[str, Any], visible: Projects) -> Any:
    chosen = given["chosen"]
    found = store.list_activations("*", dataclasses.replace(chosen, limit=0))
    rows = _seen(found, visible)
    return rows[: chosen.limit] if chosen.limit else rows


def _numbers(store: FullStore, given: dict[str, Any], visible: Projects) -> Any:
    rows = [
        row
        for project in sorted(visible)
        for row in store.batch_numbers(project, given["since"], given["limit"])
    ]
    return sorted(rows, key=lambda row: -row.last)[: given["limit"]]


def _due(store: FullStore, given: dict[str, Any], visible: Projects) -> Any:
    rows, following = store.due_schedules(**given)
    return [pair for pair in rows if _project_of(pair[0]) in visible], following


def _definitions(store: FullStore, given: dict[str, Any], visible: Projects) -> Any:
    found = store.alert_documents(**given)
    return {key: item for key, item in found.items() if key.partition("/")[0] in visible}


def _leases(store: FullStore, given: dict[str, Any], visible: Projects) -> Any:
    shown = visible | {"*"}
    found = store.read_leases(**given)
    return {key: item for key, item in found.items() if [*key.split("/"), ""][1] in shown}


def _projects(store: FullStore, given: dict[str, Any], visible: Projects) -> Any:
    return [one for one in store.list_projects(**given) if one["metadata"]["name"] in visible]


def _judged(store: FullStore, given: dict[str, Any], visible: Projects) -> Any:
    return [name for name in store.alert_projects() if name in visible]


def _no_page() -> ListPage:
    return ListPage([])


_NOTHING: dict[str, Callable[[], Any]] = {
    "list_runs": list,
    "list_artifacts": list,
    "page_runs": _no_page,
    "page_artifacts": _no_page,
}
_SPECIAL: dict[str, Callable[[FullStore, dict[str, Any], Projects], Any]] = {
    "list_runs": _by_query("list_runs"),
    "list_artifacts": _by_query("list_artifacts"),
    "page_runs": _by_query("page_runs"),
    "page_artifacts": _by_query("page_artifacts"),
    "list_endpoints": _endpoints,
    "list_activations": _activations,
    "batch_numbers": _numbers,
    "due_schedules": _due,
    "alert_documents": _definitions,
    "read_leases": _leases,
    "list_projects": _projects,
    "alert_projects": _judged,
}
"""Those whose rows do not say their project, or that have a limit."""
