"""Models of scikit-learn, XGBoost and LightGBM, named by their class: train, evaluate, predict.

Further parameters go where their prefix says: `CLASS_` to the class, `FIT_` to `fit`, `TRAIN_` to
the training function `lightgbm.train`, `PREDICT_` to `predict`.
"""

from __future__ import annotations

import importlib
from typing import Any, NoReturn

import pandas as pd
from sklearn.model_selection import train_test_split

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, nearest
from mlrun_like.frameworks import lgbm
from mlrun_like.frameworks.auto_mlrun import AutoMLRun

__all__ = ["evaluate", "predict", "train"]

_PREFIXES = ("CLASS_", "FIT_", "TRAIN_", "PREDICT_")
_VECTORS = "store://feature-vectors/"
_SHARE = 0.2


def train(  # noqa: PLR0913 - MLRun's signature
    context: ml.MLClientCtx,
    dataset: ml.DataItem,
    model_class: str,
    label_columns: str | list[str] | None = None,
    drop_columns: str | list[str] | None = None,
    model_name: str = "model",
    tag: str = "",
    sample_set: ml.DataItem | None = None,
    test_set: ml.DataItem | None = None,
    train_test_split_size: float | None = None,
    random_state: int | None = None,
    labels: dict[str, str] | None = None,
    **kwargs: Any,
) -> None:
    """Train a model; its scores and charts on the test set, the test set and the model are logged.

    Args:
        context: The run.
        dataset: The rows to learn from: a table, or a feature vector.
        model_class: The class, such as `sklearn.linear_model.LogisticRegression`, or
            `lightgbm.train`.
        label_columns: The label's column, or columns; of a feature vector by default its own.
        drop_columns: Columns to leave out.
        model_name: The model's name in the store.
        tag: A tag of the model besides `latest`.
        sample_set: Rows whose statistics are kept with the model; by default all of `dataset`.
        test_set: Rows to test with.
        train_test_split_size: Without a test set: the share of `dataset` to test with; 0.2.
        random_state: Seed of that split.
        labels: Labels of the model.
        kwargs: `CLASS_<argument>`, `FIT_<argument>`, `TRAIN_<argument>`.

    Raises:
        InvalidArgumentError: if there is no such class, a column is not there, or the model refuses
            the data.
    """
    groups = _by_prefix(context, kwargs)
    is_function = model_class == "lightgbm.train"
    if groups["TRAIN_"] and not is_function:
        context.logger.warning(f"{model_class} is no function: TRAIN_ arguments are left out")
    model = None if is_function else _made(model_class, groups["CLASS_"])
    frame, names = _table(context, dataset, label_columns, drop_columns)
    sample = frame
    if sample_set is not None:
        sample, _ = _table(context, sample_set, names, drop_columns)
    x, y = _split(frame, names)
    if test_set is not None:
        if train_test_split_size:
            context.logger.info("there is a test_set, so train_test_split_size has no effect")
        tested, _ = _table(context, test_set, names, drop_columns)
        x_train, y_train, (x_test, y_test) = x, y, _split(tested, names)
    else:
        x_train, x_test, y_train, y_test = _halves(x, y, train_test_split_size, random_state)
    context.logger.info(f"training '{model_name}' with {len(x_train)} rows")
    if model is None:
        _train_booster(context, model_name, tag, (x_train, y_train), (x_test, y_test), groups)
        return
    AutoMLRun.apply_mlrun(
        model=model,
        model_name=model_name,
        context=context,
        tag=tag,
        sample_set=sample,
        y_columns=names,
        x_test=x_test,
        y_test=y_test,
        labels=labels,
    )
    try:
        model.fit(x_train, y_train, **groups["FIT_"])
    except (TypeError, ValueError) as exc:
        _refuse(model_class, exc, x_train)


