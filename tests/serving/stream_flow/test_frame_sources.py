from __future__ import annotations

import asyncio
import datetime
import logging
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.ending import Reduce
from mlrun_like.serving.steps.frames import ReduceToDataFrame
from mlrun_like.serving.steps.maps import Map
from mlrun_like.serving.stream_flow.build import build_flow
from mlrun_like.serving.stream_flow.frame_sources import CSVSource, DataframeSource, ParquetSource
from mlrun_like.serving.stream_flow.parquet_filters import Filters


def rows(source: Any, *steps: Any) -> Any:
    end = Reduce([], lambda kept, body: [*kept, body])
    return build_flow([source, *steps, end]).run().await_termination()


def events(source: Any) -> list[tuple[Any, Any, Any]]:
    end = Reduce([], lambda kept, event: [*kept, event], full_event=True)
    found: list[Event] = build_flow([source, end]).run().await_termination()
    return [(event.key, event.body, event.id) for event in found]


def csv(folder: Path, text: str) -> str:
    path = folder / "rows.csv"
    path.write_text(text)
    return str(path)


NUMBERS = "n1,n2,n3\n1,2,3\n4,5,6\n"
TIMES = "k,t,v,b\nm1,15/02/2020 02:00:00,8,true\nm2,16/02/2020 02:00:00,14,false\n"
TIME_FORMAT = "%d/%m/%Y %H:%M:%S"


# CSV ------------------------------------------------------------------------------------------


def test_rows_of_csv_files_are_lists_or_dictionaries(tmp_path: Path) -> None:
    path = csv(tmp_path, NUMBERS)
    assert rows(CSVSource(path)) == [[1, 2, 3], [4, 5, 6]]
    assert (
        rows(CSVSource([path, path], build_dict=True))
        == [
            {"n1": 1, "n2": 2, "n3": 3},
            {"n1": 4, "n2": 5, "n3": 6},
        ]
        * 2
    )
    spaced = csv(tmp_path, "header with space,n\n1,2\n")
    assert rows(CSVSource(spaced, build_dict=True)) == [{"header with space": 1, "n": 2}]


def test_keys_ids_and_times_of_csv_rows(tmp_path: Path) -> None:
    path = csv(tmp_path, TIMES)
    first, second = datetime.datetime(2020, 2, 15, 2), datetime.datetime(2020, 2, 16, 2)
    source = CSVSource(
        path, build_dict=True, key_field="k", parse_dates="t", timestamp_format=TIME_FORMAT,
        id_field="v",
    )  # fmt: skip
    assert events(source) == [
        ("m1", {"k": "m1", "t": first, "v": 8, "b": True}, 8),
        ("m2", {"k": "m2", "t": second, "v": 14, "b": False}, 14),
    ]
    for field in ("t", 1):
        source = CSVSource(path, key_field=["k"], time_field=field, timestamp_format=TIME_FORMAT)
        found = events(source)
        assert [(key, body) for key, body, _ in found] == [
            (["m1"], ["m1", first, 8, True]),
            (["m2"], ["m2", second, 14, False]),
        ]
    end = Reduce([], lambda kept, event: [*kept, event.time], full_event=True)
    source.outlets.clear()
    source.to(end)
    utc = datetime.timezone.utc
    assert source.run().await_termination() == [
        first.replace(tzinfo=utc),
        second.replace(tzinfo=utc),
    ]


def test_two_columns_of_times(tmp_path: Path) -> None:
    path = csv(tmp_path, "t1,t2\n2020-06-27 10:23:08.420581,2020-06-27 12:00:00\n")
    assert rows(CSVSource(path, time_field="t1", parse_dates=["t2"])) == [
        [
            datetime.datetime(2020, 6, 27, 10, 23, 8, 420581),
            datetime.datetime(2020, 6, 27, 12),
        ]
    ]


