"""A graph that answers only events with the right fields."""

from __future__ import annotations

from typing import Any

import mlrun_like as ml

if __name__ == "__main__":
    fn: Any = ml.new_function("checked", kind="serving")
    graph = fn.set_topology("flow", engine="async")
    graph.to("hub://verify_schema", schema={"id": "int", "name": "str", "note": "str?"}).respond()
    server = fn.to_mock_server()

    print("passes:", server.test("/", body={"id": 1, "name": "ann"}))
    for wrong in ({"id": "1", "name": "ann"}, {"id": 1}, {"id": 1, "name": "ann", "age": 3}):
        try:
            server.test("/", body=wrong)
        except ml.errors.MLRunLikeError as exc:
            print("fails: ", str(exc).splitlines()[0])
