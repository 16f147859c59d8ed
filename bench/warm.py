"""A tracked run in a process of its own: a warm fork, a new interpreter, and the limit.

Expected before measuring: forking a process with pandas and scikit-learn imported copies its page
tables and costs some milliseconds, and recording a run in a process whose pages are copied at the
first touch costs several times what it costs elsewhere. A new interpreter pays all imports again.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

import pandas
from common import arguments, median, percentile, report, seconds
from sklearn.linear_model import LogisticRegression

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.tracking.connect import close_stores

FORK = """
import gc, os, statistics, time
import pandas, sklearn.linear_model, mlrun_like.runs.entry
gc.collect(); gc.freeze()
times = []
for _ in range(30):
    start = time.perf_counter()
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    times.append(time.perf_counter() - start)
print(statistics.median(times) * 1e3)
"""


@ml.function(kind="process")
def trivial(context: ml.MLClientCtx, p: int) -> None:
    """Record one result where both libraries are imported."""
    context.log_result("p", p)
    context.log_result("libraries", len([pandas.DataFrame, LogisticRegression]))


def run() -> None:
    """One tracked run."""
    trivial.run(params={"p": 1}, watch=False)


def fork_ms() -> float:
    """The limit: fork a process with the same imports and wait for its end."""
    done = subprocess.run([sys.executable, "-c", FORK], check=True, capture_output=True, text=True)
    return float(done.stdout)


if __name__ == "__main__":
    args = arguments(__doc__ or "")
    with tempfile.TemporaryDirectory() as home, config.override(home=home):
        limits = [fork_ms()]
        first = seconds(run) * 1e3
        warm = [seconds(run) * 1e3 for _ in range(20 * args.reps)]
        limits.append(fork_ms())
        with config.override(warm=False):
            run()
            fresh = [seconds(run) * 1e3 for _ in range(args.reps)]
        close_stores()
    figures = {
        "raw fork of a preloaded process, ms": min(limits),
        "warm run, median ms": median(warm),
        "warm run, 95th percentile ms": percentile(warm, 0.95),
        "first run, which starts the warm server, ms": first,
        "new interpreter, median ms": median(fresh),
        "warm run / raw fork": median(warm) / min(limits),
        "new interpreter / warm run": median(fresh) / median(warm),
    }
    bars = {
        "warm run <= 60 ms": median(warm) <= 60,
        "warm run 10 times faster than a new interpreter": median(fresh) >= 10 * median(warm),
    }
    sys.exit(report("warm", figures, bars, args.json))
