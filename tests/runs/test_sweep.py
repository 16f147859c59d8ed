from __future__ import annotations

import csv
import io
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import (
    InvalidArgumentError,
    RunError,
    RunTimeoutError,
)
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.specs.values import HyperParamOptions, Retry

if TYPE_CHECKING:
    from tests.runs.conftest import Bench

Options = HyperParamOptions


def score(context: MLClientCtx, x: float, y: float = 0) -> float:
    context.log_result("score", x - y)
    return x


def fail_on(context: MLClientCtx, x: int, bad: int = 2) -> int:
    if x >= bad:
        raise ValueError(f"bad {x}")
    return x


def results(run: Any) -> list[Any]:
    """One column of the table of iterations."""
    header, *rows = run.status.iterations
    at = header.index("output.return")
    return [row[at] for row in rows]


def test_a_grid(bench: Bench) -> None:
    run = bench.run(
        score,
        hyperparams={"x": [1, 2], "y": [0, 10]},
        hyper_param_options=Options(selector="max.score"),
    )
    assert run.status.iterations == [
        ["state", "iter", "param.x", "param.y", "output.return", "output.score"],
        ["completed", 1, 1, 0, 1, 1],
        ["completed", 2, 2, 0, 2, 2],
        ["completed", 3, 1, 10, 1, -9],
        ["completed", 4, 2, 10, 2, -8],
    ]
    assert run.status.results == {"return": 2, "score": 2, "best_iteration": 2}
    table = run.artifact("iteration_results").get(encoding="utf-8")
    assert [len(row) for row in csv.reader(io.StringIO(table))] == [6] * 5
    assert "<svg" in run.artifact("parallel_coordinates").get(encoding="utf-8")
    child = bench.recorded(run, 3)
    assert (child.state(), child.spec.parameters) == ("completed", {"x": 1, "y": 10})
    assert child.status.results == {"return": 1, "score": -9}
    assert child.spec.hyperparams == {}
    assert bench.recorded(run).to_dict() == run.to_dict()


@pytest.mark.parametrize(
    ("selector", "values", "best"),
    [
        ("max.score", [-3, -1, -2], 2),
        ("score", [0, 0, 0], 1),
        ("min.score", [-3, -1, -5], 3),
        ("max.score", [float("nan"), -1, float("inf")], 3),
        ("min.score", [5, 5], 1),
    ],
)
def test_the_best_trial(bench: Bench, selector: str, values: list[float], best: int) -> None:
    run = bench.run(
        score, hyperparams={"x": values}, hyper_param_options=Options(selector=selector)
    )
    assert run.output("best_iteration") == best


def test_a_selector_with_results_missing_or_odd(bench: Bench) -> None:
    def handler(context: MLClientCtx, x: int) -> None:
        if x == 1:
            context.log_result("score", "0.5")
        if x == 2:
            context.log_result("score", "none")
        if x == 3:
            context.log_result("score", 0.25)

    options = Options(selector="max.score")
    run = bench.run(handler, hyperparams={"x": [0, 3, 2, 1]}, hyper_param_options=options)
    assert run.output("best_iteration") == 4
    with pytest.raises(RunError, match="no trial has a numeric result 'score'"):
        bench.run(handler, hyperparams={"x": [0, 2]}, hyper_param_options=options)
    assert "best_iteration" not in bench.last().status.results


def test_without_a_selector_nothing_is_promoted(bench: Bench) -> None:
    run = bench.run(score, hyperparams={"x": [1, 2]})
    assert run.status.results == {}
    assert results(run) == [1, 2]


def test_the_best_trials_artifacts_are_the_runs(bench: Bench) -> None:
    def handler(context: MLClientCtx, x: int) -> pd.DataFrame:
        context.log_result("score", -x)
        context.log_artifact("notes", body=f"of {x}")
        return pd.DataFrame({"x": [x]})

    run = bench.run(
        handler,
        hyperparams={"x": [5, 3, 4]},
        returns=["table"],
        hyper_param_options=Options(selector="max.score"),
    )
    assert run.artifact("notes").get() == b"of 3"
    assert run.artifact("table").as_df()["x"].tolist() == [3]
    assert bench.recorded(run, 1).artifact("notes").get() == b"of 5"  # type: ignore[union-attr]

    def use(df: pd.DataFrame) -> int:
        return int(df["x"].iloc[0])

    assert bench.run(use, inputs={"df": run.output("table")}).output("return") == 3


