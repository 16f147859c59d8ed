"""The bridge from MLflow: runs inside of ours are taken over."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy
import pytest

import mlrun_like as ml
from mlrun_like.artifacts.models import get_model
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks.mlflow import MLFlowTracker, track_mlflow
from mlrun_like.functions.decorators import function
from mlrun_like.projects.loading import get_or_create_project
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.session import get_or_create_ctx
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.models.mlflow import MLFlowModelServer
from mlrun_like.tracking.connect import open_store

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


@pytest.fixture
def mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    found = pytest.importorskip("mlflow", reason="mlflow is not installed")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    before = found.get_tracking_uri()
    found.set_tracking_uri((tmp_path / "mlruns").as_uri())
    yield found
    found.set_tracking_uri(before)


def make_run(mlflow: Any, tmp_path: Path, model: bool = False) -> str:
    with mlflow.start_run(run_name="inner") as run:
        mlflow.log_param("depth", 3)
        for step in range(3):
            mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
        (tmp_path / "note.txt").write_text("hello")
        mlflow.log_artifact(str(tmp_path / "note.txt"))
        if model:
            linear = pytest.importorskip("sklearn.linear_model")
            mlflow.sklearn.log_model(
                linear.LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]),
                name="net",
                serialization_format="cloudpickle",
                pip_requirements=[],
            )
    return str(run.info.run_id)


def test_a_run_inside_of_ours_is_taken_over(mlflow: Any, tmp_path: Path) -> None:
    make_run(mlflow, tmp_path)  # somebody else's

    @function()
    def train(context: MLClientCtx) -> None:
        with track_mlflow():
            make_run(mlflow, tmp_path, model=True)

    run = train.run()
    assert run.outputs["loss"] == pytest.approx(1 / 3)
    document = run.to_dict()
    assert document["spec"]["parameters"]["depth"] == "3"
    assert document["metadata"]["labels"]["mlflow-run-name"] == "inner"
    record = get_model(run.outputs["net"])[1]
    assert record is not None and record.spec.framework == "mlflow"
    assert "note_txt" in record.spec.extra_data
    graph = flow()
    graph.to(MLFlowModelServer, "net", model_path=run.outputs["net"]).respond()
    answer = graph.to_mock_server().test(body={"inputs": [[0.5]]})["outputs"]
    assert list(answer) == pytest.approx([0.5])


def test_what_a_failing_block_logged_is_kept(mlflow: Any, tmp_path: Path) -> None:
    with get_or_create_ctx("train") as context, pytest.raises(KeyError), track_mlflow(context):
        make_run(mlflow, tmp_path)
        raise KeyError("later")
    assert context.results["loss"] == pytest.approx(1 / 3)


def test_a_finished_run_is_imported(mlflow: Any, tmp_path: Path) -> None:
    reference = make_run(mlflow, tmp_path)
    tracker = MLFlowTracker()
    run = tracker.import_run("imported", reference, "train")
    assert run.uid() == reference and run.metadata.project == "imported"
    found = open_store().read_metrics("imported", reference, 0, ["loss"])
    assert [point.step for point in found["loss"]] == [0, 1, 2]
    assert run.state() == "completed" and run.outputs["loss"] == pytest.approx(1 / 3)
    with get_or_create_ctx("more") as other:
        file = tracker.import_artifact(other, f"runs:/{reference}/note.txt", "note")
    assert file.to_dataitem().get(encoding="utf-8") == "hello"
    with pytest.raises(InvalidArgumentError, match="MLflow has no run"):
        tracker.import_run("imported", "0" * 32)
    with pytest.raises(InvalidArgumentError, match="needs a name"):
        tracker.import_artifact(other, f"runs:/{reference}/note.txt")
    with pytest.raises(InvalidArgumentError, match="MLflow has no 'runs:/"):
        tracker.import_artifact(other, f"runs:/{reference}/other.txt", "other")


def test_a_model_is_imported_into_a_project(mlflow: Any, tmp_path: Path) -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    model = linear.LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])
    one = numpy.array([[0.5]])
    signature = mlflow.models.infer_signature(one, one[0])
    mlflow.sklearn.save_model(
        model,
        tmp_path / "net",
        signature=signature,
        serialization_format="cloudpickle",
        pip_requirements=[],
    )
    project = get_or_create_project("imports", str(tmp_path / "project"))
    uri = (tmp_path / "net").as_uri()
    artifact = MLFlowTracker().import_model(project, uri, "net", metrics={"r2": 1.0})
    record = get_model(artifact.uri)[1]
    assert record is not None and record.spec.metrics == {"r2": 1.0}
    # MLRun's published model server of MLflow unpacks a zip file
    archive = get_model(artifact.uri, ".zip")[0]
    with zipfile.ZipFile(archive) as file:
        assert "MLmodel" in file.namelist()


def log_loss(mlflow: Any, value: float) -> None:
    mlflow.log_param("depth", 3)
    mlflow.log_metric("loss", value)


@pytest.mark.parametrize("option", ["", "mlflow_match_experiment_to_runtime", "mlflow_control_run"])
def test_the_setting_takes_over_each_run_by_itself(mlflow: Any, option: str) -> None:
    def train(context: MLClientCtx, value: float) -> None:
        with mlflow.start_run() if option else nullcontext():
            log_loss(mlflow, value)

    settings = {"track_external": True, **({option: True} if option else {})}
    with config.override(**settings):
        first = ml.new_function("tracked").run(handler=train, params={"value": 0.5})
        second = ml.new_function("tracked").run(handler=train, params={"value": 0.25})
    assert (first.outputs["loss"], second.outputs["loss"]) == (0.5, 0.25)
    labels = [run.metadata.labels for run in (first, second)]
    assert labels[0]["mlflow-run-id"] != labels[1]["mlflow-run-id"]
    assert mlflow.active_run() is None
    if option == "mlflow_match_experiment_to_runtime":
        found = mlflow.get_experiment(labels[0]["mlflow-experiment-id"])
        assert found.name == first.metadata.name
    with config.override(track_external=True, track_mlflow=False):
        third = ml.new_function("tracked").run(handler=train, params={"value": 1.0})
    mlflow.end_run()
    assert "loss" not in third.outputs


def test_trials_of_a_sweep_keep_apart(mlflow: Any) -> None:
    def train(context: MLClientCtx, value: float) -> None:
        with mlflow.start_run():
            log_loss(mlflow, value)

    with config.override(track_external=True):
        run = ml.new_function().run(
            handler=train,
            hyperparams={"value": [3.0, 1.0, 2.0]},
            hyper_param_options={"selector": "min.loss"},
        )
    assert run.outputs["loss"] == 1.0 and run.outputs["best_iteration"] == 2


def test_autolog_in_a_handler(mlflow: Any) -> None:
    trees = pytest.importorskip("sklearn.tree", reason="scikit-learn is not installed")

    def train() -> None:
        mlflow.sklearn.autolog(log_models=False)  # MLflow looks for their requirements for long
        try:
            trees.DecisionTreeClassifier(max_depth=2).fit([[0.0], [1.0], [2.0]], [0, 1, 1])
        finally:
            mlflow.sklearn.autolog(disable=True)

    with config.override(track_external=True):
        run = ml.new_function().run(handler=train)
    assert run.outputs["training_score"] == 1.0 and "training_confusion_matrix_png" in run.outputs
    assert run.to_dict()["spec"]["parameters"]["max_depth"] == "2"


def test_a_platform_that_cannot_be_reached_does_not_fail_the_run(mlflow: Any) -> None:
    def train(context: MLClientCtx) -> int:
        mlflow.set_tracking_uri("nothing://there")
        return 3

    with config.override(track_external=True):
        run = ml.new_function().run(handler=train, returns=["answer"])
    assert run.outputs["answer"] == 3
    assert "what mlflow recorded is not taken over" in run.logs()


def test_nothing_is_imported_when_it_is_off() -> None:
    code = (
        "import sys, mlrun_like as ml\n"
        "ml.new_function().run(handler=lambda context: None)\n"
        "assert 'mlflow' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
