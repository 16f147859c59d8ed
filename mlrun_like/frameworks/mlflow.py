"""A bridge from MLflow: runs that code makes with MLflow are taken over into our runs."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from typing import Any

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.configuration import config, exchange_environment
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.loop.logger import key_of
from mlrun_like.frameworks.mlflow_records import (
    download,
    log_file,
    log_model,
    log_run,
    mlflow_package,
)
from mlrun_like.registry import require
from mlrun_like.runs.context import MLClientCtx, current_context
from mlrun_like.runs.object import RunObject
from mlrun_like.runs.session import get_or_create_ctx
from mlrun_like.specs.run import RunDoc, RunMetadata

__all__ = ["MLFlowTracker", "track_mlflow"]

_CONTEXT, _PROJECT = "mlrun-context-id", "mlrun-project-name"
"""Tags of MLflow's run that name ours (MLRun's)."""
_ITERATION = "mlrun-iteration"
_EXPERIMENT, _RUN = "MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID"
"""MLflow's environment variables."""


@contextlib.contextmanager
def track_mlflow(context: MLClientCtx | None = None) -> Iterator[MLClientCtx]:
    """Take over the runs that are made with MLflow in the block, also if it fails.

    Parameters become parameters, metrics series and results, artifacts and models ours. Runs of
    other threads and processes are not mixed in: each run of MLflow is tagged when it is made.

    Args:
        context: The run; None: the current one, or a new one.

    Raises:
        MissingDependencyError: if MLflow is not installed.
    """
    context = context or current_context() or get_or_create_ctx("mlrun-mlflow")
    tracker = MLFlowTracker()
    tracker.pre_run(context)
    try:
        yield context
    finally:
        tracker.post_run(context)


class _Tags:
    """Tells MLflow the tags of runs that are made while a run of ours is there."""

    runs: list[MLClientCtx]

    def __init__(self) -> None:
        self.runs = []

    def in_context(self) -> bool:
        return bool(self._run())

    def tags(self) -> dict[str, str]:
        run = self._run()
        if run is None:
            return {}
        return {_CONTEXT: run.uid, _PROJECT: run.project, _ITERATION: str(run.iteration)}

    def _run(self) -> MLClientCtx | None:
        present = current_context()
        for run in self.runs:
            if present is not None and (run.uid, run.iteration) == (present.uid, present.iteration):
                return run
        return self.runs[-1] if self.runs else None


_tags = _Tags()


class MLFlowTracker:
    """Takes over runs of MLflow (MLRun's class).

    With the setting `track_external` (MLRun's `external_platform_tracking.enabled`) this is done
    for every run, without a line of code.
    """

    def __init__(self) -> None:
        self._restore: dict[str, str | None] = {}

    def pre_run(self, context: MLClientCtx) -> None:
        """Tag the runs that MLflow makes from now on as this run's.

        The setting `mlflow_match_experiment_to_runtime` names MLflow's experiment as the run;
        `mlflow_control_run` makes MLflow's run now, and `mlflow.start_run()` goes on with it. Both
        are told to MLflow by its environment variables, which all threads share.
        """
        mlflow = mlflow_package()
        registry = require(
            "mlflow.tracking.context.registry", extra="mlflow", feature="the bridge from MLflow"
        )._run_context_provider_registry
        if all(provider is not _tags for provider in registry):
            registry.register(lambda: _tags)
        variables: dict[str, str | None] = {}
        if config.mlflow_match_experiment_to_runtime:
            variables[_EXPERIMENT] = context.name
        self._restore = exchange_environment(variables)
        _tags.runs.append(context)
        if config.mlflow_control_run:
            with mlflow.start_run() as run:
                self._restore |= exchange_environment({_RUN: run.info.run_id})

    def post_run(self, context: MLClientCtx) -> None:
        """Take over the runs that MLflow made since; of several, the last one's values win."""
        if context in _tags.runs:
            _tags.runs.remove(context)
        exchange_environment(self._restore)
        mlflow = mlflow_package()
        present = mlflow.active_run()
        if present is not None and present.data.tags.get(_CONTEXT) == context.uid:
            mlflow.end_run()  # else the next run in this thread would go on with it
        found = mlflow.search_runs(
            search_all_experiments=True,
            filter_string=f"tags.`{_CONTEXT}` = '{context.uid}' and "
            f"tags.`{_ITERATION}` = '{context.iteration}'",
            order_by=["attributes.start_time ASC"],
            output_format="list",
        )
        for run in found:
            log_run(context, run)

    def import_run(
        self,
        project: Any,
        reference_id: str,
        function_name: str = "",
        handler: str | None = None,
    ) -> RunObject:
        """Import a finished run of MLflow as a run of a project.

        Args:
            project: The project, or its name.
            reference_id: MLflow's run id; it is the imported run's uid too.
            function_name: The function that the run is said to be of.
            handler: Its handler.

        Returns:
            The imported run.

        Raises:
            InvalidArgumentError: if MLflow has no such run.
        """
        mlflow = mlflow_package()
        try:
            run = mlflow.get_run(reference_id)
        except mlflow.exceptions.MlflowException as exc:
            raise InvalidArgumentError(
                f"MLflow has no run {reference_id!r}: {exc}", fix="mlflow.set_tracking_uri(...)"
            ) from exc
        name = key_of(run.info.run_name or reference_id)
        meta = RunMetadata(name=name, uid=reference_id, project=getattr(project, "name", project))
        document = RunDoc(metadata=meta)
        document.spec.function, document.spec.handler = function_name, handler or ""
        context = get_or_create_ctx(name, spec=document.to_dict())
        with context:
            log_run(context, run)
        return RunObject.from_dict(context.to_dict(), context.store)

    def import_model(
        self,
        project: Any,
        reference_id: str,
        key: str | None = None,
        metrics: dict[str, Any] | None = None,
        extra_data: dict[str, Any] | None = None,
    ) -> Artifact:
        """Import a model of MLflow.

        Args:
            project: The project, or the run, that logs it.
            reference_id: Its URI, such as `models:/net/3`.
            key: Its name here.
            metrics: Its metrics.
            extra_data: Further files, artifacts and values.

        Raises:
            InvalidArgumentError: if there is no key.
        """
        details = {"metrics": metrics or {}, "extra_data": extra_data or {}}
        with tempfile.TemporaryDirectory(prefix="mlrun-like-mlflow-") as folder:
            path = download(reference_id, folder)
            return log_model(project, _given(key, reference_id), path, details)

    def import_artifact(self, project: Any, reference_id: str, key: str | None = None) -> Artifact:
        """Import a file or folder of MLflow.

        Args:
            project: The project, or the run, that logs it.
            reference_id: Its URI, such as `runs:/<id>/plot.png`.
            key: Its name here.

        Raises:
            InvalidArgumentError: if there is no key.
        """
        with tempfile.TemporaryDirectory(prefix="mlrun-like-mlflow-") as folder:
            path = download(reference_id, folder)
            return log_file(project, _given(key, reference_id), path)


def _given(key: str | None, uri: str) -> str:
    if not key:
        raise InvalidArgumentError(f"{uri!r} needs a name here", fix='key="model"')
    return key_of(key)
