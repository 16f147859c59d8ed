from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.spark_servers import light_jvm, need_spark

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the cases gave."""
    need_spark()
    folder = tmp_path_factory.mktemp("spark-frames")
    out = folder / "out.json"
    options = (
        f'--master local[2] --driver-java-options "{light_jvm()}" --conf spark.ui.enabled=false'
    )
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("spark_cases.py")), str(folder), str(out)],
        env={
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "PYSPARK_SUBMIT_ARGS": f"{options} --conf spark.sql.shuffle.partitions=2 pyspark-shell",
        },
        capture_output=True,
        text=True,
        timeout=300,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    results: dict[str, Any] = json.loads(out.read_text())
    return results


@pytest.mark.parametrize("form", ["parquet", "csv", "jsonl"])
def test_formats(found: dict[str, Any], form: str) -> None:
    item = found["formats"][form]
    assert [row["n"] for row in item["rows"]] == [1, 2]
    assert item["rows"][0]["text"] == 'é, "q"' and item["rows"][1].get("text") is None
    assert item["length"] == 2 and item["preview"] == 2
    assert {"n", "text"} <= set(item["header"]) and "n" in item["stats"]
    assert item["size"] > 0 and item["digest"] == 64 and len(item["files"]) == 1


def test_types_keep_their_names(found: dict[str, Any]) -> None:
    item = found["types"]
    assert item["rows"] == 2
    assert item["columns"] == ["a b", "price", "at", "day", "list", "ok", "raw"]
    assert item["fields"]["at"] == "datetime" and "a b" in item["fields"]


def test_a_table_without_rows(found: dict[str, Any]) -> None:
    item = found["empty"]
    assert item["rows"] == [] and item["length"] == 0
    assert {"a", "b"} <= set(item["header"])


def test_a_large_table_is_only_looked_at(found: dict[str, Any]) -> None:
    item = found["large"]
    assert item["length"] == 12_000 and item["preview"] == 5 and item["stats"] == {}
    assert item["wanted"] == 11_999.0
    assert item["files"] == 3


def test_the_last_of_a_key_counts(found: dict[str, Any]) -> None:
    assert [row["id"] for row in found["again"]["rows"]] == [0, 1]


def test_without_upload_nothing_is_written(found: dict[str, Any]) -> None:
    assert found["only_described"] == {"header": ["id"], "there": False}


def test_a_store_that_spark_does_not_know(found: dict[str, Any]) -> None:
    assert found["other_store"] == {"rows": 3, "digest": 64}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("format", "cannot be logged as feather"),
        ("label", "label column 'none'"),
        ("twice", "cannot be written as parquet"),
        ("partition", "cannot be written as parquet"),
    ],
)
def test_what_cannot_be_logged(found: dict[str, Any], name: str, text: str) -> None:
    kind, said = found["refused"][name]
    assert kind == "InvalidArgumentError" and text in said
    assert "fix" in said and "at org.apache" not in said


def test_inputs_of_other_packages(found: dict[str, Any]) -> None:
    item = found["inputs"]
    assert item["nanos.parquet"][0] == 2 and item["nanos.parquet"][1]["n"] == "bigint"
    assert item["nanos.parquet"][1]["at"].startswith("timestamp")
    assert item["first"] == "2024-01-02T03:04:05.123456"
    for name, kind in (("plain.csv", "int"), ("a {b}.csv", "bigint")):
        count, types, texts = item[name]
        assert count == 2 and types["n"] == kind
        assert texts == ['a "b", c', "two\nlines"]
    assert item["rows.jsonl"] == [2, {"n": "bigint"}]
    assert item["parts"] == [4, {"id": "bigint"}]
    assert item["memory"] == 1


def test_inputs_that_are_no_tables(found: dict[str, Any]) -> None:
    item = found["inputs"]
    assert item["broken.parquet"][0] == "InvalidArgumentError"
    assert item["missing.parquet"][0] == "MissingFileError"
