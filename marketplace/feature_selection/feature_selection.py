"""Feature selection: tests and models vote for the features that tell the label best."""

from __future__ import annotations

import functools
import importlib
import json
import warnings
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn import feature_selection as filters
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

import mlrun_like as ml
from mlrun_like.drawing.charts import bars
from mlrun_like.drawing.page import page
from mlrun_like.errors import InvalidArgumentError

__all__ = ["feature_selection"]

_CLASSES = {
    "stat": ("f_classif", "mutual_info_classif", "chi2", "f_regression"),
    "model": ("LinearSVC", "LogisticRegression", "ExtraTreesClassifier"),
}
_NUMBERS = {
    "stat": ("f_regression", "mutual_info_regression"),
    "model": ("Lasso", "ExtraTreesRegressor"),
}
_CELLS = 2_000_000  # the filters look at a sample of larger tables
_FEW = 20  # a whole-numbered label of more values is a number, not a class
_SLOW = 1000  # of more columns mutual information sees those with the best F
_SHOWN = 40
_estimators = functools.cache(lambda: dict(all_estimators()))


def feature_selection(  # noqa: PLR0913 - MLRun's signature
    context: ml.MLClientCtx,
    df_artifact: ml.DataItem,
    k: int = 5,
    min_votes: float = 0.5,
    label_column: str | None = None,
    stat_filters: list[str] | None = None,
    model_filters: dict[str, Any] | None = None,
    max_scaled_scores: bool = True,
    sample_ratio: float | None = None,
    output_vector_name: str | None = None,
    ignore_type_errors: bool = False,
) -> None:
    """Select the features that most filters vote for.

    Data sets: `selected_features`, `feature_scores`, `max_scaled_scores_feature_scores`,
    `selected_features_count`; a chart for each filter.

    Args:
        context: The run.
        df_artifact: The table, or a feature vector.
        k: How many features each filter votes for.
        min_votes: Votes that a feature needs: a share of the filters, or (from 1 on) a number.
        label_column: The label; of a feature vector by default its own.
        stat_filters: Functions of `sklearn.feature_selection`; by default those that fit the label.
        model_filters: Models by name: classes of scikit-learn, paths of classes, or JSON (a text or
            file) with `META`, `CLASS` and `FIT`; by default those that fit the label.
        max_scaled_scores: Also log the scores scaled to 0..1.
        sample_ratio: Work with this share of the rows (of each class).
        output_vector_name: Save a feature vector of the selected features under this name.
        ignore_type_errors: Leave out columns that are no numbers, instead of failing.

    Raises:
        InvalidArgumentError: if the label or `k` does not fit the table, columns are no numbers, or
            no filter can be computed.
    """
    vector = _vector_of(df_artifact)
    label = label_column or (_column(vector.spec.label_feature) if vector is not None else "")
    if not label:
        raise InvalidArgumentError("there is no label_column", fix='label_column="target"')
    frame = df_artifact.as_df()
    _check(frame, label, k)
    frame = _sampled(frame[frame[label].notna()], label, sample_ratio)
    y = frame[label]
    x = _numbers(context, frame.drop(columns=[label]), ignore_type_errors)
    k = min(k, x.shape[1])
    seen, target = _seen(context, x, y)
    tests, models = (_NUMBERS if _is_number(y) else _CLASSES).values()
    scores, votes = _statistics(context, seen, target, k, stat_filters or tests)
    for name, found in _models(context, seen, target, model_filters or models).items():
        scores[name], votes[name] = found, _best(found, k)
    if not scores:
        raise InvalidArgumentError(
            "none of the filters could be computed", fix="the run's log says why, for each"
        )
    for name, found in scores.items():
        _chart(context, name, x.columns, found)
    table = pd.DataFrame(scores, index=x.columns)
    context.log_dataset("feature_scores", df=table, format="parquet")
    if max_scaled_scores:
        context.log_dataset("max_scaled_scores_feature_scores", df=_scaled(table), format="parquet")
    count = pd.DataFrame(votes, index=x.columns)
    count["num_votes"] = count.sum(axis=1)
    context.log_dataset("selected_features_count", df=count, format="parquet")
    needed = _needed(min_votes, len(scores))
    context.logger.info(f"a feature needs {needed} of {len(scores)} votes")
    context.log_result("votes_needed", needed)
    selected = x.columns[(count["num_votes"] >= needed).to_numpy()].tolist()
    context.log_dataset(
        "selected_features", df=frame[[*selected, label]], format="parquet", index=False
    )
    if vector is not None and output_vector_name:
        wanted = [one for one in vector.spec.features if _column(one) in selected]
        made = ml.feature_store.FeatureVector(output_vector_name, wanted, vector.spec.label_feature)
        made.metadata.project = context.project
        made.save()
        context.log_result("top_features_vector", made.uri)


