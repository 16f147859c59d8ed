"""Small frozen values that users write: resources, retries, hyper-parameter options."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.durations import parse_duration

__all__ = ["HyperParamOptions", "Resources", "Retry", "parse_cpu", "parse_memory"]

_MEMORY = re.compile(r"([0-9]+(?:\.[0-9]+)?)(Ki|Mi|Gi|Ti|Pi|k|K|M|G|T|P|m)?\Z")
_UNITS = {
    None: 1,
    "m": 0.001,
    "k": 10**3,
    "K": 10**3,
    "M": 10**6,
    "G": 10**9,
    "T": 10**12,
    "P": 10**15,
    "Ki": 2**10,
    "Mi": 2**20,
    "Gi": 2**30,
    "Ti": 2**40,
    "Pi": 2**50,
}
_RETRY = "Retry(count=3, backoff=1)"
_CPU = re.compile(r"([0-9]+(?:\.[0-9]+)?)(m)?\Z")


def parse_memory(text: str | int) -> int:
    """A Kubernetes memory quantity in bytes.

    >>> parse_memory("1.5Gi")
    1610612736

    Raises:
        InvalidArgumentError: if it is not one.
    """
    match = None if isinstance(text, bool) else _MEMORY.match(str(text))
    if match is None or float(match[1]) <= 0:
        raise InvalidArgumentError(
            f"memory {text!r} is not a quantity", fix='write for example "512Mi" or "2G"'
        )
    return max(1, int(float(match[1]) * _UNITS[match[2]]))


def parse_cpu(text: str | float) -> float:
    """A Kubernetes cpu quantity in cores.

    >>> parse_cpu("250m")
    0.25

    Raises:
        InvalidArgumentError: if it is not one.
    """
    match = None if isinstance(text, bool) else _CPU.match(str(text))
    if match is None or float(match[1]) <= 0:
        raise InvalidArgumentError(
            f"cpu {text!r} is not a quantity", fix='write for example 2, 0.5 or "250m"'
        )
    return float(match[1]) / (1000 if match[2] else 1)


@dataclass(frozen=True)
class Resources:
    """What a run may use; a local run enforces memory, a container or a pod all of it.

    Args:
        cpu: Cores, such as `2`, `0.5` or `"500m"`; None: no limit.
        memory: A quantity such as `"512Mi"`; None: no limit.
        gpus: Number of accelerators, 0 or more.
        gpu_type: Their Kubernetes resource name.

    Raises:
        InvalidArgumentError: if a quantity is malformed.

    >>> Resources(cpu="500m", memory="1Gi").memory
    '1Gi'
    """

    cpu: str | float | int | None = None
    memory: str | int | None = None
    gpus: int = 0
    gpu_type: str = "nvidia.com/gpu"

    def __post_init__(self) -> None:
        if self.cpu is not None:
            parse_cpu(self.cpu)
        if self.memory is not None:
            parse_memory(self.memory)
        if isinstance(self.gpus, bool) or not isinstance(self.gpus, int) or self.gpus < 0:
            raise InvalidArgumentError(
                f"gpus {self.gpus!r} must be a whole number, 0 or more", fix="Resources(gpus=1)"
            )

    def to_dict(self) -> dict[str, Any]:
        """Kubernetes' form: `{"limits": {...}, "requests": {...}}`, empty parts left out."""
        limits: dict[str, Any] = {}
        if self.cpu is not None:
            limits["cpu"] = self.cpu
        if self.memory is not None:
            limits["memory"] = self.memory
        if self.gpus:
            limits[self.gpu_type] = self.gpus
        return {"limits": limits} if limits else {}


