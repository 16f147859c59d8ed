"""New data that does not look like the old: `python example.py`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import mlrun_like as ml

if __name__ == "__main__":
    folder = Path(tempfile.mkdtemp())
    random = np.random.default_rng(0)
    old = pd.DataFrame(
        {
            "age": random.integers(18, 90, 2000),
            "plan": random.choice(["basic", "plus", "pro"], 2000),
            "income": random.normal(50_000, 9_000, 2000).round(2),
        }
    )
    new = old.assign(income=old["income"] + 8_000)
    new.loc[:9, "age"] = 300
    new.loc[:19, "plan"] = "gold"
    new["contact"] = [f"user{number}@example.org" for number in range(2000)]
    old.to_parquet(folder / "old.parquet")
    new.to_parquet(folder / "new.parquet")

    validating = ml.import_function("hub://validate_data")
    inputs = {"data": str(folder / "new.parquet"), "reference": str(folder / "old.parquet")}
    run = validating.run(inputs=inputs, params={"fail_on": ""}, local=True)
    for key in ("valid", "anomalies", "warnings", "drifted", "personal_data"):
        print(f"{key:>14}: {run.outputs[key]}")
    print("\nopen in a browser:", run.artifact("validation_report").url)
    print("the schema, yours to edit:", run.artifact("schema").url)