def _vector_of(item: Any) -> Any:
    return item.meta if item.artifact_url.startswith("store://feature-vectors/") else None


def _column(feature: Any) -> str:
    """The column of a vector's feature, such as `payments.amount as sum`."""
    return str(feature or "").rpartition(" as ")[2].rpartition(".")[2].strip()


def _check(frame: pd.DataFrame, label: str, k: int) -> None:
    if label not in frame.columns:
        fix = f"label_column= one of: {', '.join(map(str, list(frame.columns)[-20:]))}"
        raise InvalidArgumentError(f"the table has no column {label!r}", fix=fix)
    if frame[label].nunique() < 2:
        raise InvalidArgumentError(f"label {label!r} has fewer than two values to tell apart")
    if k < 1:
        raise InvalidArgumentError(f"k is {k!r:.40}, and each filter needs a vote", fix="k=5")
    if k > frame.shape[1]:
        what = f"k is {k}, and the table has {frame.shape[1]} columns"
        raise InvalidArgumentError(what, fix=f"k={max(1, frame.shape[1] - 1)}")


def _is_number(y: pd.Series[Any]) -> bool:
    kind = y.dtype.kind
    return kind in "iuf" and (y.nunique() > _FEW or bool((y != y.round()).any()))


def _sampled(frame: pd.DataFrame, label: str, ratio: float | None) -> pd.DataFrame:
    if ratio is None:
        return frame.reset_index(drop=True)
    if not 0 < ratio <= 1:
        raise InvalidArgumentError(f"sample_ratio {ratio!r} is not above 0 and at most 1")
    parts: Any = frame if _is_number(frame[label]) else frame.groupby(label, group_keys=False)
    found: pd.DataFrame = parts.sample(frac=ratio, random_state=0).dropna()
    if found[label].nunique() < 2:
        raise InvalidArgumentError(f"a sample of {ratio:g} leaves {len(found)} whole rows")
    return found.sort_index().reset_index(drop=True)


def _numbers(context: ml.MLClientCtx, x: pd.DataFrame, ignore: bool) -> pd.DataFrame:
    other = [name for name, kind in x.dtypes.items() if kind.kind not in "biuf"]
    if other and not ignore:
        raise InvalidArgumentError(
            f"columns that are no numbers: {other[:20]}",
            fix="turn them into numbers, or ignore_type_errors=True leaves them out",
        )
    if other:
        context.logger.warning(f"left out, as they are no numbers: {other[:20]}")
    x = x.drop(columns=other)
    if x.empty:
        raise InvalidArgumentError("the table has no feature that is a number")
    return x


