"""A graph over a Parquet file: rows a second, and the memory of a large file.

Expected before measuring: a row that goes alone costs a dictionary and the graph's calls, two to
three microseconds; a step with `do_batch` saves the calls but not the dictionaries; rows as inputs
of a model cost a list each, so that the model itself is most of it.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from common import arguments, median, report
from sklearn.linear_model import LogisticRegression

from mlrun_like.serving.batch.rows import Rows
from mlrun_like.serving.batch.run import run_batch
from mlrun_like.serving.definition.graph import Graph, flow
from mlrun_like.serving.models.sklearn import SKLearnModelServer

ROWS, LARGE = 100_000, 2_000_000
COLUMNS = ["a", "b", "c", "d"]


class Scale:
    def do(self, body: Any) -> Any:
        return {**body, "a": body["a"] * 2}


class ScaleMany(Scale):
    def do_batch(self, frame: pd.DataFrame) -> pd.DataFrame:
        return frame.assign(a=frame.a * 2)


class Request:
    def do(self, body: Any) -> Any:
        return {"inputs": [[body[name] for name in COLUMNS]]}


def graph(*steps: Any, **last: Any) -> Graph:
    made = flow()
    at: Any = made
    for number, step in enumerate(steps):
        at = at.to(step, f"s{number}", **(last if number == len(steps) - 1 else {}))
    return made


def seconds(call: Callable[[], Any]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def write(path: Path, rows: int) -> None:
    values = np.random.default_rng(1)
    with pq.ParquetWriter(path, pa.schema([(name, pa.float64()) for name in COLUMNS])) as writer:
        for _ in range(rows // 50_000):
            writer.write_table(pa.table({name: values.normal(size=50_000) for name in COLUMNS}))


def main() -> int:
    """Measure all and report medians."""
    args = arguments(__doc__ or "")
    folder = Path(tempfile.mkdtemp())
    source, large, target = (folder / f"{name}.parquet" for name in ("in", "large", "out"))
    write(source, ROWS)
    frame = pd.read_parquet(source)
    model = LogisticRegression().fit(frame, frame.a > 0)
    kinds = {
        "3 steps, row by row": graph(Scale, Scale, Scale),
        "3 steps with do_batch": graph(ScaleMany, ScaleMany, ScaleMany),
        "a step and a model, predictions together": graph(Request, SKLearnModelServer, model=model),
        "rows as inputs of a model": graph(SKLearnModelServer, model=model),
    }
    speeds: dict[str, float] = {}
    rows = Rows(columns=COLUMNS)
    for name, made in kinds.items():
        times = [
            seconds(lambda made=made: run_batch(made, source, target, rows=rows))
            for _ in range(args.reps)
        ]
        speeds[name] = ROWS / median(times)

    def bare() -> None:
        for start in range(0, ROWS, 10_000):
            part = frame.iloc[start : start + 10_000]
            pa.Table.from_pandas(part.assign(prediction=model.predict(part)))

    bare_speed = ROWS / median([seconds(bare) for _ in range(args.reps)])
    server = kinds["a step and a model, predictions together"].to_mock_server()
    bodies = frame.head(500).to_dict(orient="records")
    one = 500 / seconds(lambda: list(server.stream(bodies)))
    write(large, LARGE)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    run_batch(kinds["rows as inputs of a model"], large, target, rows=rows)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    figures: dict[str, Any] = {f"{name}, rows/s": speed for name, speed in speeds.items()}
    figures |= {
        "the same model one row at a time, rows/s": one,
        "pandas and the bare model, rows/s": bare_speed,
        f"more memory for {LARGE:,} rows ({large.stat().st_size >> 20} MB file), MB": grown,
    }
    together = speeds["a step and a model, predictions together"]
    bars = {
        "predictions together >= 5 x one at a time": together >= 5 * one,
        "row by row >= 100,000 rows/s": speeds["3 steps, row by row"] >= 100_000,
        "a large file needs < 100 MB": grown < 100,
    }
    return report("batch", figures, bars, args.json)


if __name__ == "__main__":
    sys.exit(main())
