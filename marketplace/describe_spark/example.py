"""Describes 100,000 rows with a Spark of this machine: `python example.py`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import mlrun_like as ml

if __name__ == "__main__":
    random = np.random.default_rng(0)
    rows = 100_000
    people = pd.DataFrame(
        {
            "age": random.integers(18, 90, rows),
            "income": random.lognormal(10, 0.5, rows).round(),
            "plan": [["basic", "basic", "plus", None][at % 4] for at in range(rows)],
        }
    )
    file = Path(tempfile.mkdtemp()) / "people.parquet"
    people.to_parquet(file)
    describing = ml.import_function("hub://describe_spark")
    run = describing.run(inputs={"dataset": str(file)}, local=True)
    summary = run.artifact("summary_stats").as_df()
    print(summary[["index", "type", "count", "distinct_count", "mean", "50%"]].to_string())
    print("open in a browser:", run.artifact("report").url)
