"""Chunks of any size, single events and the pandas engine give the same rows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from mlrun_like.feature_store.steps.base import MLRunStep
from mlrun_like.feature_store.steps.calculating import Calculate
from mlrun_like.feature_store.steps.columns import column_of
from mlrun_like.feature_store.steps.dates import PARTS, DateExtractor
from mlrun_like.feature_store.steps.dropping import DropFeatures
from mlrun_like.feature_store.steps.encoding import OneHotEncoder
from mlrun_like.feature_store.steps.imputing import Imputer
from mlrun_like.feature_store.steps.map_values import MapValues
from mlrun_like.feature_store.steps.numbers import Bucketise, Ratio, ScaleValues
from mlrun_like.feature_store.steps.text import TextFeatures
from mlrun_like.feature_store.steps.times import TimeDifference, ToTimeZone
from mlrun_like.feature_store.transform.compile import compile_transform
from mlrun_like.serving.steps.fields import DropColumns, Rename
from mlrun_like.serving.steps.maps import Extend, Filter, FlatMap
from mlrun_like.serving.steps.state import MapWithState
from tests.feature_store.transform.sets import by_chunks, by_events, feature_set, same

pytestmark = pytest.mark.slow

PHASES = [Phase.explicit, Phase.reuse, Phase.generate]
TEXTS = st.one_of(
    st.none(), st.sampled_from(["a", "b b", "c-c", " Ä ", "", "ß"]), st.text(max_size=5)
)
INTEGERS = st.one_of(st.none(), st.integers(-5, 30), st.integers(-(2**62), 2**62))
FLOATS = st.one_of(st.none(), st.floats(allow_nan=False), st.sampled_from([0.0, -0.0, 1.0, 3.0]))
TIMES = st.datetimes(
    min_value=pd.Timestamp("1990-01-01").to_pydatetime(),
    max_value=pd.Timestamp("2050-01-01").to_pydatetime(),
)


@st.composite
def frames(draw: Any) -> pd.DataFrame:
    count = draw(st.integers(0, 12))

    def column(values: Any) -> Any:
        return column_of([draw(values) for _ in range(count)]).array

    made = {
        "k": column(st.sampled_from(["x", "y", "é"])),
        "t": pd.DatetimeIndex([draw(TIMES) for _ in range(count)], dtype="datetime64[us]"),
        "text": column(TEXTS),
        "whole": column(INTEGERS),
        "part": column(FLOATS),
        "truth": column(st.one_of(st.none(), st.booleans())),
        "when": column(st.one_of(st.none(), TIMES)),
    }
    return pd.DataFrame(made)


def _doubled(event: Any) -> Any:
    event["double"] = None if event["whole"] is None else event["whole"] * 2
    return event


def _several(event: Any) -> list[Any]:
    return [{**event, "copy": number} for number in range((event["whole"] or 0) % 3)]


def _numbered(event: Any, seen: int) -> Any:
    return {**event, "number": seen}, seen + 1


class Cheap(MLRunStep):
    """Drops rows, and adds a column to some."""

    def _do_storey(self, event: Any) -> Any:
        if event["whole"] is None:
            return self.filter()
        return {**event, "large": 1} if event["whole"] > 3 else event


STEPS: dict[str, list[Any]] = {
    "map values": [MapValues({"text": {"a": "A", None: "none"}, "whole": {3: 4}, "gone": {1: 2}})],
    "map, kept": [
        MapValues({"part": {"ranges": {"low": ["-inf", 0], "one": [0.0, 3.0]}}}, True, "x")
    ],
    "encode": [OneHotEncoder({"text": ["a", "b b", "c-c"], "whole": [0, 1, 3]})],
    "constants": [Imputer(mapping={"whole": 7, "text": "?"}, default_value=0)],
    "avg": [Imputer()],
    "median": [Imputer("median", mapping={"whole": None, "part": None})],
    "min": [Imputer("min")],
    "max": [Imputer("max")],
    "mode": [Imputer("mode")],
    "dates": [DateExtractor([p for p in PARTS if p not in ("asm8", "tz", "tzinfo")], "when")],
    "dates of the set": [DateExtractor(["hour", "week"])],
    "drop": [DropFeatures(["text", "part"]), DropColumns("truth")],
    "texts": [TextFeatures({"text": ["strip", "lower", "length", "words", "hash"]})],
    "ratio": [Ratio("part", "whole"), Ratio("whole", "whole", "same")],
    "buckets": [Bucketise({"whole": [0, 3], "part": [0]}, {"part": ["no", "yes"]})],
    "scales": [
        ScaleValues({"part": {"clip": [-5, None], "log": True}, "whole": {"standard": [1, 2]}}, "s")
    ],
    "difference": [TimeDifference("t", "when", "h"), ToTimeZone("when", "Asia/Kolkata", True)],
    "zone": [ToTimeZone(["when", "t"], "America/New_York")],
    "calculate": [
        Calculate({
            "sum": "whole + part", "big": "sum > 3 or truth", "best": "max(whole, 2)",
            "or": "coalesce(part, whole, 0)", "some": "1 if missing(text) else part / whole",
        })
    ],
    "row": [_doubled],
    "rows and columns": [_doubled, DateExtractor(["hour"]), _doubled, Ratio("double", "whole")],
    "filter": [Filter(lambda event: (event["whole"] or 0) % 2), _doubled],
    "flat map": [FlatMap(_several), DateExtractor(["day"]), Cheap()],
    "state": [MapWithState(0, _numbered), Filter(lambda event: event["number"] % 2)],
    "extend": [Extend(lambda event: {"length": len(event["text"] or "")}), Rename({"text": "s"})],
    "class": [Cheap(), Imputer(mapping={"large": 0})],
}  # fmt: skip


@pytest.mark.parametrize("name", STEPS)
@settings(
    max_examples=5, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow]
)
@given(frame=frames(), size=st.integers(1, 13))
def test_chunks_and_events_agree(name: str, frame: pd.DataFrame, size: int) -> None:
    made = feature_set(*STEPS[name])
    with compile_transform(made) as transform:
        wanted = by_events(transform, frame)
    with compile_transform(made) as transform:
        assert transform.engine == "frames"
        found = by_chunks(transform, frame, size)
    assert same(found, wanted), (found, wanted)


VECTORISED = [name for name in list(STEPS)[:19] if name != "drop"]


@pytest.mark.parametrize("name", VECTORISED)
@settings(
    max_examples=3, deadline=None, phases=PHASES, suppress_health_check=[HealthCheck.too_slow]
)
@given(frame=frames(), size=st.integers(1, 13))
def test_the_pandas_engine_agrees(name: str, frame: pd.DataFrame, size: int) -> None:
    with compile_transform(feature_set(*STEPS[name])) as transform:
        wanted = by_events(transform, frame)
    with compile_transform(feature_set(*STEPS[name], engine="pandas")) as transform:
        found = by_chunks(transform, frame, size)
    assert same(found, wanted), (found, wanted)
