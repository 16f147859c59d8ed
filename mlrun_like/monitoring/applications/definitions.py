"""Applications and settings of a project, read from the store and made ready to run."""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Sequence
from dataclasses import dataclass

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, NotFoundError
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.loading import make_application
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = [
    "APPLICATION_KIND",
    "DEFAULT_APPLICATION",
    "DEFAULT_APPLICATIONS",
    "SETTINGS_KIND",
    "Application",
    "MonitoringSettings",
    "load_applications",
    "projects_with_settings",
    "read_settings",
]

APPLICATION_KIND, SETTINGS_KIND = "monitoring-application", "monitoring-settings"
DEFAULT_APPLICATION = "histogram-data-drift"
DEFAULT_APPLICATIONS = {
    DEFAULT_APPLICATION: "HistogramDataDriftApplication",
    "data-drift": "DataDrift",
    "service-performance": "ServicePerformance",
    "model-quality": "ModelQuality",
}
"""Name -> class of what watches a project unless it says otherwise. The first is MLRun's; it looks
at the mean of all features, so it does not see one feature of many that moves. `data-drift` does.
`model-quality` looks only at endpoints that have ground truth."""
_made: dict[str, ModelMonitoringApplicationBase] = {}


@dataclass(frozen=True)
class MonitoringSettings:
    """How a project is watched.

    Args:
        project: The project.
        enabled: Whether applications run.
        base_period: Minutes of a window, unless an application has its own.
        declared: Whether somebody said so; else these are the defaults.
        deployed: Default applications that were registered when it was enabled: what was removed
            since does not come back by itself.
    """

    project: str
    enabled: bool = True
    base_period: float = 10.0
    declared: bool = False
    deployed: Sequence[str] = ()


@dataclass(frozen=True)
class Application:
    """An application, ready to run, or the reason why it cannot.

    Args:
        name: Its name.
        instance: The object; None: it cannot be loaded.
        period: Minutes of a window.
        timeout: Seconds that a window may take.
        retries: Tries after a failure, before a window is given up.
        endpoints: Patterns of endpoints' names or uids; empty: all.
        error: Why it cannot be loaded.
    """

    name: str
    instance: ModelMonitoringApplicationBase | None
    period: float
    timeout: float
    retries: int
    endpoints: Sequence[str] = ()
    error: str = ""

    def watches(self, name: str, uid: str) -> bool:
        """Whether it is for an endpoint."""
        return not self.endpoints or any(
            fnmatch.fnmatchcase(name, one) or one == uid for one in self.endpoints
        )


def read_settings(project: str) -> MonitoringSettings:
    """How a project is watched."""
    try:
        document = open_store().read_document(SETTINGS_KIND, project, "monitoring")
    except NotFoundError:
        return MonitoringSettings(project, base_period=config.monitoring_base_period)
    spec = document.get("spec") or {}
    period = spec.get("base_period") or config.monitoring_base_period
    deployed = tuple(spec.get("deployed") or ())
    return MonitoringSettings(
        project, bool(spec.get("enabled", True)), float(period), True, deployed
    )


def projects_with_settings() -> list[str]:
    """Projects where monitoring was enabled or disabled, or that have applications."""
    store = open_store()
    found = [*store.list_documents(SETTINGS_KIND), *store.list_documents(APPLICATION_KIND)]
    return sorted({one["metadata"]["project"] for one in found})


def load_applications(settings: MonitoringSettings) -> list[Application]:
    """The project's applications; one that cannot be loaded has an error instead of an object."""
    documents = open_store().list_documents(APPLICATION_KIND, settings.project)
    if not documents and not settings.declared:
        documents = [
            {"metadata": {"name": name}, "spec": {"application": target}}
            for name, target in DEFAULT_APPLICATIONS.items()
        ]
    return [_application(one, settings) for one in documents]


def _application(document: Document, settings: MonitoringSettings) -> Application:
    name, spec = document["metadata"]["name"], document.get("spec") or {}
    instance: ModelMonitoringApplicationBase | None = None
    error = ""
    try:
        instance = _instance(name, spec, settings.project)
    except MLRunLikeError as exc:
        error = str(exc)
    except Exception as exc:  # noqa: BLE001 - a user's class may raise anything when it is made
        error = f"{type(exc).__name__}: {exc}"
    own = getattr(instance, "period", None), getattr(instance, "timeout", None)
    retries = spec.get("retries")
    return Application(
        name,
        instance,
        float(spec.get("period") or own[0] or settings.base_period),
        float(spec.get("timeout") or own[1] or config.monitoring_application_timeout),
        int(config.monitoring_application_retries if retries is None else retries),
        tuple(spec.get("endpoints") or ()),
        error,
    )


def _instance(name: str, spec: Document, project: str) -> ModelMonitoringApplicationBase:
    """The object of a definition; the same one until the definition changes."""
    target = str(spec.get("application") or "")
    parts = [project, name, target, spec.get("class_name"), spec.get("class_args")]
    key = json.dumps(parts, sort_keys=True, default=str)
    where = f"monitoring application {project}/{name}"
    if key in _made and not target.startswith(("db://", "hub://")) and ".py" not in target:
        return _made[key]
    if len(_made) > 1000:
        _made.clear()
    made = _made[key] = make_application(
        target, str(spec.get("class_name") or ""), dict(spec.get("class_args") or {}), where
    )
    return made
