"""A tracked run in a process of its own: a new interpreter, a warm fork, and the limit.

Expected before measuring: forking a process with pandas and scikit-learn imported copies its page
tables and costs some milliseconds; recording a run costs some more in a process whose pages are
all shared and copied at the first touch. A new interpreter pays all imports again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile

from common import arguments, median, percentile, seconds

import mlrun_like as ml
from common import report
from mlrun_like.config import config

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
def train(context: ml.MLClientCtx, p: int) -> None:
    """Use both libraries a little and record a result."""
    frame = pandas.DataFrame({"x": [0, 1, 2, 3], "y": [0, 0, 1, 1]})
    model = LogisticRegression(C=p).fit(frame[["x"]], frame["y"])
    context.log_result("score", float(model.score(frame[["x"]], frame["y"])))


@ml.function(kind="process")
def trivial(context: ml.MLClientCtx, p: int) -> None:
    """Record a result with both libraries imported."""
    context.log_result("p", p + len(pandas.__name__) * 0 + len(LogisticRegression.__name__) * 0)


if __name__ == "__main__":
    import pandas
    from sklearn.linear_model import LogisticRegression
