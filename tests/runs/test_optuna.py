"""Sweeps that learn from their trials: ranges, samplers, pruners, going on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError, RunError
from mlrun_like.runs.search_space import read_space
from mlrun_like.specs.values import HyperParamOptions
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import close_stores, open_store

optuna = pytest.importorskip("optuna")

SPACE = {"x": "uniform(-4, 4)", "depth": "int(1, 3)", "kind": ["flat", "steep"]}


@pytest.fixture(autouse=True)
def closed() -> Any:
    yield
    close_stores()


@ml.function()
def bowl(context: Any, x: float, depth: int = 1, kind: str = "flat") -> None:
    slope = 1 if kind == "flat" else 3
    context.log_result("loss", slope * (x - 1) ** 2 + depth)


@ml.function()
def climb(context: Any, level: float) -> None:
    for step in range(20):
        context.log_metric("score", level * (step + 1), step=step)


def search(**options: Any) -> HyperParamOptions:
    return HyperParamOptions(strategy="optuna", **{"selector": "min.loss", "seed": 3, **options})


def best(run: Any) -> float:
    return float(run.outputs["loss"])


def children(run: Any) -> list[Any]:
    query = RunQuery(project="*", uid=run.metadata.uid, iterations=True)
    found = [one for one in open_store().list_runs(query) if one["metadata"]["iteration"]]
    return sorted(found, key=lambda one: one["metadata"]["iteration"])


def test_it_finds_the_bottom_and_repeats_itself() -> None:
    run = bowl.run(hyperparams=SPACE, hyper_param_options=search(max_iterations=30))
    assert len(children(run)) == 30 and best(run) < 1.5
    again = bowl.run(hyperparams=SPACE, hyper_param_options=search(max_iterations=30))
    assert [one["spec"]["parameters"] for one in children(run)] == [
        one["spec"]["parameters"] for one in children(again)
    ]


def test_distributions_of_optuna_and_a_seed_that_is_recorded() -> None:
    found = optuna.distributions
    space = {
        "x": found.FloatDistribution(0.5, 2, log=True),
        "depth": found.IntDistribution(1, 9, step=4),
        "kind": found.CategoricalDistribution(["flat", "steep"]),
    }
    run = bowl.run(
        hyperparams=space, hyper_param_options=search(seed=None, sampler="random", max_iterations=8)
    )
    assert {one["spec"]["parameters"]["depth"] for one in children(run)} <= {1, 5, 9}
    assert isinstance(run.to_dict()["spec"]["hyper_param_options"]["seed"], int)


@pytest.mark.parametrize("sampler", ["qmc", "nsga2", "tpe"])
def test_samplers(sampler: str) -> None:
    options = search(sampler=sampler, max_iterations=3)
    assert len(children(bowl.run(hyperparams=SPACE, hyper_param_options=options))) == 3


def test_a_pruned_trial_ends_as_such() -> None:
    space = {"level": [9, 8, 7, 6, 5, 4, 3, 2, 1]}
    options = search(selector="max.score", pruner="median", max_iterations=25)
    run = climb.run(hyperparams=space, hyper_param_options=options)
    states = [one["status"]["state"] for one in children(run)]
    assert run.state() == "completed" and set(states) == {"completed", "aborted"}
    pruned = next(one for one in children(run) if one["status"]["state"] == "aborted")
    assert pruned["metadata"]["labels"]["pruned"] == "true"
    assert pruned["status"]["status_text"].startswith("pruned at step")
    assert f"{states.count('aborted')} of 25 trials pruned" == run.status.status_text
    assert float(run.outputs["score"]) > 100


def test_a_sweep_goes_on() -> None:
    space = {"x": "uniform(-50, 50)"}
    first = bowl.run(hyperparams=space, hyper_param_options=search(max_iterations=25))
    options = search(max_iterations=8, warm_start=first.metadata.uid, seed=9)
    warm = bowl.run(hyperparams=space, hyper_param_options=options)
    assert len(children(warm)) == 8
    cold = bowl.run(hyperparams=space, hyper_param_options=search(max_iterations=8, seed=9))
    mean = [
        sum(abs(one["spec"]["parameters"]["x"] - 1) for one in children(run)) / 8
        for run in (warm, cold)
    ]
    assert mean[0] < mean[1]
    with pytest.raises(RunError, match="no sweep with trials"):
        bowl.run(hyperparams=SPACE, hyper_param_options=search(warm_start="nothing"))


def test_failures_and_stop_conditions() -> None:
    @ml.function()
    def odd(context: Any, x: int) -> None:
        if x % 2:
            raise ValueError("odd")
        context.log_result("loss", x)

    options = search(max_iterations=12, max_errors=12, stop_condition="loss == 0")
    run = odd.run(hyperparams={"x": "int(0, 9)"}, hyper_param_options=options)
    assert int(run.outputs["loss"]) % 2 == 0


@pytest.mark.slow
def test_processes_side_by_side(tmp_path: Path) -> None:
    code = tmp_path / "climb.py"
    code.write_text(
        "def climb(context, level: float):\n"
        "    for step in range(10):\n"
        "        context.log_metric('score', level * (step + 1), step=step)\n",
        encoding="utf-8",
    )
    fn = ml.code_to_function("climb", filename=str(code), kind="process", handler="climb")
    options = search(selector="max.score", pruner="median", max_iterations=8, parallel_runs=2)
    run = fn.run(hyperparams={"level": [8, 4, 2, 1]}, hyper_param_options=options)
    states = [one["status"]["state"] for one in children(run)]
    assert run.state() == "completed" and len(states) == 8, states
    assert "error" not in states and states.count("completed") >= 4
    linked = children(run)[int(run.outputs["best_iteration"]) - 1]["status"]["results"]
    assert linked["score"] == run.outputs["score"] >= 40


KILLED = """
import mlrun_like as ml


