"""A classifier of flowers, and the test set that it never saw."""

from __future__ import annotations

import tempfile
from pathlib import Path

from sklearn.datasets import load_iris

import mlrun_like as ml

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "iris.csv"))
        load_iris(as_frame=True).frame.to_csv(path, index=False)
        train = ml.import_function("hub://sklearn_classifier")
        params = {"model_pkg_class": "sklearn.svm.SVC", "label_column": "target"}
        run = train.run(inputs={"dataset": path}, params=params, local=True, watch=False)
        print("accuracy of the validation rows:", run.outputs["accuracy"])
        rows = ml.get_dataitem(run.outputs["test_set"]).as_df()
        print(len(rows), "rows were kept for a test")
