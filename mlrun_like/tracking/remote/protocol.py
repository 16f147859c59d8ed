"""What can be called over the wire, one row each: who may, and whether it may be sent twice.

A row says where in the arguments the projects are. Paths go through fields of dataclasses and keys
of documents; `[]` goes through all items. An empty project, or `*`, means all that the caller may
see (`everywhere`); a method without it wants one by name.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_type_hints

from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.remote.codec import Codec, codec_of

__all__ = [
    "METHODS",
    "OLDEST",
    "OPERATIONS",
    "REVISION",
    "SHARED",
    "Method",
    "projects_in",
    "wire_of",
]

_OWN_LEASES = frozenset({"service/leader", "service/backup"})
REVISION = 1
"""Of the protocol: counts up when something changes that both sides must know."""
OLDEST = 1
"""The oldest revision that is still understood."""
SHARED = frozenset({"_hub", "_templates"})
"""Places of records for everybody, which only administrators change."""


@dataclass(frozen=True)
class Method:
    """A method that can be called.

    Args:
        name: Its name.
        kind: `read`; `write`: sent twice it does the same; `change`: it must count once, so it is
            sent with a key by which the service knows a second one.
        resource: What it is about; `@kind`: what its argument `kind` says.
        action: What is done to it.
        where: Paths to the projects in its arguments; empty: it is about all.
        everywhere: Whether no project means all that the caller may see.
    """

    name: str
    kind: str
    resource: str
    action: str
    where: tuple[str, ...] = ("project",)
    everywhere: bool = False


def _rows() -> Iterator[Method]:
    def add(
        resource: str, kind: str, action: str, names: str, *where: str, everywhere: bool = False
    ) -> Iterator[Method]:
        for name in names.split():
            yield Method(name, kind, resource, action, where or ("project",), everywhere)

    yield from add("run", "read", "read", "read_run read_metrics changed_runs busy_runs")
    yield from add("run", "read", "read", "newest_run_change")
    yield from add("run", "read", "read", "count_runs lineage", everywhere=True)
    yield from add("run", "read", "read", "list_runs", "query.project", everywhere=True)
    yield from add("run", "read", "read", "page_runs", "query.project", everywhere=True)
    yield from add("run", "read", "read", "metric_keys sample_metrics")
    yield from add("run", "change", "delete", "delete_runs", "query.project")
    yield from add("run", "change", "update", "set_run_state reopen_run")
    yield from add("run", "write", "update", "heartbeat")
    yield from add("log", "read", "read", "read_log log_size")
    yield from add("artifact", "read", "read", "read_artifact artifact_tags")
    yield from add("artifact", "read", "read", "list_artifacts", "query.project", everywhere=True)
    yield from add("artifact", "read", "read", "page_artifacts", "query.project", everywhere=True)
    yield from add("artifact", "change", "delete", "delete_artifacts", "query.project")
    yield from add("artifact", "write", "update", "tag_artifact")
    yield from add("artifact", "change", "update", "untag_artifact")
    yield from add("function", "read", "read", "read_function")
    yield from add("function", "read", "read", "list_functions", everywhere=True)
    yield from add("function", "change", "delete", "delete_functions")

    yield from add("schedule", "read", "read", "read_schedule list_firings")
    yield from add("schedule", "read", "read", "list_schedules", everywhere=True)
    yield from add("schedule", "read", "read", "due_schedules", "", everywhere=True)
    yield from add("schedule", "write", "update", "store_schedule", "schedule.project")
    yield from add("schedule", "change", "delete", "delete_schedule")
    yield from add("schedule", "change", "run", "claim_firings", "schedule.project")
    yield from add("schedule", "write", "run", "record_firing")

    yield from add("pipeline", "read", "read", "list_steps find_cached last_cached")
    yield from add("pipeline", "change", "update", "forget_cached")

    yield from add("project", "read", "read", "read_project project_content", "name")
    yield from add("project", "read", "read", "list_projects", "", everywhere=True)
    yield from add("project", "write", "update", "store_project", "project.metadata.name")
    yield from add("project", "change", "delete", "delete_project", "name")

    yield from add("model", "read", "read", "model_versions", everywhere=True)
    yield from add("model", "read", "read", "model_events")
    yield from add("model", "change", "update", "change_model")

    yield from add("@kind", "read", "read", "read_document")
    yield from add("@kind", "read", "read", "list_documents", everywhere=True)
    yield from add("@kind", "write", "update", "store_document", "document.metadata.project")
    yield from add("@kind", "change", "delete", "delete_document")

    yield from add("alert", "read", "read", "alert_cursor alert_lines alert_letters")
    yield from add("alert", "read", "read", "list_happenings")
    yield from add("alert", "read", "read", "alert_documents list_activations", everywhere=True)
    yield from add("alert", "read", "read", "count_activations", everywhere=True)
    yield from add("alert", "read", "read", "alert_projects", "", everywhere=True)
    yield from add(
        *("alert", "change", "update", "commit_alerts", "project", "change.activations[].project"),
        *("change.letters[].project", "change.happenings[].project"),
    )
    yield from add("alert", "change", "run", "claim_letters")
    yield from add("alert", "change", "run", "settle_letter", "letter.project")
    yield from add("event", "write", "create", "append_happenings", "rows[].project")
    yield from add("alert", "change", "delete", "delete_happenings")

    yield from add("endpoint", "read", "read", "read_endpoint endpoint_modes")
    yield from add("endpoint", "read", "read", "list_endpoints", "query.project", everywhere=True)
    yield from add("endpoint", "read", "read", "survey_endpoints", everywhere=True)
    yield from add("endpoint", "write", "update", "store_endpoint", "document.metadata.project")
    yield from add("endpoint", "write", "update", "patch_endpoint")
    yield from add("endpoint", "change", "delete", "delete_endpoint")

    yield from add("monitoring", "read", "read", "read_batches series_span series_endpoints")
    yield from add("monitoring", "read", "read", "list_quality list_results latest_results")
    yield from add("monitoring", "read", "read", "list_windows read_window_stats count_requests")
    yield from add("monitoring", "read", "read", "read_cursors batch_numbers", everywhere=True)
    yield from add("monitoring", "read", "read", "read_leases", "", everywhere=True)
    yield from add("monitoring", "write", "update", "append_batches", "batches[].project")
    yield from add("monitoring", "write", "update", "store_quality")
    yield from add(
        *("monitoring", "write", "update", "replace_results", "project", "rows[].project"),
    )
    yield from add("monitoring", "change", "delete", "delete_batches delete_results")
    yield from add("monitoring", "change", "delete", "forget_application")
    yield from add("monitoring", "write", "run", "claim_leases release_leases", "names[]|lease")
    yield from add(
        *("monitoring", "change", "run", "commit_windows", "commits[].cursor.project"),
        *("commits[].results[].project", "commits[].happenings[].project"),
    )


METHODS: Mapping[str, Method] = {row.name: row for row in _rows()}
"""By name."""

OPERATIONS: Mapping[str, tuple[str, str]] = {
    "run": ("run", "update"),
    "state": ("run", "update"),
    "beat": ("run", "update"),
    "metrics": ("run", "update"),
    "artifact": ("artifact", "update"),
    "tag": ("artifact", "update"),
    "function": ("function", "update"),
    "log": ("log", "update"),
    "edge": ("run", "update"),
    "step": ("pipeline", "update"),
    "cached": ("pipeline", "update"),
}
"""Kinds of queued operations: the resource and the action that each needs."""


@dataclass(frozen=True)
class _Wire:
    signature: inspect.Signature
    arguments: Mapping[str, Codec]
    result: Codec


@lru_cache(maxsize=512)
def wire_of(name: str, strict: bool) -> _Wire:
    """How the arguments and the result of a method are written and read."""
    method: Callable[..., Any] = getattr(FullStore, name)
    hints = get_type_hints(method)
    signature = inspect.signature(method)
    arguments = {key: codec_of(hints[key], strict) for key in signature.parameters if key != "self"}
    return _Wire(signature, arguments, codec_of(hints["return"], strict))


def projects_in(row: Method, arguments: Mapping[str, Any]) -> set[str]:
    """The projects that a call is about; an empty name, or `*`: all.

    >>> projects_in(METHODS["store_schedule"], {"schedule": {"project": "p"}})
    {'p'}
    """
    found: set[str] = set()
    for path in row.where:
        if path:
            path, _, form = path.partition("|")
            for value in _walk(arguments, path.split(".")):
                text = value if isinstance(value, str) else ""
                # leases are named `<what>/<project>[/<more>]`, or are of nobody's project
                found.add(_of_lease(text) if form == "lease" else text)
        else:
            found.add("*")
    return found


def _of_lease(name: str) -> str:
    """The project of a lease. Those of the service itself are none's, also if a project should be
    called like one of them.

    >>> _of_lease("windows/fraud/e1"), _of_lease("service/leader"), _of_lease("x")
    ('fraud', '*', '*')
    """
    return "*" if name in _OWN_LEASES else [*name.split("/"), "*"][1]


def _walk(value: Any, path: list[str]) -> Iterator[Any]:
    if not path:
        yield value
        return
    name = path[0].removesuffix("[]")
    inner = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
    if path[0].endswith("[]"):
        for item in inner or ():
            yield from _walk(item, path[1:])
    else:
        yield from _walk(inner, path[1:])
