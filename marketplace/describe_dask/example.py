"""Describes 200,000 rows on two workers of this machine: `python example.py`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from distributed import Client, LocalCluster

import mlrun_like as ml

if __name__ == "__main__":
    random = np.random.default_rng(0)
    rows = 200_000
    people = pd.DataFrame(
        {
            "age": random.integers(18, 90, rows),
            "income": random.lognormal(10, 0.5, rows).round(),
            "churned": random.choice(["no", "yes"], rows, p=[0.93, 0.07]),
        }
    )
    file = Path(tempfile.mkdtemp()) / "people.parquet"
    people.to_parquet(file)
    cluster = LocalCluster(n_workers=2, processes=False, dashboard_address=":0")
    with cluster, Client(cluster) as client:
        run = ml.import_function("hub://describe_dask").run(
            inputs={"dataset": str(file)},
            params={"label_column": "churned", "dask_client": client},
            local=True,
        )
    print(run.artifact("describe-csv").as_df().round(1).to_string(index=False))
    print("open in a browser:", run.artifact("report").url)
