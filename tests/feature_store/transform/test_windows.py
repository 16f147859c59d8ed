"""Aggregates of feature sets: chunks, events and AggregateByKey agree; nothing is lost."""

from __future__ import annotations

import random
from typing import Any

import pandas as pd
import pytest

from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.steps.columns import is_missing
from mlrun_like.feature_store.transform.compile import compile_transform
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.aggregate import AggregateByKey
from mlrun_like.serving.steps.maps import Map
from mlrun_like.serving.steps.tables import Table
from tests.feature_store.transform.sets import by_chunks, by_events, feature_set, rows_of, same

OPERATIONS = ["sum", "count", "avg", "min", "max", "first", "last", "stddev"]


def aggregated(*, rowwise: bool = False) -> FeatureSet:
    made = feature_set(*([lambda event: event] if rowwise else []))
    made.add_aggregation("x", OPERATIONS, ["1h", "6h"], "10m")
    made.add_aggregation("y", ["max"], ["2h"])
    return made


def payments(count: int = 150, seed: int = 1) -> pd.DataFrame:
    chance = random.Random(seed)
    begin = pd.Timestamp("2024-01-01")
    rows = [
        {
            "k": chance.choice(["a", "b", "ü", "d"]),
            "t": begin + pd.Timedelta(minutes=number * 5 + chance.choice([0, 0, -120, -900])),
            "x": chance.choice([None, 1.5, -2.0, 1e9, 3.0]),
            "y": chance.randint(-5, 5),
        }
        for number in range(count)
    ]
    return pd.DataFrame(rows)


