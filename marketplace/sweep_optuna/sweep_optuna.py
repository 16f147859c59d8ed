"""The best parameters of a model, searched by Optuna; each trial is a child run."""

from __future__ import annotations

import importlib
import math
import time
from typing import Any

import numpy as np
import optuna
import pandas as pd
from sklearn.base import clone, is_classifier
from sklearn.metrics import get_scorer
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

import mlrun_like as ml
from mlrun_like.drawing.lines import lines
from mlrun_like.drawing.page import page, section
from mlrun_like.errors import InvalidArgumentError, StateError
from mlrun_like.frameworks.auto_mlrun import AutoMLRun
from mlrun_like.runs.parallel_coordinates import parallel_coordinates
from mlrun_like.runs.search_space import Dimension, read_space

__all__ = ["sweep"]

_SAMPLERS = {"tpe": optuna.samplers.TPESampler, "random": optuna.samplers.RandomSampler}


def sweep(  # noqa: PLR0913 - a run's parameters
    context: ml.MLClientCtx,
    dataset: ml.DataItem,
    model_class: str,
    label_column: str,
    space: dict[str, Any],
    n_trials: int = 20,
    metric: str = "",
    cv: int = 3,
    sampler: str = "tpe",
    prune: bool = True,
    timeout: float | None = None,
    seed: int = 0,
    test_size: float = 0.2,
    drop_columns: list[str] | str | None = None,
    model_name: str = "model",
    **kwargs: Any,
) -> None:
    """Search the parameters with the best cross-validated score; train and log that model.

    Args:
        context: The run.
        dataset: The rows.
        model_class: The model's class, such as `sklearn.ensemble.RandomForestClassifier`.
        label_column: The label; rows without it are left out.
        space: Ranges by parameter: `"int(2, 8)"`, `"uniform(0, 1)"`, `"loguniform(1e-4, 1)"`,
            `"logint(1, 100)"`, or a list of values.
        n_trials: How many trials.
        metric: A scorer of scikit-learn, more of which is better (`roc_auc`,
            `neg_mean_absolute_error`); by default `accuracy` of classifiers, `r2` of others.
        cv: Folds that each trial is scored on.
        sampler: `tpe` learns from the trials before, `random` does not.
        prune: Whether trials that fall behind the median after a fold are given up.
        timeout: Begin no trial after so many seconds.
        seed: Of the folds, the split and the sampler.
        test_size: Share of the rows that no trial sees; the best model is tested with it.
        drop_columns: Columns to leave out.
        model_name: The model's name in the store.
        kwargs: `CLASS_<argument>`: arguments of the class that are the same in all trials.

    Raises:
        InvalidArgumentError: if a class, column, range or metric does not fit.
        StateError: if no trial ended well.
    """
    ranges = read_space(space)
    fixed = _fixed(kwargs, ranges)
    model = _made(model_class, fixed)
    _check(n_trials, cv, sampler)
    x, y = _table(dataset, label_column, drop_columns)
    scorer = _scorer(metric or ("accuracy" if is_classifier(model) else "r2"))
    split = {"test_size": test_size, "random_state": seed}
    x_train, x_test, y_train, y_test = train_test_split(x, y, **split)
    kind = StratifiedKFold if is_classifier(model) else KFold
    folds = list(kind(cv, shuffle=True, random_state=seed).split(x_train, y_train))
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    pruner = optuna.pruners.MedianPruner(5) if prune else optuna.pruners.NopPruner()
    study = optuna.create_study(
        direction="maximize", sampler=_SAMPLERS[sampler](seed=seed), pruner=pruner
    )
    began = time.monotonic()
    failures = []
    for number in range(1, n_trials + 1):
        if timeout is not None and number > 1 and time.monotonic() - began > timeout:
            context.logger.info(f"after {timeout:g} s no further trial begins")
            break
        trial = study.ask()
        chosen = {name: _drawn(trial, name, one) for name, one in ranges.items()}
        child = context.get_child_context(**chosen)
        try:
            with child:
                score = _score(
                    child, trial, clone(model), chosen, (x_train, y_train), folds, scorer
                )
        except Exception as exc:  # noqa: BLE001  a trial ends here, whatever its model does
            failures.append(f"{number}: {type(exc).__name__}: {exc!s:.200}")
            study.tell(trial, state=optuna.trial.TrialState.FAIL)
            continue
        pruned = math.isnan(score)
        state = optuna.trial.TrialState.PRUNED if pruned else optuna.trial.TrialState.COMPLETE
        study.tell(trial, None if pruned else score, state=state)
    done = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    if not done:
        context.update_child_iterations()
        raise StateError(f"none of {len(study.trials)} trials ended well: {failures[:3]}")
    best = max(done, key=lambda one: (one.value, -one.number))
    context.update_child_iterations(best_run=best.number + 1)
    _log(context, study)
    context.log_results(
        {
            "best_score": best.value,
            "best_params": best.params,
            "trials": len(study.trials),
            "failed_trials": len(failures),
            "pruned_trials": len(study.trials) - len(done) - len(failures),
        }
    )
    for failure in failures[:10]:
        context.logger.warning(f"trial {failure}")
    final = clone(model).set_params(**best.params)
    AutoMLRun.apply_mlrun(
        model=final, model_name=model_name, context=context, x_test=x_test, y_test=y_test,
        sample_set=x_train.assign(**{label_column: y_train}), y_columns=[label_column],
    )  # fmt: skip
    final.fit(x_train, y_train)
    context.log_result("test_score", float(scorer(final, x_test, y_test)))


