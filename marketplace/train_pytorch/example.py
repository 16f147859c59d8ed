"""A small network learns to tell flowers apart; its losses by epoch, and what it says."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sklearn.datasets import load_iris

import mlrun_like as ml

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "iris.csv"))
        load_iris(as_frame=True).frame.to_csv(path, index=False)
        trainer = ml.import_function("hub://train_pytorch")
        params = {"label_column": "target", "epochs": 40, "learning_rate": 0.01}
        inputs = {"dataset": path}
        run = trainer.run(handler="train", inputs=inputs, params=params, local=True, watch=False)
        print(f"accuracy {run.outputs['accuracy']:.3f} after {run.outputs['epochs']} epochs")
        params = {"model": run.outputs["model"]}
        asked = trainer.run(
            handler="predict", inputs=inputs, params=params, local=True, watch=False
        )
        rows = ml.get_dataitem(asked.outputs["prediction"]).as_df()
        print(rows[["target", "predicted_target", "predicted_target_probability"]][::30])
