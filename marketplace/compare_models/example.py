"""Three models of the same data: which one is best, and is that more than luck?"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pandas as pd
from sklearn.datasets import make_classification

import mlrun_like as ml

CLASSES = (
    "sklearn.linear_model.LogisticRegression",
    "sklearn.tree.DecisionTreeClassifier",
    "sklearn.ensemble.RandomForestClassifier",
)

if __name__ == "__main__":
    x, y = make_classification(3000, 12, n_informative=5, random_state=2)
    data = pd.DataFrame(x, columns=[f"x{number}" for number in range(12)]).assign(y=y)
    with tempfile.TemporaryDirectory() as folder:
        train, test = str(Path(folder, "train.parquet")), str(Path(folder, "test.parquet"))
        data[:2000].to_parquet(train)
        data[2000:].to_parquet(test)
        trainer = ml.import_function("hub://auto_trainer")
        models = {}
        for model_class in CLASSES:
            params = {"model_class": model_class, "label_columns": "y", "random_state": 1}
            inputs = {"dataset": train}
            run = trainer.run(inputs=inputs, params=params, local=True, watch=False)
            models[model_class.rpartition(".")[2]] = run.outputs["model"]
        run = ml.import_function("hub://compare_models").run(
            inputs={"test_set": test},
            params={"models": models, "label_column": "y", "metrics": ["accuracy", "auc"]},
            local=True,
            watch=False,
        )
        print(ml.get_dataitem(run.outputs["models"]).as_df().to_string(index=False))
        tests = ml.get_dataitem(run.outputs["tests"]).as_df()
        print(tests.drop(columns=["metric", "method"]).round(4).to_string(index=False))
        print("as good as the best one:", run.outputs["as_good"] or "none")
