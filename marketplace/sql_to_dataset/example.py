"""A shop's orders of one day as a data set: `python example.py`."""

from __future__ import annotations

import sqlite3
import tempfile
from pathlib import Path

import mlrun_like as ml

if __name__ == "__main__":
    file = Path(tempfile.mkdtemp()) / "shop.db"
    with sqlite3.connect(file) as shop:
        shop.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, day TEXT, amount REAL)")
        rows = [(f"2026-03-{1 + at % 3:02}", 10 + at * 0.5) for at in range(300)]
        shop.executemany("INSERT INTO orders (day, amount) VALUES (?, ?)", rows)
    run = ml.import_function("hub://sql_to_dataset").run(
        params={
            "sql_query": "SELECT * FROM orders WHERE day = :day ORDER BY id",
            "sql_params": {"day": "2026-03-02"},
            "database_url": f"sqlite:///{file}",
            "key": "orders",
        },
        local=True,
    )
    print(run.artifact("orders").as_df().head())
    print(run.outputs["rows"], "rows stored as", run.outputs["orders"])
