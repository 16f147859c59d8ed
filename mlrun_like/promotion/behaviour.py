"""How a model behaves when it is asked: how long it takes, and whether it answers at all."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.promotion.case import Case
from mlrun_like.promotion.gates import Gate, GateResult, number, verdict

__all__ = ["LatencyGate", "SmokeGate"]

_WARM_UP = 5
_SAMPLES = 5


def _sample(case: Case, rows: Any, what: str) -> pd.DataFrame:
    """Rows that somebody gave, or the first ones of the test set."""
    if rows is None:
        return case.rows(what)
    frame = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows)
    if frame.empty:
        raise InvalidArgumentError(f"{what} has no sample rows", fix='sample=[{"x": 1.0}]')
    return frame


@dataclass(frozen=True)
class LatencyGate(Gate):
    """How long `predict` takes in this process, in milliseconds.

    Args:
        p50: Half of the calls must be as fast; None: no such limit.
        p99: 99 of 100 calls must be as fast; None: no such limit.
        rows: Rows of one call.
        calls: Calls that are timed, after 5 that are not.
        sample: Rows to predict, as a frame or a list of dictionaries; None: the test set's.

    Raises:
        InvalidArgumentError: if there is no limit, or a number is out of range.

    >>> LatencyGate(p99=20).name
    'latency p99 <= 20 ms'
    """

    p50: float | None = None
    p99: float | None = None
    rows: int = 1
    calls: int = 100
    sample: Any = None
    kind = "latency"

    def __post_init__(self) -> None:
        if self.p50 is None and self.p99 is None:
            raise InvalidArgumentError("a latency gate needs a limit", fix="LatencyGate(p99=20)")
        for name in ("p50", "p99", "rows", "calls"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, (int, float)) and value > 0):
                raise InvalidArgumentError(
                    f"{name} {value!r} must be more than 0", fix=f"LatencyGate({name}=20)"
                )

    @property
    def name(self) -> str:
        limits = (("p50", self.p50), ("p99", self.p99))
        parts = [f"{name} <= {number(value)}" for name, value in limits if value is not None]
        return f"latency {', '.join(parts)} ms"

    def judge(self, case: Case) -> GateResult:
        frame = _sample(case, self.sample, f"gate {self.name!r}")
        size = min(self.rows, len(frame))
        times = []
        for call in range(_WARM_UP + self.calls):
            start = (call * size) % (len(frame) - size + 1)
            part = frame.iloc[start : start + size]
            begun = time.perf_counter()
            case.predictor.predict(part)
            times.append((time.perf_counter() - begun) * 1000)
        timed = np.sort(times[_WARM_UP:])
        results = [
            verdict(self.name, _percentile(timed, share), limit, most=True, unit="ms", of=name)
            for name, share, limit in (("p50", 0.5, self.p50), ("p99", 0.99, self.p99))
            if limit is not None
        ]
        worst = max(results, key=lambda one: one.gap or 0.0)
        shown = [one for one in results if not one.passed] or results
        text = "; ".join(one.message for one in shown) + f" ({self.calls} calls of {size} rows)"
        passed = all(one.passed for one in results)
        return GateResult(self.name, passed, text, worst.value, worst.limit, worst.gap)


def _percentile(ordered: Any, share: float) -> float:
    """The nearest-rank percentile: a time that was really measured."""
    return float(ordered[max(0, math.ceil(share * len(ordered)) - 1)])


@dataclass(frozen=True)
class SmokeGate(Gate):
    """Sample inputs are predicted without an error, in the recorded shape, without NaN.

    Args:
        sample: Rows to predict, as a frame or a list of dictionaries; None: the test set's first.

    >>> SmokeGate().name
    'smoke test'
    """

    sample: Any = None
    kind = "smoke"

    @property
    def name(self) -> str:
        return "smoke test"

    def judge(self, case: Case) -> GateResult:
        frame = _sample(case, self.sample, f"gate {self.name!r}").head(_SAMPLES)
        predictor = case.predictor
        try:
            found = predictor.predict(frame)
            single = predictor.predict(frame.head(1))
        except MLRunLikeError as exc:
            return GateResult(self.name, False, str(exc))
        columns = 1 if found.ndim == 1 else found.shape[1]
        wanted = len(predictor.outputs) or columns
        faults = []
        if columns != wanted:
            faults.append(f"it gives {columns} outputs, {wanted} are recorded")
        if found.shape[1:] != single.shape[1:]:
            faults.append(f"one row gives shape {single.shape}, {len(frame)} give {found.shape}")
        if bool(pd.isna(found).any()):
            faults.append(f"{int(pd.isna(found).sum())} of {found.size} outputs are missing (NaN)")
        text = "; ".join(faults) or f"{len(frame)} rows give {columns} outputs each"
        return GateResult(self.name, not faults, text)
