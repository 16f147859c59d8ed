"""What handlers check in what callers send."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.requests import Request

from mlrun_like.api.routes.bodies import document_in, flag, labels_of, number, seen, text, when
from mlrun_like.errors import InvalidArgumentError, SpecError


def asked(query: str) -> Request:
    """A request with a query."""
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


def nested(depth: int) -> Any:
    """Lists in lists."""
    value: Any = 1
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "body",
    [None, [], 5, "x", {"a": "\x00"}, {"\x00": 1}, {"a": ["\ud800"]}, {"a": float("nan")},
     {"a": float("inf")}, {"a": nested(200)}],
)  # fmt: skip
def test_what_no_store_could_keep_is_refused(body: Any) -> None:
    with pytest.raises(SpecError):
        document_in(body, "a thing")


def test_numbers_flags_times_and_labels() -> None:
    assert number(asked("n=5"), "n", 1, 10) == 5 and number(asked(""), "n", 1, 10) == 1
    assert flag(asked("a=TRUE"), "a") and not flag(asked("a=0"), "a", True)
    assert flag(asked("a="), "a", True)
    assert when(asked("start=1970-01-02T00:00:00Z"), "start") == 86400.0
    assert when(asked("start=12.5"), "start") == 12.5 and when(asked(""), "start") is None
    assert labels_of(asked("label=a%3Db&label=c&label=")) == {"a": "b", "c": None}
    assert text({"a": None}, "a") == "" and text({"a": "x"}, "a") == "x"
    for query in ("n=11", "n=-1", "n=x", "n=1e3", "n=" + "9" * 50):
        with pytest.raises(InvalidArgumentError):
            number(asked(query), "n", 1, 10)
    for query in ("start=never", "start=nan", "start=" + "9" * 400, "start=99999-01-01"):
        with pytest.raises(InvalidArgumentError):
            when(asked(query), "start")
    with pytest.raises(InvalidArgumentError):
        flag(asked("a=maybe"), "a")
    with pytest.raises(InvalidArgumentError):
        text({"a": 5}, "a")


def test_only_rows_of_visible_projects() -> None:
    rows: list[dict[str, Any]] = [{"project": "a"}, {"metadata": {"project": "b"}}, {}]
    assert seen(rows, frozenset({"a"})) == rows[:1]
    assert seen(rows, frozenset()) == [] and seen(rows, None) == rows
