"""Graphs of several outputs, branches, choices and held rows, in chunks and as events."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import GraphError, InvalidArgumentError, StepError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.features import Entity
from mlrun_like.feature_store.steps.base import MLRunStep
from mlrun_like.feature_store.steps.dates import DateExtractor
from mlrun_like.feature_store.steps.dropping import DropFeatures
from mlrun_like.feature_store.steps.numbers import Ratio
from mlrun_like.feature_store.transform.compile import compile_transform
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.batching import Batch
from mlrun_like.serving.steps.choice import Choice
from mlrun_like.serving.steps.fields import ReifyMetadata, SetEventMetadata
from mlrun_like.serving.steps.maps import Filter, FlatMap, Map
from tests.feature_store.transform.sets import by_chunks, by_events, feature_set, rows_of, same


def frame_of_numbers(count: int = 7) -> pd.DataFrame:
    return pd.DataFrame({
        "k": [f"k{number % 3}" for number in range(count)],
        "x": range(count),
        "t": pd.date_range("2024-01-01", periods=count, freq="h"),
    })  # fmt: skip


def _plus(event: Any) -> Any:
    event["x"] += 10
    return event


def _times(event: Any) -> Any:
    event["x"] *= 2
    return event


def test_without_steps_the_rows_pass() -> None:
    with compile_transform(feature_set()) as transform:
        frame = frame_of_numbers()
        pd.testing.assert_frame_equal(transform.run(frame)[""], frame)
        assert transform.finish() == {}
        assert transform.event(Event({"k": "a"}))[0][1].body == {"k": "a"}


@pytest.mark.parametrize("size", [1, 3, 50])
def test_outputs_of_several_steps(size: int) -> None:
    made = feature_set(_plus, _times, DateExtractor(["hour"]))
    outputs = ["step0", "step1", ""]
    for output, expected in (("step0", 10), ("step1", 20), ("", 20)):
        with compile_transform(made, outputs=outputs) as transform:
            assert transform.engine == "frames"
            found = by_chunks(transform, frame_of_numbers(), size, output)
        with compile_transform(made, outputs=outputs) as transform:
            assert same(found, by_events(transform, frame_of_numbers(), output))
        assert found[0]["x"] == expected
        assert ("t_hour" in found[0]) is (output == "")


def _diamond() -> FeatureSet:
    made = feature_set(_plus)
    left = made.graph["step0"].to(Map(_times), "left")
    made.graph["step0"].to(FlatMap(lambda e: [e, {**e, "x": -e["x"]}]), "right")
    left.to(Filter(lambda e: e["x"] % 3), "join").after_step("right")
    made.graph["join"].to(DateExtractor(["hour"]), "end")
    return made


@pytest.mark.parametrize("size", [1, 2, 100])
def test_branches_that_meet_again_keep_the_order_of_events(size: int) -> None:
    with compile_transform(_diamond()) as transform:
        wanted = by_events(transform, frame_of_numbers())
    with compile_transform(_diamond()) as transform:
        assert transform.engine == "frames"
        assert same(by_chunks(transform, frame_of_numbers(), size), wanted)
    assert [row["x"] for row in wanted[:3]] == [20, 10, -10]


def test_an_order_that_chunks_cannot_have_goes_by_events() -> None:
    made = feature_set(_plus)
    start = made.graph["step0"]
    start.to(Map(_times), "a")
    start.to(Map(_plus), "c")
    start.to(Map(_times), "b")
    made.graph["a"].to(Map(_plus), "j").after_step("b")
    made.graph["j"].to(Map(_plus), "end").after_step("c")
    with compile_transform(made) as transform:
        assert transform.engine == "events"
        found = by_chunks(transform, frame_of_numbers(3), 2)
    with compile_transform(made) as transform:
        assert same(found, by_events(transform, frame_of_numbers(3)))
    assert [row["x"] for row in found[:3]] == [40, 30, 40]


class Parity(Choice):
    """Even ones one way, odd ones another, zero both."""

    def select_outlets(self, event: Any) -> Any:
        if event["x"] == 0:
            return ["even", "odd"]
        return "odd" if event["x"] % 2 else "even"


@pytest.mark.parametrize("size", [1, 4, 100])
def test_choices(size: int) -> None:
    made = feature_set(Parity())
    made.graph["step0"].to(Map(_times), "even")
    made.graph["step0"].to(Map(_plus), "odd")
    made.graph["even"].to(Map(lambda e: e), "end").after_step("odd")
    with compile_transform(made) as transform:
        assert transform.engine == "frames"
        found = by_chunks(transform, frame_of_numbers(5), size)
    assert [row["x"] for row in found] == [0, 10, 11, 4, 13, 8]
    with compile_transform(made) as transform:
        assert same(by_events(transform, frame_of_numbers(5)), found)


def test_keys_and_times_of_rows() -> None:
    made = feature_set(
        DateExtractor(["hour"]),
        ReifyMetadata({"key": "own", "time": "at"}),
        SetEventMetadata(key_path="x"),
        Ratio("x", "x"),
        ReifyMetadata({"key": "second"}),
    )
    with compile_transform(made) as transform:
        found = by_chunks(transform, frame_of_numbers(), 3)
        assert transform.engine == "frames"
    assert [row["own"] for row in found] == [f"k{number % 3}" for number in range(7)]
    assert [row["second"] for row in found] == list("0123456")
    assert found[1]["at"] == "2024-01-01T01:00:00+00:00"
    with compile_transform(made) as transform:
        assert same(by_events(transform, frame_of_numbers()), found)


def test_several_entities_are_a_list() -> None:
    made = FeatureSet("s", entities=[Entity("k"), Entity("x")])
    made.graph.to(ReifyMetadata({"key": "own"}), "reify")
    with compile_transform(made) as transform:
        assert rows_of(transform.run(frame_of_numbers(2))[""])[1]["own"] == ["k1", 1]


@pytest.mark.parametrize("size", [1, 2, 50])
def test_held_rows_come_later(size: int) -> None:
    made = feature_set(
        Batch(3),
        Map(lambda rows: {"k": rows[0]["k"], "n": len(rows)}),
        DateExtractor(["hour"], "k2"),
    )
    made.graph.steps.pop()
    with compile_transform(made) as transform:
        found = by_chunks(transform, frame_of_numbers(), size)
        assert transform.finish() == {}
    assert [row["n"] for row in found] == [3, 3, 1]


async def _later(event: Any) -> Any:
    return {**event, "late": True}


def test_async_steps_go_by_events() -> None:
    with compile_transform(feature_set(_later)) as transform:
        assert transform.engine == "events"
        assert all(row["late"] for row in by_chunks(transform, frame_of_numbers(), 3))
        out = transform.event(Event({"k": "a"}))
        assert out[0][1].body == {"k": "a", "late": True}


def test_error_handlers_go_by_events() -> None:
    made = feature_set(lambda e: {**e, "y": 6 // e["x"]})
    made.graph["step0"].error_handler("caught", handler=lambda e: e, before="end")
    made.graph["step0"].to(lambda e: e, "end")
    with compile_transform(made) as transform:
        found = by_chunks(transform, frame_of_numbers(3), 3)
    assert [row.get("y") for row in found] == [None, 6, 3]


class Strict(MLRunStep):
    """Refuses a value."""

    vectorised = True

    def _do_storey(self, event: Any) -> Any:
        if event["x"] == 4:
            raise ValueError("four")
        return event

    def _do_pandas(self, event: Any) -> Any:
        if (event["x"] == 4).any():
            raise ValueError("four")
        return event


@pytest.mark.parametrize("step", [Strict(), Map(Strict().do), Filter(Strict().do)])
def test_errors_name_step_and_row(step: Any) -> None:
    with compile_transform(feature_set(_noted, step)) as transform:
        transform.run(frame_of_numbers(2))
        frame = frame_of_numbers(7).iloc[2:]
        with pytest.raises(StepError, match=r"step 'step1', row 4") as caught:
            transform.run(frame)
        assert caught.value.step == "step1"


def _noted(event: Any) -> Any:
    return event


def test_errors_of_event_mode_name_the_row() -> None:
    with (
        compile_transform(feature_set(_later, Map(Strict().do))) as transform,
        pytest.raises(StepError, match=r"step 'step1', row 4"),
    ):
        transform.run(frame_of_numbers(7))


def test_rows_that_are_no_dictionaries() -> None:
    with (
        compile_transform(feature_set(lambda e: None)) as transform,
        pytest.raises(InvalidArgumentError, match="must be a dictionary of columns, not NoneType"),
    ):
        transform.run(frame_of_numbers(2))


def test_all_mistakes_at_once() -> None:
    made = feature_set(DropFeatures(["k"]))
    made.graph["step0"].to(DropFeatures(["t"]), "other")
    with pytest.raises(
        GraphError, match=r"(?s)2 mistakes.*entities: k.*timestamp_key: t"
    ) as caught:
        compile_transform(made)
    assert "'s'" in str(caught.value)
    with pytest.raises(GraphError, match="no step 'oter' to write from"):
        compile_transform(feature_set(_plus), outputs=["oter"])
    split = feature_set(_plus)
    split.graph["step0"].to(Map(_plus), "a")
    split.graph["step0"].to(Map(_plus), "b")
    with pytest.raises(GraphError, match="2 last steps"):
        compile_transform(split)
    split.spec.final_step = "b"
    with compile_transform(split) as transform:
        assert transform.run(frame_of_numbers(1))[""]["x"].tolist() == [20]


def test_dtypes_are_kept_and_empty_chunks_have_them() -> None:
    frame = frame_of_numbers(4)
    frame["small"] = np.array([1, 2, 3, 4], dtype=np.int8)
    frame["kind"] = pd.Categorical(["a", "b", "a", "b"])
    made = feature_set(Filter(lambda e: e["x"] < 2), _plus)
    with compile_transform(made) as transform:
        found = transform.run(frame)[""]
        assert found.dtypes.to_dict() == frame.dtypes.to_dict()
        nothing = transform.run(frame.iloc[2:])[""]
        assert len(nothing) == 0
        assert nothing.dtypes.to_dict() == frame.dtypes.to_dict()
        assert transform.run(frame.iloc[:0])[""].columns.tolist() == frame.columns.tolist()


def test_large_frames_go_in_parts() -> None:
    count = 262_144 + 5
    frame = pd.DataFrame({"k": "a", "x": np.arange(count)})
    with compile_transform(feature_set(Filter(lambda e: e["x"] % 65_536 == 0))) as transform:
        found = transform.run(frame)[""]
    assert found["x"].tolist() == [0, 65_536, 131_072, 196_608, 262_144]
    assert found.index.tolist() == list(range(5))


def test_columns_of_one_name() -> None:
    frame = pd.DataFrame([[1, 2]], columns=["k", "k"])
    with (
        compile_transform(feature_set(_plus)) as transform,
        pytest.raises(InvalidArgumentError, match="several columns of one name: k"),
    ):
        transform.run(frame)


def test_the_given_frame_stays_as_it_is() -> None:
    frame = frame_of_numbers(3)
    before = frame.copy(deep=True)
    for engine in ("storey", "pandas"):
        made = feature_set(DateExtractor(["hour"]), Ratio("x", "x", "x"), engine=engine)
        with compile_transform(made) as transform:
            transform.run(frame)
        pd.testing.assert_frame_equal(frame, before)


def test_the_pandas_engine_calls_do() -> None:
    class Indexed:
        def do(self, frame: Any) -> Any:
            return frame.set_index("k").assign(y=frame["x"].to_numpy() + 1)

    with compile_transform(feature_set(Indexed(), engine="pandas")) as transform:
        assert transform.run(frame_of_numbers(2))[""].columns.tolist() == ["k", "x", "t", "y"]
        with pytest.raises(InvalidArgumentError, match="takes whole frames"):
            transform.event(Event({}))
    with pytest.raises(GraphError, match="takes single events, not frames"):
        compile_transform(feature_set(Filter(bool), engine="pandas"))
    with (
        compile_transform(feature_set(lambda f: 1, engine="pandas")) as transform,
        pytest.raises(StepError, match="gave int instead of a frame"),
    ):
        transform.run(frame_of_numbers(2))
