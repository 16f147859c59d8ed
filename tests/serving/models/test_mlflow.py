"""MLFlowModelServer on folders that MLflow wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import GraphError
from mlrun_like.functions.decorators import function
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.models.mlflow import MLFlowModelServer
from mlrun_like.serving.server import GraphServer

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
pandas = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    mlflow = pytest.importorskip("mlflow.sklearn", reason="mlflow is not installed")
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    models = pytest.importorskip("mlflow.models")
    frame = pandas.DataFrame({"a": [0.0, 1.0, 0.0, 1.0], "b": [0, 1, 1, 0]})
    model = linear.LinearRegression().fit(frame, [0, 3, 2, 1])
    path = tmp_path_factory.mktemp("mlflow") / "net"
    mlflow.save_model(
        model, path, signature=models.infer_signature(frame, model.predict(frame)),
        serialization_format="cloudpickle", pip_requirements=["scikit-learn"],
    )  # fmt: skip
    return path


def served(**values: Any) -> GraphServer:
    graph = flow()
    graph.to(MLFlowModelServer, "net", **values).respond()
    return graph.to_mock_server()


def test_a_folder(folder: Path) -> None:
    server = served(model_path=str(folder), trust=True)
    for inputs in ([[1, 1]], [{"b": 1, "a": 1}], {"a": [1], "b": [1]}):
        got = server.test(body={"inputs": inputs})["outputs"]
        assert got == pytest.approx([3])
    for wrong in ([[1]], [{"a": 1}], [["x", "y"]], [[1, 1.5]]):
        refused = server.test(body={"inputs": wrong}, silent=True, get_body=False)
        assert refused.status_code == 400, refused.body
    csv = server.test("/invocations", body=b"1,1\n", content_type="text/csv", get_body=False)
    assert float(csv.body) == pytest.approx(3)


def test_foreign_code_needs_trust(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(GraphError, match="could execute code"):
        served(model_path=str(folder))
    with pytest.raises(GraphError, match="no file MLmodel"):
        served(model_path=str(tmp_path), trust=True)


def test_a_logged_folder_is_trusted_while_it_is_whole(folder: Path) -> None:
    def train(context: Any) -> None:
        context.log_model("net", model_dir=str(folder.parent), model_file=folder.name)

    run = function(name="train")(train).run(watch=False)
    uri = run.outputs["net"]
    got = served(model_path=uri).test(body={"inputs": [[1, 1]]})
    assert got["outputs"] == pytest.approx([3])
    made = served(model_path=uri).plan.nodes["net"].bound.made
    stored, recorded = made.local_folder()
    assert recorded
    Path(stored, "extra.py").write_text("x = 1")
    assert made.local_folder() == (stored, False)
    Path(stored, "extra.py").unlink()
    Path(stored, "model.pkl").write_bytes(b"changed")
    with pytest.raises(GraphError, match="not the file that was logged"):
        served(model_path=uri)
