"""A model that is worse for one group of people is found out."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import mlrun_like as ml

if __name__ == "__main__":
    draw = np.random.default_rng(0)
    data = pd.DataFrame({"income": draw.normal(50, 15, 6000), "debt": draw.normal(20, 8, 6000)})
    data["new"] = draw.choice([0, 1], 6000, p=[0.8, 0.2])
    repaid = data["income"] - data["debt"] + draw.normal(0, 5 + 30 * data["new"]) > 25
    data["repaid"] = repaid.astype(int)
    with tempfile.TemporaryDirectory() as folder:
        train, test = str(Path(folder, "train.parquet")), str(Path(folder, "test.parquet"))
        data[:4000].to_parquet(train)
        data[4000:].to_parquet(test)
        params = {"model_class": "sklearn.linear_model.LogisticRegression"}
        trainer = ml.import_function("hub://auto_trainer")
        made = trainer.run(
            inputs={"dataset": train},
            params={**params, "label_columns": "repaid"},
            local=True,
            watch=False,
        )
        run = ml.import_function("hub://evaluate_model").run(
            inputs={"models_path": made.outputs["model"], "test_set": test},
            params={"label_column": "repaid", "sensitive_columns": ["new"], "slice_gap": 0.1}
            | {"must": False},
            local=True,
            watch=False,
        )
        told = ("accuracy", "auc", "worst_slice", "worst_gap", "accuracy_difference", "passed")
        for name in told:
            print(f"{name:20} {run.outputs[name]}")
        curve = ml.get_dataitem(run.outputs["threshold_curve"]).as_df()
        print(curve[::40].round(3).to_string(index=False))