def _score(
    child: ml.MLClientCtx,
    trial: Any,
    model: Any,
    chosen: dict[str, Any],
    rows: tuple[Any, Any],
    folds: list[Any],
    scorer: Any,
) -> float:
    """The mean over the folds; NaN: given up."""
    x, y = rows
    began, scores = time.monotonic(), []
    model.set_params(**chosen)
    for fold, (learn, test) in enumerate(folds):
        fitted = clone(model).fit(x.iloc[learn], y.iloc[learn])
        scores.append(float(scorer(fitted, x.iloc[test], y.iloc[test])))
        if not math.isfinite(scores[-1]):
            raise InvalidArgumentError(f"the score of fold {fold} is {scores[-1]}")
        trial.report(float(np.mean(scores)), fold)
        if fold + 1 < len(folds) and trial.should_prune():
            child.log_results({"pruned_after": fold + 1, "score": float(np.mean(scores))})
            return math.nan
    found = {"score": float(np.mean(scores)), "score_std": float(np.std(scores))}
    child.log_results({**found, "seconds": time.monotonic() - began})
    return found["score"]


def _fixed(kwargs: dict[str, Any], ranges: dict[str, Dimension]) -> dict[str, Any]:
    for name in kwargs:
        if not name.startswith("CLASS_") or name.removeprefix("CLASS_") in ranges:
            raise InvalidArgumentError(
                f"sweep has no parameter {name!r}, or it is in space, too",
                fix=f"CLASS_{name} is the same in all trials; a range of it belongs in space",
            )
    return {name.removeprefix("CLASS_"): value for name, value in kwargs.items()}


def _made(path: str, arguments: dict[str, Any]) -> Any:
    module, _, name = path.rpartition(".")
    try:
        model = getattr(importlib.import_module(module or "builtins"), name)(**arguments)
    except (ImportError, AttributeError, TypeError) as exc:
        raise InvalidArgumentError(
            f"model_class {path!r} cannot be made: {exc}",
            fix="sklearn.ensemble.RandomForestClassifier, xgboost.XGBClassifier",
        ) from exc
    if not hasattr(model, "fit") or not hasattr(model, "set_params"):
        raise InvalidArgumentError(f"a {path} is no model of scikit-learn's kind")
    return model


def _check(n_trials: int, cv: int, sampler: str) -> None:
    if n_trials < 1 or cv < 2:
        raise InvalidArgumentError(
            f"n_trials={n_trials} and cv={cv}: there must be a trial and two folds"
        )
    if sampler not in _SAMPLERS:
        raise InvalidArgumentError(
            f"sampler {sampler!r:.40} is unknown", fix=f"one of: {', '.join(_SAMPLERS)}"
        )


def _table(dataset: ml.DataItem, label: str, drop: Any) -> tuple[pd.DataFrame, pd.Series[Any]]:
    frame = dataset.as_df()
    left_out = [drop] if isinstance(drop, str) else list(drop or ())
    absent = [name for name in (label, *left_out) if name not in frame.columns]
    if absent:
        raise InvalidArgumentError(
            f"the dataset has no column {absent[0]!r}",
            fix=f"its columns: {', '.join(map(str, list(frame.columns)[:20]))}",
        )
    frame = frame[frame[label].notna()].reset_index(drop=True)
    return frame.drop(columns=[label, *left_out]), frame[label]


def _scorer(name: str) -> Any:
    try:
        return get_scorer(name)
    except ValueError as exc:
        raise InvalidArgumentError(
            f"scikit-learn has no scorer {name!r:.60}", fix="accuracy, f1_macro, roc_auc, r2"
        ) from exc


def _drawn(trial: Any, name: str, one: Dimension) -> Any:
    if one.choices:
        return trial.suggest_categorical(name, list(one.choices))
    if one.whole:
        low, high = int(one.low), int(one.high)
        return trial.suggest_int(name, low, high, step=int(one.step or 1), log=one.log)
    return trial.suggest_float(name, one.low, one.high, step=one.step, log=one.log)


def _log(context: ml.MLClientCtx, study: Any) -> None:
    rows = context.to_dict()["status"]["iterations"]
    table = pd.DataFrame(rows[1:], columns=rows[0])
    context.log_dataset("iteration_results", df=table, format="csv", index=False)
    drawn = parallel_coordinates(rows, "score")
    if drawn:
        context.log_artifact("parallel_coordinates", body=drawn, format="html", viewer="web-app")
    points = [(one.number + 1, one.value) for one in study.trials if one.value is not None]
    best = np.maximum.accumulate([value for _, value in points]).tolist()
    series = {
        "score": points,
        "best so far": [(at, top) for (at, _), top in zip(points, best, strict=True)],
    }
    chart = section("Score by trial", lines(series, x_is_time=False, y_axis="near"))
    context.log_artifact(
        "optimization_history", body=page("Search", chart), format="html", viewer="web-app"
    )
