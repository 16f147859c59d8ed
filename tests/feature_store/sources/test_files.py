"""CSV, Parquet and JSON files as sources: types, positions, filters, broken files."""

from __future__ import annotations

import gzip
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import ConflictError, InvalidArgumentError, MissingFileError
from mlrun_like.feature_store.sources.base import Source
from mlrun_like.feature_store.sources.csv import CSVSource
from mlrun_like.feature_store.sources.csv_values import fits, leading_zero
from mlrun_like.feature_store.sources.json_lines import JSONSource
from mlrun_like.feature_store.sources.opening import open_source
from mlrun_like.feature_store.sources.parquet import ParquetSource
from mlrun_like.serving.batch import csv_types


def events(count: int, start: int = 0) -> pd.DataFrame:
    """Rows with a text, a time, a number with holes and a whole number with holes."""
    places = np.arange(start, start + count)
    frame = pd.DataFrame(
        {
            "user": [f"u{n % 7}" for n in places],
            "at": pd.Timestamp("2024-03-01") + pd.to_timedelta(places, unit="min"),
            "amount": np.where(places % 5 == 0, np.nan, places / 4),
            "count": pd.array([None if n % 6 == 0 else int(n) for n in places], dtype="Int64"),
        }
    )
    return frame.astype({"at": "datetime64[us]"})


def joined(source: Source, size: int, after: str = "") -> pd.DataFrame:
    """All rows of a source."""
    frames = [chunk.frame for chunk in source.chunks(size, after=after)]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def check_resuming(make: Callable[[], Source], size: int) -> None:
    """From each position a new reader gives exactly the rest, with the same types."""
    whole = joined(make(), size)
    done = 0
    chunks = list(make().chunks(size))
    for chunk in chunks:
        done += len(chunk.frame)
        rest = joined(make(), size, chunk.position)
        assert len(rest) == len(whole) - done
        if len(rest):
            pd.testing.assert_frame_equal(rest, whole.iloc[done:].reset_index(drop=True))
    assert done == len(whole)


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_rows_and_types_do_not_depend_on_the_size_of_chunks(tmp_path: Path, size: int) -> None:
    events(100).to_csv(tmp_path / "a.csv", index=False)
    events(100).to_parquet(tmp_path / "a.parquet", row_group_size=33)
    for source in (
        CSVSource(path=str(tmp_path / "a.csv"), time_field="at"),
        ParquetSource(path=str(tmp_path / "a.parquet")),
    ):
        chunks = list(source.chunks(size))
        assert {str(chunk.frame.dtypes.tolist()) for chunk in chunks} == {
            str([pd.StringDtype(na_value=np.nan), np.dtype("<M8[us]"), np.dtype("float64"),
                 pd.Int64Dtype()])
        }  # fmt: skip
        assert all(len(chunk.frame) == chunk.rows <= size for chunk in chunks)
        pd.testing.assert_frame_equal(joined(source, size), events(100), check_dtype=False)


@pytest.mark.parametrize("kind", ["csv", "parquet", "json"])
def test_a_reader_goes_on_behind_every_position(tmp_path: Path, kind: str) -> None:
    for number in range(3):
        frame = events(25, number * 25)
        if kind == "csv":
            frame.to_csv(tmp_path / f"{number}.csv", index=False)
        elif kind == "parquet":
            frame.to_parquet(tmp_path / f"{number}.parquet", row_group_size=10)
        else:
            frame.assign(at=frame["at"].astype(str), count=1).to_json(
                tmp_path / f"{number}.jsonl", orient="records", lines=True
            )
    for size in (4, 10, 60):
        check_resuming(lambda: open_source(str(tmp_path)), size)


def test_a_time_range_is_open_at_its_start(tmp_path: Path) -> None:
    events(100).to_parquet(tmp_path / "a.parquet", row_group_size=10)
    events(100).to_csv(tmp_path / "a.csv", index=False)
    span: dict[str, Any] = {
        "start_time": "2024-03-01T00:10:00Z",
        "end_time": "2024-03-01T01:20:00+01:00",
    }
    for made in (ParquetSource, CSVSource):
        path = tmp_path / ("a.parquet" if made is ParquetSource else "a.csv")
        source: Source = made(path=str(path), time_field="at", **span)
        found = joined(source, 30)
        assert found["at"].dt.minute.tolist() == list(range(11, 21))
        check_resuming(lambda source=source: source, 3)  # type: ignore[misc]


