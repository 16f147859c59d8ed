from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.errors import InvalidArgumentError, MissingFileError, SchemaError
from mlrun_like.monitoring.validation import Schema, describe, infer_schema, validate
from mlrun_like.monitoring.validation.anomalies import KINDS
from mlrun_like.monitoring.validation.columns import CHUNK
from mlrun_like.monitoring.validation.comparing import thinned
from tests.monitoring.validation.frames import customers


@pytest.fixture(scope="module")
def schema() -> Schema:
    return infer_schema(customers(), label="churned")


def _kinds(report: Any) -> dict[str, str]:
    return {one.column: one.kind for one in report.anomalies}


@pytest.mark.parametrize("form", ["frame", "arrow", "parquet", "csv", "jsonl", "item", "rows"])
def test_other_data_of_the_same_kind_is_valid(schema: Schema, form: str, tmp_path: Path) -> None:
    frame = customers(seed=3)
    data: Any = frame
    if form == "arrow":
        data = pa.Table.from_pandas(frame)
    elif form == "rows":
        data = frame.assign(joined=frame["joined"].map(str)).to_dict(orient="records")
    elif form != "frame":
        path = tmp_path / f"data.{'parquet' if form == 'item' else form}"
        if form == "csv":
            frame.to_csv(path, index=False)
        elif form == "jsonl":
            frame.to_json(path, orient="records", lines=True, date_format="iso")
        else:
            frame.to_parquet(path)
        data = get_dataitem(path) if form == "item" else str(path)
    report = validate(data, schema)
    assert report.anomalies == []
    assert report.ok and report.statistics.rows == 2000


@pytest.mark.parametrize("form", ["frame", "csv"])
def test_every_kind_of_anomaly_is_found(form: str, tmp_path: Path) -> None:
    frame = customers()
    rules = infer_schema(frame, label="churned").with_columns(
        {
            "joined": {"order": "increasing"},
            "plan": {"max_length": 5},
            "age": {"domain": list(range(18, 90))},
        }
    )
    frame = frame.astype({"income": object})
    frame.loc[0, "customer_id"] = 7
    frame.loc[:3, "age"] = 300
    frame.loc[0, "income"] = "much"
    frame.loc[:9, "plan"] = "platinum"
    frame.loc[5, "code"] = "broken"
    frame.loc[:400, "score"] = None
    frame.loc[8, "joined"] = pd.Timestamp("1999-01-01")
    frame["churned"] = 1
    frame["extra"] = 1
    data: Any = frame
    if form == "csv":
        data = str(tmp_path / "data.csv")
        frame.to_csv(data, index=False)
    report = validate(data, rules)
    found = {(one.column, one.kind): one for one in report.anomalies}
    assert set(found) == {
        ("customer_id", "not_unique"), ("age", "range"), ("age", "domain"), ("income", "type"),
        ("plan", "new_category"), ("plan", "length"), ("code", "pattern"),
        ("score", "missing_values"), ("joined", "order"), ("churned", "class_balance"),
        ("extra", "unexpected_column"),
    }  # fmt: skip
    assert {kind for _, kind in found} < set(KINDS)
    age, plan = found["age", "range"], found["plan", "new_category"]
    assert (age.count, age.share, age.examples) == (4, 0.002, ("300",))
    assert "values go up to 300" in age.what and age.fix.startswith("max: 300 in schema line")
    assert plan.count == 10 and "platinum" in plan.what
    assert found["income", "type"].count == 1 and found["income", "type"].examples == ("much",)
    assert "number" in found["income", "type"].what
    assert found["extra", "unexpected_column"].severity == "warning"
    assert not report.ok
    with pytest.raises(SchemaError) as caught:
        report.raise_for("anomaly")
    assert "not_unique" not in str(caught.value) and "customer_id" in str(caught.value)


def test_missing_columns_and_environments(schema: Schema) -> None:
    frame = customers().drop(columns="churned")
    assert _kinds(validate(frame, schema)) == {"churned": "missing_column"}
    assert validate(frame, schema, environment="SERVING").ok
    renamed = validate(customers().rename(columns={"income": "incom"}), schema)
    assert "Did you mean 'incom'" in renamed.anomalies[0].what
    optional = schema.with_columns({"churned": {"required": False}})
    assert validate(frame, optional).ok


def test_rows_tolerance_severity_and_types() -> None:
    base: dict[str, Any] = {"columns": {"a": {"type": "integer", "max": 9}}}
    frame = pd.DataFrame({"a": [1] * 99 + [10]})
    assert not validate(frame, base).ok
    tolerant = {"columns": {"a": {"type": "integer", "max": 9, "tolerance": 0.01}}}
    assert validate(frame, tolerant).ok
    soft = {"columns": {"a": {"type": "integer", "max": 9, "severity": "warning"}}}
    report = validate(frame, soft)
    assert report.ok and report.failures("warning")
    assert _kinds(validate(frame, {**base, "min_rows": 1000}))[""] == "row_count"
    assert _kinds(validate(frame, {**base, "max_rows": 5}))[""] == "row_count"
    floats = pd.DataFrame({"a": [1.0, 2.0, np.nan]})  # whole numbers, as pandas keeps them
    assert validate(floats, base).ok
    assert _kinds(validate(pd.DataFrame({"a": [1.5]}), base)) == {"a": "type"}
    assert _kinds(validate(pd.DataFrame({"a": ["1"]}), base)) == {"a": "type"}
    assert _kinds(validate(pd.DataFrame({"a": [True]}), base)) == {"a": "type"}


