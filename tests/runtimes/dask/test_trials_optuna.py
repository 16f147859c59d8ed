"""A search whose trials are tasks of a cluster: they learn from each other and may be pruned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import mlrun_like as ml

pytestmark = pytest.mark.slow
pytest.importorskip("optuna")

Make = Callable[..., Any]
CLIMB = (
    "def handler(context, level: float):\n"
    "    for step in range(10):\n"
    "        context.log_metric('score', level * (step + 1), step=step)\n"
)


def test_trials_on_a_cluster(function: Make) -> None:
    options = ml.HyperParamOptions(
        strategy="optuna", selector="max.score", pruner="median", max_iterations=30, seed=1
    )
    run = function(CLIMB).run(
        hyperparams={"level": [8.0, 4.0, 2.0, 1.0]}, hyper_param_options=options, watch=False
    )
    header, *rows = run.status.iterations
    states = [row[header.index("state")] for row in rows]
    assert len(rows) == 30 and "error" not in states
    assert states.count("aborted") > 0 and "trials pruned" in run.status.status_text
    assert run.outputs["score"] == 80.0