def test_list_and_random(bench: Bench) -> None:
    run = bench.run(
        score,
        hyperparams={"x": [1, 2], "y": [3, 4]},
        hyper_param_options=Options(strategy="list"),
    )
    assert [row[2:4] for row in run.status.iterations[1:]] == [[1, 3], [2, 4]]
    options = Options(strategy="random", max_iterations=6, seed=3)
    values = {"x": list(range(1000))}
    first = bench.run(score, hyperparams=values, hyper_param_options=options)
    again = bench.run(score, hyperparams=values, hyper_param_options=options)
    assert len(results(first)) == 6
    assert results(first) == results(again)


def test_a_seed_that_was_not_given_is_recorded(bench: Bench) -> None:
    values = {"x": list(range(1000))}
    run = bench.run(score, hyperparams=values, hyper_param_options=Options(strategy="random"))
    options = bench.recorded(run).spec.hyper_param_options
    again = bench.run(score, hyperparams=values, hyper_param_options=options)
    assert len(results(run)) == 10
    assert results(again) == results(run)


def test_custom(bench: Bench) -> None:
    def handler(context: MLClientCtx) -> None:
        for x in (1, 2):
            with context.get_child_context(x=x) as child:
                child.log_result("y", x * x)
                if x == 2:
                    child.mark_as_best()

    run = bench.run(handler, hyper_param_options=Options(strategy="custom"))
    assert run.outputs == {"y": 4, "best_iteration": 2}
    assert len(run.status.iterations) == 3


def test_param_files(bench: Bench, tmp_path: Path) -> None:
    table = tmp_path / "params.csv"
    table.write_text("x,y\n1,2\n3,4\n")
    run = bench.run(score, hyper_param_options=Options(param_file=str(table)))
    assert [row[2:4] for row in run.status.iterations[1:]] == [[1, 2], [3, 4]]
    grid = tmp_path / "params.json"
    grid.write_text(json.dumps({"x": [1, 2], "y": [3, 4]}))
    run = bench.run(score, hyper_param_options=Options(param_file=str(grid)))
    assert len(run.status.iterations) == 5
    with pytest.raises(InvalidArgumentError, match="not both"):
        bench.run(score, hyperparams={"x": [1]}, hyper_param_options=Options(param_file=str(grid)))
    grid.write_text("{")
    with pytest.raises((InvalidArgumentError, RunError), match="not JSON"):
        bench.run(score, hyper_param_options=Options(param_file=str(grid)))
    with pytest.raises((LookupError, RunError), match=r"nowhere\.csv"):
        bench.run(score, hyper_param_options=Options(param_file=str(tmp_path / "nowhere.csv")))


def test_wrong_options_are_found_before_anything_runs(bench: Bench) -> None:
    calls: list[int] = []

    def handler(x: int) -> None:
        calls.append(x)

    for given, text in (
        ({"hyperparams": {"x": []}}, "has no values"),
        ({"hyperparams": {"x": 5}}, "must be a list"),
        ({"hyperparams": {"x": "abc"}}, "must be a list"),
        ({"hyperparams": {"x": [1, 2**63]}}, "exceeds int64"),
        ({"hyperparams": {"x": [object()]}}, "not plain data: object"),
        (
            {"hyperparams": {"x": [1]}, "hyper_param_options": {"stop_condition": "import os"}},
            "not a comparison",
        ),
        ({"hyperparams": {"x": [1]}, "hyper_param_options": {"stratgy": "grid"}}, "strategy"),
    ):
        with pytest.raises(InvalidArgumentError, match=text):
            bench.run(handler, **given)
    assert calls == []
    assert bench.all() == []


def test_numpy_values(bench: Bench) -> None:
    run = bench.run(score, hyperparams={"x": np.array([1, 2]), "y": [np.float32(0.5)]})
    assert results(run) == [1, 2]
    assert json.dumps(bench.recorded(run).to_dict())


def test_failed_trials_are_rows(bench: Bench) -> None:
    run = bench.run(fail_on, hyperparams={"x": [0, 2, 1]})
    assert [row[0] for row in run.status.iterations[1:]] == ["completed", "error", "completed"]
    assert run.status.status_text == "1 of 3 trials failed"
    child = bench.recorded(run, 2)
    assert child.error == "ValueError: bad 2"
    assert "in fail_on" in child.status.traceback
    assert "trial 2 failed" in bench.log(run)


