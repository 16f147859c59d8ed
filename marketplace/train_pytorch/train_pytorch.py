"""A PyTorch network for a table: trained with early stopping and checkpoints, then asked."""

from __future__ import annotations

import copy
import importlib
import itertools
import math
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.model_selection import train_test_split

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.frameworks import pytorch
from mlrun_like.frameworks.pytorch.callbacks import Callback

__all__ = ["predict", "train"]

_FEW = 20  # a whole-numbered label of more values is a number, not a class
_TESTED = 10_000


def train(  # noqa: PLR0913 - a run's parameters
    context: ml.MLClientCtx,
    dataset: ml.DataItem,
    label_column: str,
    hidden: list[int] | None = None,
    model_class: str = "",
    epochs: int = 20,
    batch_size: int = 64,
    learning_rate: float = 0.001,
    optimizer: str = "Adam",
    patience: int = 5,
    test_set: ml.DataItem | None = None,
    train_test_split_size: float = 0.2,
    drop_columns: list[str] | str | None = None,
    random_state: int = 1,
    model_name: str = "model",
    checkpoint_directory: str = "",
    **kwargs: Any,
) -> None:
    """Train a network; the weights of the best epoch are kept.

    Args:
        context: The run.
        dataset: The rows: columns of numbers without gaps, and the label.
        label_column: A class (text, switch, or whole number of up to 20 values), or a number.
        hidden: Sizes of the hidden layers; `[64, 32]`.
        model_class: Instead of these: the path of your own module's class, made with
            `CLASS_<argument>`; it gives one number, or a logit for each class.
        epochs: How many epochs at most.
        batch_size: Rows of a batch.
        learning_rate: Of the optimizer.
        optimizer: A class of `torch.optim`; `OPTIMIZER_<argument>` are its further arguments.
        patience: Stop after so many epochs without a better test loss; 0: never.
        test_set: Rows to test with after each epoch.
        train_test_split_size: Without a test set: the share of `dataset`.
        drop_columns: Columns to leave out.
        random_state: Seed of the split, the weights and the order of rows.
        model_name: The model's name in the store.
        checkpoint_directory: Keep states of the training here; a later run with it goes on.
        kwargs: `CLASS_<argument>` and `OPTIMIZER_<argument>`.

    Raises:
        InvalidArgumentError: if columns, classes or arguments do not fit.
    """
    groups = _by_prefix(kwargs)
    if epochs < 1 or batch_size < 1:
        raise InvalidArgumentError(f"epochs={epochs} and batch_size={batch_size} must be 1 or more")
    x, label = _table(dataset, label_column, drop_columns)
    if test_set is None:
        split = {"test_size": train_test_split_size, "random_state": random_state}
        x_train, x_test, label_train, label_test = train_test_split(x, label, **split)
    else:
        x_train, label_train = x, label
        x_test, label_test = _table(test_set, label_column, drop_columns)
    classes = _classes(label)
    y_train, y_test = (_target(one, classes) for one in (label_train, label_test))
    torch.manual_seed(random_state)
    scale = None
    if model_class:
        model = _own(model_class, groups["CLASS_"])
    else:
        scale = _Scale(x_train)
        model = _layers([x.shape[1], *(hidden or (64, 32)), len(classes) or 1])
    with_rows = [
        torch.utils.data.TensorDataset(_tensor(rows, scale), truth)
        for rows, truth in ((x_train, y_train), (x_test[x_train.columns], y_test))
    ]
    order = torch.Generator().manual_seed(random_state)
    batches = torch.utils.data.DataLoader(with_rows[0], batch_size, shuffle=True, generator=order)
    kept = _Best(model, patience, scale)
    loss: Any = torch.nn.CrossEntropyLoss() if classes else torch.nn.MSELoss()
    handler = pytorch.train(
        model,
        batches,
        loss,
        _optimizer(optimizer, model, learning_rate, groups["OPTIMIZER_"]),
        validation_set=torch.utils.data.DataLoader(with_rows[1], _TESTED),
        metric_functions=[accuracy] if classes else [mean_absolute_error],
        epochs=epochs,
        callbacks_list=[kept],
        model_name=model_name,
        checkpoint_directory=checkpoint_directory or None,
        context=context,
    )
    _record(context, handler, x_train, label_column, classes)
    said = _predictions(handler.model, x_test[x_train.columns])
    context.log_results({"epochs": kept.epochs, **_scores(said, y_test, bool(classes))})


