"""A feature of `WindowFrames` with user-defined aggregates: row by row, in the reference form."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from mlrun_like.feature_store.windows.blobs import Part
from mlrun_like.feature_store.windows.states import part_of, state_of
from mlrun_like.feature_store.windows.stats import Floats, Ints
from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.aggregate_state import WindowState
from mlrun_like.serving.steps.aggregate_values import Bucket

__all__ = ["PlainFeature"]


class PlainFeature:
    """The windows of one feature for all keys, as one `WindowState` each."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._states: list[WindowState] = []

    @property
    def nbytes(self) -> int:
        """Roughly: the buckets' numbers, without what user-defined aggregates keep."""
        each = sys.getsizeof(Bucket()) + len(Bucket.NAMES) * 24
        return sum((1 + len(state.order)) * each for state in self._states)

    def grow(self, slots: int) -> None:
        """Have at least so many slots."""
        while len(self._states) < slots:
            self._states.append(WindowState(self.layout))

    def clear(self) -> None:
        """Forget everything."""
        self._states = []

    def run(
        self, slots: Ints, millis: Floats, values: Floats
    ) -> tuple[dict[str, Floats], np.ndarray]:
        """Results per row, and which rows were too late."""
        found = {name: np.full(len(slots), np.nan) for name in self.layout.columns()}
        late = np.zeros(len(slots), dtype=bool)
        rows = zip(slots.tolist(), millis.tolist(), values.tolist(), strict=True)
        for place, (slot, time, value) in enumerate(rows):
            state = self._states[slot]
            if value != value:
                state.touch(time)
            elif not state.add(time, value):
                late[place] = True
            for name, result in state.read(time).items():
                found[name][place] = result
        return found, late

    def put(self, parts: Sequence[tuple[int, Part]]) -> None:
        """Take over what was stored of some slots."""
        for slot, part in parts:
            self._states[slot] = state_of(self.layout, part)

    def take(self, slot: int) -> bytes:
        """What is stored of a slot."""
        return part_of(self._states[slot])