def test_only_what_is_new_is_read(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    events(10).to_parquet(folder / "m.parquet")
    source = ParquetSource(path=str(folder))
    (first,) = source.chunks(100)
    assert list(source.chunks(100, after=first.position)) == []
    events(5, 10).to_parquet(folder / "a.parquet")  # sorts before what was read
    (second,) = source.chunks(100, after=first.position)
    assert second.frame["at"].min() == events(10)["at"].max() + pd.Timedelta(minutes=1)
    assert list(source.chunks(100, after=second.position)) == []

    path = tmp_path / "log.csv"
    path.write_text("k,v\na,1\nb,2\n")
    log = CSVSource(path=str(path))
    (first,) = log.chunks(100)
    with path.open("a") as stream:
        stream.write("c,3\nd,4\n")
    (second,) = log.chunks(100, after=first.position)
    assert second.frame["v"].tolist() == [3, 4]
    path.write_text("k,v\na,1\n")
    with pytest.raises(ConflictError, match="was replaced"):
        list(log.chunks(100, after=second.position))


def test_watermarks_lead_to_the_next_rows(tmp_path: Path) -> None:
    events(30).to_parquet(tmp_path / "a.parquet")
    source = ParquetSource(path=str(tmp_path / "a.parquet"), time_field="at")
    first = next(iter(source.chunks(20)))
    mark = source.watermark_of(first)
    assert mark == "2024-03-01T00:19:00+00:00"
    assert len(joined(source.since(mark), 100)) == 10
    assert source.since("") is source
    assert ParquetSource(path="x").watermark_of(first) == ""


def test_partitions_are_columns_and_rule_files_out(tmp_path: Path) -> None:
    frame = events(300).assign(country="DE", day=lambda f: f["at"].dt.day)
    frame["country"] = ["DE" if n % 2 else "FR" for n in range(300)]
    pq.write_to_dataset(
        pa.Table.from_pandas(frame, preserve_index=False),
        str(tmp_path / "p"),
        partition_cols=["country"],
    )
    (tmp_path / "p" / "country=IT").mkdir()
    (tmp_path / "p" / "country=IT" / "broken.parquet").write_bytes(b"no parquet")
    source = ParquetSource(path=str(tmp_path / "p"), additional_filters=[("country", "=", "FR")])
    found = joined(source, 50)
    assert set(found["country"]) == {"FR"} and len(found) == 150
    with pytest.raises(InvalidArgumentError, match="cut off") as raised:
        joined(ParquetSource(path=str(tmp_path / "p")), 50)
    assert "country=IT" in str(raised.value)


def test_folders_of_years_and_months_rule_files_out(tmp_path: Path) -> None:
    good = tmp_path / "year=2024" / "month=3" / "day=1"
    old = tmp_path / "year=2023" / "month=3" / "day=1"
    good.mkdir(parents=True)
    old.mkdir(parents=True)
    events(10).to_parquet(good / "a.parquet")
    (old / "a.parquet").write_bytes(b"never opened")
    source = ParquetSource(path=str(tmp_path), time_field="at", start_time="2024-02-01")
    found = joined(source, 100)
    assert len(found) == 10 and found["year"].tolist() == [2024] * 10


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (("count", ">", 90), {91, 92, 93, 94, 95, 97, 98, 99}),
        (["count", "in", [7, None, 3]], {3, 7, None}),
        (("user", "not in", ["u1", "u2", "u3", "u4", "u5", "u6"]), None),
        (("amount", "<=", 1.0), {1, 2, 3, 4}),
        (
            ("amount", "!=", 1.0),
            set(range(100)) - {4, *range(0, 100, 5), *range(0, 100, 6)} | {None},
        ),
        (("at", ">=", "2024-03-01T01:38:00Z"), {98, 99}),
    ],
)
def test_additional_filters(tmp_path: Path, condition: Any, expected: set[Any] | None) -> None:
    frame = events(100)
    frame.to_parquet(tmp_path / "a.parquet", row_group_size=9)
    found = joined(
        ParquetSource(path=str(tmp_path / "a.parquet"), additional_filters=[condition]), 8
    )
    if expected is None:
        assert set(found["user"]) == {"u0"}
    else:
        assert {None if pd.isna(v) else v for v in found["count"]} == expected
    whole = joined(ParquetSource(path=str(tmp_path / "a.parquet")), 100)
    assert len(found) <= len(whole)


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (("a", "~", 1), "unknown operator"),
        (("a", "in", 3), "needs a list"),
        ("a > 1", "no .column, operator, value."),
        (("amuont", ">", 1), "Did you mean 'amount'"),
        (("user", ">", 1), "cannot be compared"),
    ],
)
def test_bad_filters_are_named(tmp_path: Path, condition: Any, said: str) -> None:
    events(10).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(InvalidArgumentError, match=said):
        joined(ParquetSource(path=str(tmp_path / "a.parquet"), additional_filters=[condition]), 5)


