"""Tables: every format there and back, broken files, folders, filters, statistics."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlrun_like.artifacts import frames, preview
from mlrun_like.artifacts.data import open_url
from mlrun_like.artifacts.item import get_dataitem, set_in_memory_item
from mlrun_like.errors import InvalidArgumentError, MissingDependencyError, MissingFileError
from mlrun_like.specs.artifact import ArtifactDoc

FRAME = pd.DataFrame({"name": ["a", "b", "c"], "age": [1, 2, 3], "score": [0.5, 1.5, 2.5]})


def _written(path: Path, frame: pd.DataFrame, format: str) -> Any:
    with open_url(path).open("wb") as file:
        frames.write(frame, file, format)
    return open_url(path)


@pytest.mark.parametrize("format", ["csv", "tsv", "parquet", "pq", "json", "jsonl", "feather"])
def test_round_trip(tmp_path: Path, format: str) -> None:
    item = _written(tmp_path / f"a.{format}", FRAME, format)
    pd.testing.assert_frame_equal(item.as_df(), FRAME, check_dtype=False)
    chosen = item.as_df(columns=["score", "name"])
    assert list(chosen.columns) == ["score", "name"]
    older = item.as_df(columns=["name"], additional_filters=[("age", ">", 1)])
    assert list(older.columns) == ["name"] and older.name.tolist() == ["b", "c"]
    assert item.as_df(additional_filters=[("name", "in", ["a"])]).age.tolist() == [1]
    with pytest.raises(InvalidArgumentError, match="nope"):
        item.as_df(columns=["nope"])


@pytest.mark.parametrize(
    "index", [[5, 6, 7], ["x", "y", "z"], pd.MultiIndex.from_tuples([(1, "a"), (1, "b"), (2, "a")])]
)
def test_an_index_that_means_something_is_kept(tmp_path: Path, index: Any) -> None:
    frame = FRAME.set_axis(index, axis=0)
    item = _written(tmp_path / "a.parquet", frame, "parquet")
    pd.testing.assert_frame_equal(item.as_df(), frame, check_dtype=False)
    assert len(_written(tmp_path / "a.csv", frame, "csv").as_df().columns) > len(frame.columns)
    assert "Unnamed: 0" not in _written(tmp_path / "b.csv", FRAME, "csv").as_df().columns


@pytest.mark.parametrize("format", ["csv", "parquet", "json", "jsonl", "feather", "html", "orc"])
@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00broken\xfa" * 50, b"PAR1" + b"x" * 100])
def test_broken_files_give_one_clear_error(tmp_path: Path, format: str, data: bytes) -> None:
    path = tmp_path / f"bad.{format}"
    path.write_bytes(data)
    try:
        frame = open_url(path).as_df()
    except InvalidArgumentError as exc:
        assert str(path) in exc.what and format in exc.what and len(str(exc)) < 600
    except MissingDependencyError as exc:
        assert format in exc.what
    else:
        assert format in ("csv", "json", "jsonl") and isinstance(frame, pd.DataFrame)


def test_truncated_parquet(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    _written(path, FRAME, "parquet")
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InvalidArgumentError, match="cannot be read as parquet"):
        open_url(path).as_df()


def test_unknown_formats_and_missing_files(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"x,y\n1,2\n")
    with pytest.raises(InvalidArgumentError, match=r"file type unhandled: 'bin'"):
        open_url(tmp_path / "a.bin").as_df()
    assert open_url(tmp_path / "a.bin").as_df(format="csv").x.tolist() == [1]
    with pytest.raises(InvalidArgumentError, match="file type unhandled"):
        open_url(tmp_path / "a.bin").as_df(format="nonsense")
    with pytest.raises(MissingFileError):
        open_url(tmp_path / "none.csv").as_df()


def test_compressed_and_reader_options(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "a.csv.gz", index=False)
    assert open_url(tmp_path / "a.csv.gz").as_df(nrows=2).age.tolist() == [1, 2]
    parts = list(open_url(tmp_path / "a.csv.gz").as_df(chunksize=2))
    assert [len(part) for part in parts] == [2, 1]
    with pytest.raises(InvalidArgumentError, match="nonsense"):
        open_url(tmp_path / "a.csv.gz").as_df(nonsense=1)


def test_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("n\nJosé\n".encode("latin-1"))
    with pytest.raises(InvalidArgumentError, match="cannot be read as csv"):
        open_url(tmp_path / "a.csv").as_df()
    assert open_url(tmp_path / "a.csv").as_df(encoding="latin-1").n.tolist() == ["José"]


def test_folders(tmp_path: Path) -> None:
    for n in (2, 1):
        FRAME.assign(part=n).to_csv(tmp_path / f"{n}.csv", index=False)
    (tmp_path / "_SUCCESS").touch()
    frame = open_url(tmp_path).as_df()
    assert frame.part.tolist() == [1, 1, 1, 2, 2, 2] and frame.index.tolist() == list(range(6))
    (tmp_path / "c.json").write_text("[]")
    with pytest.raises(InvalidArgumentError, match="mixes formats: csv, json"):
        open_url(tmp_path).as_df()
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidArgumentError, match="no data files"):
        open_url(tmp_path / "empty").as_df()


def test_partitioned_parquet(tmp_path: Path) -> None:
    FRAME.assign(year=[2020, 2021, 2021]).to_parquet(tmp_path / "d", partition_cols=["year"])
    for url in (str(tmp_path / "d"), f"local://{tmp_path}/d"):
        frame = get_dataitem(url).as_df()
        assert sorted(frame.year.astype(int)) == [2020, 2021, 2021]
        some = get_dataitem(url).as_df(additional_filters=[("year", "=", 2021)])
        assert sorted(some.name) == ["b", "c"]


def test_memory_frames() -> None:
    item = get_dataitem(set_in_memory_item("frame", FRAME))
    pd.testing.assert_frame_equal(item.as_df(format="csv"), FRAME)
    assert item.get(encoding="utf-8").startswith("name,age,score")
    assert item.stat().size
    set_in_memory_item("frames/a.parquet", FRAME)
    frames_item = get_dataitem("memory://frames/a.parquet")
    assert frames_item.get()[:4] == b"PAR1"
    assert len(get_dataitem("memory://frames").as_df()) == 3


@pytest.mark.parametrize("format", ["csv", "parquet"])
@pytest.mark.parametrize("zone", [None, "Europe/Paris"])
def test_time_range(tmp_path: Path, format: str, zone: str | None) -> None:
    times = pd.date_range("2020-01-01", periods=4, freq="D", tz=zone)
    frame = pd.DataFrame({"t": times, "n": range(4)})
    item = _written(tmp_path / f"a.{format}", frame, format)
    part = item.as_df(
        columns=["n"], time_column="t", start_time=times[0], end_time=times[2]
    )  # the start is excluded, the end is not
    assert part.n.tolist() == [1, 2] and list(part.columns) == ["n"]
    assert item.as_df(time_column="t", start_time=times[2]).n.tolist() == [3]
    with pytest.raises(InvalidArgumentError, match="need time_column"):
        item.as_df(start_time=times[0])
    with pytest.raises(InvalidArgumentError, match="no column 'u'"):
        item.as_df(time_column="u", start_time=times[0])
    wrong = datetime.datetime(2020, 1, 1, tzinfo=None if zone else datetime.timezone.utc)
    with pytest.raises(InvalidArgumentError, match="same time zone"):
        item.as_df(time_column="t", start_time=wrong)


def test_hostile_filters(tmp_path: Path) -> None:
    item = _written(tmp_path / "a.csv", FRAME, "csv")
    for bad in [("age", "~", 1), ("age", ">", "text"), ("none", "=", 1), ("age", ">")]:
        with pytest.raises(InvalidArgumentError):
            item.as_df(additional_filters=[bad])
    with pytest.raises(InvalidArgumentError, match="does not hold times"):
        item.as_df(time_column="name", start_time="2020-01-01")


def test_tables_that_a_format_cannot_hold(tmp_path: Path) -> None:
    twice = pd.DataFrame([[1, 2]], columns=["x", "x"])
    mixed = pd.DataFrame({"x": [1, "a", b"b"]}, dtype=object)
    for frame in (twice, mixed):
        with pytest.raises(InvalidArgumentError, match="cannot be written as parquet"):
            _written(tmp_path / "a.parquet", frame, "parquet")
        assert not (tmp_path / "a.parquet").exists()
        _written(tmp_path / "a.csv", frame, "csv")
    with pytest.raises(InvalidArgumentError, match="not a table"):
        frames.to_pandas([1])


def test_other_frame_packages(tmp_path: Path) -> None:
    table = pa.table({"x": [1, 2]})
    item = _written(tmp_path / "a.parquet", table, "parquet")
    assert item.as_df().x.tolist() == [1, 2]

    class fake:
        __name__ = "other"

        @staticmethod
        def read_parquet(path: str, columns: list[str] | None = None) -> tuple[str, Any]:
            return path, columns

    assert item.as_df(df_module=fake(), columns=["x"]) == (str(tmp_path / "a.parquet"), ["x"])
    with pytest.raises(InvalidArgumentError, match="cannot read csv"):
        open_url(tmp_path / "a.csv").put("x\n1\n")
        open_url(tmp_path / "a.csv").as_df(df_module=fake())


def _described(frame: pd.DataFrame, **options: Any) -> ArtifactDoc:
    doc = ArtifactDoc(kind="dataset")
    preview.describe(doc, frame, **options)
    json.dumps(doc.to_dict(), allow_nan=False)
    return doc


def test_preview_limits() -> None:
    frame = pd.DataFrame(range(40), columns=["A"])
    assert len(_described(frame).spec.preview) == 20
    assert len(_described(frame, rows=25).spec.preview) == 25
    assert len(_described(frame, unlimited=True).spec.preview) == 40
    wide = pd.DataFrame(np.zeros((10, 300)))
    doc = _described(wide)
    assert len(doc.spec.preview[0]) == 100 == len(doc.spec.header) and not doc.spec.stats
    assert doc.status["header_original_length"] == 301
    assert len(_described(wide, unlimited=True).spec.preview[0]) == 301
    long = pd.DataFrame({"A": np.zeros(10_001)})
    assert not _described(long).spec.stats and _described(long, stats=True).spec.stats
    assert not _described(frame, stats=False).spec.stats
    with pytest.raises(InvalidArgumentError):
        _described(frame, rows=-1)


def test_schema_has_one_index() -> None:
    frame = pd.DataFrame({"label": [0, 1], "x": [0.5, 1]})
    for one in (frame, frame.set_index("label"), frame.assign(index=[1, 2])):
        doc = _described(one)
        names = [field["name"] for field in doc.spec.schema_["fields"]]
        assert names == doc.spec.header and len(names) == len(set(names))
        assert names.count("index") <= 1
    assert _described(frame).spec.schema_["fields"][:2] == [
        {"name": "index", "type": "integer"}, {"name": "label", "type": "integer"},
    ]  # fmt: skip
    assert _described(frame).to_dict()["spec"]["schema"]["primaryKey"] == ["index"]


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"x": []}),
        pd.DataFrame(index=range(3)),
        pd.DataFrame({"x": [None, None]}),
        pd.DataFrame({"x": [np.nan, np.inf, -np.inf]}),
        pd.DataFrame({"x": [1e308, -1e308]}),
        pd.DataFrame({"x": [2**63, 2**64 - 1]}, dtype="uint64"),
        pd.DataFrame({"x": [10**30, 1]}, dtype=object),
        pd.DataFrame({"x": [1, "a", b"\xff", None, [1], {"a": 1}]}, dtype=object),
        pd.DataFrame([[1, "b"], [2, "c"]], columns=["x", "x"]),
        pd.DataFrame({("a", 1): [1], ("a", 2): [2]}),
        pd.DataFrame({"x": [1, 2]}, index=pd.MultiIndex.from_tuples([(1, 2), (3, 4)])),
        pd.DataFrame({"x": pd.Categorical(["a", None, "b"])}),
        pd.DataFrame({"x": pd.Categorical([1, 2, 1])}),
        pd.DataFrame({"x": pd.date_range("2020", periods=3, tz="Asia/Tokyo")}),
        pd.DataFrame({"x": pd.to_timedelta([1, 2], unit="s")}),
        pd.DataFrame({"x": pd.period_range("2020", periods=3, freq="M")}),
        pd.DataFrame({"x": pd.array([1, None], dtype="Int64")}),
        pd.DataFrame({"x": pd.array([True, None], dtype="boolean")}),
        pd.DataFrame({"x": pd.array(["a", None], dtype="string")}),
        pd.DataFrame({"x": [True, False]}),
        pd.DataFrame({"x": [1 + 2j]}),
        pd.DataFrame({"x": pd.arrays.SparseArray([0, 0, 1])}),
        pd.DataFrame({"x": pd.array([1, 2], dtype="int64[pyarrow]")}),
        pd.DataFrame({"x": ["y" * 1_000_000]}),
        pd.DataFrame({1: [1], None: [2]}),
    ],
)
def test_any_frame_is_described_as_json(frame: pd.DataFrame) -> None:
    doc = _described(frame, stats=True)
    assert doc.spec.length == len(frame)
    assert len(json.dumps(doc.to_dict())) < 20_000


def test_statistics() -> None:
    stats = preview.statistics(pd.DataFrame({"x": range(100), "s": ["a", "b"] * 50}))
    assert stats["x"]["count"] == 100 and stats["x"]["mean"] == 49.5 and stats["x"]["50%"] == 49.5
    counts, edges = stats["x"]["hist"]
    assert len(counts) == 20 and len(edges) == 21 and sum(counts) == 100
    assert stats["s"]["unique"] == 2 and "hist" not in stats["s"]


def test_model_schema() -> None:
    frame = pd.DataFrame(
        {"last_name": ["a"], "age": [42], "w": [0.5], "ok": [True], "t": pd.to_datetime(["2020"])}
    )
    inputs, outputs = preview.model_schema(frame, ["age"])
    assert outputs == [{"name": "age", "value_type": "int"}]
    assert [one["value_type"] for one in inputs] == ["str", "float", "bool", "datetime"]
    with pytest.raises(InvalidArgumentError, match="'none'"):
        preview.model_schema(frame, ["none"])
