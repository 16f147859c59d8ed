"""Trials that are given up early because others did better by the same step.

The parent's study is a journal file; a trial in any process on this machine reports the metric's
steps to it and is told whether to go on. `context.log_metric` does that.
"""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Any

from mlrun_like.errors import RunError, TrialPruned
from mlrun_like.registry import require
from mlrun_like.specs.run import RunDoc

__all__ = ["LABEL", "is_pruned", "mark_pruned", "open_study", "pruner_of", "report"]

LABEL = "pruned"
"""The label of trials that were given up."""

_FEATURE = "strategy='optuna'"
_PRUNERS = {
    "median": "MedianPruner",
    "percentile": "PercentilePruner",
    "halving": "SuccessiveHalvingPruner",
    "hyperband": "HyperbandPruner",
}
_KEPT: dict[str, set[int]] = {}


def is_pruned(error: BaseException) -> bool:
    """Whether an error means that a trial was given up: ours, or Optuna's own."""
    return any(cls.__name__ == "TrialPruned" for cls in type(error).__mro__)


def mark_pruned(run: RunDoc, error: BaseException) -> str:
    """Note on the run that it was given up; why, in words."""
    run.metadata.labels[LABEL] = "true"
    what = error.what if isinstance(error, RunError) else str(error)
    run.status.status_text = what or "pruned by the handler"
    return run.status.status_text


def pruner_of(name: str) -> Any:
    """Optuna's pruner of that name."""
    optuna = require("optuna", extra="optuna", feature=_FEATURE)
    if not name:
        return optuna.pruners.NopPruner()
    options = {"percentile": 25.0} if name == "percentile" else {}
    return getattr(optuna.pruners, _PRUNERS[name])(**options)


@lru_cache(maxsize=8)
def open_study(file: str, name: str, pruner: str) -> Any:
    """The study in a journal file, as a trial sees it: nothing is sampled there."""
    optuna = require("optuna", extra="optuna", feature=_FEATURE)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    backend = optuna.storages.journal.JournalFileBackend(file)
    return optuna.load_study(
        study_name=name,
        storage=optuna.storages.JournalStorage(backend),
        sampler=optuna.samplers.RandomSampler(),
        pruner=pruner_of(pruner),
    )


def report(context: Any, given: dict[str, Any], value: float, step: int) -> None:
    """Tell a step of the judged metric.

    Args:
        context: The trial.
        given: `file`, `study`, `pruner` and `trial` (its number).
        value: The metric's value.
        step: Its position.

    Raises:
        TrialPruned: if the trial shall not go on.
    """
    if not os.path.exists(given["file"]):
        if _KEPT.setdefault(given["file"], set()) == set():
            context.logger.warning("trials are not pruned here: the sweep is on another machine")
            _KEPT[given["file"]].add(-1)
        return
    study = open_study(given["file"], given["study"], given["pruner"])
    storage = study._storage
    number = storage.get_trial_id_from_study_id_trial_number(study._study_id, given["trial"])
    if step in storage.get_trial(number).intermediate_values:
        return  # the first value of a step counts
    storage.set_trial_intermediate_value(number, step, value)
    if study.pruner.prune(study, storage.get_trial(number)):
        raise TrialPruned(
            f"pruned at step {step}: {given['metric']} is {value:.6g}, others did better",
            where=context.uri,
        )
