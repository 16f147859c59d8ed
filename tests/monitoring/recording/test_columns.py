"""Requests as columns, whatever clients send."""

from __future__ import annotations

import math
import random
from datetime import datetime, timezone
from typing import Any

import numpy as np
import pytest

from mlrun_like.monitoring.recording.columns import Built, build
from mlrun_like.monitoring.recording.latency import buckets_of, merge_buckets, quantile


def item(inputs: Any, outputs: Any, event_id: Any = "a", **parts: Any) -> Any:
    return (
        event_id, inputs, outputs, parts.get("microseconds", 100.0), parts.get("time", 5.0),
        parts.get("operation", "infer"), parts.get("error"), parts.get("kept", True),
    )  # fmt: skip


def made(
    *items: Any, features: Any = (), labels: Any = (), text: int = 100, most: int = 50
) -> Built:
    return build(items, features, labels, text_limit=text, most_columns=most)


def test_the_usual_case() -> None:
    built = made(item([[1, 2.5]], [0]), item([[3, True]], [1], "b", time=7.0), features=["x", "y"])
    rows = built.table.to_pylist()
    assert rows[1] == {
        "event_id": "b", "row": 0, "time": 7.0, "latency_us": 100, "operation": "infer",
        "status": "ok", "error_kind": None, "error": None, "extra": None,
        "f:x": 3.0, "f:y": 1.0, "p:p0": 1.0,
    }  # fmt: skip
    assert built.kept.all() and (built.first, built.last) == (5.0, 7.0)
    assert built.summary == {
        "requests": 2, "errors": 0, "truncated": 0, "latency": buckets_of([100, 100]),
    }  # fmt: skip


def test_the_usual_case_and_the_general_one_agree() -> None:
    chance = random.Random(3)
    items = [item([[chance.random(), i]], [i % 2], f"e{i}", kept=i % 3 > 0) for i in range(50)]
    one, other = made(*items), made(*items, item([[1, 2], [3, 4]], [1, 1], "last"))
    assert other.table.num_rows == 52
    assert other.table.slice(0, 50).to_pylist() == one.table.to_pylist()
    assert one.kept.tolist() == other.kept.tolist()[:50]


def test_rows_of_one_request() -> None:
    when = datetime(2024, 1, 1, tzinfo=timezone.utc)
    built = made(item([[1.0], [2.0], [3.0]], [7, 8, 9], time=when), labels=["y"])
    assert built.table.column("row").to_pylist() == [0, 1, 2]
    assert built.table.column("p:y").to_pylist() == [7.0, 8.0, 9.0]
    assert built.first == when.timestamp() and built.summary["requests"] == 1


@pytest.mark.parametrize(
    ("inputs", "outputs", "columns"),
    [
        ([{"age": 3, "city": "Oslo"}], [1], {"f:age": 3.0, "f:city": "Oslo", "p:p0": 1.0}),
        ([{"a": {"b": [1, 2]}}], ["yes"], {"f:a": '{"b":[1,2]}', "p:p0": "yes"}),
        (["a question"], ["an answer"], {"f:f0": "a question", "p:p0": "an answer"}),
        ([5], [[0.1, 0.9]], {"f:f0": 5.0, "p:p0": 0.1, "p:p1": 0.9}),
        ([[1, None]], [None], {"f:f0": 1.0, "f:f1": None}),
        ([[1, "x"]], {"label": ["a"], "score": [0.5]}, {"p:label": "a", "p:score": 0.5}),
        ([[1]], "text", {"p:p0": "text"}),
        ([[[1, 2], [3, 4]]], [1], {"f:f0": "[1,2]", "f:f1": "[3,4]"}),
        ([np.array([1.0, 2.0])], np.array([3.0]), {"f:f0": 1.0, "f:f1": 2.0, "p:p0": 3.0}),
        ([np.zeros((28, 28))], [3], {"f:inputs": "<array float64 [28, 28]>"}),
        ([b"\xff\xd8picture"], [3], {"f:f0": "<9 bytes>"}),
        ([[]], [0], {"f:inputs": "[]"}),
        ([], [], {"event_id": "a"}),
        (None, None, {"event_id": "a"}),
        ([[math.nan, math.inf]], [0], {"f:f1": math.inf}),
        ([["3.5"]], [0], {"f:f0": "3.5"}),  # a text stays a text
        ([[10**400]], [0], {"f:f0": None, "extra": '{"odd":{"f:f0":"1' + "0" * 83}),
        ([[10**5000]], ["x"], {"f:f0": None}),
        ([[object()]], [object()], {"f:f0": "<object>", "p:p0": "<object>"}),
        ([["\ud800"]], [0], {"f:f0": "?"}),
    ],
)
def test_odd_inputs(inputs: Any, outputs: Any, columns: dict[str, Any]) -> None:
    (row,) = made(item(inputs, outputs)).table.to_pylist()
    assert {name: row[name] for name in columns} == columns


