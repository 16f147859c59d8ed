"""`mlrun-like features`: sets and vectors from a shell, through real files and SQLite."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.records import get_feature_vector
from mlrun_like.feature_store.online.api import get_online_feature_service


@pytest.fixture
def data(home: Path, tmp_path: Path) -> Path:
    """A set without rows, a vector of it, and files with its rows."""
    feature_set = FeatureSet(
        "users", entities=["user"], timestamp_key="at", description="who they are"
    )
    feature_set.set_targets(["parquet", "nosql"], with_defaults=False)
    feature_set.save()
    FeatureVector("training", ["users.age", "users.city as town"], description="all").save()
    for name, start in (("one", 0), ("two", 3)):
        frame = pd.DataFrame(
            {
                "user": [f"u{n}" for n in range(start, start + 3)],
                "at": pd.date_range("2024-03-01", periods=3, freq="h") + pd.Timedelta(days=start),
                "age": range(start + 20, start + 23),
                "city": ["Bonn", None, "Köln"],
            }
        )
        frame.to_parquet(tmp_path / f"{name}.parquet")
        frame.to_csv(tmp_path / f"{name}.csv", index=False)
    return tmp_path


def test_an_empty_store(call: Any) -> None:
    assert "No feature sets found" in call("features", "list").out
    assert call("features", "list", "--json").json == []
    for command in (["show", "x"], ["ingest", "x", "a.csv"], ["get", "x"]):
        failed = call("features", *command, code=1)
        assert "'x'" in failed.err and "Traceback" not in failed.err
    assert "Did you mean 'sets'" in call("features", "list", "--kind", "set", code=1).err


def test_every_subcommand_teaches(call: Any) -> None:
    assert "features" in call("--help").out
    for name in ("list", "show", "ingest", "get", "check"):
        assert f"mlrun-like features {name}" in call("features", name, "--help").out


def test_from_a_file_to_a_vector(call: Any, data: Path) -> None:
    done = call("features", "ingest", "users", str(data / "one.parquet"))
    assert "users: 3 rows in parquet" in done.out and "committed" in done.err
    done = call("features", "ingest", "users", str(data / "two.csv"), "--append", "-q", "--resume")
    assert done.err == ""
    listed = call("features", "list", "--json").json
    assert [(row["name"], row["kind"]) for row in listed] == [
        ("users", "set"),
        ("training", "vector"),
    ]
    assert listed[0]["entities"] == ["user"] and "age" in listed[0]["features"]
    assert "parquet, nosql" in call("features", "list").out
    assert "training" not in call("features", "list", "--kind", "sets", "--name", "ser").out

    shown = call("features", "show", "users").out
    assert "who they are" in shown and "store://feature-vectors/default/training" in shown
    assert "age" in shown and "int64" in shown and "parquet" in shown
    assert call("features", "show", "users", "--json").json["lineage"]["used by"]
    vector = call("features", "show", "training").out
    assert "store://feature-sets/default/users" in vector

    got = call("features", "get", "training", "user=u4", "--json").json
    assert got == {"age": 24, "town": None}
    assert "town  missing" in call("features", "get", "training", "user=u4").out
    assert call("features", "get", "training", "user=zz", "--json").json is None
    assert "no feature set has a row" in call("features", "get", "training", "user=zz").out
    assert "Did you mean 'user'" in call("features", "get", "training", "usr=u4", code=1).err
    unnamed = call("features", "get", "training", "u4", code=1).err
    assert "name=value" in unnamed and "fix: mlrun-like features get training user=..." in unnamed


def test_the_offline_join_of_a_file(call: Any, data: Path) -> None:
    call("features", "ingest", "users", str(data / "one.parquet"), "-q")
    rows = data / "rows.csv"
    rows.write_text("user,when\nu0,2024-03-01T05:00:00Z\nu2,2024-02-01\nu9,2024-03-05\n")
    command = ["features", "get", "training", "--offline", str(rows), "--time-column", "when"]
    found = call(*command, "--json").json
    assert [row["age"] for row in found] == [20, None, None]
    assert "Bonn" in call(*command).out
    for name in ("out.parquet", "out.csv"):
        assert "3 rows in" in call(*command, "-o", str(data / name)).out
    assert pd.read_parquet(data / "out.parquet")["user"].tolist() == ["u0", "u2", "u9"]
    assert pd.read_csv(data / "out.csv")["town"].tolist()[0] == "Bonn"
    assert ".parquet nor .csv" in call(*command, "-o", "out.txt", code=1).err
    assert "no column 'then'" in call(*command[:-1], "then", code=1).err
    assert "gone.csv" in call(*command[:4], str(data / "gone.csv"), code=1).err


def test_whether_serving_agrees(call: Any, data: Path) -> None:
    call("features", "ingest", "users", str(data / "one.parquet"), "-q")
    log = data / "served"
    with get_online_feature_service(get_feature_vector("training"), log=log) as service:
        service.get([{"user": "u0"}, {"user": "u1"}])
    assert (
        "2 served vectors are as the offline join"
        in call("features", "check", "training", str(log)).out
    )
    (file,) = log.glob("*.jsonl")
    file.write_text(file.read_text().replace('"age":20', '"age":99'))
    failed = call("features", "check", "training", str(log), "--html", str(data / "p.html"), code=1)
    assert "first difference: age at" in failed.out and "online 99, offline 20" in failed.out
    assert "<table>" in (data / "p.html").read_text()
    document = call("features", "check", "training", str(log), "--json", code=1).json
    assert document["first"]["feature"] == "age" and document["counts"]["town"]["different"] == 0
    assert call("features", "check", "training", str(log), "--tolerance", "1").code == 0
    assert "no log" in call("features", "check", "training", str(data / "none"), code=1).err


def test_files_that_cannot_be_ingested(call: Any, data: Path) -> None:
    (data / "bad.csv").write_text("user,at\na\n")
    assert "bad.csv" in call("features", "ingest", "users", str(data / "bad.csv"), code=1).err
    assert "has no source" in call("features", "ingest", "users", code=1).err
    unknown = call("features", "ingest", "users", str(data / "one.parquet"), "--start-time", "soon",
                   code=1)  # fmt: skip
    assert "start_time='soon'" in unknown.err


def test_an_ingestion_by_schedule(call: Any, data: Path) -> None:
    done = call("features", "ingest", "users", str(data / "one.parquet"), "--schedule", "0 * * * *")
    assert "will be ingested at '0 * * * *'" in done.out
    assert "users-ingest" in call("schedules", "list").out