def predict(
    context: ml.MLClientCtx, model: str, dataset: ml.DataItem, result_set: str = "prediction"
) -> None:
    """Predict rows: the class and its probability, or the number, beside the rows.

    Args:
        context: The run.
        model: The URI of a model that `train` logged.
        dataset: The rows; further columns stay as they are.
        result_set: Key of the data set with the predictions.

    Raises:
        InvalidArgumentError: if a column of the model is not there.
    """
    handler = pytorch.PyTorchModelHandler(model_path=model, context=context)
    handler.load()
    spec = handler.record.spec if handler.record is not None else None
    names = [str(one["name"]) for one in spec.inputs] if spec else []
    classes = spec.parameters.get("classes") if spec else None
    frame = dataset.as_df()
    absent = [name for name in names if name not in frame.columns]
    if absent or not names:
        raise InvalidArgumentError(
            f"the dataset has no column {absent[0]!r}" if absent else f"{model} has no inputs",
            fix=f"the model takes: {', '.join(names[:20])}",
        )
    said = _predictions(handler.model, frame[names])
    label = f"predicted_{spec.outputs[0]['name'] if spec and spec.outputs else 'label'}"
    if classes:
        chances = torch.softmax(said, dim=1).max(dim=1)
        told = np.array(classes, dtype=object)[chances.indices.numpy()].tolist()
        frame = frame.assign(**{label: told, f"{label}_probability": chances.values.numpy()})
    else:
        frame = frame.assign(**{label: said.reshape(len(frame)).numpy()})
    context.log_dataset(result_set, df=frame, format="parquet", index=False)


def accuracy(y_pred: Any, y_true: Any) -> float:
    """The share of rows whose largest logit is their class's."""
    return float((y_pred.argmax(dim=1) == y_true).float().mean())


def mean_absolute_error(y_pred: Any, y_true: Any) -> float:
    """The mean distance."""
    return float((y_pred - y_true).abs().mean())


class _Scale:
    """Columns with mean 0 and deviation 1, so that all weigh the same when training begins."""

    def __init__(self, x: pd.DataFrame) -> None:
        self.mean = torch.tensor(x.mean().to_numpy(dtype="float32"))
        spread = x.std(ddof=0).to_numpy(dtype="float32")
        self.spread = torch.tensor(np.where(spread > 0, spread, 1.0))

    def fold(self, first: Any) -> None:
        """Put it into the first layer, which then takes columns as they are."""
        with torch.no_grad():
            first.weight /= self.spread
            first.bias -= first.weight @ self.mean


class _Best(Callback):
    """Remembers the weights with the least test loss, and ends a training without progress."""

    def __init__(self, model: Any, patience: int, scale: _Scale | None) -> None:
        self.model, self.patience, self.scale = model, patience, scale
        self.loss, self.waited, self.epochs = math.inf, 0, 0
        self.state: Any = None

    def on_validation_end(self, loss_value: Any, metric_values: list[Any]) -> bool | None:
        self.epochs += 1
        if not math.isfinite(loss_value):
            what = f"the test loss is {loss_value} after epoch {self.epochs}"
            raise InvalidArgumentError(what, fix="a smaller learning_rate")
        self.waited += 1
        if loss_value < self.loss:
            self.loss, self.waited = loss_value, 0
            self.state = copy.deepcopy(self.model.state_dict())
        return not self.patience or self.waited < self.patience

    def on_run_end(self) -> None:
        if self.state is not None:
            self.model.load_state_dict(self.state)
        if self.scale is not None:
            self.scale.fold(self.model[0])


