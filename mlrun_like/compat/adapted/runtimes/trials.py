"""`mlrun.runtimes.generators`: what chooses the trials of a sweep, over `runs.generators`."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.sweeping import sweep_options
from mlrun_like.runs.expression import compile_condition
from mlrun_like.runs.generators import parse_param_file, trials
from mlrun_like.specs.values import HyperParamOptions

__all__ = [
    "GridGenerator",
    "ListGenerator",
    "RandomGenerator",
    "TaskGenerator",
    "default_max_errors",
    "default_max_iterations",
    "get_generator",
    "get_run_copy",
    "hyper_types",
    "parse_selector",
    "selector",
]

hyper_types = ["list", "grid", "random"]
default_max_iterations = 10
default_max_errors = 3


class TaskGenerator:
    """Makes the runs of a sweep.

    Args:
        hyperparams: Lists of values.
        options: How they are combined.
    """

    strategy = "grid"

    def __init__(self, hyperparams: Any, options: Any = None) -> None:
        if not isinstance(hyperparams, Mapping) and hasattr(hyperparams, "to_dict"):
            hyperparams = hyperparams.to_dict(orient="list")
        self.hyperparams: dict[str, Any] = dict(hyperparams)
        given = sweep_options(options).to_dict()
        self.options = HyperParamOptions(**{**given, "strategy": self.strategy, "param_file": ""})

    def use_parallel(self) -> bool:
        """Whether trials run side by side."""
        return self.options.parallel_runs > 1 or bool(self.options.dask_cluster_uri)

    @property
    def max_errors(self) -> int:
        """How many may fail."""
        return self.options.max_errors or default_max_errors

    @property
    def max_iterations(self) -> int:
        """How many a random search makes."""
        return self.options.max_iterations or default_max_iterations

    def generate(self, run: Any) -> Iterator[Any]:
        """A run for each trial."""
        for number, params in enumerate(trials(self.hyperparams, self.options), 1):
            made = get_run_copy(run)
            made.spec.parameters = {**made.spec.parameters, **params}
            made.metadata.iteration = number
            yield made

    def eval_stop_condition(self, results: Mapping[str, Any]) -> bool:
        """Whether the results are good enough."""
        condition = self.options.stop_condition
        return bool(condition) and bool(compile_condition(condition)(dict(results)))


class GridGenerator(TaskGenerator):
    """All combinations."""

    def grid_to_list(self) -> dict[str, list[Any]]:
        """The combinations as lists of one length."""
        rows = list(trials(self.hyperparams, self.options))
        return {name: [row[name] for row in rows] for name in self.hyperparams}


class RandomGenerator(TaskGenerator):
    """Some combinations."""

    strategy = "random"


class ListGenerator(TaskGenerator):
    """The n-th values together."""

    strategy = "list"


def get_generator(
    spec: Any, execution: Any, param_file_secrets: Mapping[str, str] | None = None
) -> TaskGenerator | None:
    """What makes the trials of a run; None: it is no sweep, or makes them itself.

    Args:
        spec: The run's.
        execution: Its context, which opens the parameter file.
        param_file_secrets: What opens it.
    """
    options = sweep_options(spec.hyper_param_options or None)
    if options.strategy == "custom" or not spec.is_hyper_job():
        return None
    values, strategy = spec.hyperparams, options.strategy
    if options.param_file and values:
        raise InvalidArgumentError("hyperparams and param_file cannot be used together")
    if options.param_file:
        item = execution.get_dataitem(options.param_file, secrets=param_file_secrets)
        text = str(item.get(encoding="utf-8"))
        values, strategy = parse_param_file(options.param_file, text, strategy)
    kinds = {"list": ListGenerator, "random": RandomGenerator}
    return kinds.get(strategy or "", GridGenerator)(values, options)


def get_run_copy(run: Any) -> Any:
    """A run of its own without what says that it is a sweep."""
    made = copy.deepcopy(run)
    made.spec.hyperparams, made.spec.hyper_param_options = {}, {}
    return made


def parse_selector(criteria: str) -> tuple[str, str]:
    """`min` or `max`, and the result.

    >>> parse_selector("accuracy")
    ('max', 'accuracy')
    """
    return HyperParamOptions(selector=criteria).selector_parts


def selector(results: Sequence[Mapping[str, Any]], criteria: str) -> tuple[int, int]:
    """The place and the number of the best trial; zeros: there is none.

    Args:
        results: The trials as plain data.
        criteria: Such as `max.accuracy`.
    """
    if not criteria:
        return 0, 0
    op, name = parse_selector(criteria)
    best: tuple[float, int, int] | None = None
    for place, task in enumerate(results):
        status = task.get("status") or {}
        try:
            value = float((status.get("results") or {})[name])
        except (KeyError, TypeError, ValueError):
            continue
        score = value if op == "max" else -value
        if status.get("state") != "error" and (best is None or score > best[0]):
            best = (score, place, int((task.get("metadata") or {}).get("iteration") or 0))
    return best[1:] if best is not None else (0, 0)