def test_empty_cells(tmp_path: Path) -> None:
    path = csv(tmp_path, "s,b,i,f,t\na,True,1,2.3,2021-04-21\nb,,,,\n")
    (full, empty) = rows(CSVSource(path, parse_dates=["t"]))
    assert full == ["a", True, 1.0, 2.3, pd.Timestamp("2021-04-21")]
    assert empty[0] == "b"
    assert all(pd.isna(value) for value in empty[1:])


def test_rows_without_a_key_are_logged_and_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = csv(tmp_path, "k,v\nm1,1\n,2\n")
    with caplog.at_level(logging.ERROR):
        assert rows(CSVSource(path, key_field="k")) == [["m1", 1]]
    assert (
        "Encountered null values in the following key fields: k, in line: {'k': nan" in caplog.text
    )


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    path = csv(tmp_path, TIMES)
    with pytest.raises(FileNotFoundError):
        build_flow([CSVSource(str(tmp_path / "none.csv"))]).run()
    with pytest.raises(ValueError) as raised:
        rows(CSVSource(path, key_field="q"))
    assert str(raised.value) == f"key column 'q' is missing from dataframe. File path: {path}."
    with pytest.raises(ValueError, match=r"key columns \['q', 'z'\] are missing from dataframe"):
        rows(CSVSource(path, key_field=["q", "z"]))
    with pytest.raises(ValueError, match="id column 'q' is missing from dataframe"):
        rows(CSVSource(path, id_field="q"))
    with pytest.raises(ValueError, match="Missing column provided to 'parse_dates': 'q'"):
        rows(CSVSource(path, parse_dates=["t", "q"]))
    with pytest.raises(IndexError):
        rows(CSVSource(path, time_field=10))
    (tmp_path / "empty.csv").touch()
    with pytest.raises(pd.errors.EmptyDataError):
        rows(CSVSource(str(tmp_path / "empty.csv")))
    (tmp_path / "broken.csv").write_bytes(b"a,b\n1,2\n3,4,5,6\n")
    with pytest.raises(pd.errors.ParserError):
        rows(CSVSource(str(tmp_path / "broken.csv")))


@pytest.mark.parametrize("source", [CSVSource, ParquetSource])
def test_keys_and_ids_are_names(source: Any) -> None:
    for value in (0, [1], {"a": 1}):
        with pytest.raises(ValueError, match="key_field must be a string or list of strings"):
            source("path", key_field=value)
    with pytest.raises(ValueError, match="id_field must be a string"):
        source("path", id_field=1)


def test_arguments_without_effect_are_told() -> None:
    for arguments in ({"header": False}, {"type_inference": False}):
        with pytest.warns(DeprecationWarning, match="has no effect"):
            CSVSource("path", **arguments)  # type: ignore[arg-type]


# Frames ---------------------------------------------------------------------------------------


def test_rows_of_frames_are_dictionaries_of_plain_values() -> None:
    frame = pd.DataFrame({"s": ["h"], "i": [1], "f": [1.5], "b": [True]})
    assert rows(DataframeSource(frame)) == [{"s": "h", "i": 1, "f": 1.5, "b": True}]
    kinds = [type(value) for value in rows(DataframeSource(frame))[0].values()]
    assert kinds == [str, int, float, bool]
    assert rows(DataframeSource([frame[["i"]], frame[["s"]]])) == [{"i": 1}, {"s": "h"}]
    assert rows(DataframeSource(iter([frame[["i"]]]))) == [{"i": 1}]
    assert rows(DataframeSource(pd.DataFrame({"a": []}))) == []


def test_a_named_index_is_a_field() -> None:
    frame = pd.DataFrame({"s": ["h", "w"], "i": [1, 2], "f": [1.5, 2.5]})
    expected = [{"s": "h", "i": 1, "f": 1.5}, {"s": "w", "i": 2, "f": 2.5}]
    assert rows(DataframeSource(frame.set_index(["s", "i"]))) == expected


