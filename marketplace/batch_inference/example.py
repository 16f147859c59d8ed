"""A line is learnt, and read off for new rows."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import mlrun_like as ml

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        known, new = str(Path(folder, "known.parquet")), str(Path(folder, "new.parquet"))
        x = np.linspace(0, 10, 500)
        pd.DataFrame({"x": x, "y": 2 * x + 1}).to_parquet(known)
        pd.DataFrame({"x": [1.0, 5.5, 9.0]}).to_parquet(new)
        trainer = ml.import_function("hub://auto_trainer")
        params = {"model_class": "sklearn.linear_model.LinearRegression", "label_columns": "y"}
        made = trainer.run(inputs={"dataset": known}, params=params, local=True, watch=False)
        infer = ml.import_function("hub://batch_inference")
        params = {"model": made.outputs["model"]}
        run = infer.run(inputs={"dataset": new}, params=params, local=True, watch=False)
        print(ml.get_dataitem(run.outputs["prediction"]).as_df())
