"""ingest: rows in all targets, the frame, the status, the run; what is refused, what is kept."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError, SchemaError, StepError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.features import Feature
from mlrun_like.feature_store.definitions.records import get_feature_set
from mlrun_like.feature_store.definitions.validators import MinMaxValidator
from mlrun_like.feature_store.ingestion import InferOptions
from mlrun_like.feature_store.ingestion.api import infer_metadata, ingest, preview
from mlrun_like.feature_store.ingestion.feeds import list_feeds
from mlrun_like.feature_store.ingestion.options import options
from mlrun_like.feature_store.ingestion.planning import feeds_root
from mlrun_like.feature_store.online.store import open_online
from mlrun_like.feature_store.sources.csv import CSVSource
from mlrun_like.feature_store.sources.parquet import ParquetSource
from mlrun_like.feature_store.sources.sql import SQLSource
from mlrun_like.feature_store.targets.csv_target import CSVTarget
from mlrun_like.feature_store.targets.nosql import NoSqlTarget
from mlrun_like.feature_store.targets.parquet import ParquetTarget
from mlrun_like.feature_store.targets.staging import StagedWriter
from mlrun_like.feature_store.views.lineage import lineage_of
from mlrun_like.runs.context import use_context
from mlrun_like.tracking.connect import open_store


def _frame(rows: int = 100, start: int = 0) -> pd.DataFrame:
    numbers = np.arange(start, start + rows)
    return pd.DataFrame(
        {
            "user": numbers % 10,
            "at": pd.Timestamp("2026-01-01") + pd.to_timedelta(numbers, "s"),
            "x": numbers / 2,
            "full name": [f"n{n % 3}" for n in numbers],
        }
    )


def _set(name: str = "s1", targets: list[Any] | None = None, **options: Any) -> FeatureSet:
    made = FeatureSet(name, entities=["user"], timestamp_key="at", **options)
    made.set_targets(targets, with_defaults=targets is None)
    return made


def _offline(feature_set: FeatureSet) -> pd.DataFrame:
    return pd.read_parquet(str(feature_set.get_target_path()))


def _keys(feature_set: FeatureSet) -> int:
    with open_online(str(feature_set.status.targets["nosql"].path)) as store:
        return sum(f"/{feature_set.name}:".encode() in key for key, _ in store.scan(b"v1:"))


def test_rows_frame_status_and_run() -> None:
    fset = _set()
    result = ingest(fset, _frame())
    assert result.index.name == "user"
    assert list(result.columns) == ["at", "x", "full_name"]
    assert len(_offline(fset)) == 100
    assert _keys(fset) == 10
    assert [f.name for f in fset.spec.features] == ["x", "full_name"]
    assert fset.spec.entities["user"].value_type == "int64"
    assert fset.status.state == "ready"
    assert fset.status.targets["parquet"].rows == 100
    assert fset.status.stats["x"]["mean"] == pytest.approx(24.75)
    assert len(fset.status.preview) == 21
    saved = get_feature_set("s1")
    assert saved.status.targets["nosql"].online
    runs = open_store().list_runs(_query())
    assert runs[0]["metadata"]["labels"]["job-type"] == "feature-ingest"
    results = runs[0]["status"]["results"]
    assert (results["rows"], results["written"], results["rejected"]) == (100, 100, 0)
    assert results["bytes"] > 0
    assert fset.status.run_uri and runs[0]["metadata"]["uid"] in fset.status.run_uri
    assert list_feeds(feeds_root(fset)) == []


def _query() -> Any:
    from mlrun_like.tracking.base import RunQuery

    return RunQuery(project="default")


@pytest.mark.parametrize("size", [1, 7, 100, 1000])
def test_chunks_do_not_matter(size: int, tmp_path: Path) -> None:
    frame = _frame(60)
    frame.to_parquet(tmp_path / "in.parquet")
    whole, parts = _set("whole"), _set("parts")
    for fset in (whole, parts):
        fset.add_aggregation("x", ["sum", "count"], ["1h"], "10m")
    one = ingest(whole, frame)
    other = ingest(parts, str(tmp_path / "in.parquet"), chunk_size=size, commit_rows=20)
    pd.testing.assert_frame_equal(one, other)
    columns = sorted(_offline(whole).columns)
    pd.testing.assert_frame_equal(_offline(whole)[columns], _offline(parts)[columns])
    assert whole.status.stats["x"] == parts.status.stats["x"]


def test_overwrite_and_append() -> None:
    fset = _set()
    ingest(fset, _frame(50))
    ingest(fset, _frame(50, 50), overwrite=False)
    assert len(_offline(fset)) == 100
    assert _keys(fset) == 10
    ingest(fset, _frame(5), overwrite=True)
    assert len(_offline(fset)) == 5
    assert _keys(fset) == 5


def test_what_cannot_be_appended_to(tmp_path: Path) -> None:
    single = ParquetTarget(path=str(tmp_path / "a.parquet"))
    for target in (CSVTarget(path=str(tmp_path / "a.csv")), single):
        fset = _set(targets=[target])
        ingest(fset, _frame(5))
        with pytest.raises(InvalidArgumentError, match="cannot be added to"):
            ingest(fset, _frame(5), overwrite=False)


def test_several_targets_in_one_pass(tmp_path: Path) -> None:
    targets = [
        ParquetTarget(name="a", path=str(tmp_path / "a")),
        ParquetTarget(name="b", path=str(tmp_path / "b"), after_step="double", columns=["x"]),
        CSVTarget(path=str(tmp_path / "c.csv")),
        NoSqlTarget(),
    ]
    fset = _set(targets=targets)
    fset.graph.to("storey.Map", "double", _fn="({**event, 'x': event['x'] * 2})").to(
        "storey.Filter", "some", _fn="(event['user'] > 4)"
    )
    result = ingest(fset, _frame(20))
    assert len(result) == 10
    assert len(pd.read_parquet(tmp_path / "a")) == 10
    assert pd.read_parquet(tmp_path / "b")["x"].tolist() == list(map(float, range(20)))
    assert len(pd.read_csv(tmp_path / "c.csv")) == 10


def test_without_a_frame_and_without_targets() -> None:
    fset = _set()
    assert ingest(fset, _frame(5), return_df=False) is None
    assert len(ingest(fset, _frame(7), targets=[])) == 7
    assert len(_offline(fset)) == 5


def test_an_empty_source(tmp_path: Path) -> None:
    fset = _set()
    ingest(fset, _frame(5))
    result = ingest(fset, _frame(5).iloc[:0])
    assert len(result) == 0
    assert list(_offline(fset).reset_index().columns) == ["user", "at", "x", "full_name"]
    assert list(result.columns) == ["x", "full_name", "at"]
    assert fset.spec.features["x"].value_type == "float"
    assert len(_offline(fset)) == _keys(fset) == 0
    (tmp_path / "in.csv").write_text("user,at,x,full name\n")
    ingest(fset, _frame(5))
    assert len(ingest(fset, str(tmp_path / "in.csv"))) == 0
    assert str(_offline(fset)["x"].dtype) == "float64"
    assert len(fset.to_dataframe()) == _keys(fset) == 0
    ingest(fset, _frame(5))
    assert len(ingest(fset, _frame(5).iloc[:0], overwrite=False)) == 0
    assert len(_offline(fset)) == 5


def test_a_file_of_no_bytes_replaces_nothing(tmp_path: Path) -> None:
    fset = _set()
    ingest(fset, _frame(5))
    (tmp_path / "cut.csv").write_bytes(b"")
    (tmp_path / "cut.jsonl").write_bytes(b"")
    for name, said in (("cut.csv", "not even a header"), ("cut.jsonl", "no bytes")):
        with pytest.raises(InvalidArgumentError, match=said):
            ingest(fset, str(tmp_path / name))
    assert len(_offline(fset)) == _keys(fset) == 5


def test_entities_from_the_index() -> None:
    fset = FeatureSet("idx", timestamp_key="at")
    ingest(fset, _frame(5).set_index("user"))
    assert list(fset.spec.entities.keys()) == ["user"]


def test_times_as_texts(tmp_path: Path) -> None:
    frame = _frame(5).assign(at=lambda f: f["at"].astype(str))
    fset = _set()
    assert str(ingest(fset, frame)["at"].dtype).startswith("datetime64")
    with pytest.raises(InvalidArgumentError, match="'later' in row 3"):
        ingest(fset, frame.assign(at=[*frame["at"][:3], "later", "x"]))


# Schema ------------------------------------------------------------------------------------------


def test_a_type_that_does_not_fit_names_the_row() -> None:
    fset = _set()
    ingest(fset, _frame(5))
    bad = _frame(5).astype({"x": object})
    bad.loc[3, "x"] = "four"
    with pytest.raises(SchemaError, match=r"'x' is float, and the data has str: row 3 is 'four'"):
        ingest(fset, bad)
    assert len(_offline(fset)) == 5
    assert fset.spec.features["x"].value_type == "float"
    assert get_feature_set("s1").status.state == "error"


def test_new_and_wider_columns_evolve() -> None:
    fset = _set()
    ingest(fset, _frame(5)[["user", "at"]].assign(n=np.arange(5)))
    assert fset.spec.features["n"].value_type == "int64"
    later = _frame(5)[["user", "at"]].assign(n=[0.5] * 5, more="a")
    ingest(fset, later)
    assert fset.spec.features["n"].value_type == "float"
    assert fset.spec.features["more"].value_type == "str"
    strict = _set("strict", schema_policy="strict")
    ingest(strict, _frame(5)[["user", "at"]].assign(n=np.arange(5)))
    with pytest.raises(SchemaError, match=r"'n'.*int64.*float|new"):
        ingest(strict, later)


def test_whole_numbers_with_gaps_stay_whole() -> None:
    fset = _set()
    ingest(fset, _frame(3)[["user", "at"]].assign(n=[1, 2, 3]))
    found = ingest(fset, _frame(3)[["user", "at"]].assign(n=[1.0, np.nan, 3.0]))
    assert found["n"].dtype.name == "Int64"
    assert fset.spec.features["n"].value_type == "int64"


def test_missing_columns_are_refused() -> None:
    fset = _set()
    ingest(fset, _frame(5))
    with pytest.raises(SchemaError, match="'x' is missing"):
        ingest(fset, _frame(5).drop(columns="x"))
    with pytest.raises(SchemaError, match="'user', an entity"):
        ingest(fset, _frame(5).drop(columns="user"))


def test_a_new_version() -> None:
    fset = _set(schema_policy="new-version")
    ingest(fset, _frame(5))
    ingest(fset, _frame(5).assign(x="text"))
    assert fset.spec.features["x"].value_type == "str"
    assert fset.status.schema_versions[0]["schema"]["x"] == "float"


def test_the_schema_changes_in_the_middle(tmp_path: Path) -> None:
    fset = _set()
    ingest(fset, _frame(10))
    parts = [_frame(5), _frame(5, 5).assign(x="seven")]
    with pytest.raises(SchemaError, match="row 5 is 'seven'") as caught:
        ingest(fset, parts, chunk_size=5, commit_rows=5)
    assert "The targets are as before" in str(caught.value)
    assert len(_offline(fset)) == 10
    assert list_feeds(feeds_root(fset)) == []


def test_validators_count_or_refuse() -> None:
    fset = _set()
    fset["x"] = Feature("float", validator=MinMaxValidator(max=10, severity="info"))
    ingest(fset, _frame(100))
    run = open_store().list_runs(_query())[0]
    assert run["status"]["results"]["validation"] == {"x": 79}
    fset["x"] = Feature("float", validator=MinMaxValidator(max=10, severity="error"))
    with pytest.raises(InvalidArgumentError, match=r"79 values.*row 21"):
        ingest(fset, _frame(100))
    assert len(_offline(fset)) == 100


@pytest.mark.parametrize("name", ["'; DROP TABLE x;--", "日本", "a.b", 'q"uote', "$x", "__index__"])
def test_hostile_column_names(name: str) -> None:
    frame = _frame(5).rename(columns={"x": name})
    fset = _set()
    found = ingest(fset, frame)
    assert found[name.replace(" ", "_")].tolist() == _frame(5)["x"].tolist()
    assert name.replace(" ", "_") in _offline(fset).columns


# Failures ----------------------------------------------------------------------------------------


def _explode(event: dict[str, Any]) -> dict[str, Any]:
    if event["x"] == 20:
        raise ValueError("boom")
    return event


def test_a_failing_step_leaves_everything_as_before() -> None:
    fset = _set()
    ingest(fset, _frame(10))
    fset.graph.to("storey.Map", "explode", fn=_explode)
    with pytest.raises(StepError, match="boom"):
        ingest(fset, _frame(100), chunk_size=10, commit_rows=10)
    assert len(_offline(fset)) == 10
    assert fset.status.state == "error"
    assert list_feeds(feeds_root(fset)) == []


class _Full(ParquetTarget):
    """A target whose disk is full after some rows."""

    kind = "parquet"
    given = 0

    def writer(self, job: Any) -> Any:
        writer = super().writer(job)
        write = writer.write

        def full(frame: Any) -> None:
            _Full.given += len(frame)
            if 0 < self.limit < _Full.given:
                raise OSError(errno.ENOSPC, "No space left on device")
            write(frame)

        writer.write = full  # type: ignore[method-assign]
        return writer

    limit = 0


def test_a_full_disk_is_gone_on_with(tmp_path: Path) -> None:
    _frame(100).to_parquet(tmp_path / "in.parquet")
    full = _Full(name="second", path=str(tmp_path / "second"))
    fset = _set(targets=[ParquetTarget(path=str(tmp_path / "first")), full, NoSqlTarget()])
    _Full.given, full.limit = 0, 0
    ingest(fset, _frame(7))
    _Full.given, full.limit = 0, 55
    with pytest.raises(OSError, match="No space left") as caught:
        ingest(fset, str(tmp_path / "in.parquet"), chunk_size=10, commit_rows=20)
    assert any(
        "go on with it" in note for note in getattr(caught.value, "__notes__", ["go on with it"])
    )
    assert len(pd.read_parquet(tmp_path / "first")) == 7
    assert len(pd.read_parquet(tmp_path / "second")) == 7
    feed = list_feeds(feeds_root(fset))[0]
    full.limit = 0
    ingest(fset, str(tmp_path / "in.parquet"), resume=feed.id, return_df=False)
    for name in ("first", "second"):
        assert sorted(pd.read_parquet(tmp_path / name)["x"]) == (np.arange(100) / 2).tolist()
    assert fset.status.stats["x"]["count"] == 100
    with pytest.raises(NotFoundError, match="no unfinished ingestion"):
        ingest(fset, str(tmp_path / "in.parquet"), resume=feed.id)


def test_abort_whatever_happened(tmp_path: Path) -> None:
    full = _Full(path=str(tmp_path / "t"))
    _Full.given, full.limit = 0, 55
    fset = _set(targets=[full])
    with pytest.raises(OSError, match="No space"), options(on_failure="abort"):
        ingest(fset, _frame(100), chunk_size=10, commit_rows=10)
    assert list_feeds(feeds_root(fset)) == []


def test_a_first_commit_that_fails_keeps_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fset = _set()
    monkeypatch.setattr(StagedWriter, "commit", lambda self, position: _no_space())
    with pytest.raises(OSError, match="No space"):
        ingest(fset, _frame(10))
    assert list_feeds(feeds_root(fset)) == []


def _no_space() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


# Arguments ---------------------------------------------------------------------------------------


def test_what_is_refused() -> None:
    fset = _set()
    with pytest.raises(InvalidArgumentError, match="has no source"):
        ingest(fset)
    with pytest.raises(InvalidArgumentError, match="a feature set is needed"):
        ingest(None, _frame(1))
    with pytest.raises(InvalidArgumentError, match="no option 'resum'"):
        ingest(fset, _frame(1), resum=True)
    with pytest.raises(InvalidArgumentError, match="cannot be ingested by a job"):
        ingest(fset, _frame(1), run_config=object())
    with pytest.raises(InvalidArgumentError, match="spark_context was given"):
        ingest(fset, _frame(1), spark_context=object())
    with pytest.raises(NotFoundError):
        ingest("nobody", _frame(1))
    for wrong in ({"chunk_size": 0}, {"commit_rows": True}, {"on_failure": "x"}, {"feed": "../x"}):
        with pytest.raises(InvalidArgumentError):
            ingest(fset, _frame(1), **wrong)


def test_inside_a_run_there_is_no_second_one() -> None:
    with ml.get_or_create_ctx("outer") as context:
        ingest(_set(), _frame(5), mlrun_context=context)
        assert context.results["written"] == 5
        assert context.labels["job-type"] == "feature-ingest"
        assert context.state == "running"


def test_progress() -> None:
    told: list[Any] = []
    ingest(_set(), _frame(100), chunk_size=30, progress=told.append)
    assert [p.rows for p in told] == [30, 60, 90, 100, 100]
    assert told[-1].committed
    assert str(told[0]).startswith("s1: chunk 1, 30 rows read")


# Preview, passthrough, incremental ---------------------------------------------------------------


def test_preview_learns_and_writes_nothing(tmp_path: Path) -> None:
    fset = FeatureSet("p", timestamp_key="at")
    found = preview(fset, _frame(2000), entity_columns=["user"])
    assert len(found) == 1000
    assert found.index.name == "user"
    assert fset.status.stats["x"]["count"] == 1000
    assert len(get_feature_set("p").spec.features) == 2
    assert len(fset.status.targets) == 0
    only = FeatureSet("q", entities=["user"])
    preview(only, _frame(10), options=InferOptions.schema(), sample_size=3)
    assert not only.status.stats and len(only.spec.features) == 3
    with pytest.raises(InvalidArgumentError, match="spark"):
        preview(FeatureSet("r", engine="spark"), _frame(1))
    with pytest.raises(InvalidArgumentError, match="no rows"):
        preview(FeatureSet("r"), _frame(1).iloc[:0])


def test_infer_metadata() -> None:
    fset = FeatureSet("m")
    infer_metadata(fset, _frame(10), ["user"], "at", "x")
    assert (fset.spec.timestamp_key, fset.spec.label_column) == ("at", "x")


def test_passthrough(tmp_path: Path) -> None:
    _frame(10).to_parquet(tmp_path / "in.parquet")
    fset = FeatureSet("pass", entities=["user"], timestamp_key="at", passthrough=True)
    ingest(fset, ParquetSource(path=str(tmp_path / "in.parquet")))
    assert [t.kind for t in fset.status.targets] == ["nosql"]
    assert fset.has_valid_source()
    fset.graph.to("storey.Map", "m", _fn="(event)")
    with pytest.raises(InvalidArgumentError, match="passthrough"):
        ingest(fset, str(tmp_path / "in.parquet"))


def test_a_schedule_reads_only_what_is_new(tmp_path: Path) -> None:
    path = tmp_path / "in.parquet"
    _frame(50).to_parquet(path)
    fset = _set()
    source = ParquetSource(path=str(path), schedule="mock", time_field="at")
    assert len(ingest(fset, source)) == 50
    assert len(ingest(fset, source)) == 0
    _frame(80).to_parquet(path)
    assert ingest(fset, source)["x"].tolist() == (np.arange(50, 80) / 2).tolist()
    assert len(_offline(fset)) == 80


@pytest.mark.parametrize("kind", ["csv", "parquet", "sql"])
def test_a_schedule_without_times_goes_on_by_position(kind: str, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    url = f"sqlite:///{tmp_path}/in.db"

    def add(rows: int, start: int = 0) -> None:
        frame = _frame(rows, start).drop(columns="at")
        if kind == "csv":
            new = not (folder / "in.csv").exists()
            frame.to_csv(folder / "in.csv", mode="a", header=new, index=False)
        elif kind == "parquet":
            frame.to_parquet(folder / f"{start:03d}.parquet")
        else:
            frame.assign(number=frame["x"] * 2).to_sql("t", url, if_exists="append", index=False)

    source: Any = ParquetSource(path=str(folder), schedule="mock")
    if kind == "csv":
        source = CSVSource(path=str(folder / "in.csv"), schedule="mock")
    elif kind == "sql":
        query = "select * from t order by number"
        source = SQLSource(db_url=url, query=query, schedule="mock")
    add(50)
    fset = FeatureSet("z", entities=["user"])
    fset.set_targets()
    assert len(ingest(fset, source)) == 50
    assert len(ingest(fset, source)) == 0
    add(30, 50)
    assert ingest(get_feature_set("z"), source)["x"].tolist() == (np.arange(50, 80) / 2).tolist()
    fset.reload()
    assert len(_offline(fset)) == 80
    assert len(ingest(fset, source)) == 0
    assert len(ingest(fset, source, overwrite=True)) == 80
    assert len(_offline(fset)) == 80


def test_what_is_added_counts_in_the_windows_that_are_there() -> None:
    whole, parts = _set("whole"), _set("parts")
    for fset in (whole, parts):
        fset.add_aggregation("x", ["sum"], ["1h"], "10m")
    wanted = ingest(whole, _frame(40))
    ingest(parts, _frame(25))
    found = ingest(parts, _frame(15, 25), overwrite=False)
    assert found["x_sum_1h"].tolist() == wanted["x_sum_1h"].tolist()[25:]
    ingest(parts, _frame(25))
    assert ingest(parts, _frame(5))["x_sum_1h"].tolist() == wanted["x_sum_1h"].tolist()[:5]


def test_lineage(tmp_path: Path) -> None:
    first, second = _set("first"), _set("second")
    ingest(first, _frame(20))
    ingest(second, first)
    found = lineage_of(first)
    assert found.written_by == [str(first.status.run_uri).partition("#")[0]]
    assert found.read_by == [str(second.status.run_uri).partition("#")[0]]
    vector = FeatureVector("v", ["first.x", "second.x as y"])
    vector.save()
    with ml.get_or_create_ctx("join") as context, use_context(context):
        vector.get_offline_features()
    assert lineage_of(first).read_by[1:] == [context.uri.partition("#")[0]]
    assert lineage_of(second).read_by == lineage_of(vector).read_by == lineage_of(first).read_by[1:]


def test_another_feature_set_and_csv(tmp_path: Path) -> None:
    _frame(20).to_csv(tmp_path / "in.csv", index=False)
    first, second = _set("first"), _set("second")
    ingest(first, CSVSource(path=str(tmp_path / "in.csv")))
    found = ingest(second, first)
    assert len(found) == 20
    assert found["x"].tolist() == (np.arange(20) / 2).tolist()


def test_a_default_project_is_no_empty_name() -> None:
    assert feeds_root(_set()).parts[-3:-1] == (config.default_project, "s1")