def _by_prefix(kwargs: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {"CLASS_": {}, "OPTIMIZER_": {}}
    for name, value in kwargs.items():
        prefix = next((one for one in found if name.startswith(one)), "")
        if not prefix:
            fix = f"CLASS_{name} is for the module's class, OPTIMIZER_{name} for the optimizer"
            raise InvalidArgumentError(f"train has no parameter {name!r}", fix=fix)
        found[prefix][name.removeprefix(prefix)] = value
    return found


def _table(dataset: ml.DataItem, label: str, drop: Any) -> tuple[pd.DataFrame, Any]:
    frame = dataset.as_df()
    left_out = [drop] if isinstance(drop, str) else list(drop or ())
    absent = [name for name in (label, *left_out) if name not in frame.columns]
    if absent:
        raise InvalidArgumentError(
            f"the dataset has no column {absent[0]!r}",
            fix=f"its columns: {', '.join(map(str, list(frame.columns)[:20]))}",
        )
    frame = frame[frame[label].notna()]
    x = frame.drop(columns=[label, *left_out])
    bad = [str(name) for name in x.columns if x[name].dtype.kind not in "biuf" or x[name].hasnans]
    if bad:
        what = f"columns {', '.join(bad[:10])} are no numbers, or have gaps"
        raise InvalidArgumentError(what, fix="encode and fill them first, or drop_columns=")
    return x, frame[label]


def _classes(label: Any) -> list[Any]:
    kind = label.dtype.kind
    if kind == "f" and not (label == label.round()).all():
        return []
    return [] if kind in "iuf" and label.nunique() > _FEW else sorted(label.unique().tolist())


def _target(label: Any, classes: list[Any]) -> Any:
    if not classes:
        return torch.tensor(label.to_numpy(dtype="float32")).reshape(-1, 1)
    numbers = pd.Categorical(label, categories=classes).codes
    if (numbers < 0).any():
        raise InvalidArgumentError(f"the test set has a class that is none of {classes[:20]}")
    return torch.tensor(numbers.astype("int64"))


def _tensor(x: pd.DataFrame, scale: _Scale | None = None) -> Any:
    found = torch.tensor(x.to_numpy(dtype="float32"))
    return found if scale is None else (found - scale.mean) / scale.spread


def _layers(sizes: list[int]) -> Any:
    layers: list[Any] = []
    for before, after in itertools.pairwise(sizes):
        layers += [torch.nn.Linear(int(before), int(after)), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def _own(path: str, arguments: dict[str, Any]) -> Any:
    module, _, name = path.rpartition(".")
    try:
        return getattr(importlib.import_module(module or "builtins"), name)(**arguments)
    except (ImportError, AttributeError, TypeError) as exc:
        raise InvalidArgumentError(f"model_class {path!r} cannot be made: {exc}") from exc


def _optimizer(name: str, model: Any, rate: float, arguments: dict[str, Any]) -> Any:
    try:
        return getattr(torch.optim, name)(model.parameters(), lr=rate, **arguments)
    except (AttributeError, TypeError, ValueError) as exc:
        raise InvalidArgumentError(
            f"optimizer {name!r} cannot be made: {exc}", fix="Adam, AdamW, SGD, RMSprop"
        ) from exc


def _record(
    context: ml.MLClientCtx, handler: Any, x: pd.DataFrame, label: str, classes: list[Any]
) -> None:
    handler.set_inputs(features=[{"name": str(name), "value_type": "float"} for name in x.columns])
    handler.set_outputs(features=[{"name": label, "value_type": "float"}])
    context.update_artifact(handler.update(parameters={"classes": classes} if classes else {}))


def _predictions(model: Any, x: pd.DataFrame) -> Any:
    model.eval()
    device = next(iter(model.parameters())).device
    with torch.inference_mode():
        parts = [model(part.to(device)).cpu() for part in _tensor(x).split(_TESTED)]
    return torch.cat(parts)


def _scores(said: Any, truth: Any, is_classes: bool) -> dict[str, float]:
    if is_classes:
        return {"accuracy": accuracy(said, truth)}
    off = said.reshape(-1) - truth.reshape(-1)
    return {"mean_absolute_error": float(off.abs().mean()), "rmse": float((off**2).mean() ** 0.5)}
