"""Broken, huge, empty and malicious data: a clear error or a report, never a crash or a leak."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlrun_like.errors import MLRunLikeError, SchemaError
from mlrun_like.monitoring.validation import Schema, describe, infer_schema, validate
from mlrun_like.monitoring.validation.event_checks import EventChecker, value_check
from mlrun_like.monitoring.validation.patterns import match_all, matcher
from mlrun_like.monitoring.validation.schema import ColumnSchema
from tests.monitoring.validation.frames import customers

BOMBS = ["(a+)+b", "(a|a)*b", "(a|aa)+$", "(.*)*x", "a*a*a*a*a*a*b", "([a-z]+)*9"]


@pytest.mark.parametrize("pattern", BOMBS)
def test_regex_bombs_take_linear_time(pattern: str) -> None:
    text = "a" * 50_000
    assert match_all(pa.array([text] * 20), pattern).to_pylist() in ([True] * 20, [False] * 20)
    matcher(pattern)(text)
    rules = {"columns": {"t": {"type": "text", "pattern": pattern}}}
    validate(pd.DataFrame({"t": [text]}), rules)
    EventChecker(Schema.from_dict(rules)).record({"t": text})


@pytest.mark.parametrize(
    "pattern", ["[A-Z]{2}-[0-9]{4}", "a|b", r"\d+", "x.*", "(ab)?c", r"\w{1,3}", "[0-9]+,[0-9]+"]
)
def test_both_ways_of_matching_agree(pattern: str) -> None:
    texts = ["AB-1234", "ab-1", "a", "b", "ab", "12", "1", "x", "xyz\n", "c", "abc", "1,2", "", "é"]
    one = matcher(pattern)
    assert [one(text) for text in texts] == match_all(pa.array(texts), pattern).to_pylist()


@pytest.mark.parametrize("suffix", ["csv", "parquet", "jsonl"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 100,
        b"PAR1",
        b"PAR1garbagePAR1",
        b"\xff\xfe\xfa",
        b"{",
        b"[1, 2]\n",
        b'a,"b\n1',
    ],
    ids=["empty", "zeros", "magic", "garbage", "bytes", "brace", "list", "quote"],
)
def test_broken_files_are_named(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"data.{suffix}"
    path.write_bytes(content)
    try:
        report = validate(str(path), {"columns": {"a": {"type": "integer"}}})
    except MLRunLikeError as exc:
        assert str(exc)
    else:
        assert not report.ok
        assert report.to_html() and report.to_json()


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet"])
def test_a_file_of_no_bytes_is_no_valid_data_set(suffix: str, tmp_path: Path) -> None:
    (tmp_path / f"cut.{suffix}").write_bytes(b"")
    with pytest.raises(SchemaError, match="empty"):
        validate(str(tmp_path / f"cut.{suffix}"))


def test_a_file_cut_in_the_middle(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    customers().to_parquet(path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(MLRunLikeError, match="cannot be read"):
        validate(str(path))
    broken = bytearray(content)
    broken[500:3000] = b"\x07" * 2500
    path.write_bytes(bytes(broken))
    try:
        validate(str(path))
    except MLRunLikeError as exc:
        assert "data.parquet" in str(exc)
    ragged = tmp_path / "ragged.csv"
    ragged.write_text("a,b\n1,2\n3,4,5\n", encoding="utf-8")
    with pytest.raises(MLRunLikeError, match="CSV"):
        validate(str(ragged))


def test_data_without_rows_or_columns(tmp_path: Path) -> None:
    schema = infer_schema(customers())
    report = validate(customers()[:0], schema)
    assert {one.kind for one in report.anomalies} == {"row_count"}
    assert report.to_html() and report.to_json()
    with pytest.raises(SchemaError, match="no columns"):
        infer_schema(pd.DataFrame())
    assert not validate(pd.DataFrame(), schema).ok
    header = tmp_path / "a.csv"
    header.write_text("age,plan\n", encoding="utf-8")
    assert validate(str(header)).statistics.rows == 0


def test_lists_dicts_and_mixed_columns() -> None:
    frame = pd.DataFrame(
        {
            "list": [[1, 2], [], None],
            "dict": [{"a": 1}, {"b": [2]}, None],
            "mixed": [1, "x", {"a": 2}],
            "bytes": [b"\x00\xff", b"", None],
            "sets": [{1}, {2}, {3}],
            "none": [None, None, None],
        }
    )
    schema = infer_schema(frame)
    kinds = {name: column.type for name, column in schema.columns.items()}
    assert kinds == {
        "list": "list", "dict": "object", "mixed": "any", "bytes": "bytes", "sets": "list",
        "none": "any",
    }  # fmt: skip
    report = validate(frame, schema, frame)
    assert report.anomalies == [] and report.to_html() and report.to_json()
    wanted = {"columns": {"list": {"type": "list", "min_length": 1}, "mixed": {"type": "integer"}}}
    found = {(one.column, one.kind, one.count) for one in validate(frame, wanted).anomalies}
    assert ("list", "length", 1) in found and ("mixed", "type", 2) in found
    soft = {"columns": {name: {"type": "number", "min": 0, "unique": True} for name in frame}}
    assert not validate(frame, soft).ok


def test_huge_values() -> None:
    frame = pd.DataFrame(
        {
            "big": [2**62, -(2**62), 0],
            "float": [1e300, -1e300, np.inf],
            "largest": [1.7e308, -1.7e308, 1.7e308],
            "text": ["x" * 1_000_000, "", "é" * 100_000],
            "object": [10**30, 1, 2],
        }
    )
    schema = infer_schema(frame)
    report = validate(frame, schema)
    assert len(report.to_json()) < 20_000 and len(report.to_html()) < 60_000
    assert describe(frame).columns["text"].longest == 1_000_000
    assert len(schema.to_text()) < 10_000


def test_double_and_strange_names() -> None:
    frame = pd.DataFrame([[1, 2, 3, 4]], columns=["a", "a", "имя 😀", "a (2)"])
    report = validate(frame, {"columns": {"a": {}, "имя 😀": {"max": 1, "type": "integer"}}})
    kinds = {(one.column, one.kind) for one in report.anomalies}
    assert ("a", "duplicate_column") in kinds and ("имя 😀", "range") in kinds
    assert len(report.statistics.columns) == 4
    twice = infer_schema(frame)
    assert Schema.from_text(twice.to_text()) == twice
    numbers = pd.DataFrame({1: [1], ("x", "y"): [2], None: [3], "": [4]})
    assert Schema.from_text(infer_schema(numbers).to_text()).columns.keys() >= {"1", "x_y", ""}


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_files_with_a_name_twice(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    if suffix == "csv":
        path.write_text("a,a,b\n1,x,2\n", encoding="utf-8")
    else:
        pq.write_table(pa.table([pa.array([1]), pa.array(["x"])], names=["a", "a"]), path)
    report = validate(str(path), {"columns": {"a": {}}})
    assert "duplicate_column" in {one.kind for one in report.anomalies}


def test_markup_in_names_and_values_is_escaped() -> None:
    evil = "<script>alert(1)</script>"
    frame = pd.DataFrame({evil: [evil, "b"], "x": [f'"><img src=x onerror={i}>' for i in (1, 2)]})
    rules = {"columns": {evil: {"domain": ["b"], "type": "text"}, "x": {"domain": ["y"]}}}
    page = validate(frame, rules, frame, name=evil).to_html()
    assert "<script" not in page and "<img" not in page
    assert "&lt;script&gt;" in page


def test_yaml_in_names_stays_a_name() -> None:
    names = ["a: b", "- x", "# c", "{}", "null", "true", "1", "'", '"', "\\n", "x\ny", "&a", "*a"]
    frame = pd.DataFrame([range(len(names))], columns=names)
    schema = infer_schema(frame)
    assert list(Schema.from_text(schema.to_text()).columns) == names
    values = pd.DataFrame({"v": names * 3})
    assert Schema.from_text(infer_schema(values).to_text()).columns["v"].domain == tuple(
        sorted(names)
    )


@pytest.mark.parametrize(
    "value",
    [None, float("nan"), float("inf"), 10**400, "x" * 10**6, [], {}, {1}, b"a", object(), True,
     np.float64("nan"), np.int8(3), pd.NaT, pd.NA, np.array([1, 2]), "\ud800", -0.0, 1j],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
@pytest.mark.parametrize(
    "kind", ["integer", "number", "text", "datetime", "boolean", "list", "any"]
)
def test_any_value_of_an_event_is_judged(kind: Any, value: Any) -> None:
    some = [
        ColumnSchema(type=kind, missing=0),
        ColumnSchema(type=kind, domain=(1, "a", True)),
        ColumnSchema(type=kind, min_length=1, max_length=3),
        ColumnSchema(type=kind, pattern="[a-z]+"),
    ]
    if kind in ("integer", "number"):
        some.append(ColumnSchema(type=kind, min=0, max=9))
    for rules in some:
        found = value_check("x", rules)(value)
        assert found is None or len(found) < 300


_PEAK = """
import resource, sys
from mlrun_like.monitoring.validation import validate
rules = {"columns": {"id": {"unique": True}, "a": {"type": "number"}, "c": {"domain": ["x", "y"]}}}
assert validate(sys.argv[1], rules).ok
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    peaks = []
    for rows in (100_000, 1_000_000):
        path = tmp_path / f"{rows}.parquet"
        letters = pa.array(np.where(random.random(rows) < 0.5, "x", "y"))
        table = pa.table({"id": np.arange(rows), "a": random.normal(size=rows), "c": letters})
        pq.write_table(table, path, row_group_size=100_000)
        done = subprocess.run(
            [sys.executable, "-c", _PEAK, str(path)],
            capture_output=True, text=True, timeout=300, check=True,
        )  # fmt: skip
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 150, peaks  # the rows alone would be 24 MB, the columns' hashes 8
