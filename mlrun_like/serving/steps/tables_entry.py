"""One row of a table in this process: what is known of it, and what is not stored yet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.serving.steps.aggregate_layout import Layout
from mlrun_like.serving.steps.aggregate_state import WindowState
from mlrun_like.serving.steps.drivers import Change, Key, Row

__all__ = ["Entry"]


class Entry:
    """A row.

    Args:
        key: Its key.
        row: What the table's place holds of it.
        layouts: The features that are aggregated here.
        shared: Whether other processes aggregate the same key.
        read_at: When it was read, in seconds of `time.monotonic()`.
    """

    __slots__ = (
        "attributes", "groups", "key", "pending", "read_at", "shared", "states", "used",
        "writing",
    )  # fmt: skip

    def __init__(
        self, key: Key, row: Row, layouts: Mapping[str, Layout], shared: bool, read_at: float
    ) -> None:
        self.key = key
        self.attributes = row.attributes
        self.pending: dict[str, Any] = {}
        self.shared = shared
        self.read_at = read_at
        self.used = True
        self.writing = False
        """True: what `take` gave is on its way to the driver."""
        self.states: dict[str, WindowState] = {}
        self.groups: dict[int, tuple[WindowState, ...]] = {}
        for name, layout in layouts.items():
            self.states[name] = _state(layout, row.aggregates.get(name), shared)

    def group(self, number: int, names: Sequence[str]) -> tuple[WindowState, ...]:
        """The states of a step's features, in their order."""
        found = self.groups.get(number)
        if found is None:
            found = self.groups[number] = tuple(self.states[name] for name in names)
        return found

    def relayout(self, layouts: Mapping[str, Layout], row: Row) -> None:
        """Follow another declaration of features; what was aggregated, or is stored, stays."""
        for name, layout in layouts.items():
            state = self.states.get(name)
            if state is None:
                self.states[name] = _state(layout, row.aggregates.get(name), self.shared)
            elif state.layout is not layout:
                self.states[name] = state.moved(layout)
        self.groups.clear()

    def update(self, attributes: Mapping[str, Any]) -> None:
        """Set attributes; others stay."""
        self.attributes.update(attributes)
        self.pending.update(attributes)

    def take(self) -> Change | None:
        """What is not stored yet, which is then taken to be; None: nothing."""
        aggregates = {name: state.take() for name, state in self.states.items()}
        found = {name: taken for name, taken in aggregates.items() if taken is not None}
        pending, self.pending = self.pending, {}
        return Change(self.key, pending, found) if pending or found else None

    def give_back(self, change: Change) -> None:
        """Undo `take`: it could not be stored."""
        self.pending = {**change.attributes, **self.pending}
        for name, taken in change.aggregates.items():
            self.states[name].give_back(taken)

    def refresh(self, row: Row, read_at: float) -> None:
        """Take over what is stored; what is not stored yet wins."""
        self.attributes = {**row.attributes, **self.pending}
        self.read_at = read_at
        for name, plain in row.aggregates.items():
            if self.shared and name in self.states:
                self.states[name] = self.states[name].refreshed(plain)
        self.groups.clear()


def _state(layout: Layout, plain: Mapping[str, Any] | None, shared: bool) -> WindowState:
    if plain is None:
        return WindowState(layout, shared)
    return WindowState.from_plain(layout, plain, shared)
