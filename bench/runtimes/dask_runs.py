"""A run on Dask against a bare `client.submit`, and a sweep of 200 trials against the same tasks.

Scheduler and two workers are processes of this machine, the same ones for both sides.
"""

from __future__ import annotations

import contextlib
import io
import pathlib
import sys
import tempfile
import time
from typing import Any

# not this folder: in it `import dask` would find this very file
sys.path[0] = str(pathlib.Path(__file__).resolve().parents[1])

from common import arguments, median, report, seconds  # noqa: E402

import mlrun_like as ml  # noqa: E402
from mlrun_like.tracking.base import RunQuery  # noqa: E402

TRIALS = 200


def work(x: int, loops: int) -> float:
    """Some milliseconds of arithmetic."""
    total = 0.0
    for n in range(loops):
        total += (x * n) % 7
    return total


@ml.function(kind="dask", name="bench")
def one(dask_client: Any, x: int = 1) -> float:
    """One task of the run."""
    value: float = dask_client.submit(work, x, 1, pure=False).result()
    return value


@ml.function(kind="dask", name="bench")
def trial(context: ml.MLClientCtx, x: int, loops: int) -> None:
    """The same work as a trial."""
    context.log_result("y", work(x, loops))


DASK: Any = one
"""With the methods of its kind, which decorators do not tell type checkers."""


def loops_for(milliseconds: float) -> int:
    """How often `work` has to go round; by time of the processor, which others do not stretch."""
    took = []
    for _ in range(5):
        start = time.process_time()
        work(3, 200_000)
        took.append(time.process_time() - start)
    return int(200_000 * milliseconds / (min(took) * 1e3))


def sweep(loops: int) -> None:
    """200 trials, each recorded."""
    run = trial.run(
        params={"loops": loops},
        hyperparams={"x": list(range(TRIALS))},
        hyper_param_options=ml.HyperParamOptions(selector="max.y"),
        watch=False,
    )
    assert len(run.status.iterations) == TRIALS + 1


def direct(loops: int) -> None:
    """The same work given to Dask."""
    client = DASK.client
    results = client.gather(client.map(work, range(TRIALS), loops=loops, pure=False))
    assert len(results) == TRIALS


def main() -> int:
    """Measure both."""
    args = arguments(__doc__ or "")
    with ml.config.override(home=tempfile.mkdtemp()), contextlib.redirect_stdout(io.StringIO()):
        for function in (one, trial):
            function.spec.replicas = 2
        one.run(watch=False)
        client = DASK.client
        bare = [
            seconds(lambda: client.submit(work, 1, 1, pure=False).result())
            for _ in range(3 * args.reps)
        ]
        ours = [seconds(lambda: one.run(watch=False)) for _ in range(3 * args.reps)]
        figures = {
            "bare client.submit, ms": median(bare) * 1e3,
            "a run, ms": median(ours) * 1e3,
            "submit overhead, ms": (median(ours) - median(bare)) * 1e3,
        }
        bars = {"overhead <= 150 ms": figures["submit overhead, ms"] <= 150}
        for name, cost in (("50 ms", 50.0), ("10 ms", 10.0)):
            loops = loops_for(cost)
            sweep(loops)
            direct(loops)
            pairs = [
                (seconds(lambda n=loops: sweep(n)), seconds(lambda n=loops: direct(n)))
                for _ in range(args.reps)
            ]
            ratio = median([sweep_s / direct_s for sweep_s, direct_s in pairs])
            figures[f"sweep of {TRIALS} trials of {name}, s"] = median([pair[0] for pair in pairs])
            figures[f"the same work by client.map, s ({name})"] = median([p[1] for p in pairs])
            figures[f"ratio ({name})"] = ratio
            bars[f"sweep <= 1.3 x ({name})"] = ratio <= 1.3
        stored = ml.get_run_db().list_runs(RunQuery(iterations=True, project="default", limit=0))
        assert len(stored) > TRIALS
        DASK.close()
    return int(report("dask", figures, bars, args.json))


if __name__ == "__main__":
    sys.exit(main())