def bowl(context, x: float):
    if context.iteration == 6:
        import time
        time.sleep(60)
    context.log_result("loss", (x - 1) ** 2)


ml.new_function("bowl").run(
    handler=bowl,
    hyperparams={"x": "uniform(-50, 50)"},
    hyper_param_options={
        "strategy": "optuna", "selector": "min.loss", "seed": 1, "max_iterations": 20
    },
)
"""


@pytest.mark.slow
def test_a_killed_sweep_goes_on(tmp_path: Path, home: Path) -> None:
    code = tmp_path / "killed.py"
    code.write_text(KILLED, encoding="utf-8")
    variables = {**os.environ, "MLRUN_LIKE_HOME": str(home)}
    with subprocess.Popen([sys.executable, str(code)], env=variables) as process:
        query = RunQuery(project="*", iterations=True)
        recorded: list[Any] = []
        while len(recorded) < 5 and process.poll() is None:
            time.sleep(0.05)
            recorded = [
                one for one in open_store().list_runs(query) if one["status"].get("results")
            ]
        process.kill()
    uid = recorded[0]["metadata"]["uid"]
    options = search(max_iterations=6, warm_start=uid)
    rest = bowl.run(hyperparams={"x": "uniform(-50, 50)"}, hyper_param_options=options)
    assert len(children(rest)) == 6 and rest.state() == "completed"
    linked = children(rest)[int(rest.outputs["best_iteration"]) - 1]
    assert linked["status"]["results"]["loss"] == best(rest)


@pytest.mark.slow
def test_on_a_dask_cluster(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="dask is not installed")
    from mlrun_like.runtimes.dask.links import close_all

    code = tmp_path / "slope.py"
    code.write_text(
        "def slope(context, x: float):\n    context.log_result('loss', (x - 1) ** 2)\n",
        encoding="utf-8",
    )
    cluster = distributed.LocalCluster(
        n_workers=2, processes=False, threads_per_worker=1, dashboard_address=":0"
    )
    with cluster:
        fn = ml.code_to_function("slope", filename=str(code), kind="job", handler="slope")
        options = search(
            max_iterations=8, parallel_runs=2, dask_cluster_uri=cluster.scheduler_address
        )
        try:
            run = fn.run(
                hyperparams={"x": "uniform(-4, 4)"}, hyper_param_options=options, local=True
            )
        finally:
            close_all()  # before the cluster is gone
    assert run.state() == "completed" and len(children(run)) == 8
    losses = [one["status"]["results"]["loss"] for one in children(run)]
    assert best(run) == min(losses)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("loguniform(0, 1)", "above 0"),
        ("int(1.5, 3)", "whole"),
        ("uniform(2, 1)", "more than 1"),
        ("uniform(1)", "two numbers"),
        ("unform(1, 2)", "uniform"),
        ("int(1, 2, step=0)", "step above 0"),
        ("uniform(__import__('os'), 2)", "more than numbers"),
        ("uniform(1e999, 2)", "two numbers"),
        ("(" * 500, "cannot be understood"),
        ("", "cannot be understood"),
        (5, "cannot be understood"),
        ([], "needs values"),
        ([[1]], "needs values"),
    ],
)
def test_ranges_that_cannot_be_used(given: Any, hint: str) -> None:
    with pytest.raises(InvalidArgumentError, match=hint):
        read_space({"x": given})
    with pytest.raises(InvalidArgumentError):
        bowl.run(hyperparams={"x": given}, hyper_param_options=search())


def test_ranges() -> None:
    found = read_space({"a": "logint(1, 1000)", "b": "choice('u', 2, None)", "c": (1, 2)})
    assert found["a"].log and found["a"].whole
    assert found["b"].choices == ("u", 2, None) and found["c"].choices == (1, 2)
    with pytest.raises(InvalidArgumentError, match="map parameter names"):
        read_space({})


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "optuna"},
        {"strategy": "optuna", "selector": "max.a", "sampler": "tpee"},
        {"strategy": "optuna", "selector": "max.a", "pruner": "mean"},
        {"strategy": "optuna", "selector": "max.a", "param_file": "a.json"},
        {"strategy": "grid", "sampler": "tpe"},
        {"warm_start": "abc"},
        {"strategy": "grid", "max_iterations": 3},
    ],
)
def test_options_that_contradict(options: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        HyperParamOptions(**options)