def test_files_that_differ(tmp_path: Path) -> None:
    pd.DataFrame({"k": ["a"], "n": [1]}).to_parquet(tmp_path / "1.parquet")
    pd.DataFrame({"k": ["b"], "n": [1.5], "m": [True]}).to_parquet(tmp_path / "2.parquet")
    found = joined(ParquetSource(path=str(tmp_path)), 10)
    assert found["n"].tolist() == [1.0, 1.5]
    assert found["m"].isna().tolist() == [True, False]
    pd.DataFrame({"k": ["b"], "n": ["x"]}).to_parquet(tmp_path / "3.parquet")
    with pytest.raises(InvalidArgumentError, match=r"'n' is .*string here and double in files"):
        joined(ParquetSource(path=str(tmp_path)), 10)


def test_types_come_from_all_rows_of_all_files(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_text("k,v,z,b\n1,1,007,true\n")
    (tmp_path / "2.csv").write_text("b,k,v,z\nfalse,2,2.5,008\n")
    found = list(CSVSource(path=str(tmp_path)).chunks(1))
    assert [str(kind) for kind in found[0].frame.dtypes] == ["int64", "float64", "str", "bool"]
    assert found[1].frame.to_dict("records") == [{"k": 2, "v": 2.5, "z": "008", "b": False}]
    (tmp_path / "3.csv").write_text("k,v\n1,2\n")
    with pytest.raises(InvalidArgumentError, match=r"without \['z', 'b'\]"):
        list(CSVSource(path=str(tmp_path)).chunks(1))


def test_times_of_all_forms(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("at,h\n2024-01-01T00:00:00Z,2024010103\n2024-01-01 03:00:00+02:00,2024010104\n")
    (chunk,) = CSVSource(path=str(path), time_field="at").chunks(10)
    assert str(chunk.frame["at"].dtype) == "datetime64[us, UTC]"
    assert chunk.frame["at"].dt.hour.tolist() == [0, 1]
    (chunk,) = CSVSource(
        path=str(path), parse_dates=1, attributes={"timestamp_format": "%Y%m%d%H"}
    ).chunks(10)
    assert chunk.frame["h"].dt.hour.tolist() == [3, 4]
    path.write_text("at\n1704067200\n\n1704067201\n")
    (chunk,) = CSVSource(
        path=str(path), time_field="at", attributes={"timestamp_unit": "s"}
    ).chunks(10)
    assert chunk.frame["at"].dt.second.tolist() == [0, 1]
    path.write_text("at\n2024-01-01\nyesterday\n")
    with pytest.raises(InvalidArgumentError, match="should hold times, but has 'yesterday'"):
        joined(CSVSource(path=str(path), parse_dates=["at"]), 10)
    with pytest.raises(InvalidArgumentError, match="parse_dates: there is no column 'att'"):
        joined(CSVSource(path=str(path), parse_dates=["att"]), 10)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,2\n3\n", "as many fields as the header"),
        (b"a,b\n1,2\n3,4,5\n", "as many fields as the header"),
        ("a,b\n1,grün\n".encode("latin-1"), "latin-1"),
        (b"a,a\n1,2\n", "two columns 'a'"),
        (b'a,b\n1,"never closed\n' + b"x,y\n" * 10, "never closed"),
        (b"\x00\x01\x02\xff\xfe\n" * 50, "cannot be read"),
    ],
    ids=["short row", "long row", "encoding", "twice", "open quote", "binary"],
)
def test_broken_csv_files_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "broken.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidArgumentError, match=said) as raised:
        joined(CSVSource(path=str(path)), 10)
    assert "broken.csv" in str(raised.value)


@given(st.lists(st.text("0019.+-eE x", max_size=4), max_size=12), st.integers(0, 3))
def test_codes_are_no_numbers(texts: list[str], start: int) -> None:
    values = pa.array(texts, pa.string()).slice(start)
    codes = [text for text in texts[start:] if re.search("^[+-]?0[0-9]", text)]
    assert leading_zero(values) == bool(codes)
    for kind in (pa.int64(), pa.float64(), pa.bool_(), pa.string()):
        assert fits(values, kind) == csv_types.fits(values, kind)


def test_csv_files_of_other_forms(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes('k;v;text\n1;2,5;grün\n2;-;"a;\nb"\n'.encode("latin-1"))
    arguments = {"sep": ";", "decimal": ",", "encoding": "latin-1", "na_values": "-"}
    found = joined(CSVSource(path=str(path), attributes={"reader_args": arguments}), 1)
    assert found["text"].tolist() == ["grün", "a;\nb"]
    assert found["v"].isna().tolist() == [False, True] and found["v"][0] == 2.5
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"\xef\xbb\xbfa,\n1,2\n"))
    found = joined(open_source(str(tmp_path / "b.csv.gz")), 10)
    assert found.to_dict("records") == [{"a": 1, "Unnamed: 1": 2}]
    (tmp_path / "c.csv").write_text("1,2\n3,4\n")
    headless = {"reader_args": {"header": None, "names": ["a", "b"]}}
    assert joined(CSVSource(path=str(tmp_path / "c.csv"), attributes=headless), 10)["b"].sum() == 6
    with pytest.raises(InvalidArgumentError, match="'skiprows' is not supported"):
        joined(CSVSource(path=str(path), attributes={"reader_args": {"skiprows": 1}}), 1)


