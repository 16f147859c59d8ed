"""A served model passes its smoke test; then an expectation is wrong and the run fails."""

from __future__ import annotations

from typing import Any

import mlrun_like as ml


def double(inputs: list[float]) -> list[float]:
    """The model."""
    return [2 * value for value in inputs]


if __name__ == "__main__":
    fn: Any = ml.new_function("doubling", kind="serving")
    fn.set_topology("router")
    fn.add_model("double", ".", class_name="FunctionModelServer", _predict=double)
    case = {
        "name": "three doubled",
        "path": "/v2/models/double/infer",
        "body": {"inputs": [3]},
        "expect": {"outputs.0": 6, "model_name": "double"},
        "schema": {"required": ["id", "outputs"]},
        "max_latency": 5,
    }
    smoke = ml.import_function("hub://smoke_test")
    with ml.serving.serve(fn) as server:
        run = smoke.run(params={"endpoint": server.url, "cases": [case]}, local=True)
        print(run.outputs)
        try:
            wrong = {**case, "name": "three tripled", "expect": {"outputs.0": 9}}
            smoke.run(params={"endpoint": server.url, "cases": [case, wrong]}, local=True)
        except ml.errors.RunError as exc:
            print("\n".join(str(exc).splitlines()[:2]))
