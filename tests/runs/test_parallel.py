from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from mlrun_like.errors import (
    RunError,
    RunTimeoutError,
)
from mlrun_like.functions.decorators import function
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.specs.values import HyperParamOptions

if TYPE_CHECKING:
    from tests.runs.conftest import Bench

Options = HyperParamOptions


def results(run: Any) -> list[Any]:
    """One column of the table of iterations."""
    header, *rows = run.status.iterations
    at = header.index("output.return")
    return [row[at] for row in rows]


@function()
def shifted(context: MLClientCtx, x: int, y: int = 1) -> int:
    context.log_result("score", -x)
    context.log_artifact("notes", body=f"of {x}")
    if x == 4:
        raise ValueError("four")
    return x + y


def test_parallel_trials(bench: Bench) -> None:
    run = shifted.run(
        params={"y": 10},
        hyperparams={"x": [3, 4, 1, 2]},
        hyper_param_options=Options(parallel_runs=2, selector="max.score"),
    )
    assert results(run) == [13, None, 11, 12]
    assert run.output("best_iteration") == 3
    item = run.artifact("notes")
    assert item is not None and item.get() == b"of 1"
    assert bench.recorded(run, 2).error == "ValueError: four"
    assert {child.state() for child in bench.all(iterations=True)} == {"completed", "error"}


def test_parallel_trials_need_what_can_be_sent(bench: Bench) -> None:
    captured: list[int] = []

    def local(x: int) -> None:
        captured.append(x)

    options = Options(parallel_runs=2)
    with pytest.raises(RunError, match="cannot be sent there"):
        shifted.run(
            params={"y": pd.DataFrame({"a": [1]})},
            hyperparams={"x": [1]},
            hyper_param_options=options,
        )
    with pytest.raises(RunError, match=r"source could not be captured|PackagingError"):
        bench.run(local, hyperparams={"x": [1, 2]}, hyper_param_options=options)


@function()
def sleepy(x: int) -> int:
    time.sleep(60)
    return x


@pytest.mark.slow
def test_a_parallel_sweep_that_is_stopped_takes_its_trials_along(bench: Bench) -> None:
    begin = time.monotonic()
    with pytest.raises(RunTimeoutError):
        sleepy.run(
            hyperparams={"x": [1, 2, 3]},
            hyper_param_options=Options(parallel_runs=2),
            timeout=2,
        )
    assert time.monotonic() - begin < 20
    states = sorted((run.metadata.iteration, run.state()) for run in bench.all(iterations=True))
    assert states == [(0, "error"), (1, "aborted"), (2, "aborted")]
