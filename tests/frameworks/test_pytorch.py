"""Training with PyTorch: what is recorded, checkpoints, serving."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas
import pytest

from mlrun_like.artifacts.models import get_model
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks import pytorch
from mlrun_like.frameworks.loop.checkpoints import Checkpoints
from mlrun_like.functions.decorators import function
from mlrun_like.promotion.predicting import Predictor
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.session import get_or_create_ctx
from mlrun_like.serving.definition.graph import flow

torch = pytest.importorskip("torch", reason="torch is not installed")
pytestmark = pytest.mark.slow

CLASS = """
import torch

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.line = torch.nn.Linear(2, 1)

    def forward(self, x):
        return self.line(x)
"""


def data(rows: int = 12, size: int = 4) -> Any:
    torch.manual_seed(0)
    x = torch.rand(rows, 2)
    sets = torch.utils.data.TensorDataset(x, x.sum(dim=1, keepdim=True))
    return torch.utils.data.DataLoader(sets, batch_size=size)


def error(y_pred: Any, y_true: Any) -> Any:
    return (y_pred - y_true).abs().mean()


def network() -> Any:
    torch.manual_seed(1)
    return torch.nn.Sequential(torch.nn.Linear(2, 1))


def trained(context: MLClientCtx, model: Any = None, **values: Any) -> Any:
    model = model or network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.1)
    return pytorch.train(
        model,
        data(),
        torch.nn.MSELoss(),
        optimizer,
        **{"validation_set": data(), "metric_functions": [error], "epochs": 3, **values},
        context=context,
    )


def series(context: MLClientCtx, key: str) -> list[float]:
    found = context.store.read_metrics(context.project, context.uid, 0, [key])
    return [point.value for point in found[key]]


def test_a_training_is_recorded_and_served(tmp_path: Path) -> None:
    with get_or_create_ctx("train") as context:
        handler = trained(context, model_name="net", tensorboard_directory=str(tmp_path))
    results = context.results
    assert results["batch_size"] == 4 and results["lr"] == 0.1
    for name in ("training_MSELoss", "validation_MSELoss", "training_error", "validation_error"):
        values = series(context, name)
        assert len(values) == 3 and values[-1] == results[name] < values[0]
    record = get_model(handler.model_path)[1]
    assert record is not None and record.spec.framework == "torch"
    assert record.spec.metrics["validation_error"] == results["validation_error"]
    assert {"training_MSELoss", "MSELoss_summary", "lr_values"} <= set(record.spec.extra_data)
    assert "training_MSELoss.html" in {a["metadata"]["key"] for a in context.artifacts}
    rows = [[0.1, 0.2], [0.5, 0.5]]
    graph = flow()
    graph.to(pytorch.PyTorchModelServer, "net", model_path=handler.model_path).respond()
    answer = graph.to_mock_server().test(body={"inputs": rows})["outputs"]
    assert answer == pytorch.PyTorchMLRunInterface(handler.model, context).predict(rows)
    found = Predictor(record).predict(pandas.DataFrame(rows))
    assert found.tolist() == [row[0] for row in answer]
    if list(tmp_path.iterdir()):
        assert list(tmp_path.rglob("events.out.tfevents*"))


def test_a_logged_module_is_tested_in_another_run() -> None:
    with get_or_create_ctx("train") as first:
        handler = trained(first)
    with get_or_create_ctx("test") as second:
        tested, values = pytorch.evaluate(
            handler.model_path,
            data(),
            loss_function=torch.nn.MSELoss(),
            metric_functions=[error],
            context=second,
        )
    assert values == [second.results["evaluation_MSELoss"], second.results["evaluation_error"]]
    assert values[1] == pytest.approx(first.results["validation_error"])
    assert tested.model is not handler.model
    record = get_model(handler.model_path)[1]
    assert record is not None and record.spec.metrics["evaluation_error"] == values[1]


def test_the_state_and_the_code_of_a_class_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "made_net.py").write_text(CLASS)
    maps: dict[str, Any] = {
        "custom_objects_map": {"made_net.py": "Net"},
        "custom_objects_directory": str(tmp_path),
    }
    objects = pytorch.PyTorchModelHandler(network(), **maps).custom_objects
    with get_or_create_ctx("train") as context:
        handler = trained(context, objects.load()["Net"](), model_name="net", **maps)
    record = get_model(handler.model_path)[1]
    assert record is not None and "net_custom_objects.zip" in record.spec.extra_data
    again = pytorch.PyTorchModelHandler(model_path=handler.model_path)
    state = again.load().state_dict()
    assert all(torch.equal(state[k], v) for k, v in handler.model.state_dict().items())
    assert set(state) == {"line.weight", "line.bias"}


class Stop(pytorch.Callback):
    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_epoch_begin(self, epoch: int) -> None:
        if epoch == self.epoch:
            raise KeyboardInterrupt


def test_a_training_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    with get_or_create_ctx("whole") as context:
        whole = trained(context, epochs=4).model
    folder = str(tmp_path / "states")
    with get_or_create_ctx("cut") as cut, pytest.raises(KeyboardInterrupt):
        trained(cut, epochs=4, checkpoint_directory=folder, callbacks_list=[Stop(2)])
    assert Checkpoints(folder).latest()[0] == 2
    with get_or_create_ctx("rest") as rest:
        again = trained(rest, epochs=4, checkpoint_directory=folder).model
    assert len(series(rest, "training_MSELoss")) == 2
    for key, value in whole.state_dict().items():
        assert torch.allclose(again.state_dict()[key], value)
    with get_or_create_ctx("over") as over:
        trained(over, epochs=4, checkpoint_directory=folder)
    assert "training_MSELoss" not in over.results
    loaded = pytorch.PyTorchModelHandler(model_path=rest.get_cached_artifact("model").uri)
    state = loaded.load(Checkpoints(folder).latest()[1]).state_dict()
    assert torch.allclose(state["0.weight"], whole.state_dict()["0.weight"])


KILLED = """
import os, signal, sys, torch
import mlrun_like as ml
from mlrun_like.frameworks import pytorch

