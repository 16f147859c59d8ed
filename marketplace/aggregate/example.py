"""Load of two machines, its mean over five readings each: `python example.py`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import mlrun_like as ml

if __name__ == "__main__":
    random = np.random.default_rng(0)
    readings = pd.DataFrame(
        {
            "machine": ["a", "b"] * 50,
            "load": random.uniform(0, 100, 100).round(1),
            "failed": random.random(100) < 0.05,
        }
    )
    file = Path(tempfile.mkdtemp()) / "readings.parquet"
    readings.to_parquet(file)
    run = ml.import_function("hub://aggregate").run(
        inputs={"df_artifact": str(file)},
        params={
            "keys": ["machine"],
            "metrics": ["load"],
            "metric_aggregations": ["mean", "std"],
            "labels": ["failed"],
            "window": 5,
        },
        local=True,
    )
    print(run.artifact("aggregate").as_df().head(6).round(2).to_string())
    print("stored as", run.outputs["aggregate"])
