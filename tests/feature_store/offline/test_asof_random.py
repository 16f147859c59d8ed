"""Random joins: every engine gives what looking at all rows gives."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.feature_store.offline.cases import ENGINES, asof, naive, same, stored

_KEYS: dict[str, tuple[st.SearchStrategy[Any], pa.DataType]] = {
    "few": (st.integers(-3, 3), pa.int64()),
    "small": (st.integers(0, 3), pa.int8()),
    "wide": (st.sampled_from([-(2**62), -1, 0, 2**53 + 1, 2**53, 2**63 - 1]), pa.int64()),
    "unsigned": (st.sampled_from([0, 1, 2**63, 2**64 - 1]), pa.uint64()),
    "text": (st.sampled_from(["", "a", "A", "é", "e\u0301", "日本", "a ", "🙂"]), pa.string()),
    "float": (st.sampled_from([0.0, -0.0, 1.0, 1.5, float("inf")]), pa.float64()),
    "bool": (st.booleans(), pa.bool_()),
    "bytes": (st.sampled_from([b"", b"a", b"\x00"]), pa.binary()),
}
_TIMES = st.one_of(st.none(), st.integers(-5, 5).map(lambda second: second * 1_000_000))


@st.composite
def _tables(draw: st.DrawFn) -> tuple[pd.DataFrame, pa.Table, list[str], int | None]:
    names = draw(st.lists(st.sampled_from(sorted(_KEYS)), min_size=1, max_size=3, unique=True))
    sizes = draw(st.integers(0, 12)), draw(st.integers(0, 14))
    sides = []
    for size in sizes:
        columns: dict[str, pa.Array] = {}
        for name in names:
            values, kind = _KEYS[name]
            drawn = draw(st.lists(st.none() | values, min_size=size, max_size=size))
            columns[name] = pa.array(drawn, kind)
        times = draw(st.lists(_TIMES, min_size=size, max_size=size))
        unit, zone = draw(st.sampled_from([("us", None), ("ns", "UTC"), ("ms", "Asia/Tokyo")]))
        stamps = pa.array(times, pa.int64()).cast(pa.timestamp("us", zone))
        columns["t"] = stamps.cast(pa.timestamp(unit, zone))
        sides.append(columns)
    sides[1]["f"] = pa.array(range(sizes[1]), pa.int64())
    sides[1]["g"] = pa.array([None if i % 3 else str(i) for i in range(sizes[1])], pa.string())
    rows = pa.table(sides[0]).to_pandas(types_mapper=_types)
    return rows, pa.table(sides[1]), names, draw(st.sampled_from([None, 0, 2_000_000]))


def _types(kind: Any) -> Any:
    return pd.ArrowDtype(kind) if not pa.types.is_timestamp(kind) else None


@pytest.mark.parametrize("engine", sorted(ENGINES))
@settings(max_examples=25, deadline=None)
@given(case=_tables(), files=st.integers(0, 3), timed=st.booleans())
def test_every_engine_finds_the_newest_row_that_is_not_later(
    engine: str,
    case: tuple[pd.DataFrame, pa.Table, list[str], int | None],
    files: int,
    timed: bool,
) -> None:
    rows, table, keys, ttl = case
    if not timed:
        rows, ttl = rows.drop(columns="t"), None
    expected = naive(rows, table, ttl=ttl, keys=keys)
    with tempfile.TemporaryDirectory() as folder:
        known = stored("clicks", table, Path(folder) if files else None, max(1, files))
        same(asof(rows, known, ttl=ttl, keys=keys), expected, ["f", "g"], engine)
