"""Sweeps whose next trial depends on the ones before: Optuna's samplers and pruners.

The study is a journal file for as long as the sweep runs. What lasts is the record: each trial is a
child run with its parameters, metrics and result, from which `warm_start` builds the study anew.
"""

from __future__ import annotations

import math
import os
import shutil
import tempfile
import warnings
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import require
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.pruning import LABEL, pruner_of
from mlrun_like.runs.search_space import Dimension, read_space
from mlrun_like.specs.model import parse
from mlrun_like.specs.run import RunDoc
from mlrun_like.specs.values import HyperParamOptions
from mlrun_like.tracking.base import RunQuery

__all__ = ["OptunaSearch"]

_SAMPLERS = {
    "": "TPESampler",
    "tpe": "TPESampler",
    "random": "RandomSampler",
    "cmaes": "CmaEsSampler",
    "gp": "GPSampler",
    "qmc": "QMCSampler",
    "nsga2": "NSGAIISampler",
}
_TRIALS = 20
_AHEAD = 8
"""Trials under way at once on an engine, if nobody said how many: more would learn less."""


class OptunaSearch:
    """The children of a sweep, one after another; an iterator that may pause.

    It gives no child while as many are under way as may run at the same time, and goes on when one
    has ended.

    Args:
        context: The parent run.
        values: The ranges.
        options: How to search.

    Raises:
        MissingDependencyError: if Optuna is not installed.
        InvalidArgumentError: if a range cannot be used, or the run to continue has no trials.
    """

    def __init__(
        self, context: MLClientCtx, values: dict[str, Any], options: HyperParamOptions
    ) -> None:
        self._optuna = require("optuna", extra="optuna", feature="strategy='optuna'")
        self._optuna.logging.set_verbosity(self._optuna.logging.WARNING)
        self._context, self._options = context, options
        self._space = {name: self._distribution(one) for name, one in read_space(values).items()}
        self._left = options.max_iterations or _TRIALS
        self._limit = options.parallel_runs or _AHEAD
        self._trials: dict[int, Any] = {}
        self._folder = tempfile.mkdtemp(prefix="mlrun-like-study-")
        self._file = os.path.join(self._folder, "study.log")
        self._study = self._make()
        if options.warm_start:
            self._continue(options.warm_start)

    def close(self) -> None:
        """Remove the journal."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _make(self) -> Any:
        optuna, options = self._optuna, self._options
        more: dict[str, Any] = {"seed": options.seed}
        if options.parallel_runs > 1 and options.sampler in ("", "tpe"):
            more["constant_liar"] = True  # trials that run at the same time shall differ
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            sampler = getattr(optuna.samplers, _SAMPLERS[options.sampler])(**more)
        backend = optuna.storages.journal.JournalFileBackend(self._file)
        return optuna.create_study(
            study_name=self._context.uid,
            storage=optuna.storages.JournalStorage(backend) if options.pruner else None,
            sampler=sampler,
            pruner=pruner_of(options.pruner),
            direction="minimize" if options.selector_parts[0] == "min" else "maximize",
        )

    def _distribution(self, one: Dimension) -> Any:
        found = self._optuna.distributions
        if one.choices:
            return found.CategoricalDistribution(one.choices)
        if one.whole:
            step = int(one.step or 1)
            return found.IntDistribution(int(one.low), int(one.high), log=one.log, step=step)
        return found.FloatDistribution(float(one.low), float(one.high), log=one.log, step=one.step)

    def __iter__(self) -> OptunaSearch:
        return self

    def __next__(self) -> MLClientCtx:
        if self._left <= 0 or len(self._trials) >= self._limit:
            raise StopIteration
        self._left -= 1
        trial = self._study.ask(self._space)
        child = self._context.get_child_context(with_parent_params=True, **trial.params)
        child._ends_itself = False
        if self._options.pruner:
            child._run.spec.hyper_param_options = {
                "pruning": {
                    "file": self._file,
                    "study": self._context.uid,
                    "pruner": self._options.pruner,
                    "trial": trial.number,
                    "metric": self._options.selector_parts[1],
                }
            }
        self._trials[child.iteration] = trial
        return child

    def told(self, run: RunDoc) -> None:
        """Take in an ended trial."""
        trial = self._trials.pop(run.metadata.iteration, None)
        if trial is None:
            return
        states = self._optuna.trial.TrialState
        value = _score(run, self._options.selector_parts[1])
        if run.metadata.labels.get(LABEL):
            self._study.tell(trial, state=states.PRUNED)
        elif run.status.state != "completed" or value is None:
            self._study.tell(trial, state=states.FAIL)
        else:
            self._study.tell(trial, value)

    def _continue(self, uid: str) -> None:
        """Learn from the trials of an earlier sweep."""
        store, project = self._context.store, self._context.project
        query = RunQuery(project=project, uid=uid, iterations=True)
        documents = [one for one in store.list_runs(query) if one["metadata"].get("iteration")]
        if not documents:
            raise InvalidArgumentError(
                f"warm_start={uid!r}: there is no sweep with trials of that uid",
                where=f"project {project!r}",
                fix="mlrun-like get runs",
            )
        for document in reversed(documents):
            self._add(parse(RunDoc, document, "trial"))

    def _add(self, run: RunDoc) -> None:
        metric = self._options.selector_parts[1]
        states = self._optuna.trial.TrialState
        params = {name: value for name, value in run.spec.parameters.items() if name in self._space}
        value, meta = _score(run, metric), run.metadata
        pruned = bool(meta.labels.get(LABEL))
        if len(params) != len(self._space) or not (
            pruned or (run.status.state == "completed" and value is not None)
        ):
            return
        points = self._context.store.read_metrics(
            meta.project, meta.uid, meta.iteration, (metric,)
        ).get(metric, [])
        try:
            trial = self._optuna.trial.create_trial(
                state=states.PRUNED if pruned else states.COMPLETE,
                params=params,
                distributions=self._space,
                value=None if pruned else value,
                intermediate_values={point.step: point.value for point in points},
            )
            self._study.add_trial(trial)
        except ValueError:
            return  # it was tried outside of these ranges


def _score(run: RunDoc, metric: str) -> float | None:
    try:
        value = float(run.status.results[metric])
    except (KeyError, TypeError, ValueError):
        return None
    return None if math.isnan(value) else value