@dataclass(frozen=True)
class Retry:
    """When to try a failed run again.

    Args:
        count: How many more times after the first, 0 to 100.
        backoff: Seconds before the first retry, 0 or more; or MLRun's `{"base_delay": "30s"}`.
        factor: Each further wait is this many times longer, 1 or more.
        max_backoff: The longest wait in seconds.

    Raises:
        InvalidArgumentError: if a number is out of its range.

    >>> [Retry(count=3, backoff=1).delay(n) for n in (1, 2, 3)]
    [1.0, 2.0, 4.0]
    """

    count: int = 0
    backoff: Any = 1.0
    factor: float = 2.0
    max_backoff: float = 300.0

    def __post_init__(self) -> None:
        whole = isinstance(self.count, int) and not isinstance(self.count, bool)
        if not whole or not 0 <= self.count <= 100:
            raise InvalidArgumentError(
                f"retry count {self.count!r} must be a whole number between 0 and 100", fix=_RETRY
            )
        delay = getattr(self.backoff, "base_delay", None)
        if isinstance(self.backoff, Mapping):
            delay = self.backoff.get("base_delay", 1.0)
        if delay is not None:
            object.__setattr__(self, "backoff", parse_duration(delay))
        for name, low in (("backoff", 0.0), ("factor", 1.0), ("max_backoff", 0.0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise InvalidArgumentError(f"retry {name} {value!r} must be a number", fix=_RETRY)
            if not low <= value < math.inf:
                raise InvalidArgumentError(
                    f"retry {name} {value!r} must be {low:g} or more", fix=_RETRY
                )

    def delay(self, attempt: int) -> float:
        """Seconds to wait after failed attempt number `attempt` (1, 2, ...)."""
        try:
            wait = self.backoff * float(self.factor) ** (attempt - 1)
        except OverflowError:
            wait = self.max_backoff if self.backoff else 0.0
        return float(min(self.max_backoff, wait))

    def to_dict(self) -> dict[str, Any]:
        """The fields as plain data."""
        return asdict(self)


STRATEGIES = ("grid", "list", "random", "custom", "optuna")
SAMPLERS = ("", "tpe", "random", "cmaes", "gp", "qmc", "nsga2")
PRUNERS = ("", "median", "percentile", "halving", "hyperband")


@dataclass(frozen=True)
class HyperParamOptions:
    """How a sweep chooses, runs and judges its trials (MLRun's names).

    Args:
        param_file: URL of a `.csv` (one trial a row) or `.json` file with the values.
        strategy: `grid` (all combinations, the first parameter varies fastest), `list` (n-th
            values together), `random`, `custom` (the handler makes its own children), `optuna`
            (each trial learns from those before; values may be ranges, see `search_space`).
            None: `list` for a csv file, else `grid`.
        selector: `"max.<result>"`, `"min.<result>"` or `"<result>"` (max): the best trial.
        stop_condition: An expression over a trial's results, such as `"accuracy >= 0.9"`.
        parallel_runs: Trials at a time, each in its own process; 0 or 1: one after another here.
        max_iterations: Number of trials for `random` (0: 10) and `optuna` (0: 20).
        max_errors: Stop after more than this many failed trials.
        fail_on_error: Whether one failed trial makes the whole run fail.
        seed: Seed of `random` and `optuna`; None: a new one each time, recorded with the run.
        dask_cluster_uri: A Dask function that runs the trials.
        teardown_dask: Close that cluster afterwards.
        sampler: Of `optuna`: `tpe` (default), `random`, `cmaes`, `gp`, `qmc`, `nsga2`.
        pruner: Of `optuna`: what gives trials up early, by the steps of the selector's metric:
            `median`, `percentile` (below the best quarter), `halving`, `hyperband`; empty: none.
        warm_start: Of `optuna`: the uid of an earlier sweep whose trials are learned from.

    Raises:
        InvalidArgumentError: if an option is out of its range or two contradict each other.
    """

    param_file: str = ""
    strategy: str | None = None
    selector: str = ""
    stop_condition: str = ""
    parallel_runs: int = 0
    dask_cluster_uri: str = ""
    max_iterations: int = 0
    max_errors: int = 3
    teardown_dask: bool = False
    fail_on_error: bool = False
    seed: int | None = None
    sampler: str = ""
    pruner: str = ""
    warm_start: str = ""
    selector_parts: tuple[str, str] = field(init=False, repr=False, compare=False, default=("", ""))

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.name != "seed" and item.init and getattr(self, item.name) is None:
                object.__setattr__(self, item.name, item.default)
        if self.strategy is not None and self.strategy not in STRATEGIES:
            raise InvalidArgumentError(
                f"hyper-parameter strategy {self.strategy!r} is unknown",
                fix=f"use one of: {', '.join(STRATEGIES)}",
            )
        if self.max_iterations and self.strategy not in ("random", "optuna"):
            raise InvalidArgumentError(
                "max_iterations is only for strategy='random' and strategy='optuna'",
                fix="HyperParamOptions(strategy='random', max_iterations=20)",
            )
        for name in ("parallel_runs", "max_iterations", "max_errors"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 0:
                raise InvalidArgumentError(
                    f"{name} {value!r} must be a whole number, 0 or more",
                    fix=f"HyperParamOptions({name}=4)",
                )
        for name in ("param_file", "selector", "stop_condition", "dask_cluster_uri"):
            value = getattr(self, name)
            if not isinstance(value, str):
                raise InvalidArgumentError(
                    f"{name} {value!r} must be a text", fix=f"HyperParamOptions({name}='...')"
                )
        self._check_search()
        if self.seed is not None and type(self.seed) is not int:
            raise InvalidArgumentError(
                f"seed {self.seed!r} must be a whole number", fix="HyperParamOptions(seed=1)"
            )
        if self.selector:
            object.__setattr__(self, "selector_parts", _parse_selector(self.selector))

    def _check_search(self) -> None:
        for name, known in (("sampler", SAMPLERS), ("pruner", PRUNERS)):
            if getattr(self, name) not in known:
                raise InvalidArgumentError(
                    f"{name} {getattr(self, name)!r} is unknown",
                    fix=f"use one of: {', '.join(filter(None, known))}",
                )
        if self.strategy == "optuna":
            if not self.selector:
                raise InvalidArgumentError(
                    "strategy='optuna' must know what is better",
                    fix="selector='max.accuracy' or selector='min.loss'",
                )
            if self.param_file:
                raise InvalidArgumentError(
                    "strategy='optuna' takes its ranges from hyperparams, not from a file",
                    fix='hyperparams={"rate": "loguniform(1e-4, 1e-1)"}',
                )
        elif self.sampler or self.pruner or self.warm_start:
            raise InvalidArgumentError(
                "sampler, pruner and warm_start are only for strategy='optuna'",
                fix="HyperParamOptions(strategy='optuna', selector='max.accuracy')",
            )

    def to_dict(self) -> dict[str, Any]:
        """The options that differ from their defaults."""
        return {
            item.name: getattr(self, item.name)
            for item in fields(self)
            if item.name != "selector_parts" and getattr(self, item.name) != item.default
        }


def _parse_selector(text: str) -> tuple[str, str]:
    op, dot, name = text.partition(".")
    if not dot:
        op, name = "max", text
    if op not in ("max", "min") or not name:
        raise InvalidArgumentError(
            f"selector {text!r} must be max.<result> or min.<result>",
            fix="selector='max.accuracy'",
        )
    return op, name
