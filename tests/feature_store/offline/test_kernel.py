"""The parts of the kernel, and what joins do with odd input."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlrun_like.errors import (
    ConflictError,
    EngineError,
    IntegrityError,
    InvalidArgumentError,
    InvalidTypeError,
)
from mlrun_like.feature_store.offline import choosing, handles
from mlrun_like.feature_store.offline.asof import Side, match
from mlrun_like.feature_store.offline.choosing import footprint, run_engine
from mlrun_like.feature_store.offline.duckdb_engine import run_duckdb
from mlrun_like.feature_store.offline.frames import entity_frame, pandas_frame
from mlrun_like.feature_store.offline.keys import agree, codes, convert
from mlrun_like.feature_store.offline.local_engine import run_local
from mlrun_like.feature_store.offline.parquet_table import ParquetTable
from mlrun_like.feature_store.offline.plan import Join, JoinPlan
from mlrun_like.feature_store.offline.relational import pairs
from mlrun_like.feature_store.offline.tables import FrameTable, RowFilter
from mlrun_like.feature_store.offline.times import instant, instants
from tests.feature_store.offline.cases import ENGINES, asof, naive, plain, same, stored


def _column(values: Any, kind: Any = None) -> pa.ChunkedArray:
    return pa.chunked_array([pa.array(values, kind)])


def test_moments_of_all_units_zones_and_notations_are_equal() -> None:
    stamp = pd.Timestamp("2026-03-01 12:00:00.000001", tz="UTC")
    columns = [
        _column([stamp.tz_convert("Asia/Tokyo")], pa.timestamp("ns", "Asia/Tokyo")),
        _column([stamp.tz_localize(None)], pa.timestamp("us")),
        _column([stamp.isoformat()]),
        _column([stamp.tz_convert("America/New_York").isoformat()]).dictionary_encode(),
    ]
    found = {int(instants(one, name="t", where="rows")[0][0]) for one in columns}
    assert found == {1772366400000001}
    day = instants(_column([stamp.date()]), name="t", where="rows")[0]
    assert day[0] == instant("2026-03-01", name="start")
    numbers, valid = instants(_column([None, 5], pa.int64()), name="t", where="rows")
    assert valid is not None
    assert (valid.tolist(), numbers[1]) == ([False, True], 5)
    early = instants(_column([-1], pa.timestamp("ns")), name="t", where="rows")[0]
    assert early[0] == -1  # rounded down, before 1970 as well
    with pytest.raises(InvalidTypeError, match="'t' is double, which is no time"):
        instants(_column([1.5]), name="t", where="rows")
    with pytest.raises(InvalidArgumentError, match="is no time"):
        instants(_column(["soon"]), name="t", where="rows")


def test_moments_relative_to_now() -> None:
    now = instant("now", name="x")
    day = instant("now - 1d", name="x")
    assert now is not None and day is not None
    assert 86_399_000_000 < now - day < 86_401_000_000
    hour = instant("now + 1h floor 1h", name="x")
    assert hour is not None and hour % 3_600_000_000 == 0
    assert instant(None, name="x") is None
    for wrong in ("now 5", "never", object(), "now - 1 parsec"):
        with pytest.raises(InvalidArgumentError, match="no time"):
            instant(wrong, name="x")


@pytest.mark.parametrize(
    ("left", "right", "kind"),
    [
        (pa.int8(), pa.int64(), pa.int64()),
        (pa.uint64(), pa.int32(), pa.int64()),
        (pa.uint64(), pa.uint64(), pa.uint64()),
        (pa.float32(), pa.int64(), pa.int64()),
        (pa.string(), pa.dictionary(pa.int8(), pa.large_string()), pa.large_string()),
        (pa.timestamp("ns", "UTC"), pa.date32(), pa.timestamp("us")),
        (pa.null(), pa.string(), pa.large_string()),
    ],
)
def test_types_of_keys_that_agree(left: Any, right: Any, kind: Any) -> None:
    assert agree(left, right, name="k", where="set") == kind
    assert agree(right, left, name="k", where="set") == kind


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (pa.int64(), pa.string()),
        (pa.bool_(), pa.int64()),
        (pa.string(), pa.binary()),
        (pa.timestamp("us"), pa.int64()),
    ],
)
def test_types_of_keys_that_can_never_be_equal(left: Any, right: Any) -> None:
    with pytest.raises(InvalidTypeError, match="no keys can match"):
        agree(left, right, name="k", where="set")


def test_values_that_a_type_cannot_say_match_nothing() -> None:
    floats = _column([1.0, 1.5, float("nan"), float("inf"), 2.0**63, -0.0, None])
    assert convert(floats, pa.int64()).to_pylist() == [1, None, None, None, None, 0, None]
    assert convert(_column([2**63, 1], pa.uint64()), pa.int64()).to_pylist() == [None, 1]
    assert convert(floats, pa.float64()).to_pylist()[2] is None


_KEYS = st.lists(st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3), max_size=8)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(_KEYS, _KEYS), min_size=1, max_size=3))
def test_codes_are_equal_where_keys_are(columns: list[tuple[Any, Any]]) -> None:
    sizes = [min(len(pair[side]) for pair in columns) for side in (0, 1)]
    cut = [[pair[side][: sizes[side]] for pair in columns] for side in (0, 1)]
    one, two, count = codes(*[[_column(one, pa.int64()) for one in side] for side in cut])
    rows = [list(zip(*side, strict=True)) for side in cut]
    assert max([-1, *one.tolist(), *two.tolist()]) < count
    for a, left in zip(one.tolist(), rows[0], strict=True):
        for b, right in zip(two.tolist(), rows[1], strict=True):
            assert (a == b and a >= 0) == (left == right and None not in left)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.none() | st.integers(0, 3), max_size=6),
    st.lists(st.none() | st.integers(0, 3), max_size=6),
    st.sampled_from(["inner", "left", "right", "outer"]),
)
def test_pairs_are_those_of_databases(left: list[Any], right: list[Any], how: str) -> None:
    mine, yours = pairs([_column(left, pa.int64())], [_column(right, pa.int64())], how)
    met = {
        (a, b) for a, x in enumerate(left) for b, y in enumerate(right) if x == y and x is not None
    }
    expected = set(met)
    if how in ("left", "outer"):
        expected |= {(a, -1) for a in range(len(left)) if a not in {one for one, _ in met}}
    if how in ("right", "outer"):
        expected |= {(-1, b) for b in range(len(right)) if b not in {one for _, one in met}}
    found = list(zip(mine.tolist(), yours.tolist(), strict=True))
    assert len(found) == len(expected)
    assert set(found) == expected


def test_many_rows_are_found_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    known, at = rng.integers(0, 50, 5_000), rng.integers(0, 1_000, 5_000)
    asked, when = rng.integers(0, 60, 4_000), rng.integers(0, 1_000, 4_000)
    sides = Side([_column(asked)], when), Side([_column(known)], at)
    whole = match(*sides, ttl=50)
    monkeypatch.setattr("mlrun_like.feature_store.offline.asof._AT_ONCE", 1_001)
    assert match(*sides, ttl=50).tolist() == whole.tolist()
    rows = pd.DataFrame({"k": asked[:40], "t": when[:40]})
    table = pa.table({"k": known, "t": at, "f": np.arange(5_000)})
    expected = naive(rows, table, ttl=50)
    assert [None if one < 0 else one for one in whole[:40].tolist()] == [a[0] for a in expected]


def test_times_too_far_apart_for_one_number_are_ordered_too() -> None:
    far = np.array([2**62, -(2**62), 0, -(2**62)])
    right = Side([_column([1, 1, 1, 1])], far)
    asked = Side([_column([1, 1, 1])], np.array([2**62, -1, -(2**62) - 1]))
    assert match(asked, right).tolist() == [0, 3, -1]


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_large_whole_numbers_keep_their_digits(engine: str) -> None:
    table = pa.table({"k": [1], "t": [0], "f": [2**53 + 1]})
    rows = pd.DataFrame({"k": [1, 2], "t": [5, 5]})
    found = ENGINES[engine](asof(rows, FrameTable("s", table)))
    assert str(found["f"].dtype) == "Int64"
    assert found["f"][0] == 2**53 + 1


@pytest.mark.parametrize("engine", sorted(ENGINES))
def test_keys_of_odd_types(engine: str) -> None:
    moments = pa.array([1, 2, 3], pa.timestamp("us"))
    keys: list[Any] = [
        pa.array([Decimal("1.5"), Decimal("2.0"), None]),
        pa.array(["a", "b", None]).dictionary_encode(),
        pa.array([1, 2, 3], pa.date32()),
        moments,
    ]
    for one in keys:
        table = pa.table({"k": one, "t": moments, "f": [1, 2, 3]})
        rows = table.select(["k", "t"]).to_pandas()
        expected: list[list[Any]] = [[1], [2], [None if one.null_count else 3]]
        same(asof(rows, FrameTable("s", table)), expected, ["f"], engine)


def test_parquet_files_of_several_ages_are_one_table(tmp_path: Path) -> None:
    pq.write_table(pa.table({"k": pa.array([1, 2], pa.int32())}), tmp_path / "a.parquet")
    new = pa.table({"k": pa.array([3, 2**40], pa.int64()), "f": ["x", "y"]})
    pq.write_table(new, tmp_path / "b.parquet", row_group_size=1)
    table = ParquetTable("s", [str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet")])
    assert table.read(["k", "f"]).to_pydict() == {
        "k": [1, 2, 3, 2**40], "f": [None, None, "x", "y"],
    }  # fmt: skip
    assert table.take(["f"], np.array([3, -1, 0]))[0].to_pylist() == ["y", None, None]
    assert table.take(["f"], np.array([2]))[0].to_pylist() == ["x"]
    with pytest.raises(InvalidArgumentError, match="no column 'z' among k, f"):
        table.read(["z"])
    pq.write_table(pa.table({"k": ["text"]}), tmp_path / "c.parquet")
    with pytest.raises(InvalidTypeError, match="its files disagree about types"):
        ParquetTable("s", [str(tmp_path / "a.parquet"), str(tmp_path / "c.parquet")])


def test_files_beyond_what_the_system_allows_are_opened_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "mlrun_like.feature_store.offline.parquet_table.take_handles", lambda owner, wanted: 2
    )
    known = stored("s", pa.table({"k": np.arange(20), "f": np.arange(20) * 2}), tmp_path, 5)
    assert known.read(["f"])["f"].to_pylist() == list(range(0, 40, 2))
    assert known.take(["f"], np.array([19, 0]))[0].to_pylist() == [38, 0]
    # the last one is replaced: its rows must not be mixed with what was read before
    last = Path((known.files() or [])[-1])
    other = pa.table({"k": np.arange(4), "f": np.arange(4)})
    pq.write_table(other, tmp_path / "new")
    (tmp_path / "new").replace(last)
    assert known.take(["f"], np.array([0]))[0].to_pylist() == [0]
    with pytest.raises(ConflictError, match="was replaced while the set was read"):
        known.take(["f"], np.array([19]))
    last.unlink()
    with pytest.raises(ConflictError, match="was replaced"):
        known.read(["f"])


def test_open_files_are_shared_by_all_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    class Owner:
        pass

    monkeypatch.setattr(handles, "_taken", 0)
    pytest.importorskip("resource")  # not on Windows
    monkeypatch.setattr("resource.getrlimit", lambda which: (1_000, 1_000))
    owners = [Owner() for _ in range(20)]
    given = [handles.take_handles(owner, 400) for owner in owners]
    assert given[:3] == [250, 125, 63]
    assert sum(given) <= 500 and given[-1] == 0
    owners.clear()
    assert handles.take_handles(Owner(), 7) == 7


def test_many_small_files_keep_their_order(tmp_path: Path) -> None:
    rows = pa.table({"a.b": np.arange(400), "f": [{"x": n} for n in range(400)]})
    known = stored("s", rows, tmp_path, 40)
    assert known.read(["a.b", "f"]).to_pydict() == rows.to_pydict()
    assert known.size(["a.b"]) >= 400 * 8


def test_values_are_taken_a_few_row_groups_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = pa.table({"k": np.arange(1_000), "f": np.arange(1_000) * 2})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=64)
    monkeypatch.setattr("mlrun_like.feature_store.offline.parquet_table._BATCH", 2_000)
    stored_rows = ParquetTable("s", [str(tmp_path / "a.parquet")])
    wanted = np.array([999, 3, -1, 3, 500, 64, 63])
    found = stored_rows.take(["f", "k"], wanted)
    assert found[0].to_pylist() == [1998, 6, None, 6, 1000, 128, 126]
    assert found[1].to_pylist() == [999, 3, None, 3, 500, 64, 63]


def test_row_groups_out_of_the_time_range_are_not_read(tmp_path: Path) -> None:
    times = pa.array(np.arange(100) * 1_000_000, pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"t": times}), tmp_path / "a.parquet", row_group_size=10)
    table = ParquetTable("s", [str(tmp_path / "a.parquet")])
    table.narrow("t", 25_000_000, 41_000_000)
    assert table.keys(["t"]).num_rows == 30
    filtered = ParquetTable(
        "s", [str(tmp_path / "a.parquet")], RowFilter("t", 5_000_000, 7_000_000)
    )
    assert filtered.keys(["t"]).num_rows == 2


def test_filters_are_told_when_they_are_wrong() -> None:
    table = pa.table({"k": [1, 2], "f": ["a", "b"]})
    for wrong in (("f", "~", "a"), ("f", "in", 3)):
        with pytest.raises(InvalidArgumentError, match="additional_filters"):
            FrameTable("s", table, RowFilter(conditions=(wrong,))).keys(["k"])
    either = RowFilter(conditions=([("f", "=", "a")], [("k", ">", 1)]))
    assert FrameTable("s", table, either).keys(["k"]).num_rows == 2


@settings(max_examples=15, deadline=None)
@given(
    conditions=st.sampled_from(
        [
            (("n", ">", 2),),
            (("n", "!=", 2), ("s", "in", ["a", "it's"])),
            ([("n", "=", 1)], [("s", "==", "it's")]),
            (("t", "<=", pd.Timestamp("2026-01-02", tz="UTC")),),
            (("n", "not in", [1, 2]),),
        ]
    ),
    engine=st.sampled_from(sorted(ENGINES)),
)
def test_engines_filter_alike(conditions: tuple[Any, ...], engine: str) -> None:
    start = pd.Timestamp("2026-01-01", tz="UTC")
    stamps = [start + pd.Timedelta(days=number) for number in range(4)]
    table = pa.table({"k": [1] * 4, "t": stamps, "n": [1, 2, 3, 4], "s": ["a", "b", "it's", "a"]})
    rows = pd.DataFrame({"k": [1], "t": [stamps[-1]]})
    with tempfile.TemporaryDirectory() as folder:
        known = stored("s", table, Path(folder), 2)
        known.filter = RowFilter(conditions=conditions)
        join = Join(known, "asof", ("k",), ("k",), {"n": "n"}, "t", "t")
        found = ENGINES[engine](JoinPlan(rows, joins=(join,)))
        kept = FrameTable("s", table, known.filter).keys(["n"])["n"].to_pylist()
        assert plain(found["n"][0]) == kept[-1]


def test_large_sets_are_joined_by_duckdb(monkeypatch: pytest.MonkeyPatch) -> None:
    table = FrameTable("s", pa.table({"k": [1], "t": [0], "f": [1.5]}))
    plan = asof(pd.DataFrame({"k": [1], "t": [5]}), table)
    called: list[Any] = []

    def watched(plan: JoinPlan, **options: Any) -> pd.DataFrame:
        called.append(options)
        return run_duckdb(plan, **options)

    monkeypatch.setattr("mlrun_like.feature_store.offline.duckdb_engine.run_duckdb", watched)
    assert footprint(plan) == 64
    assert run_engine("local", plan)["f"].tolist() == [1.5]
    assert not called
    assert run_engine("local", plan, {"memory": 50})["f"].tolist() == [1.5]
    assert called == [{"memory": 50}]
    assert choosing.budget() > 0
    monkeypatch.setenv("MLRUN_LIKE_FEATURE_STORE_MEMORY", "17")
    assert choosing.budget() == 17


def test_duckdb_goes_to_disk_and_says_when_it_fails(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    size = 400_000
    table = pa.table(
        {"k": rng.integers(0, 2**60, size), "t": rng.integers(0, 1_000, size), "f": np.arange(size)}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    rows = pd.DataFrame({"k": table["k"].to_pandas(), "t": 2_000})
    plan = asof(rows, ParquetTable("s", [str(tmp_path / "a.parquet")]))
    found = run_duckdb(plan, memory=96 << 20, threads=1)
    pd.testing.assert_frame_equal(found, run_local(plan))
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(EngineError, match="DuckDB could not join 's'"):
        run_duckdb(plan)


def test_entity_rows_of_many_kinds() -> None:
    plain_rows = [{"k": 1}, {"k": 2}]
    for given_rows in (
        plain_rows,
        {"k": [1, 2]},
        pa.table({"k": [1, 2]}),
        pd.DataFrame(plain_rows),
    ):
        assert entity_frame(given_rows)["k"].tolist() == [1, 2]
    named = pd.DataFrame({"v": [3]}, index=pd.Index([7], name="k"))
    assert entity_frame(named).to_dict("list") == {"k": [7], "v": [3]}
    with pytest.raises(InvalidArgumentError, match="several columns named k"):
        entity_frame(pd.DataFrame([[1, 2]], columns=["k", "k"]))
    with pytest.raises(InvalidTypeError, match="several types"):
        run_local(
            asof(
                pd.DataFrame({"k": [1, "a"], "t": [1, 1]}),
                FrameTable("s", pa.table({"k": [1], "t": [1], "f": [1]})),
            )
        )


def test_no_rows_and_no_columns() -> None:
    assert pandas_frame({}, 3).shape == (3, 0)
    empty = pa.table(
        {
            "k": pa.array([], pa.int64()),
            "t": pa.array([], pa.timestamp("us")),
            "f": pa.array([], pa.string()),
        }
    )
    rows = pd.DataFrame({"k": [1], "t": [pd.Timestamp("2026-01-01")]})
    for engine in sorted(ENGINES):
        same(asof(rows, FrameTable("s", empty)), [[None]], ["f"], engine)
        same(asof(rows.iloc[:0], FrameTable("s", empty)), [], ["f"], engine)


def test_what_is_no_parquet_file_is_told(tmp_path: Path) -> None:
    for content in (b"", b"PAR1", b"PAR1" + b"\x00" * 100 + b"PAR1", b"a,b\n1,2\n" * 20):
        (tmp_path / "a.parquet").write_bytes(content)
        with pytest.raises(IntegrityError, match="is no Parquet file"):
            ParquetTable("s", [str(tmp_path / "a.parquet")])
