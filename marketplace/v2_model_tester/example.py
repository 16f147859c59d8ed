"""A served model is tested with a table in which one label is wrong."""

from __future__ import annotations

import tempfile
from typing import Any

import pandas as pd

import mlrun_like as ml


def add(inputs: list[list[float]]) -> list[float]:
    """The model."""
    return [sum(row) for row in inputs]


if __name__ == "__main__":
    fn: Any = ml.new_function("adding", kind="serving")
    fn.set_topology("router")
    fn.add_model("add", ".", class_name="FunctionModelServer", _predict=add)
    table = pd.DataFrame({"a": range(10), "b": range(10), "label": [*range(0, 18, 2), 99]})
    with ml.serving.serve(fn) as server, tempfile.TemporaryDirectory() as folder:
        table.to_csv(f"{folder}/rows.csv", index=False)
        run = ml.import_function("hub://v2_model_tester").run(
            inputs={"table": f"{folder}/rows.csv"},
            params={"addr": server.url, "model": "add", "rows": 0},
            local=True,
        )
    print(run.outputs)
    answers = run.artifact("answers").as_df()
    print(answers[~answers["match"]])
