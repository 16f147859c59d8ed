"""A sweep of 100 trivial trials, each recorded, against Optuna in memory and on SQLite."""

from __future__ import annotations

import contextlib
import io
import sys
import tempfile

from common import arguments, median, peer, report, seconds

import mlrun_like as ml
from mlrun_like.tracking.base import RunQuery

OPTUNA = """
import json, tempfile, time, os, optuna
os.chdir(tempfile.mkdtemp())
optuna.logging.set_verbosity(optuna.logging.ERROR)
def run(storage):
    sampler = optuna.samplers.GridSampler({"x": list(range(100))})
    study = optuna.create_study(storage=storage, sampler=sampler)
    t = time.perf_counter()
    study.optimize(lambda trial: (trial.suggest_int("x", 0, 99) - 3) ** 2, n_trials=100)
    assert len(study.trials) == 100 and study.best_value == 0
    return time.perf_counter() - t
print(json.dumps({"memory": min(run(None) for _ in range(2)), "sqlite": run("sqlite:///o.db")}))
"""


@ml.function()
def trial(context: ml.MLClientCtx, x: int) -> None:
    """A parabola."""
    context.log_result("y", (x - 3) ** 2)


def sweep() -> None:
    """100 trials in this process; check what was recorded."""
    with contextlib.redirect_stdout(io.StringIO()):
        run = trial.run(
            hyperparams={"x": list(range(100))},
            hyper_param_options=ml.HyperParamOptions(selector="min.y"),
        )
    assert run.outputs["best_iteration"] == 4 and run.outputs["y"] == 0
    assert len(run.status.iterations) == 101


args = arguments(__doc__)
with ml.config.override(home=tempfile.mkdtemp()):
    sweep()
    ours = median([seconds(sweep) for _ in range(args.reps)])
    store = ml.get_run_db()
    uid = store.list_runs(RunQuery(limit=1))[0]["metadata"]["uid"]
    assert store.read_run("default", uid, 100)["status"]["state"] == "completed"
figures = {"ours, s": ours}
bars = {"<= 0.4 s": ours <= 0.4}
optuna = peer(args.peers, OPTUNA)
if optuna:
    figures["optuna grid in memory, s"] = optuna["memory"]
    figures["optuna grid on SQLite, s"] = optuna["sqlite"]
    bars["faster than optuna in memory"] = ours < optuna["memory"]
sys.exit(report("sweep", figures, bars, args.json))
