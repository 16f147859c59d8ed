"""Values over the wire come back as they were, and what does not fit is refused."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import IncompatibleVersionError, InvalidArgumentError
from mlrun_like.tracking.alert_abilities import AlertChange, Letter
from mlrun_like.tracking.base import MetricPoint, RunQuery
from mlrun_like.tracking.monitoring_abilities import SeriesBatch
from mlrun_like.tracking.remote.codec import codec_of
from mlrun_like.tracking.window_abilities import WindowCommit, WindowCursor, WindowRow


def _there_and_back(kind: Any, value: Any) -> Any:
    text = json.dumps(codec_of(kind, False).write(value))
    return codec_of(kind, True).read(json.loads(text))


@pytest.mark.parametrize(
    "kind, value",
    [
        (RunQuery, RunQuery("p", labels={"a": None, "b": "c"}, uid=("x", "y"), iteration=0)),
        (RunQuery, RunQuery(uid="x")),
        (SeriesBatch, SeriesBatch("p", "e", "events", "b", 0.0, 1.5, 3, b"\0\xff", {"n": 1})),
        (WindowCommit, WindowCommit(WindowCursor("p", "e", "a", 1.0), None, [WindowRow(0.0, 1.0,
         "done")], stats={"s": {"deep": [1, {"x": None}]}})),
        (AlertChange, AlertChange(documents={("config", "a"): {"b": 1}, ("config", "c"): None},
         letters=[Letter("i", "p", 1, "action", "waiting", 0.0)])),
        (set[str], {"a", "b"}),
        (tuple[list[tuple[dict[str, Any], float]], float | None], ([({"a": 1}, 2.0)], None)),
        (dict[str, tuple[str, float]], {"a": ("b", 1.0)}),
        (bytes, b""),
        (Mapping[str, str | None] | None, None),
        (MetricPoint, MetricPoint("a", math.inf, -1, 0.0)),
    ],
)  # fmt: skip
def test_values_come_back(kind: Any, value: Any) -> None:
    assert _there_and_back(kind, value) == value


def test_no_number_is_lost() -> None:
    point = _there_and_back(MetricPoint, MetricPoint("a", math.nan, 0, 0.0))
    assert math.isnan(point.value) and isinstance(point, MetricPoint)


def test_what_has_its_default_is_not_sent() -> None:
    assert codec_of(RunQuery, False).write(RunQuery("p")) == {"project": "p"}


@pytest.mark.parametrize(
    "kind, value",
    [
        (int, True), (int, "1"), (int, 2**64), (float, "nan"), (str, None), (bool, 1),
        (bytes, "?"), (bytes, 3), (list[str], "abc"), (list[str], [1]), (dict[str, int], []),
        (RunQuery, []), (RunQuery, {"limit": "x"}), (MetricPoint, ["a", 1.0]),
        (tuple[str, float], ["a"]), (set[str], [[]]), (Sequence[MetricPoint], [{}]),
        (SeriesBatch, {"project": "p"}), (None, 1), (str | None, 3),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(kind: Any, value: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        codec_of(kind, True).read(value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_anything_is_read_or_refused(value: Any) -> None:
    for kind in (RunQuery, SeriesBatch, list[MetricPoint], dict[str, bytes], AlertChange):
        with contextlib.suppress(InvalidArgumentError, IncompatibleVersionError):
            codec_of(kind, True).read(value)


@dataclass(frozen=True)
class _Newer:
    project: str = ""
    later: int = 0
    labels: Mapping[str, str] = field(default_factory=dict)


class _Longer(NamedTuple):
    key: str
    value: float
    step: int
    time: float
    more: str = ""


def test_a_newer_option_is_refused_and_a_newer_answer_is_cut() -> None:
    """An option that is not known may restrict what is deleted; more in an answer does no harm."""
    asked = codec_of(_Newer, False).write(_Newer("p", later=3))
    with pytest.raises(IncompatibleVersionError, match="later"):
        codec_of(RunQuery, True).read(asked)
    assert codec_of(RunQuery, False).read(asked) == RunQuery("p")
    unused = codec_of(_Newer, False).write(_Newer("p"))
    assert codec_of(RunQuery, True).read(unused) == RunQuery("p")

    row = codec_of(_Longer, False).write(_Longer("a", 1.0, 2, 3.0, "x"))
    with pytest.raises(IncompatibleVersionError):
        codec_of(MetricPoint, True).read(row)
    assert codec_of(MetricPoint, False).read(row) == MetricPoint("a", 1.0, 2, 3.0)
    row = codec_of(_Longer, False).write(_Longer("a", 1.0, 2, 3.0))
    assert codec_of(MetricPoint, True).read(row) == MetricPoint("a", 1.0, 2, 3.0)
    assert codec_of(_Longer, False).read(row) == _Longer("a", 1.0, 2, 3.0)
