"""Which applications watch a project, how often, and whether at all.

Definitions are documents of the kinds `monitoring-application` and `monitoring-settings`. A project
without settings and without applications of its own is watched by `DEFAULT_APPLICATIONS` as soon as
it has endpoints.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.applications.base import (
    ModelMonitoringApplicationBase,
    given_arguments,
)
from mlrun_like.monitoring.applications.definitions import (
    APPLICATION_KIND,
    DEFAULT_APPLICATION,
    DEFAULT_APPLICATIONS,
    SETTINGS_KIND,
    Application,
    MonitoringSettings,
    load_applications,
    projects_with_settings,
    read_settings,
)
from mlrun_like.monitoring.applications.loading import load_class, make_application, path_of
from mlrun_like.monitoring.beside import keep_alive_here
from mlrun_like.names import check_project
from mlrun_like.registry import resolve
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = [
    "DEFAULT_APPLICATION",
    "DEFAULT_APPLICATIONS",
    "RESERVED",
    "Application",
    "MonitoringSettings",
    "disable",
    "enable",
    "get_application",
    "list_applications",
    "load_applications",
    "projects_with_settings",
    "read_settings",
    "register_application",
    "remove_application",
]

RESERVED = frozenset(
    {"model-monitoring-stream", "model-monitoring-controller", "model-monitoring-writer",
     "mlrun-infra"}
)  # fmt: skip
"""Names that MLRun keeps for its own functions."""

_SWITCH = "mlrun_like.compat.switch:installed"
_NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9]*([-_][a-zA-Z0-9]+)*")
_LONGEST = 63


@dataclass
class _Options:
    period: float | None = None
    timeout: float | None = None
    retries: int | None = None
    endpoints: Sequence[str] = field(default_factory=tuple)


def register_application(
    project: str,
    name: str,
    application: Any,
    *,
    kwargs: Mapping[str, Any] | None = None,
    class_name: str = "",
    labels: Mapping[str, str] | None = None,
    **options: Any,
) -> Document:
    """Let an application watch a project from the next pass on; replaces one of that name.

    Args:
        project: The project; empty: the default one.
        name: Its name; empty: the class's `NAME`, else made from the class's name.
        application: An instance or class of `ModelMonitoringApplicationBase`, a shipped class's
            name, `package.module:Class`, `file.py[:Class]`, or `db://project/name[:tag]`.
        kwargs: The class's arguments: plain data.
        class_name: The class, if a file or function holds several.
        labels: Labels of the definition.
        options: `period` (minutes), `timeout` (seconds a window), `retries` (tries after a
            failure), `endpoints` (patterns of names, or uids).

    Returns:
        The definition.

    Raises:
        InvalidArgumentError: if the name, class, arguments or an option cannot be used.
        NotFoundError: if there is no such module, file, function or class.
    """
    project = check_project(project or config.default_project)
    given = _checked_options(options)
    arguments = dict(kwargs or {})
    if isinstance(application, ModelMonitoringApplicationBase):
        arguments = {**given_arguments(application), **arguments}
        application = type(application)
    if isinstance(application, type):
        target, class_name = path_of(application), ""
    else:
        target = str(application)
    cls = load_class(target, class_name, f"monitoring application {name!r}")
    name = _checked_name(name or cls.NAME or _dashed(cls.__name__))
    where = f"monitoring application {project}/{name}"
    try:
        arguments = json.loads(json.dumps(arguments))
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(
            f"the arguments of {cls.__name__} are not plain data: {exc}",
            where=where,
            fix="give numbers, text, lists and dicts, and make objects from them in __init__",
        ) from exc
    make_application(target, class_name, arguments, where)
    document = {
        "kind": APPLICATION_KIND,
        "metadata": {"name": name, "project": project, "labels": dict(labels or {})},
        "spec": {
            "application": target,
            "class_name": class_name,
            "class_args": arguments,
            "period": given.period,
            "timeout": given.timeout,
            "retries": given.retries,
            "endpoints": list(given.endpoints),
        },
    }
    open_store().store_document(APPLICATION_KIND, document, versioned=False)
    return document


def get_application(project: str, name: str) -> Document:
    """An application's definition. Raises NotFoundError."""
    return open_store().read_document(APPLICATION_KIND, project or config.default_project, name)


def list_applications(
    project: str = "", labels: Mapping[str, str | None] | None = None
) -> list[Document]:
    """Definitions by project (`"*"`: all; empty: the default one) and labels."""
    return open_store().list_documents(
        APPLICATION_KIND, project or config.default_project, labels=labels
    )


def remove_application(project: str, name: str, *, delete_results: bool = False) -> bool:
    """Stop an application; False if there is none.

    Args:
        project: The project; empty: the default one.
        name: The application.
        delete_results: Also delete its numbers and its place in time; else it goes on from there
            if it is registered again.
    """
    store, project = open_store(), project or config.default_project
    removed = store.delete_document(APPLICATION_KIND, project, name)
    if delete_results:
        store.forget_application(project, name)
    return bool(removed)