def test_times() -> None:
    rules = {"columns": {"t": {"type": "datetime", "min": "2024-01-01", "max": "2024-12-31"}}}
    good = pd.DataFrame({"t": pd.to_datetime(["2024-05-01", "NaT"])})
    assert validate(good, rules).ok
    zoned = pd.DataFrame({"t": pd.to_datetime(["2024-05-01"]).tz_localize("Asia/Tokyo")})
    assert validate(zoned, rules).ok
    assert validate(pd.DataFrame({"t": ["2024-05-01T10:00:00Z"]}), rules).ok
    late = validate(pd.DataFrame({"t": pd.to_datetime(["2025-05-01"])}), rules)
    assert late.anomalies[0].kind == "range" and "2025-05-01" in late.anomalies[0].what
    assert _kinds(validate(pd.DataFrame({"t": ["soon"]}), rules)) == {"t": "type"}


def test_checks_hold_across_chunks() -> None:
    rows = 2 * CHUNK + 10
    frame = pd.DataFrame({"id": np.arange(rows), "t": np.arange(rows)})
    rules = {
        "columns": {
            "id": {"unique": True},
            "t": {"order": "strictly increasing"},
        }
    }
    assert validate(frame, rules).ok
    frame.loc[rows - 1, "id"] = 0
    frame.loc[CHUNK, "t"] = CHUNK - 1
    report = validate(frame, rules)
    found = {one.column: one for one in report.anomalies}
    assert (found["id"].kind, found["id"].count, found["id"].examples) == ("not_unique", 1, ("0",))
    assert (found["t"].kind, found["t"].count) == ("order", 1)


def test_drift_and_skew(schema: Schema) -> None:
    same = validate(customers(seed=5), schema, customers())
    assert [one for one in same.drift if one.severity == "error"] == []
    other = customers(seed=6)
    other["income"] += 8_000
    report = validate(other, schema, customers())
    assert [one.column for one in report.drift if one.severity == "error"] == ["income"]
    assert report.drift[0].kind == "drift" and "income" in report.drift[0].fix
    assert not report.ok and report.failures("drift") and not report.failures("anomaly")
    bounded = schema.with_columns({"income": {"drift": 0.9, "skew": 0.01}})
    assert validate(other, bounded, customers()).ok
    skewed = validate(other, bounded, customers(), comparison="skew")
    assert skewed.drift[0].kind == "skew" and "skew is 0.01" in skewed.drift[0].what
    stats = describe(customers()).profile.feature_stats()
    by_stats = validate(other, schema, stats)
    assert "income" in {one.column for one in by_stats.drift if one.severity == "error"}
    with pytest.raises(InvalidArgumentError, match="comparison"):
        validate(other, schema, customers(), comparison="x")


def test_thinned_rows_are_even(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"a": np.arange(3 * CHUNK), "l": [[1]] * (3 * CHUNK)}), path)
    table = thinned(str(path), most=1000)
    assert table.schema.names == ["a"] and 500 < table.num_rows <= 1000
    steps = np.diff(table["a"].to_numpy())
    assert len(set(steps.tolist())) == 1


def test_the_report_has_stable_forms(schema: Schema, tmp_path: Path) -> None:
    frame = customers(seed=2)
    frame["mail"] = [f"ann{number}@example.org" for number in range(len(frame))]
    frame.loc[0, "age"] = 300
    report = validate(frame, schema, customers())
    document = json.loads(report.to_json())
    assert list(document) == [
        "report", "name", "environment", "summary", "anomalies", "drift", "personal_data",
        "statistics",
    ]  # fmt: skip
    assert list(document["anomalies"][0]) == [
        "column", "kind", "what", "count", "share", "examples", "severity", "fix",
    ]  # fmt: skip
    assert document["summary"]["anomalies"] == 1
    assert document["statistics"]["age"]["max"] == 300
    assert document["statistics"]["income"]["mean"] == pytest.approx(frame["income"].mean())
    assert document["personal_data"][0]["kind"] == "email"
    for text in (report.to_json(), report.to_html()):
        assert "ann1@example.org" not in text
    for name in ("r.html", "r.json"):
        report.save(tmp_path / name)
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://www.w3.org", "") and "<script" not in page
    assert "not valid" in page and "values go up to 300" in page


@pytest.mark.slow
def test_the_page_of_200_columns_is_small() -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame({f"column_{i}": random.normal(size=500) for i in range(200)})
    report = validate(frame + 5, infer_schema(frame), frame)
    assert len(report.anomalies) >= 200
    assert len(report.to_html().encode()) < 300_000


def test_what_cannot_be_validated_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="int is no data"):
        validate(3)
    with pytest.raises(MissingFileError):
        validate(str(tmp_path / "none.parquet"))
    with pytest.raises(InvalidArgumentError, match="scan"):
        validate(customers(3), scan="some")
    with pytest.raises(SchemaError, match="to be a label"):
        infer_schema(customers(3), label="churnd")
    with pytest.raises(InvalidArgumentError, match="fail_on"):
        validate(customers(3)).failures("anomalies")
