"""States of steps: what is kept, and what is refused when it is read."""

from __future__ import annotations

import pickle
import threading
import zlib
from typing import Any

import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.steps.base import MLRunStep
from mlrun_like.feature_store.transform.compile import compile_transform
from mlrun_like.serving.steps.sampling import SampleWindow
from tests.feature_store.transform.sets import feature_set

FRAME = pd.DataFrame({"k": list("abcab"), "x": range(5), "t": pd.Timestamp("2024-01-01")})


class Seen:
    """What a step of the tests remembers."""

    def __init__(self) -> None:
        self.count = 0


class Counting(MLRunStep):
    """Remembers in attributes: data, and an object of its own module."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.keys: dict[str, int] = {}
        self.seen = Seen()
        self.times: list[pd.Timestamp] = []

    def _do_storey(self, event: Any) -> Any:
        self.seen.count += 1
        self.keys[event["k"]] = self.keys.get(event["k"], 0) + 1
        self.times.append(event["t"])
        return {**event, "n": self.seen.count, "of_key": self.keys[event["k"]]}


class Own(MLRunStep):
    """Says itself what is to be kept."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.total = 0
        self.held: Any = None

    def get_state(self) -> Any:
        return {"total": self.total, "held": self.held}

    def set_state(self, state: Any) -> None:
        self.total = state["total"]

    def _do_storey(self, event: Any) -> Any:
        self.total += event["x"]
        return {**event, "total": self.total}


@pytest.mark.parametrize(
    ("step", "column", "expected"),
    [(Counting(), "n", [4, 5]), (Counting(), "of_key", [2, 2]), (Own(), "total", [6, 10])],
)
def test_steps_go_on_where_they_were(step: Any, column: str, expected: list[int]) -> None:
    made = feature_set(step)
    with compile_transform(made) as first:
        first.run(FRAME.iloc[:3])
        state = first.state()
    with compile_transform(made) as second:
        second.restore(state)
        assert second.run(FRAME.iloc[3:])[""][column].tolist() == expected
        assert second.state() != state


def test_built_in_steps_go_on() -> None:
    made = feature_set(SampleWindow(2))
    with compile_transform(made) as whole:
        wanted = whole.run(FRAME)[""]["x"].tolist()
    with compile_transform(made) as first:
        found = first.run(FRAME.iloc[:3])[""]["x"].tolist()
        state = first.state()
    with compile_transform(made) as second:
        second.restore(state)
        found += second.run(FRAME.iloc[3:])[""]["x"].tolist()
    assert found == wanted


def test_what_cannot_be_kept_is_said() -> None:
    made = feature_set(Counting())
    with compile_transform(made) as transform:
        transform._steps["step0"].keys = {"a": threading.Lock()}  # type: ignore[attr-defined]
        with pytest.raises(InvalidArgumentError, match="attribute 'keys' now holds something"):
            transform.state()
    made = feature_set(Own())
    with compile_transform(made) as transform:
        transform._steps["step0"].held = open  # type: ignore[attr-defined]
        with pytest.raises(InvalidArgumentError, match="get_state"):
            transform.state()


@pytest.mark.parametrize("cut", [0, 3, 8, 20, -1])
def test_damaged_states(cut: int) -> None:
    with compile_transform(feature_set(Own())) as transform:
        transform.run(FRAME)
        state = transform.state()
        with pytest.raises(InvalidArgumentError, match="is damaged"):
            transform.restore(state[:cut])
        with pytest.raises(InvalidArgumentError, match="is damaged"):
            transform.restore(state[:-1] + bytes([state[-1] ^ 1]))


def test_states_of_other_steps() -> None:
    with compile_transform(feature_set(Own(), Own())) as two:
        state = two.state()
    with (
        compile_transform(feature_set(Own())) as one,
        pytest.raises(InvalidArgumentError, match="steps that the feature set has not: step1"),
    ):
        one.restore(state)


class _Evil:
    def __init__(self, *call: Any) -> None:
        self.call = call

    def __reduce__(self) -> Any:
        return self.call[0], self.call[1:]


@pytest.mark.parametrize(
    "call", [(eval, "1"), (exec, "raise SystemExit"), (getattr, "a", "upper"), (pickle.loads, b"")]
)
def test_states_run_nothing(call: Any) -> None:
    body = pickle.dumps(_Evil(*call), protocol=4)
    state = b"MLTS1" + zlib.crc32(body).to_bytes(4, "little") + body
    with (
        compile_transform(feature_set(Counting())) as transform,
        pytest.raises(InvalidArgumentError, match="is not data"),
    ):
        transform.restore(state)
