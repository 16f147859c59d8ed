"""Orders get what is known of their users, from a table and from a function that fails at times."""

from __future__ import annotations

import tempfile
from typing import Any

import pandas as pd

import mlrun_like as ml


def limits(user: str) -> dict[str, Any]:
    """Stands for a service; it knows nothing of bob, and cannot answer for eve."""
    if user == "eve":
        raise OSError("the service of limits is away")
    return {"limit": 500} if user == "ann" else {}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        users = pd.DataFrame([{"user": "ann", "city": "Oslo"}, {"user": "bob", "city": "Rome"}])
        users.to_parquet(f"{folder}/users.parquet")
        fn: Any = ml.new_function("orders", kind="serving")
        graph = fn.set_topology("flow", engine="async")
        graph.to(
            "hub://enrichment", "who", source=f"{folder}/users.parquet", key="user", fill={"*": "?"}
        ).to(
            "hub://enrichment", "limit", source=limits, key="user", features=["limit"],
            fill={"limit": 100}, on_error="fill",
        ).respond()  # fmt: skip
        server = fn.to_mock_server()
        orders = [{"user": one, "sum": 9} for one in ("ann", "bob", "eve")]
        for row in server.test("/", body=orders):
            print(row)