def test_what_is_no_prediction_of_a_row_is_extra() -> None:
    (row,) = made(item([[1]], [1, 2, 3])).table.to_pylist()
    assert row["extra"] == "[1,2,3]" and "p:p0" not in row
    (row,) = made(item([[1]], [[0.1]], operation="explain")).table.to_pylist()
    assert row["extra"] == "[[0.1]]" and row["operation"] == "explain"


def test_one_clients_text_does_not_change_everybodys_number() -> None:
    good = [item([[float(i), 1.0]], [0], f"g{i}") for i in range(5)]
    bad = item([[1.0, "many"]], None, "bad", error=("TypeError", "no"))
    rows = made(*good, bad, features=["x", "y"]).table.to_pylist()
    assert [row["f:y"] for row in rows] == [1.0] * 5 + [None]
    assert rows[5]["extra"] == '{"odd":{"f:y":"many"}}' and rows[5]["status"] == "error"
    assert (rows[5]["error_kind"], rows[5]["error"]) == ("TypeError", "no")


def test_errors_are_counted_by_kind() -> None:
    errors = [item([[1]], None, error=(f"Kind{i}", "x" * 9999)) for i in range(30)]
    built = made(*errors)
    kinds = built.summary["error_kinds"]
    assert built.summary["errors"] == 30 and len(kinds) <= 21 and kinds["other"] == 10
    assert len(built.table.column("error")[0].as_py()) == 500


def test_hostile_sizes_are_cut_and_counted() -> None:
    deep: Any = []
    for _ in range(5000):
        deep = [deep]
    built = made(
        item(["x" * 10**6], ["y" * 10**6], "i" * 10**5),
        item([list(range(10**5))], [0]),
        item([deep], [{"a": list(range(10**5))}]),
        item([{f"k{i}": i for i in range(10**4)}], [0]),
    )
    assert built.summary["truncated"] >= 5
    texts = [value for row in built.table.to_pylist() for value in row.values()]
    assert max(len(text) for text in texts if isinstance(text, str)) <= 200
    assert len(built.table.column_names) < 20
    # ever new keys make no endless table
    keys = [item([{f"k{i}": 1.0, "same": 2.0}], [0], f"e{i}") for i in range(200)]
    built = made(*keys)
    assert sum(name.startswith("f:") for name in built.table.column_names) <= 50
    assert built.table.column("f:same").null_count == 0


def test_latency_buckets() -> None:
    chance = random.Random(1)
    values = [chance.lognormvariate(6, 1) for _ in range(5000)]
    parts = [buckets_of(values[:2000]), buckets_of(values[2000:])]
    merged = merge_buckets(parts)
    assert merged == buckets_of(values)
    for share in (0.5, 0.95, 0.99):
        exact = float(np.quantile(values, share, method="inverted_cdf"))
        assert quantile(merged, share) == pytest.approx(exact, rel=0.023)
    assert math.isnan(quantile({}, 0.5))
    assert sum(buckets_of([0, -5, 1e12]).values()) == 3
