"""An application on data or past windows, at once and in this process; nothing is stored.

MLRun's `evaluate` makes a job; here it is a call, and images, requirements and sources are not
needed. What it gives is a list of plain documents, one a window, which can be asked like MLRun's
run: `state()`, `status.results`.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pandas as pd

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.preview import statistics
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.applications.base import (
    ModelMonitoringApplicationBase,
    given_arguments,
)
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.frames import EventFrames
from mlrun_like.monitoring.applications.loading import make_application
from mlrun_like.monitoring.applications.view import EndpointView, Window
from mlrun_like.monitoring.applications.windows import split
from mlrun_like.monitoring.endpoints.document import ModelEndpoint
from mlrun_like.monitoring.endpoints.records import get_model_endpoint, list_model_endpoints
from mlrun_like.monitoring.recording.times import seconds_of
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = ["Evaluation", "evaluate"]

_NOT_NEEDED = frozenset(
    {"tag", "run_local", "auto_build", "image", "with_repo", "requirements", "requirements_file",
     "stream_profile", "write_output", "existing_data_handling"}
)  # fmt: skip


class Evaluation(list[Document]):
    """What an application gave: `{"endpoint", "start", "end", "results"}` of each window.

    >>> metric = {"metric_name": "m", "metric_value": 1.0}
    >>> Evaluation([{"endpoint": "", "results": [metric]}]).status.results["return"] == metric
    True
    """

    @property
    def status(self) -> Any:
        """State and results as a run has them: `return` without an endpoint, else each window's
        by `<endpoint>_<start>_<end>`."""
        results: Document = {}
        for one in self:
            key = "_".join(
                [one["endpoint"], *(_iso(one[side]) for side in ("start", "end"))]
                if one["endpoint"]
                else ["return"]
            )
            given = one["results"]
            results[key] = given[0] if len(given) == 1 else given
        return SimpleNamespace(state=self.state(), results=results)

    @staticmethod
    def state() -> str:
        """`completed`: what fails raises."""
        return "completed"


class _NoEndpoint(MonitoringApplicationContext):
    """Without an endpoint, and perhaps without data."""

    @property
    def model_endpoint(self) -> ModelEndpoint:
        """There is none."""
        raise InvalidArgumentError(
            "monitoring_context.model_endpoint was asked for, and evaluate got no endpoint",
            where=f"monitoring application {self.application_name!r}",
            fix='MyApp.evaluate(endpoints=[("name", "uid")], start=..., end=...)',
        )


def _no_data() -> pd.DataFrame:
    raise InvalidArgumentError(
        "monitoring_context.sample_df was asked for, and evaluate got no data",
        fix="MyApp.evaluate(sample_data=...), or endpoints= with start= and end=",
    )


def evaluate(  # noqa: PLR0913 - MLRun's signature
    application: type[ModelMonitoringApplicationBase] | ModelMonitoringApplicationBase,
    func_path: str | None = None,
    func_name: str | None = None,
    *,
    sample_data: Any = None,
    reference_data: Any = None,
    class_handler: str | None = None,
    endpoints: str | Sequence[Any] | None = None,
    start: Any = None,
    end: Any = None,
    base_period: float | None = None,
    project: str = "",
    class_arguments: dict[str, Any] | None = None,
    **not_needed: Any,
) -> Evaluation:
    """Run an application on a table, or on what endpoints saw.

    Args:
        application: The class, or an object of it.
        func_path: File of the class, if it is not imported from where it is, or of another class.
        func_name: The application's name.
        sample_data: A table instead of an endpoint's events; or its path, URI, artifact.
        reference_data: A table, as above, whose statistics stand for those of training.
        class_handler: The class, instead of `application`: `package.module:Class`, or its name in
            `func_path`.
        endpoints: Names, `(name, uid)` pairs, or `"all"`.
        start: From when (datetime, ISO text, seconds since 1970).
        end: Until when.
        base_period: Minutes of a window; None: one window from start to end.
        project: The project; empty: the default one.
        class_arguments: Arguments of the class.
        not_needed: MLRun's arguments about images and jobs.

    Returns:
        `{"endpoint", "start", "end", "results"}` for each window, results in MLRun's words.

    Raises:
        InvalidArgumentError: if an argument is not known or cannot be used, or the application
            asks for data or an endpoint that it was not given.
    """
    unknown = sorted(set(not_needed) - _NOT_NEEDED)
    if unknown:
        raise InvalidArgumentError(f"evaluate has no argument {unknown[0]!r}")
    project = project or config.default_project
    target, class_name = _target(application, func_path or "", class_handler or "")
    instance = _instance(application, target, class_name, class_arguments)
    name = func_name or instance.NAME or type(instance).__name__
    stats = None if reference_data is None else statistics(_table(reference_data))
    if sample_data is not None or endpoints is start is end is None:
        frame = None if sample_data is None else _table(sample_data)
        view = EndpointView(ModelEndpoint(), stats if stats is not None else {})
        span = (0.0, 0.0) if start is None or end is None else (seconds_of(start), seconds_of(end))
        rows = 0 if frame is None else len(frame)
        window = Window(*span, rows, _no_data if frame is None else lambda: frame)
        return Evaluation([_one(instance, name, project, view, window, _NoEndpoint)])
    found = Evaluation()
    if start is None or end is None or not endpoints:
        raise InvalidArgumentError(
            "evaluate needs sample_data, or endpoints with start and end",
            fix='MyApp.evaluate(endpoints=["iris"], start="2026-01-01", end="2026-01-02")',
        )
    low, high = seconds_of(start), seconds_of(end)
    if high <= low:
        raise InvalidArgumentError(f"end {end!r} is not after start {start!r}")
    if base_period is not None and not 0 < base_period <= 366 * 1440:
        raise InvalidArgumentError(
            f"base_period {base_period!r} cannot be the length of a window", fix="give minutes"
        )
    spans = [(low, high)] if base_period is None else list(split(low, high, base_period * 60))
    for endpoint in _endpoints(project, endpoints):
        view = EndpointView(endpoint, stats)
        frames = EventFrames(open_store(), project, endpoint.metadata.uid, (low, high))
        for begin, stop in spans:
            events = frames.window(begin, stop)
            if events is not None:
                found.append(_one(instance, name, project, view, events))
    return found


def _one(
    instance: ModelMonitoringApplicationBase, name: str, project: str, view: EndpointView,
    window: Window, kind: type[MonitoringApplicationContext] = MonitoringApplicationContext,
) -> Document:  # fmt: skip
    context = kind(name, project, view, window)
    results, _ = instance.do(context)
    return {
        "endpoint": view.endpoint.metadata.name,
        "start": window.start,
        "end": window.end,
        "results": [one.to_dict() for one in results],
    }


def _instance(
    application: Any, target: str, class_name: str, arguments: dict[str, Any] | None
) -> ModelMonitoringApplicationBase:
    if target:
        return make_application(target, class_name, arguments or {}, "evaluate")
    if isinstance(application, ModelMonitoringApplicationBase):
        if not arguments:
            return application
        application, arguments = (
            type(application),
            {**given_arguments(application), **arguments},
        )
    made: ModelMonitoringApplicationBase = application(**(arguments or {}))
    return made


def _target(application: Any, path: str, handler: str) -> tuple[str, str]:
    """What `make_application` makes; empty: the application that was given."""
    if path and handler:
        return path, handler.rpartition(".")[2]
    if path.endswith((".py", ".ipynb")):
        given = application if isinstance(application, type) else type(application)
        return path, "" if inspect.isabstract(given) else given.__qualname__
    return handler or path, ""


def _table(given: Any) -> pd.DataFrame:
    if isinstance(given, pd.DataFrame):
        return given
    uri = getattr(given, "uri", None)
    if not hasattr(given, "as_df"):
        given = get_dataitem(uri if isinstance(uri, str) else given)
    found: pd.DataFrame = given.as_df()
    return found


def _iso(seconds: float) -> str:
    return str(pd.Timestamp(seconds, unit="s", tz="UTC").isoformat())


def _endpoints(project: str, wanted: str | Sequence[Any]) -> list[ModelEndpoint]:
    if wanted == "all":
        return list_model_endpoints(project)
    if isinstance(wanted, str):
        raise InvalidArgumentError(f"endpoints={wanted!r}", fix=f'"all", or a list: ["{wanted}"]')
    found = []
    for one in wanted:
        if isinstance(one, (tuple, list)) and len(one) == 2:
            found.append(get_model_endpoint(project, uid=one[1]))
        elif isinstance(one, str):
            found.append(get_model_endpoint(project, name=one))
        else:
            raise InvalidArgumentError(
                f"endpoints={wanted!r:.80} are no names or (name, uid) pairs", fix='or "all"'
            )
    return found
