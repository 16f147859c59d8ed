"""A model of scikit-learn becomes ONNX, is served, and says what it takes and gives."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from skl2onnx import to_onnx  # type: ignore[import-untyped]
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

import mlrun_like as ml

if __name__ == "__main__":
    x, y = load_iris(return_X_y=True)
    fitted = LogisticRegression(max_iter=500).fit(x, y)
    made = to_onnx(fitted, x[:1].astype("float32"), options={"zipmap": False})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "iris.onnx")
        path.write_bytes(made.SerializeToString())
        function: Any = ml.import_function("hub://onnx_server")
        function.add_model("iris", model_path=str(path), outputs=["label", "probabilities"])
        server = function.to_mock_server()
        print(server.test("/v2/models/iris/schema", body={}))
        answer = server.test("/v2/models/iris/infer", body={"inputs": x[::60].tolist()})
        for row in answer["outputs"]:
            print(row["label"], [round(chance, 3) for chance in row["probabilities"]])
