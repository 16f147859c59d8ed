"""Feature sets of the tests, and answers of different ways to compare."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.features import Entity
from mlrun_like.feature_store.steps.columns import is_missing, values_of
from mlrun_like.feature_store.transform.base import Transform
from mlrun_like.feature_store.transform.compile import compile_transform
from mlrun_like.serving.event import Event

__all__ = ["by_chunks", "by_events", "feature_set", "rows_of", "same"]

Rows = list[dict[str, Any]]


def feature_set(*steps: Any, engine: str = "storey", **values: Any) -> FeatureSet:
    """A set with entity `k` and time `t` whose steps follow each other."""
    made = FeatureSet("s", entities=[Entity("k")], timestamp_key="t", engine=engine, **values)
    at: Any = made.graph
    for number, step in enumerate(steps):
        at = at.to(step, f"step{number}")
    return made


def rows_of(frame: pd.DataFrame) -> Rows:
    """A frame as dictionaries of Python values; None is missing."""
    columns = {name: values_of(frame[name]) for name in frame.columns}
    return [
        {name: _plain(values[place]) for name, values in columns.items()}
        for place in range(len(frame))
    ]


def _plain(value: Any) -> Any:
    if is_missing(value):
        return None
    if isinstance(value, pd.Timestamp):
        return (value.tz_localize("UTC") if value.tzinfo is None else value).isoformat()
    return value


def by_chunks(transform: Transform, frame: pd.DataFrame, size: int, output: str = "") -> Rows:
    """What comes out of a transform that is given so many rows at a time."""
    found: Rows = []
    for start in range(0, max(len(frame), 1), size):
        found += rows_of(transform.run(frame.iloc[start : start + size])[output])
    last = transform.finish()
    return found + (rows_of(last[output]) if output in last else [])


def by_events(transform: Transform, frame: pd.DataFrame, output: str = "") -> Rows:
    """The same, given single events."""
    columns = {name: values_of(frame[name]) for name in frame.columns}
    found: Rows = []
    for place in range(len(frame)):
        event = Event({name: values[place] for name, values in columns.items()})
        for name, out in transform.event(event):
            if name == output:
                found.append({key: _plain(value) for key, value in out.body.items()})
    last = transform.finish()
    return found + (rows_of(last[output]) if output in last else [])


def same(first: Sequence[Any], second: Sequence[Any]) -> bool:
    """Whether two lists of rows hold the same: numbers to 1e-9; no field is a missing value."""
    return len(first) == len(second) and all(map(_alike_rows, first, second))


def _alike_rows(first: dict[str, Any], second: dict[str, Any]) -> bool:
    shared = [name for name in first if name in second]
    return shared == [name for name in second if name in first] and _alike(first, second)


def _alike(first: Any, second: Any) -> bool:
    if isinstance(first, dict) and isinstance(second, dict):
        names = {*first, *second}
        return all(_alike(first.get(name), second.get(name)) for name in names)
    if isinstance(first, float) and isinstance(second, (int, float)):
        return first == second or math.isclose(first, second, rel_tol=1e-9, abs_tol=1e-12)
    return bool(first == second) and isinstance(first, bool) == isinstance(second, bool)


def frames_and_events(frame: pd.DataFrame, sizes: Iterable[int], *steps: Any) -> None:
    """Check that frames of any size and events give the same."""
    made = feature_set(*steps)
    with compile_transform(made) as transform:
        wanted = by_events(transform, frame)
    for size in sizes:
        with compile_transform(made) as transform:
            assert transform.engine == "frames"
            found = by_chunks(transform, frame, size)
        assert same(found, wanted), (size, found, wanted)