def _seen(context: ml.MLClientCtx, x: pd.DataFrame, y: pd.Series[Any]) -> tuple[Any, Any]:
    """What the filters look at: at most so many cells, whole, and a label that is a number."""
    most = max(500, _CELLS // x.shape[1])
    if len(x) > most:
        context.logger.info(f"the filters look at {most} of {len(x)} rows, drawn at random")
        x = x.sample(n=most, random_state=0)
        y = y.loc[x.index]
    filled = x.astype(float).replace([np.inf, -np.inf], np.nan)
    if gaps := int(filled.isna().sum().sum()):
        context.logger.info(f"{gaps} missing values are the column's median, for the filters")
        filled = filled.fillna(filled.median()).fillna(0.0)
    target = y.to_numpy()
    if not _is_number(y) and target.dtype.kind not in "biu":
        target = pd.factorize(y, sort=True)[0]
    return filled, target


def _statistics(
    context: ml.MLClientCtx, x: pd.DataFrame, y: Any, k: int, names: Iterable[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    scores: dict[str, Any] = {}
    votes: dict[str, Any] = {}
    for name in names:
        test = getattr(filters, str(name), None)
        if not callable(test):
            fix = f"such as {', '.join(_CLASSES['stat'] + _NUMBERS['stat'])}"
            raise InvalidArgumentError(
                f"sklearn.feature_selection has no function {name!r}", fix=fix
            )
        try:
            # a constant column divides by zero, and scores nothing
            with np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = _tested(test, name, x, y)
        except (ValueError, TypeError) as exc:
            context.logger.info(f"{name} is left out: {exc!s:.300}")
            continue
        scores[name] = np.nan_to_num(found[0] if isinstance(found, tuple) else found, posinf=np.inf)
        votes[name] = _best(np.abs(scores[name]), k)
    return scores, votes


def _tested(test: Any, name: str, x: pd.DataFrame, y: Any) -> Any:
    table = (x - x.min().clip(upper=0.0) if name == "chi2" else x).to_numpy()
    if not name.startswith("mutual_info"):
        return test(table, y)
    quick = filters.f_regression if name.endswith("regression") else filters.f_classif
    ahead = np.argsort(-np.nan_to_num(quick(table, y)[0]), kind="stable")[:_SLOW]
    found = np.zeros(table.shape[1])
    found[ahead] = test(table[:, ahead], y, random_state=0)
    return found


def _models(context: ml.MLClientCtx, x: pd.DataFrame, y: Any, models: Any) -> dict[str, Any]:
    table = StandardScaler().fit_transform(x.to_numpy())
    given = models if isinstance(models, Mapping) else {name: name for name in models}
    found: dict[str, Any] = {}
    for name, model in given.items():
        made, options = _model(str(model))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            try:
                made.fit(table, y, **options)
            except (ValueError, TypeError) as exc:
                context.logger.info(f"{name} is left out: {exc!s:.300}")
                continue
        told = getattr(made, "feature_importances_", getattr(made, "coef_", None))
        if told is None:
            raise InvalidArgumentError(f"{name!r} has neither coef_ nor feature_importances_")
        found[str(name)] = np.linalg.norm(np.atleast_2d(np.asarray(told, dtype=float)), axis=0)
    return found


def _model(text: str) -> tuple[Any, dict[str, Any]]:
    if text.endswith(".json") or text.lstrip().startswith("{"):
        body = ml.get_dataitem(text).get(encoding="utf-8") if text.endswith(".json") else text
        try:
            config = json.loads(body)
            path, given = config["META"]["class"], dict(config.get("CLASS") or {})
        except (ValueError, KeyError, TypeError) as exc:
            fix = '{"META": {"class": "sklearn.svm.LinearSVC"}, "CLASS": {}, "FIT": {}}'
            raise InvalidArgumentError(f"{text[:80]!r} is no model: {exc!r:.99}", fix=fix) from exc
        return _class(path)(**given), dict(config.get("FIT") or {})
    kind = _class(text)
    known = kind().get_params()
    wanted = {"random_state": 0, "max_iter": 2000} if "max_iter" in known else {"random_state": 0}
    return kind(**{key: value for key, value in wanted.items() if key in known}), {}


def _class(path: str) -> Any:
    module, _, name = path.rpartition(".")
    try:
        inner = importlib.import_module(module) if module else None
    except ImportError:
        inner = None
    found = getattr(inner, name, None) if module else _estimators().get(name)
    if found is None:
        fix = 'a class of scikit-learn, or a path such as "xgboost.XGBClassifier"'
        raise InvalidArgumentError(f"there is no model class {path!r}", fix=fix)
    return found


def _best(scores: Any, k: int) -> Any:
    """The k largest; of equal ones the first, and none that says nothing."""
    order = np.argsort(-scores, kind="stable")[:k]
    chosen = np.zeros(len(scores), dtype=int)
    chosen[order] = scores[order] > 0
    return chosen


def _needed(min_votes: float, count: int) -> int:
    share = isinstance(min_votes, float)
    return max(1, int(count * min(max(min_votes, 0.0), 1.0)) if share else int(min_votes))


def _scaled(table: pd.DataFrame) -> pd.DataFrame:
    finite = table.replace([np.inf, -np.inf], np.nan)
    finite = finite.fillna(finite.max()).fillna(0.0)
    return (finite - finite.min()) / (finite.max() - finite.min()).replace(0.0, 1.0)


def _chart(context: ml.MLClientCtx, name: str, features: Any, scores: Any) -> None:
    order = np.argsort(-np.abs(scores), kind="stable")[: _SHOWN + 1]
    drawn = bars(features[order].tolist(), scores[order].tolist(), title=name, most=_SHOWN)
    body = page(f"{name} feature scores", drawn)
    context.log_artifact(name, body=body, format="html", viewer="web-app")