def test_empty_files(tmp_path: Path) -> None:
    (tmp_path / "e.csv").write_text("")
    with pytest.raises(InvalidArgumentError, match="not even a header"):
        joined(CSVSource(path=str(tmp_path / "e.csv")), 5)
    (tmp_path / "h.csv").write_text("a,b\n")
    assert list(CSVSource(path=str(tmp_path / "h.csv")).chunks(5)) == []
    (tmp_path / "z.jsonl").write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match="no bytes"):
        joined(JSONSource(path=str(tmp_path / "z.jsonl")), 5)
    (tmp_path / "e.jsonl").write_text("\n\n")
    assert list(JSONSource(path=str(tmp_path / "e.jsonl")).chunks(5)) == []
    events(0).to_parquet(tmp_path / "e.parquet")
    assert list(ParquetSource(path=str(tmp_path / "e.parquet")).chunks(5)) == []
    (tmp_path / "z.parquet").write_bytes(b"")
    with pytest.raises(InvalidArgumentError, match=r"z\.parquet"):
        joined(ParquetSource(path=str(tmp_path / "z.parquet")), 5)
    (tmp_path / "none").mkdir()
    with pytest.raises(MissingFileError, match=r"no files \.parquet"):
        joined(ParquetSource(path=str(tmp_path / "none")), 5)
    with pytest.raises(MissingFileError):
        joined(CSVSource(path=str(tmp_path / "gone.csv")), 5)


def test_a_parquet_file_that_is_cut_off_or_damaged(tmp_path: Path) -> None:
    events(5000).to_parquet(tmp_path / "a.parquet", row_group_size=500)
    content = (tmp_path / "a.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(content[: len(content) // 2])
    with pytest.raises(InvalidArgumentError, match=r"cut off"):
        joined(ParquetSource(path=str(tmp_path / "cut.parquet")), 5)
    rng = random.Random(5)
    for _ in range(20):  # any damage is an error that names the file, or leaves a table
        damaged = bytearray(content)
        for _ in range(40):
            damaged[rng.randrange(len(damaged) // 2)] = rng.randrange(256)
        (tmp_path / "damaged.parquet").write_bytes(damaged)
        try:
            joined(ParquetSource(path=str(tmp_path / "damaged.parquet")), 999)
        except InvalidArgumentError as exc:
            assert "damaged.parquet" in str(exc)


def test_broken_json(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n[1]\n')
    with pytest.raises(InvalidArgumentError, match="row 2 is a list"):
        joined(JSONSource(path=str(path)), 5)
    path.write_text('{"a": 1}\n{"a": \n')
    with pytest.raises(InvalidArgumentError, match="line 2 is not JSON"):
        joined(JSONSource(path=str(path)), 5)
    path.write_text('[{"a": 1}, {"a": null}]')
    assert str(joined(JSONSource(path=str(path)), 5)["a"].dtype) == "Int64"


def test_positions_of_others_are_refused(tmp_path: Path) -> None:
    events(3).to_parquet(tmp_path / "a.parquet")
    source = ParquetSource(path=str(tmp_path / "a.parquet"))
    for bad in ("{", "[]", '{"kind":"csv"}', '{"kind":"parquet","files":"\\u0001"}'):
        with pytest.raises(InvalidArgumentError, match="position"):
            list(source.chunks(5, after=bad))
    with pytest.raises(InvalidArgumentError, match="size=0"):
        list(source.chunks(0))


@pytest.mark.slow
def test_dask_gives_the_same_rows(tmp_path: Path) -> None:
    pytest.importorskip("dask.dataframe")
    for number in range(3):
        events(40, number * 40).to_parquet(tmp_path / f"{number}.parquet")
    source = ParquetSource(path=str(tmp_path), time_field="at", start_time="2024-03-01T00:30:00")
    lazy = source.to_dask()
    assert lazy.npartitions == 3
    expected = joined(source, 1000)
    found = lazy.compute().reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected, check_dtype=False)
    assert len(source.to_dataframe(columns=["amount"], entities=["user"]).columns) == 2
    with pytest.raises(InvalidArgumentError, match="no column 'amoumt'"):
        source.to_dataframe(columns=["amoumt"])
