"""A model is trained, served over HTTP on this machine, and asked."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from sklearn.datasets import load_iris

import mlrun_like as ml
from mlrun_like.serving import Client, serve

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "iris.csv"))
        load_iris(as_frame=True).frame.to_csv(path, index=False)
        trainer = ml.import_function("hub://auto_trainer")
        params = {"model_class": "sklearn.tree.DecisionTreeClassifier", "label_columns": "target"}
        run = trainer.run(inputs={"dataset": path}, params=params, local=True, watch=False)
        function: Any = ml.import_function("hub://v2_model_server")
        function.add_model("iris", model_path=run.outputs["model"], method="predict_proba")
        with serve(function) as running, Client(running.url) as client:
            answer = client.infer([[5.1, 3.5, 1.4, 0.2], [6.3, 3.3, 6.0, 2.5]], "iris")
            print("POST", f"{running.url}/v2/models/iris/infer")
            print(answer["outputs"])