def enable(
    project: str = "",
    base_period: float = 10,
    *,
    deploy_histogram_data_drift_app: bool = True,
    applications: Sequence[str] | None = None,
) -> MonitoringSettings:
    """Watch a project.

    Args:
        project: The project; empty: the default one.
        base_period: Minutes of a window; parts of a minute are allowed.
        deploy_histogram_data_drift_app: Also register the default applications: MLRun's and those
            of `DEFAULT_APPLICATIONS` besides. One that was removed since, or that is registered
            with other arguments, stays as it is.
        applications: Which of the default ones, by name; None: all.

    Raises:
        InvalidArgumentError: if the period is not above 0 and at most a year, or there is no such
            default application.
    """
    project = check_project(project or config.default_project)
    period = _minutes(base_period, "base_period")
    wanted = _defaults(applications) if deploy_histogram_data_drift_app else []
    before = read_settings(project)
    deployed = set(before.deployed if before.enabled else ())
    held = {one["metadata"]["name"] for one in list_applications(project)}
    for name in wanted:
        if name not in deployed | held:
            register_application(project, name, DEFAULT_APPLICATIONS[name])
    names = sorted(deployed | set(wanted))
    _store_settings(project, enabled=True, base_period=period, deployed=names)
    if resolve(_SWITCH)():  # old code counts on a controller that runs from now on
        keep_alive_here()
    return read_settings(project)


def disable(
    project: str = "",
    *,
    delete_histogram_data_drift_app: bool = True,
    user_application_list: Sequence[str] = (),
) -> MonitoringSettings:
    """Stop watching a project; what was found stays, and so do the other applications.

    Args:
        project: The project; empty: the default one.
        delete_histogram_data_drift_app: Also remove the default applications.
        user_application_list: Other applications to remove.
    """
    project = check_project(project or config.default_project)
    _store_settings(project, enabled=False, base_period=read_settings(project).base_period)
    default = DEFAULT_APPLICATIONS if delete_histogram_data_drift_app else ()
    for name in [*default, *user_application_list]:
        remove_application(project, name)
    return read_settings(project)


def _defaults(names: Sequence[str] | None) -> list[str]:
    given = list(DEFAULT_APPLICATIONS) if names is None else list(names)
    for name in given:
        if name not in DEFAULT_APPLICATIONS:
            raise InvalidArgumentError(
                f"{name!r} is no default application",
                fix=f"use some of {', '.join(DEFAULT_APPLICATIONS)}; register others",
            )
    return given


def _store_settings(project: str, **spec: Any) -> None:
    document = {
        "kind": SETTINGS_KIND,
        "metadata": {"name": "monitoring", "project": project},
        "spec": spec,
    }
    open_store().store_document(SETTINGS_KIND, document, versioned=False)


def _checked_name(name: str) -> str:
    if not _NAME.fullmatch(name) or len(name) > _LONGEST or name in RESERVED:
        raise InvalidArgumentError(
            f"{name!r} cannot name a monitoring application",
            fix=f"use up to {_LONGEST} letters, digits and single dashes, not one of "
            + ", ".join(sorted(RESERVED)),
        )
    return name


def _dashed(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).replace("_", "-").strip("-").lower()


def _checked_options(options: Mapping[str, Any]) -> _Options:
    unknown = set(options) - set(_Options.__dataclass_fields__)
    if unknown:
        raise InvalidArgumentError(
            f"register_application has no option {sorted(unknown)[0]!r}",
            fix=f"use {', '.join(_Options.__dataclass_fields__)}",
        )
    found = _Options(**options)
    if found.period is not None:
        found.period = _minutes(found.period, "period")
    if found.timeout is not None and not _positive(found.timeout):
        raise InvalidArgumentError(f"timeout {found.timeout!r} is not a number of seconds above 0")
    if found.retries is not None and not (isinstance(found.retries, int) and found.retries >= 0):
        raise InvalidArgumentError(f"retries {found.retries!r} is not a whole number from 0")
    given: Any = found.endpoints
    if isinstance(given, str):
        given = [given]
    if any(not isinstance(one, str) or not one for one in given or ()):
        raise InvalidArgumentError(f"endpoints {given!r} are not names, patterns or uids")
    found.endpoints = tuple(given or ())
    return found


def _minutes(value: Any, what: str) -> float:
    if not _positive(value) or not 0.01 <= value <= 366 * 1440:
        raise InvalidArgumentError(
            f"{what} {value!r} cannot be the length of a window",
            fix="give minutes, from 0.01 to a year; 10 is usual",
        )
    return float(value)


def _positive(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