def test_keys_ids_and_times_of_frames() -> None:
    when = pd.Timestamp("2020-02-15")
    frame = pd.DataFrame({"k": ["a", "b"], "v": [1, 2], "t": [when, pd.NaT], "id": ["x", "y"]})
    found = events(DataframeSource(frame, key_field="k", id_field="id"))
    assert [(key, id) for key, _, id in found] == [("a", "x"), ("b", "y")]
    found = events(DataframeSource(frame, key_field=["k", "v"]))
    assert [key for key, *_ in found] == [["a", 1], ["b", 2]]
    end = Reduce([], lambda kept, event: [*kept, event.time], full_event=True)
    source = DataframeSource(frame, time_field="t")
    source.to(end)
    times = source.run().await_termination()
    assert times[0] == when.tz_localize("UTC")
    assert times[1].year > 2020


@pytest.mark.parametrize("keys", [["a", None], [10, None], [datetime.datetime(2020, 1, 1), None]])
def test_rows_of_frames_without_a_key_are_left_out(keys: list[Any]) -> None:
    frame = pd.DataFrame({"k": keys, "v": [1, 2]}).set_index("k")
    assert [body["v"] for body in rows(DataframeSource(frame, key_field=["k"]))] == [1]


def test_frames_are_checked_at_once() -> None:
    frame = pd.DataFrame({"a": [1]})
    with pytest.raises(ValueError) as raised:
        DataframeSource(frame, key_field="q")
    assert str(raised.value) == "key column 'q' is missing from dataframe."
    with pytest.raises(ValueError, match="id column 'q' is missing from dataframe"):
        DataframeSource(frame, id_field="q")
    with pytest.raises(TypeError, match="is not a frame, nor several"):
        DataframeSource(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="DataframeSource can only appear as the first step"):
        build_flow([DataframeSource(frame), DataframeSource(frame)])


def test_an_error_of_a_step_or_a_frame_ends_the_flow() -> None:
    with pytest.raises(KeyError, match="missing"):
        rows(DataframeSource(pd.DataFrame({"a": [1]})), Map(lambda body: body["missing"]))

    def frames() -> Any:
        yield pd.DataFrame({"a": [1]})
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        rows(DataframeSource(frames()))


async def doubled(body: dict[str, int]) -> int:
    await asyncio.sleep(0)
    return body["a"] * 2


def test_many_rows_through_async_steps() -> None:
    frame = pd.DataFrame({"a": range(5000)})
    assert rows(DataframeSource(frame), Map(doubled)) == list(range(0, 10000, 2))


@pytest.mark.parametrize("function", [doubled, lambda body: body["a"] * 2])
def test_a_source_runs_in_a_loop(function: Any) -> None:
    async def main(frame: pd.DataFrame, step: Map) -> Any:
        total = Reduce(0, lambda total, x: total + x)
        return await build_flow([DataframeSource(frame), step, total]).run_async()

    frame = pd.DataFrame({"a": range(5000)})
    assert asyncio.run(main(frame, Map(function))) == sum(range(0, 10000, 2))
    with pytest.raises(KeyError, match="a"):
        asyncio.run(main(frame.rename(columns={"a": "b"}), Map(function)))


# Parquet --------------------------------------------------------------------------------------


def test_rows_of_parquet_files(tmp_path: Path) -> None:
    path = str(tmp_path / "rows.parquet")
    pd.DataFrame({"s": ["a", "b"], "i": [1, 2]}).to_parquet(path)
    assert rows(ParquetSource([path, path])) == [{"s": "a", "i": 1}, {"s": "b", "i": 2}] * 2
    assert rows(ParquetSource(path, columns=["i"])) == [{"i": 1}, {"i": 2}]
    assert [key for key, *_ in events(ParquetSource(path, key_field="s"))] == ["a", "b"]
    source = ParquetSource(path, additional_filters=[("i", ">", 1)])
    assert rows(source) == [{"s": "b", "i": 2}]
    with pytest.raises(FileNotFoundError):
        rows(ParquetSource(str(tmp_path / "none")))


