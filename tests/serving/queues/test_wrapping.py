"""Events as records, and back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event
from mlrun_like.serving.queues.wrapping import to_event, to_record
from mlrun_like.streams.base import Record

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | FLOATS | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(JSON | st.binary(), st.text(min_size=1), st.none() | st.text(min_size=1))
def test_an_event_comes_back_as_it_was(body: Any, id: str, key: str | None) -> None:
    event = Event(body, id=id, key=key, time="2024-01-31T12:00:00+00:00", path="/x")
    event.headers = {"trace": "1"}
    found = to_event(to_record(event, full=True), "stream")
    assert (found.body, found.id, found.key, found.path) == (body, id, key, "/x")
    assert found.time == event.time
    assert dict(found.headers) == {"trace": "1"}


def test_the_wrapper_has_mlruns_form() -> None:
    record = to_record(Event({"x": 1}, id=7, key="k"), full=True)
    assert json.loads(record.body) == {
        "full_event_wrapper": True, "body": {"x": 1}, "id": 7, "key": "k",
    }  # fmt: skip
    assert record.key == "k"


def test_without_the_wrapper_only_the_body_travels() -> None:
    assert to_record(Event({"x": 1}), full=False).body == b'{"x":1}'
    assert to_record(Event("text"), full=False).body == b"text"
    assert to_record(Event(b"\xff"), full=False).body == b"\xff"


def test_a_record_that_nobody_wrapped_has_an_id_that_stays() -> None:
    record = Record(b'{"x": 1}', "k", {"h": "v"}, "17-0", 2, 1700000000.5)
    first, second = to_event(record, "orders", "redis://h/orders"), to_event(record, "orders")
    assert first.id == second.id == "orders/2/17-0"
    assert (first.body, first.key, first.offset, first.trigger) == ({"x": 1}, "k", "17-0", "stream")
    assert first.stream_path == "redis://h/orders"
    assert first.time.timestamp() == 1700000000.5
    assert dict(first.headers) == {"h": "v"}
    assert first.branch().time == first.time


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"{broken", b"plain text", b"[" * 100_000])
def test_what_is_not_json_stays_bytes(raw: bytes) -> None:
    assert to_event(Record(raw), "s").body == raw


def test_an_empty_record_is_an_event_without_body() -> None:
    assert to_event(Record(b""), "s").body is None


@pytest.mark.parametrize(
    "wrapper",
    [
        {"full_event_wrapper": True},
        {"full_event_wrapper": True, "id": None, "key": None, "time": "no time", "headers": None},
        {"full_event_wrapper": True, "id": [1], "path": 5, "time": {"a": 1}, "headers": {}},
    ],
)
def test_broken_wrappers_do_no_harm(wrapper: dict[str, Any]) -> None:
    event = to_event(Record(json.dumps(wrapper).encode(), id="1-0", time=5.0), "s")
    assert event.body is None
    assert event.time is not None
    assert event.id is not None
    assert isinstance(event.path, str)


def test_a_body_that_json_cannot_carry_is_the_steps_mistake() -> None:
    with pytest.raises(InvalidArgumentError, match="cannot be pushed") as caught:
        to_record(Event({"x": object()}, id="a"), full=True)
    assert caught.value.status == 500


def test_the_time_travels_on_although_nobody_looked_at_it() -> None:
    first = to_event(Record(b'{"x": 1}', time=1700000000.0, id="1-0"), "s")
    second = to_event(to_record(first, full=True), "next")
    third = to_event(to_record(second, full=True), "third")
    assert third.time.timestamp() == 1700000000.0
    assert third.id == "s/0/1-0"