class Die(pytorch.Callback):
    def on_train_batch_end(self, batch, x, y_true, y_pred):
        if self.epoch == 2 and batch == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    def on_epoch_begin(self, epoch):
        self.epoch = epoch

def train(context, folder: str):
    torch.manual_seed(0)
    x = torch.rand(12, 2)
    sets = torch.utils.data.TensorDataset(x, x.sum(dim=1, keepdim=True))
    data = torch.utils.data.DataLoader(sets, batch_size=4)
    torch.manual_seed(1)
    model = torch.nn.Sequential(torch.nn.Linear(2, 1))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.1)
    pytorch.train(model, data, torch.nn.MSELoss(), optimizer, epochs=4, callbacks_list=[Die()],
                  checkpoint_directory=folder)

ml.new_function("net").run(handler=train, params={"folder": sys.argv[1]})
"""


def test_a_killed_training_goes_on(tmp_path: Path, home: Path) -> None:
    folder, code = str(tmp_path / "states"), tmp_path / "killed.py"
    code.write_text(KILLED, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(code), folder],
        env={**os.environ, "MLRUN_LIKE_HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    with get_or_create_ctx("whole") as context:
        whole = trained(context, epochs=4).model
    with get_or_create_ctx("rest") as rest:
        again = trained(rest, epochs=4, checkpoint_directory=folder).model
    assert len(series(rest, "training_MSELoss")) == 2
    assert torch.allclose(again.state_dict()["0.weight"], whole.state_dict()["0.weight"])


def test_ranks_beside_the_first_log_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMPI_COMM_WORLD_RANK", "1")

    @function()
    def train(context: MLClientCtx) -> None:
        handler = trained(
            context,
            checkpoint_directory=str(tmp_path / "states"),
            tensorboard_directory=str(tmp_path / "boards"),
        )
        assert handler.record is None

    run = train.run()
    assert not run.outputs and not run.status.results
    assert not list(tmp_path.glob("boards/*")) and not list(tmp_path.glob("states/*"))


def test_a_callback_ends_a_training_and_a_scheduler_steps() -> None:
    class Enough(pytorch.Callback):
        def on_validation_end(self, loss_value: Any, metric_values: list[Any]) -> bool:
            return False

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.5)
    with get_or_create_ctx("train") as context:
        pytorch.train(
            model,
            data(),
            torch.nn.MSELoss(),
            optimizer,
            data(),
            scheduler=scheduler,
            scheduler_step_frequency="batch",
            epochs=5,
            callbacks_list=[Enough()],
            context=context,
        )
    assert len(series(context, "training_MSELoss")) == 1
    assert optimizer.param_groups[0]["lr"] == 0.125


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"use_horovod": True}, "use_horovod is not supported"),
        ({"epochs": -1}, "epochs is -1"),
        ({"scheduler_step_frequency": "hour"}, "'hour' is not usable"),
        ({"custom_objects_map": {"a.py": "A"}}, "not where they are"),
    ],
)
def test_mistakes(values: dict[str, Any], text: str) -> None:
    with get_or_create_ctx("t") as context, pytest.raises(InvalidArgumentError, match=text):
        trained(context, **values)


def test_a_writer_that_dies_leaves_the_state_before(tmp_path: Path) -> None:
    states = Checkpoints(tmp_path)
    states.save(1, lambda path: Path(path).write_text("one"))

    def dies(path: str) -> None:
        Path(path).write_text("hal")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        states.save(2, dies)
    assert states.latest()[0] == 1 and [p.name for p in tmp_path.iterdir()] == ["epoch-000001.ckpt"]
    with pytest.raises(InvalidArgumentError, match="must be at least 1"):
        Checkpoints(tmp_path, every=0)