TIMED = [
    "2018-12-30 09:00:00",
    "2019-07-01 00:00:00",
    "2019-07-01 01:30:00",
    "2020-02-02 05:00:00",
    "2020-12-31 14:00:00",
    "2020-12-31 14:00:01",
]


@pytest.mark.parametrize("zone_of_data", [None, "UTC"])
@pytest.mark.parametrize("zone_of_filter", [None, datetime.timezone.utc])
def test_rows_between_two_times(tmp_path: Path, zone_of_data: Any, zone_of_filter: Any) -> None:
    times = pd.to_datetime(pd.Series(TIMED)).dt.tz_localize(zone_of_data)
    path = str(tmp_path / "rows.parquet")
    pd.DataFrame({"i": range(6), "t": times}).to_parquet(path, coerce_timestamps="us")
    source = ParquetSource(
        path,
        start_filter=datetime.datetime(2019, 7, 1, tzinfo=zone_of_filter),
        end_filter=datetime.datetime(2020, 12, 31, 14, tzinfo=zone_of_filter),
        filter_column="t",
    )
    assert [body["i"] for body in rows(source)] == [2, 3, 4]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(0, 4, [1, 2, 3, 4]), (1, 2, [2]), (None, 2, [0, 1, 2]), (3, None, [4, 5]), (5, 5, [])],
)
def test_rows_of_folders_partitioned_by_time(
    tmp_path: Path, start: int | None, end: int | None, expected: list[int]
) -> None:
    frame = pd.DataFrame({"i": range(6), "t": pd.to_datetime(TIMED)})
    parts = ["year", "month", "day", "hour"]
    for part in parts:
        frame[part] = getattr(frame["t"].dt, part)
    frame.to_parquet(tmp_path / "rows", partition_cols=parts)
    moments = [datetime.datetime.fromisoformat(text) for text in TIMED]
    source = ParquetSource(
        str(tmp_path / "rows"),
        start_filter=None if start is None else moments[start],
        end_filter=None if end is None else moments[end],
        filter_column="t",
    )
    assert sorted(body["i"] for body in rows(source)) == expected


def test_partitions_that_cannot_have_wanted_rows_are_not_read() -> None:
    def terms(start: str, end: str) -> Any:
        first, last = map(datetime.datetime.fromisoformat, (start, end))
        return Filters("t", first, last).partition_terms(["year", "month", "day"])

    assert terms("2019-02-03", "2021-01-01") == [("year", ">=", 2019), ("year", "<=", 2021)]
    same_day = [("year", "=", 2019), ("month", "=", 2), ("day", "=", 3)]
    assert terms("2019-02-03 01:00", "2019-02-03 05:00") == same_day
    assert terms("2019-02-03T01:00+02:00", "2019-02-03T05:00+02:00") == [
        *same_day[:2],
        ("day", ">=", 2),
        ("day", "<=", 3),
    ]


def test_no_rows_make_an_empty_frame(tmp_path: Path) -> None:
    path = str(tmp_path / "rows.parquet")
    pd.DataFrame({"s": ["a"], "t": [pd.Timestamp("2019-07-01")]}).to_parquet(path)
    source = ParquetSource(path, start_filter=datetime.datetime(2022, 1, 1), filter_column="t")
    end = ReduceToDataFrame(index="s", insert_key_column_as="s")
    source.to(end)
    pd.testing.assert_frame_equal(source.run().await_termination(), pd.DataFrame({}))


def test_wrong_filters() -> None:
    now = datetime.datetime(2024, 1, 1)
    with pytest.raises(TypeError, match="Filter column is required when passing start/end"):
        ParquetSource("path", start_filter=now)
    with pytest.raises(ValueError, match="must either both have a time zone or both be naive"):
        ParquetSource(
            "path",
            start_filter=now,
            end_filter=now.replace(tzinfo=datetime.timezone.utc),
            filter_column="t",
        )
    with pytest.raises(ValueError, match="additional_filters only as a list of tuples"):
        ParquetSource("path", additional_filters=[["a", "=", 1]])  # type: ignore[list-item]