def evaluate(
    context: ml.MLClientCtx,
    model: str,
    dataset: ml.DataItem,
    drop_columns: str | list[str] | None = None,
    label_columns: str | list[str] | None = None,
    **kwargs: Any,
) -> None:
    """Test a logged model; the run and the model get the results `evaluation_<metric>`.

    Args:
        context: The run.
        model: The model's `store://` URI.
        dataset: The rows to test with: a table, or a feature vector.
        drop_columns: Columns to leave out.
        label_columns: The label's column, or columns; of a feature vector by default its own.
        kwargs: Arguments of the model's `predict`; the prefix `PREDICT_` may be left out.

    Raises:
        InvalidArgumentError: if a column is not there, or the model refuses the rows.
    """
    frame, names = _table(context, dataset, label_columns, drop_columns)
    x, y = _split(frame, names)
    handler = AutoMLRun.load_model(model_path=model, context=context)
    x = _inputs(handler, x)
    AutoMLRun.apply_mlrun(handler.model, y_test=y, model_path=model, context=context)
    context.logger.info(f"evaluating '{handler.model_name}' with {len(x)} rows")
    _ask(handler, x, kwargs)


def predict(
    context: ml.MLClientCtx,
    model: str,
    dataset: ml.DataItem,
    drop_columns: str | int | list[str] | list[int] | None = None,
    label_columns: str | list[str] | None = None,
    result_set: str | None = None,
    **kwargs: Any,
) -> None:
    """Predict rows; the data set `prediction` has them, and the predictions beside them.

    Args:
        context: The run.
        model: The model's `store://` URI.
        dataset: The rows: a table, a feature vector, or (as a parameter) a list or dictionary.
        drop_columns: Columns to leave out, by name, or by number of a list's.
        label_columns: Names of the predictions; by default `predicted labels`, or
            `predicted_label_<n>` of several.
        result_set: Key of the data set; `prediction`.
        kwargs: Arguments of the model's `predict`; the prefix `PREDICT_` may be left out.

    Raises:
        InvalidArgumentError: if the names do not fit the predictions, or the model refuses rows.
    """
    frame, names = _table(context, dataset, label_columns, drop_columns, labelled=False)
    handler = AutoMLRun.load_model(model_path=model, context=context)
    context.logger.info(f"'{handler.model_name}' predicts {len(frame)} rows")
    x = _inputs(handler, frame)
    said = pd.DataFrame(_ask(handler, x, kwargs)).to_numpy()
    frame = (x if isinstance(frame.columns, pd.RangeIndex) else frame).rename(columns=str)
    count = said.shape[1]
    if not names and count == 1:
        names = ["predicted labels"]
    names += [f"predicted_label_{number + 1}" for number in range(len(names), count)]
    if len(names) > count:
        what = f"the model gives {count} values for a row, and label_columns has {len(names)} names"
        raise InvalidArgumentError(what, fix=f"label_columns= {count} names")
    if taken := [name for name in names if name in frame.columns]:
        raise InvalidArgumentError(
            f"the rows have columns {taken} already",
            fix=f"drop_columns={taken!r} leaves them out; label_columns= names other ones",
        )
    added = dict(zip(names, said.T, strict=True))
    key = result_set or "prediction"
    context.log_dataset(key, df=frame.assign(**added), db_key=key, index=False)


