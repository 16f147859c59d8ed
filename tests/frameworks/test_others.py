"""AutoMLRun, ONNX and Lightning."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.artifacts.models import get_model
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks import lightning
from mlrun_like.frameworks.auto_mlrun import AutoMLRun, framework_of
from mlrun_like.frameworks.onnx import ONNXModelHandler
from mlrun_like.frameworks.pytorch.handler import PyTorchModelHandler
from mlrun_like.frameworks.sklearn import SKLearnModelHandler
from mlrun_like.runs.session import get_or_create_ctx
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.models.onnx import ONNXModelServer

pytestmark = pytest.mark.slow


def test_no_framework_is_imported_before_it_is_used() -> None:
    names = "sklearn xgboost lgbm pytorch tf_keras huggingface lightning onnx mlflow auto_mlrun"
    modules = ", ".join(f"mlrun_like.frameworks.{name}" for name in names.split())
    heavy = "torch keras xgboost lightgbm transformers onnx mlflow sklearn plotly matplotlib"
    code = f"import sys, {modules}; print([n for n in {heavy.split()!r} if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]", done.stderr


def test_auto_mlrun_finds_the_framework() -> None:
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    model = linear.LogisticRegression()
    with get_or_create_ctx("train") as context:
        handler = AutoMLRun.apply_mlrun(model, "net", context=context, x_test=[[0.0], [1.0]],
                                        y_test=[0, 1])  # fmt: skip
        model.fit([[0.0], [1.0]], [0, 1])
    assert context.results["accuracy"] == 1.0
    loaded = AutoMLRun.load_model(handler.model_path)
    assert isinstance(loaded, SKLearnModelHandler)
    assert loaded.model.predict([[1.0]]).tolist() == [1]
    assert framework_of(model) == "sklearn"
    with pytest.raises(InvalidArgumentError, match="framework 'tree' is not known"):
        AutoMLRun.load_model(handler.model_path, framework="tree")
    with pytest.raises(InvalidArgumentError, match="give a model, or model_path"):
        AutoMLRun.apply_mlrun()


def served(uri: str, rows: Any) -> Any:
    graph = flow()
    graph.to(ONNXModelServer, "net", model_path=uri).respond()
    return graph.to_mock_server().test(body={"inputs": rows})["outputs"]


@pytest.mark.filterwarnings("ignore")
def test_models_become_onnx_and_are_served() -> None:
    for name in ("onnx", "skl2onnx", "onnxruntime"):
        pytest.importorskip(name, reason=f"{name} is not installed")
    linear = pytest.importorskip("sklearn.linear_model", reason="scikit-learn is not installed")
    model = linear.LogisticRegression().fit([[0.0, 1.0], [1.0, 0.0]], [0, 1])
    with get_or_create_ctx("convert") as context:
        handler = SKLearnModelHandler(model, model_name="net", context=context)
        made = handler.to_onnx(log=True)
    assert served(made.model_path, [[1.0, 0.0]]) == [1]
    again = ONNXModelHandler(model_path=made.model_path)
    assert again.load().graph.input and again.model_name == "net_onnx"
    torch = pytest.importorskip("torch", reason="torch is not installed")
    module = torch.nn.Linear(2, 1)
    with get_or_create_ctx("convert") as context:
        line = PyTorchModelHandler(module, model_name="line", context=context)
        with pytest.raises(InvalidArgumentError, match="nothing shows the module's inputs"):
            line.to_onnx()
        made = line.to_onnx(sample=[[0.0, 0.0]], log=True)
    rows = [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
    expected = module(torch.tensor(rows)).tolist()
    answer = served(made.model_path, rows)
    assert [row[0] for row in answer] == pytest.approx([row[0] for row in expected])
    with pytest.raises(InvalidArgumentError, match="'onnx' are not converted"):
        made.to_onnx()


@pytest.mark.filterwarnings("ignore")
def test_lightning_is_recorded(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    pl: Any = pytest.importorskip("pytorch_lightning", reason="Lightning is not installed")

    class Net(pl.LightningModule):  # type: ignore[misc]
        def __init__(self, rate: float = 0.1) -> None:
            super().__init__()
            self.save_hyperparameters()
            self.line = torch.nn.Linear(2, 1)

        def training_step(self, batch: Any, index: int) -> Any:
            loss = torch.nn.functional.mse_loss(self.line(batch[0]), batch[1])
            self.log("train_loss", loss)
            return loss

        def validation_step(self, batch: Any, index: int) -> None:
            self.log("val_loss", torch.nn.functional.mse_loss(self.line(batch[0]), batch[1]))

        def test_step(self, batch: Any, index: int) -> None:
            self.log("test_loss", torch.nn.functional.mse_loss(self.line(batch[0]), batch[1]))

        def configure_optimizers(self) -> Any:
            return torch.optim.SGD(self.parameters(), lr=0.1)

        def forward(self, x: Any) -> Any:
            return self.line(x)

    x = torch.rand(8, 2)
    rows = torch.utils.data.TensorDataset(x, x.sum(dim=1, keepdim=True))
    data = torch.utils.data.DataLoader(rows, batch_size=4)
    with get_or_create_ctx("train") as context:
        trainer = pl.Trainer(
            max_epochs=2,
            logger=False,
            accelerator="cpu",
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=str(tmp_path),
        )
        report = lightning.apply_mlrun(trainer, "net", context)
        net = Net()
        trainer.fit(net, data, data)
        trainer.test(net, data, verbose=False)
    results = context.results
    assert {"training_loss", "validation_loss", "evaluation_loss", "lr", "rate"} <= set(results)
    found = context.store.read_metrics(context.project, context.uid, 0, ["validation_loss"])
    assert len(found["validation_loss"]) == 2
    record = get_model(report.handler.model_path)[1]
    assert record is not None and "loss_summary" in record.spec.extra_data
    again = PyTorchModelHandler(model_path=report.handler.model_path).load()
    assert torch.equal(again(x), net(x))