def reference(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """What AggregateByKey gives."""
    step = AggregateByKey(aggregated().graph["Aggregates"].class_args["aggregates"], Table("t"))
    found = []
    for row in frame.to_dict("records"):
        body = {name: None if is_missing(value) else value for name, value in row.items()}
        (event,) = step.process(Event(body, key=row["k"], time=row["t"].tz_localize("UTC")))
        found.append({
            name: None if is_missing(value) else value.tz_localize("UTC").isoformat()
            if name == "t" else value for name, value in event.body.items()
        })  # fmt: skip
    return found


@pytest.mark.parametrize("rowwise", [False, True])
@pytest.mark.parametrize("size", [pytest.param(1, marks=pytest.mark.slow), 7, 1000])
def test_all_forms_agree(size: int, rowwise: bool) -> None:
    frame = payments(60 if size == 1 else 150)
    wanted = reference(frame)
    with compile_transform(aggregated(rowwise=rowwise)) as transform:
        assert transform.engine == "frames"
        found = by_chunks(transform, frame, size)
    assert same(found, wanted)
    assert list(found[0]) == ["x_sum_1h", *list(found[0])[1:]]  # aggregates first
    assert list(found[0])[-4:] == ["k", "t", "x", "y"]
    with compile_transform(aggregated(rowwise=rowwise)) as transform:
        assert same(by_events(transform, frame), wanted)


def test_chunks_and_events_may_alternate() -> None:
    frame = payments()
    wanted = reference(frame)
    with compile_transform(aggregated()) as transform:
        found = by_chunks(transform, frame.iloc[:50], 20)
    with compile_transform(aggregated()) as transform:
        found = [row for row in _each(transform, frame)]
    assert same(found, wanted)


def _each(transform: Any, frame: pd.DataFrame) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for start in range(0, len(frame), 30):
        part = frame.iloc[start : start + 30]
        keep, transform.finish = transform.finish, dict  # the end is not yet
        found += by_chunks(transform, part, 9) if start % 60 else by_events(transform, part)
        transform.finish = keep
    return found


@pytest.mark.parametrize("form", [by_chunks, by_events])
def test_going_on_after_a_crash(form: Any) -> None:
    frame = payments()
    wanted = reference(frame)
    arguments = (11,) if form is by_chunks else ()
    with compile_transform(aggregated()) as first:
        found = form(first, frame.iloc[:70], *arguments)
        state = first.state()
    with compile_transform(aggregated()) as second:
        second.restore(state)
        found += form(second, frame.iloc[70:], *arguments)
    assert same(found, wanted)


@pytest.mark.parametrize("form", [by_chunks, by_events])
def test_windows_go_through_the_online_store(form: Any) -> None:
    frame = payments()
    wanted = reference(frame)
    stored: dict[tuple[Any, ...], bytes] = {}
    found = []
    arguments = (11,) if form is by_chunks else ()
    for start in range(0, len(frame), 40):
        with compile_transform(aggregated()) as transform:
            transform.load_windows(lambda keys: [stored.get(key) for key in keys])
            part = frame.iloc[start : start + 40]
            found += form(transform, part, *arguments)
            changed = transform.changed_windows()
            assert set(changed) == {(key,) for key in part["k"]}
            stored.update(changed)
            assert transform.changed_windows() == {}
    assert same(found, wanted)


def test_the_window_log_has_what_went_in() -> None:
    frame = payments(40)
    kept = frame[frame["x"].notna() | frame["y"].notna()]
    for form in ("chunks", "events"):
        with compile_transform(aggregated()) as transform:
            if form == "chunks":
                transform.run(frame)
            else:
                by_events(transform, frame)
            (name, log), *others = transform.take_window_log().items()
            assert (name, others) == ("Aggregates", [])
            assert transform.take_window_log() == {}
        assert log.columns.tolist() == ["k", "t", "x", "y"]
        assert log["k"].tolist() == kept["k"].tolist()
        assert log["t"].dt.tz_localize(None).tolist() == kept["t"].tolist()
        assert log["x"].fillna(0).tolist() == kept["x"].fillna(0).tolist()


def test_two_steps_of_aggregates_share_a_key() -> None:
    made = feature_set()
    made.add_aggregation("x", ["sum"], ["1h"], step_name="one")
    made.add_aggregation("y", ["max"], ["2h"], step_name="two")
    frame = payments(30)
    with compile_transform(made) as transform:
        whole = by_chunks(transform, frame, 100)
    stored: dict[tuple[Any, ...], bytes] = {}
    found = []
    for start in (0, 15):
        with compile_transform(made) as transform:
            transform.load_windows(lambda keys: [stored.get(key) for key in keys])
            found += by_chunks(transform, frame.iloc[start : start + 15], 4)
            stored.update(transform.changed_windows())
    assert same(found, whole)


def test_late_rows_are_counted() -> None:
    frame = payments(60)
    with compile_transform(aggregated()) as transform:
        transform.run(frame)
        chunks = transform.counts()["Aggregates"]["late events"]
    with compile_transform(aggregated()) as transform:
        by_events(transform, frame)
        assert transform.counts()["Aggregates"]["late events"] >= chunks > 0


def test_emit_policies_go_by_events() -> None:
    made = feature_set()
    made.add_aggregation("x", ["sum"], ["1h"], emit_policy={"mode": "maxEvents", "maxEvents": 2})
    with compile_transform(made) as transform:
        assert transform.engine == "events"
        found = by_chunks(transform, payments(9), 3)
    assert found


def test_states_of_other_steps() -> None:
    def numbered(event: Any, seen: int) -> Any:
        return {**event, "n": seen}, seen + 1

    made = feature_set()
    made.graph.to("storey.MapWithState", "count", initial_state=0, fn=numbered).to(
        "storey.Batch", "batch", max_events=4
    ).to(Map(lambda rows: {"k": "a", "n": [row["n"] for row in rows]}), "end")
    frame = payments(10)
    with compile_transform(made) as first:
        out = first.run(frame.iloc[:6])[""]["n"].tolist()
        state = first.state()
    with compile_transform(made) as second:
        second.restore(state)
        out += second.run(frame.iloc[6:])[""]["n"].tolist()
        out += second.finish()[""]["n"].tolist()
    assert out == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


POLICIES = [
    {"mode": "maxEvents", "maxEvents": 3},
    {"mode": "maxEvents", "maxEvents": 3, "timeout": 3600},
    {"mode": "afterDelay", "delay": 3600},
]


@pytest.mark.parametrize("policy", POLICIES, ids=str)
@pytest.mark.parametrize("windows", [True, False])
def test_events_that_a_policy_holds_are_kept(policy: dict[str, Any], windows: bool) -> None:
    made = feature_set()
    made.add_aggregation("x", ["sum", "count"], ["6h"], emit_policy=policy)
    frame = payments(40)
    with compile_transform(made) as transform:
        whole = by_chunks(transform, frame, 100)
    found: list[dict[str, Any]] = []
    stored: dict[tuple[Any, ...], bytes] = {}
    state = b""
    for start in range(0, 40, 8):
        with compile_transform(made) as transform:
            if state:
                transform.restore(state)
            if not windows:
                transform.load_windows(lambda keys: [stored.get(key) for key in keys])
            found += rows_of(transform.run(frame.iloc[start : start + 8])[""])
            state = transform.state(windows)
            stored.update(transform.changed_windows())
            if start == 32:
                last = transform.finish()
                found += rows_of(last[""]) if last else []
    assert same(found, whole)
    assert found


@pytest.mark.parametrize("rowwise", [False, True])
def test_a_state_without_windows_costs_what_is_held(rowwise: bool) -> None:
    made, frame = aggregated(rowwise=rowwise), payments(60)
    with compile_transform(made) as transform:
        whole = by_chunks(transform, frame, 100)
        assert len(transform.state()) > 2 * len(transform.state(windows=False))
        late = transform.counts()
    stored: dict[tuple[Any, ...], bytes] = {}
    found, state = [], b""
    for start in (0, 20, 40):
        with compile_transform(made) as transform:
            if state:
                transform.restore(state)
            transform.load_windows(lambda keys: [stored.get(key) for key in keys])
            found += rows_of(transform.run(frame.iloc[start : start + 20])[""])
            state = transform.state(windows=False)
            stored.update(transform.changed_windows())
            assert transform.counts().keys() <= late.keys()
    assert same(found, whole)
