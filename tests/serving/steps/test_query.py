"""QueryByKey: features by name (aggregates that are stored: see test_tables)."""

from __future__ import annotations

import math
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.aggregate import AggregateByKey
from mlrun_like.serving.steps.aggregate_field import FieldAggregator
from mlrun_like.serving.steps.drivers_sql import SQLDriver
from mlrun_like.serving.steps.query import QueryByKey
from mlrun_like.serving.steps.tables import Table
from mlrun_like.serving.steps.windows import FixedWindows, SlidingWindows


def ask(step: QueryByKey, body: Any, key: Any = None, time: Any = 0) -> Any:
    [event] = step.process(Event(body, key=key, time=time))
    return event.body


@pytest.fixture
def table() -> Table:
    made = Table("users")
    made["ann"] = {"age": 31, "my_sum_5sec": 7}
    made[["ann", "lee"]] = {"age": 5}
    return made


def test_attributes_and_keys(table: Table) -> None:
    assert ask(QueryByKey(["age", "height"], table), {"x": 1}, "ann") == {"age": 31, "x": 1}
    assert ask(QueryByKey("age", table), {}, "ann") == {"age": 31}  # type: ignore[arg-type]
    assert ask(QueryByKey(["age"], table, key_field="u"), {"u": "ann"})["age"] == 31
    by_two = QueryByKey(["age"], table, key_field=["a", "b"])
    assert ask(by_two, {"a": "ann", "b": "lee"})["age"] == 5
    by_function = QueryByKey(["age"], table, key_field=lambda body: body["u"].lower())
    assert ask(by_function, {"u": "ANN"})["age"] == 31
    assert ask(QueryByKey(["age"], table), {"x": 1}, "bob") == {"x": 1}
    assert ask(QueryByKey(["age"], table, aliases={"age": "years"}), {}, "ann") == {"years": 31}


def test_events_without_a_key(table: Table) -> None:
    step = QueryByKey(["age"], table, key_field="u")
    assert ask(step, {"v": "ann"}) is None
    assert ask(step, None) is None
    assert ask(step, {"v": "ann"}, "ann") is None
    assert ask(QueryByKey(["age"], table, key_field=["u"]), {"v": 1}) is None


def test_which_features_are_aggregates(table: Table) -> None:
    step = QueryByKey(["a_b_sum_1h", "my_sum_5sec", "color_5h", "a_b_max_1h", "x_sum_1w"], table)
    assert step._aggrs == ["a_b"]
    assert step._enrich_cols == ["my_sum_5sec", "color_5h", "x_sum_1w"]
    assert ask(step, {}, "ann") == {"my_sum_5sec": 7}
    sql = QueryByKey(["n_sum_1h"], Table("t", SQLDriver("id", "sqlite://")))
    assert sql._enrich_cols == ["n_sum_1h"]


def test_aggregates_of_this_process(table: Table) -> None:
    query = QueryByKey(["n_sum_1h", "n_count_24h", "age"], table)
    assert ask(query, {}, "ann") == {"age": 31}  # nothing is aggregated yet
    spent = FieldAggregator("n", "x", ["avg"], SlidingWindows(["24h"], "30m"))
    step = AggregateByKey([spent], table)
    for minute in (0, 50, 100):
        step.process(Event({"x": minute}, key="ann", time=minute * 60))
    assert ask(query, {}, "ann", 100 * 60) == {"n_sum_1h": 100, "n_count_24h": 3, "age": 31}
    assert ask(query, {}, "ann", 60 * 60) == {"n_sum_1h": 50, "n_count_24h": 2, "age": 31}
    later = ask(query, {}, "ann", 10**6)
    assert later["n_count_24h"] == 0
    assert math.isnan(later["n_sum_1h"])
    assert ask(query, {}, "bob", 0)["n_count_24h"] == 0
    timed = QueryByKey(["n_count_24h"], table, time_field="at")
    assert ask(timed, {"at": 3000}, "ann")["n_count_24h"] == 2


def test_other_windows_of_the_same_feature(table: Table) -> None:
    step = AggregateByKey([FieldAggregator("n", "x", ["sum"], FixedWindows(["1h", "4h"]))], table)
    for hour in range(6):
        step.process(Event({"x": 2**hour}, key="ann", time=hour * 3600))
    query = QueryByKey(["n_sum_1h", "n_sum_2h", "n_first_4h"], table)
    assert ask(query, {}, "ann", 5 * 3600) == {"n_sum_1h": 32, "n_sum_2h": 48, "n_first_4h": 16}
    with pytest.raises(InvalidArgumentError, match="no multiple"):
        ask(QueryByKey(["n_sum_30m"], table), {}, "ann")


def test_augmentation(table: Table) -> None:
    step = QueryByKey(["age"], table, augmentation_fn=lambda body, found: {"was": body, **found})
    assert ask(step, {"x": 1}, "ann") == {"was": {"x": 1}, "age": 31}
    assert ask(QueryByKey(["age"], table), {"age": None}, "ann") == {"age": 31}
    assert step.features_of("ann", 0) == {"age": 31}


def test_arguments_that_cannot_be(table: Table) -> None:
    with pytest.raises(TypeError, match="FixedWindowType"):
        QueryByKey(["age"], table, fixed_window_type=1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="no context"):
        QueryByKey(["age"], "users")
    with pytest.raises(TypeError, match="added to dictionaries"):
        ask(QueryByKey(["age"], table), 5, "ann")
