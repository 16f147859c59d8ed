"""New rows are predicted; in one of the columns they are not what the model learnt from."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sklearn.datasets import load_iris

import mlrun_like as ml

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        known, new = str(Path(folder, "known.parquet")), str(Path(folder, "new.parquet"))
        data = load_iris(as_frame=True).frame
        data.to_parquet(known)
        data["sepal width (cm)"] += 3
        data.drop(columns="target").to_parquet(new)
        trainer = ml.import_function("hub://auto_trainer")
        params = {"model_class": "sklearn.linear_model.LogisticRegression", "CLASS_max_iter": 300}
        made = trainer.run(
            inputs={"dataset": known},
            params={**params, "label_columns": "target"},
            local=True,
            watch=False,
        )
        infer = ml.import_function("hub://batch_inference_v2")
        params = {"model_path": made.outputs["model"]}
        run = infer.run(inputs={"dataset": new}, params=params, local=True, watch=False)
        print(ml.get_dataitem(run.outputs["prediction"]).as_df()[::50].to_string())
        table = ml.get_dataitem(run.outputs["drift_table"]).as_df()
        print(table[["feature", "score", "status"]].to_string(index=False))
