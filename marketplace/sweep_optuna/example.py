"""Twelve trials of a decision tree; the table of trials, the best one, and its test."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sklearn.datasets import load_breast_cancer

import mlrun_like as ml

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "cancer.csv"))
        load_breast_cancer(as_frame=True).frame.to_csv(path, index=False)
        sweep = ml.import_function("hub://sweep_optuna")
        params = {
            "model_class": "sklearn.tree.DecisionTreeClassifier",
            "label_column": "target",
            "space": {"max_depth": "int(1, 8)", "min_samples_leaf": "logint(1, 100)"},
            "n_trials": 12,
        }
        run = sweep.run(inputs={"dataset": path}, params=params, local=True, watch=False)
        table = ml.get_dataitem(run.outputs["iteration_results"]).as_df()
        shown = ["iter", "param.max_depth", "param.min_samples_leaf", "output.score"]
        print(table[shown].to_string(index=False))
        print("best:", run.outputs["best_params"], "test:", round(run.outputs["test_score"], 3))