def _by_prefix(context: Any, kwargs: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {prefix: {} for prefix in _PREFIXES}
    for name, value in kwargs.items():
        prefix = next((one for one in _PREFIXES if name.startswith(one)), "")
        if prefix:
            found[prefix][name.removeprefix(prefix)] = value
            continue
        known = [*train.__annotations__, *(f"{one}{name}" for one in _PREFIXES)]
        what = f"train has no parameter {name!r}.{nearest(name, known)}"
        if ml.config.strict_arguments:
            fix = f"CLASS_{name} is for the model's class, FIT_{name} for its fit"
            raise InvalidArgumentError(what, fix=fix)
        context.logger.warning(f"{what} It has no effect.")  # as old code expects
    return found


def _made(path: str, arguments: dict[str, Any]) -> Any:
    module, _, name = path.rpartition(".")
    try:
        kind = getattr(importlib.import_module(module), name, None) if module else None
    except ImportError as exc:
        raise InvalidArgumentError(
            f"model_class {path!r} cannot be imported: {exc}",
            fix="install its package, or look at the path: sklearn.linear_model.LinearRegression",
        ) from exc
    if not hasattr(kind, "fit") or not callable(kind):
        what = f"model_class {path!r} is no class with fit and predict"
        fix = "sklearn.ensemble.RandomForestClassifier, xgboost.XGBClassifier, lightgbm.train"
        raise InvalidArgumentError(what, fix=fix)
    try:
        return kind(**arguments)
    except TypeError as exc:
        raise InvalidArgumentError(
            f"{path} cannot be made with {sorted(arguments)}: {exc}", where="CLASS_ parameters"
        ) from exc


def _table(
    context: ml.MLClientCtx, data: Any, labels: Any, drop: Any, *, labelled: bool = True
) -> tuple[pd.DataFrame, list[str]]:
    """The rows, and the names of the labels."""
    url = str(getattr(data, "artifact_url", ""))
    names = _listed(labels)
    if not names and url.startswith(_VECTORS):
        label = str(getattr(data.meta.spec, "label_feature", None) or "")
        names = _listed(label.rpartition(" as ")[2].rpartition(".")[2].strip())
    if not names and labelled:
        what = "label_columns is missing, and only a feature vector knows its label"
        raise InvalidArgumentError(what, fix='label_columns="target"')
    frame = data.as_df() if hasattr(data, "as_df") else pd.DataFrame(data)
    dropped = [] if drop is None else _listed(drop)
    if absent := [name for name in dropped if name not in frame.columns]:
        context.logger.warning(f"columns to drop that are not in the dataset: {absent}")
    frame = frame.drop(columns=[name for name in dropped if name in frame.columns])
    missing = [name for name in names if name not in frame.columns] if labelled else []
    if missing or frame.empty:
        raise InvalidArgumentError(
            f"the dataset has no column {missing[0]!r}" if missing else "the dataset has no rows",
            fix=f"its columns: {', '.join(map(str, list(frame.columns)[:20]))}",
        )
    return frame, names


def _listed(given: Any) -> list[Any]:
    if given is None or given == "":
        return []
    return [given] if isinstance(given, (str, int)) else list(given)


def _split(frame: pd.DataFrame, names: list[str]) -> tuple[pd.DataFrame, Any]:
    return frame.drop(columns=names), frame[names[0] if len(names) == 1 else names]


def _halves(x: pd.DataFrame, y: Any, share: float | None, seed: int | None) -> Any:
    try:
        return train_test_split(x, y, test_size=share or _SHARE, random_state=seed)
    except ValueError as exc:
        raise InvalidArgumentError(f"{len(x)} rows cannot be split: {exc}") from exc


def _inputs(handler: Any, frame: pd.DataFrame) -> pd.DataFrame:
    """The columns that the model knows, in its order; else all."""
    known = [one["name"] for one in handler.record.spec.inputs] if handler.record else []
    if isinstance(frame.columns, pd.RangeIndex) and frame.shape[1] == len(known):
        return frame.set_axis(known, axis=1)  # rows of a list, which has no names
    return frame[known] if known and set(known) <= set(frame.columns) else frame


def _ask(handler: Any, x: pd.DataFrame, kwargs: dict[str, Any]) -> Any:
    given = {name.removeprefix("PREDICT_"): value for name, value in kwargs.items()}
    try:
        return handler.model.predict(x, **given)
    except (TypeError, ValueError) as exc:
        _refuse(handler.model_name, exc, x)


def _train_booster(
    context: ml.MLClientCtx,
    name: str,
    tag: str,
    rows: tuple[Any, Any],
    tested: tuple[Any, Any],
    groups: dict[str, dict[str, Any]],
) -> None:
    given = {**groups["TRAIN_"]}
    given["params"] = {**given.get("params", {}), **groups["CLASS_"]}
    package = importlib.import_module("lightgbm")
    lgbm.apply_mlrun(context=context, model_name=name, tag=tag)
    learnt = package.Dataset(*rows)
    package.train(train_set=learnt, valid_sets=[learnt.create_valid(*tested)], **given)


def _refuse(what: str, exc: Exception, x: pd.DataFrame) -> NoReturn:
    if isinstance(exc, MLRunLikeError):
        raise exc
    texts = [str(name) for name, kind in x.dtypes.items() if kind.kind not in "biufmM"]
    holes = [str(name) for name in x.columns if x[name].isna().any()]
    told = [f"no numbers: {', '.join(texts[:10])}"] if texts else []
    told += [f"missing values: {', '.join(holes[:10])}"] if holes else []
    fix = "; ".join(told) or "look at the model's own arguments, CLASS_ and FIT_"
    raise InvalidArgumentError(f"{what} refused the data: {exc!s:.500}", fix=fix) from exc
