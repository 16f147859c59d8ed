from __future__ import annotations

import datetime
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event, Response, copy_body, to_time

UTC = datetime.timezone.utc


def test_defaults_are_made_when_they_are_read() -> None:
    event = Event(1)
    assert "id" not in vars(event) and "time" not in vars(event)
    assert event.id == event.id and event.time == event.time
    assert abs((datetime.datetime.now(UTC) - event.time).total_seconds()) < 5
    assert (event.path, event.method, event.headers, event.key) == ("/", "POST", {}, None)


def test_a_branch_is_independent_and_has_the_same_id() -> None:
    event = Event({"rows": [1]}, key="k", headers={"a": "b"})
    event.custom = 5  # type: ignore[attr-defined]
    twin = event.branch()
    twin.body["rows"].append(2)
    assert event.body == {"rows": [1]} and twin.id == event.id
    assert (twin.key, twin.headers, twin.custom) == ("k", {"a": "b"}, 5)  # type: ignore[attr-defined]
    other = event.with_body(7)
    assert (other.body, other.id, event.body) == (7, event.id, {"rows": [1]})


def test_equal_content_is_equal() -> None:
    assert Event(1, id="a", key="x", time=0) == Event(1, id="a", key="y", time=9)
    assert Event(1, id="a") != Event(2, id="a")
    assert Event(1) != 1 and len({Event(1, id="a"), Event(1, id="a")}) == 2
    assert "body=1" in repr(Event(1, id="a"))


def test_the_budget_that_is_left() -> None:
    event = Event(1)
    assert event.remaining() is None
    event.deadline = time.monotonic() + 10
    assert 9 < (event.remaining() or 0) <= 10
    event.deadline = time.monotonic() - 1
    assert event.remaining() == 0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [(0, 0.0), (1.5, 1.5), ("1970-01-01T00:00:02Z", 2.0), ("1970-01-01T01:00:00+01:00", 0.0),
     (datetime.datetime(1970, 1, 1, 0, 0, 3), 3.0),
     (datetime.datetime(1970, 1, 1, 0, 0, 3, tzinfo=UTC), 3.0)],
)  # fmt: skip
def test_times_in_every_form(value: Any, seconds: float) -> None:
    assert to_time(value).timestamp() == seconds
    event = Event(1, time=value)
    assert event.processing_time.timestamp() == seconds


@pytest.mark.parametrize("value", ["", "yesterday", float("nan"), 1e30, [], True, object()])
def test_what_is_no_time_is_refused(value: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="is not a time"):
        Event(1, time=value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(json_values)
def test_a_copy_is_equal_and_shares_no_container(value: Any) -> None:
    twin = copy_body(value)
    assert twin == value

    def containers(item: Any) -> list[int]:
        if isinstance(item, dict):
            return [id(item), *(found for each in item.values() for found in containers(each))]
        if isinstance(item, list):
            return [id(item), *(found for each in item for found in containers(each))]
        return []

    assert not set(containers(twin)) & set(containers(value))


def test_other_values_are_copied_too() -> None:
    value = {"when": {1, 2}, "pair": ([1],)}
    twin = copy_body(value)
    twin["pair"][0].append(2)
    assert value["pair"] == ([1],)


def test_a_generator_makes_a_stream() -> None:
    assert Response(x for x in [1]).is_stream and not Response([1]).is_stream