def test_all_failed(bench: Bench) -> None:
    with pytest.raises(RunError) as caught:
        bench.run(fail_on, hyperparams={"x": [2, 3]})
    assert "2 of 2 trials failed; trial 1: ValueError: bad 2" in str(caught.value)
    assert "in fail_on" in str(caught.value)
    assert len(bench.last().status.iterations) == 3


def test_fail_on_error(bench: Bench) -> None:
    with pytest.raises(RunError, match="1 of 3 trials failed"):
        bench.run(
            fail_on,
            hyperparams={"x": [0, 2, 1]},
            hyper_param_options=Options(fail_on_error=True),
        )
    assert len(bench.last().status.iterations) == 4


def test_max_errors(bench: Bench) -> None:
    options = Options(max_errors=1)
    with pytest.raises(RunError, match="2 of 3 trials failed"):
        bench.run(fail_on, hyperparams={"x": [0, 2, 3, 1, 1]}, hyper_param_options=options)
    run = bench.run(fail_on, hyperparams={"x": [0, 2, 1, 1]}, hyper_param_options=options)
    assert len(run.status.iterations) == 5


def test_stop_condition(bench: Bench) -> None:
    run = bench.run(
        score,
        hyperparams={"x": list(range(10))},
        hyper_param_options=Options(stop_condition="score > 2"),
    )
    assert results(run) == [0, 1, 2, 3]


def test_exits_and_interrupts_in_trials(bench: Bench) -> None:
    def leave(x: int) -> int:
        if x:
            sys.exit(x - 1)
        return x

    run = bench.run(leave, hyperparams={"x": [0, 1, 2]})
    states = [row[0] for row in run.status.iterations[1:]]
    assert states == ["completed", "completed", "error"]

    def interrupted(x: int) -> int:
        if x:
            raise KeyboardInterrupt
        return x

    with pytest.raises(KeyboardInterrupt):
        bench.run(interrupted, hyperparams={"x": [0, 1, 2]})
    parent = bench.last()
    assert parent.state() == "aborted"
    assert bench.recorded(parent, 1).state() == "completed"
    assert bench.recorded(parent, 2).state() == "aborted"
    assert [row[0] for row in parent.status.iterations[1:]] == ["completed"]


def test_a_timeout_is_for_the_whole(bench: Bench) -> None:
    def slow(x: int) -> int:
        time.sleep(x)
        return x

    with pytest.raises(RunTimeoutError):
        bench.run(slow, hyperparams={"x": [0, 30]}, timeout=0.3)
    parent = bench.last()
    assert results(parent) == [0]
    assert bench.recorded(parent, 2).state() == "aborted"


def test_a_trial_cannot_end_itself_before_it_ends(bench: Bench) -> None:
    def handler(context: MLClientCtx, x: int) -> int:
        context.commit(completed=True)
        if x == 1:
            context.set_state(error="no good")
        if x == 2:
            raise ValueError("after all")
        return x

    run = bench.run(handler, hyperparams={"x": [0, 1, 2]})
    assert [row[0] for row in run.status.iterations[1:]] == ["completed", "error", "error"]
    assert bench.recorded(run, 2).error == "no good"


def test_objects_reach_every_trial(bench: Bench) -> None:
    def handler(df: pd.DataFrame, x: int) -> int:
        return len(df) * x

    frame = pd.DataFrame({"a": [1, 2]})
    run = bench.run(handler, params={"df": frame}, hyperparams={"x": [1, 2]})
    assert results(run) == [2, 4]


def test_inputs_reach_every_trial(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("a\n1\n2\n")

    def handler(df, x: int) -> int:  # type: ignore[no-untyped-def]
        return len(df) * x

    run = bench.run(handler, inputs={"df: pandas.DataFrame": str(path)}, hyperparams={"x": [1, 2]})
    assert results(run) == [2, 4]


def test_a_sweep_may_be_retried(bench: Bench) -> None:
    calls: list[int] = []

    def handler(x: int) -> int:
        calls.append(x)
        if len(calls) <= 2:
            raise ValueError("not yet")
        return x

    run = bench.run(handler, hyperparams={"x": [1, 2]}, retry=Retry(count=1, backoff=0))
    assert results(run) == [1, 2]
    assert bench.recorded(run, 1).state() in ("completed", "error")
