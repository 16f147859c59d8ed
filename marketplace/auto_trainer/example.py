"""Three classes of models learn the same flowers; the best one is tested and asked."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sklearn.datasets import load_iris

import mlrun_like as ml

CLASSES = (
    "sklearn.linear_model.LogisticRegression",
    "sklearn.ensemble.RandomForestClassifier",
    "sklearn.tree.DecisionTreeClassifier",
)

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "iris.csv"))
        load_iris(as_frame=True).frame.to_csv(path, index=False)
        trainer = ml.import_function("hub://auto_trainer")
        runs = {}
        for model_class in CLASSES:
            params = {"model_class": model_class, "label_columns": "target", "random_state": 4}
            name = model_class.rpartition(".")[2]
            runs[name] = trainer.run(
                name=f"train-{name.lower()}",
                handler="train",
                inputs={"dataset": path},
                params={**params, "model_name": name},
                local=True,
                watch=False,
            )
            print(f"{name:24} accuracy {runs[name].outputs['accuracy']:.3f}")
        best = max(runs, key=lambda name: float(runs[name].outputs["accuracy"]))
        params = {"model": runs[best].outputs["model"], "dataset": [[5.1, 3.5, 1.4, 0.2]]}
        asked = trainer.run(handler="predict", params=params, local=True, watch=False)
        rows = ml.get_dataitem(asked.outputs["prediction"]).as_df()
        print(best, "says", rows["predicted labels"].tolist())
