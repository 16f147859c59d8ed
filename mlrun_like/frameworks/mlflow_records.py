"""What a run of MLflow holds, logged as ours: parameters, series, files, models."""

from __future__ import annotations

import os
import tempfile
from typing import Any

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.configuration import exchange_environment
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.loop.logger import key_of
from mlrun_like.registry import require
from mlrun_like.runs.context import MLClientCtx

__all__ = ["download", "log_file", "log_model", "log_run", "mlflow_package"]

_BARS = "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"


def mlflow_package() -> Any:
    """The package.

    Raises:
        MissingDependencyError: if it is not installed.
    """
    return require("mlflow", extra="mlflow", feature="the bridge from MLflow")


def log_run(context: MLClientCtx, run: Any) -> None:
    """Log a run of MLflow to a run of ours.

    Args:
        context: Our run.
        run: MLflow's run; of its metrics, all steps are read.
    """
    client = mlflow_package().MlflowClient()
    tags, info = run.data.tags, run.info
    for name, value in (
        ("mlflow-user", tags.get("mlflow.user", "")),
        ("mlflow-run-name", tags.get("mlflow.runName", "")),
        ("mlflow-run-id", info.run_id),
        ("mlflow-experiment-id", info.experiment_id),
    ):
        if value:
            context.set_label(name, key_of(value))
    for name, value in run.data.params.items():
        context.get_param(name, value)  # a run's own parameters stay as they were given
    for name in run.data.metrics:
        points = client.get_metric_history(info.run_id, name)
        for point in sorted(points, key=lambda point: (point.step, point.timestamp)):
            context.log_metric(key_of(name), point.value, point.step)
    before = exchange_environment({_BARS: "false"})  # they would fill the run's log
    try:
        with tempfile.TemporaryDirectory(prefix="mlrun-like-mlflow-") as folder:
            _log_files(context, client, run, folder)
    finally:
        exchange_environment(before)
    context.commit()


def _log_files(context: MLClientCtx, client: Any, run: Any, folder: str) -> None:
    """Files first: models name them as their extra data."""
    mlflow, run_id = mlflow_package(), run.info.run_id
    made: dict[str, Any] = {}
    models: dict[str, str] = {}
    for item in client.list_artifacts(run_id):
        path = mlflow.artifacts.download_artifacts(
            run_id=run_id, artifact_path=item.path, dst_path=folder
        )
        name = key_of(item.path.replace(".", "_"))
        if os.path.isfile(os.path.join(path, "MLmodel")):
            models[name] = path
        else:
            made[name] = log_file(context, name, path)
    for name, uri in _logged_models(client, run).items():
        if name not in models:
            inner = os.path.join(folder, f"model-{name}")
            os.makedirs(inner, exist_ok=True)
            try:
                path = mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=inner)
            except mlflow.exceptions.MlflowException as exc:
                context.logger.warning(f"model {name!r} of MLflow cannot be read: {exc}")
                continue
            if os.path.isfile(os.path.join(path, "MLmodel")):  # else it was never finished
                models[name] = path
    details = {
        "metrics": dict(run.data.metrics),
        "parameters": dict(run.data.params),
        "extra_data": made,
    }
    for name, path in models.items():
        log_model(context, name, path, details)


def download(uri: str, folder: str) -> str:
    """Bring a file, folder or model of MLflow into a folder; returns its path.

    Raises:
        InvalidArgumentError: if MLflow does not have it.
    """
    mlflow = mlflow_package()
    try:
        return str(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder))
    except (mlflow.exceptions.MlflowException, OSError) as exc:
        raise InvalidArgumentError(
            f"MLflow has no {uri!r}: {exc}", fix="mlflow.set_tracking_uri(...)"
        ) from exc


def log_file(logger: Any, key: str, path: str) -> Artifact:
    """A file, or a folder, as an artifact."""
    kind = {"format": os.path.splitext(path)[1].lstrip(".")} if os.path.isfile(path) else {}
    artifact: Artifact = logger.log_artifact(key, local_path=path, upload=True, **kind)
    return artifact


def _logged_models(client: Any, run: Any) -> dict[str, str]:
    """Models that MLflow 3 keeps beside its runs: name -> URI."""
    search = getattr(client, "search_logged_models", None)
    if search is None:  # MLflow 2
        return {}
    query = f"source_run_id = '{run.info.run_id}'"
    found = search(experiment_ids=[run.info.experiment_id], filter_string=query)
    return {key_of(model.name): f"models:/{model.model_id}" for model in found}


def log_model(logger: Any, key: str, path: str, details: dict[str, Any]) -> Artifact:
    """A folder with an `MLmodel` file as a model of ours, its signature as inputs and outputs."""
    models = require("mlflow.models", extra="mlflow", feature="the bridge from MLflow")
    path = path.rstrip(os.sep)
    signature = models.Model.load(path).signature
    artifact: Artifact = logger.log_model(
        key_of(key),
        model_dir=os.path.dirname(path),
        model_file=os.path.basename(path),
        framework="mlflow",
        inputs=_features(getattr(signature, "inputs", None), "input"),
        outputs=_features(getattr(signature, "outputs", None), "output"),
        db_key=key_of(key),
        **details,
    )
    return artifact


def _features(schema: Any, name: str) -> list[dict[str, str]]:
    found = []
    for n, item in enumerate(getattr(schema, "inputs", None) or ()):
        kind = getattr(item.type, "name", str(item.type)).lower()
        found.append({"name": str(item.name or f"{name}_{n}"), "value_type": kind})
    return found
