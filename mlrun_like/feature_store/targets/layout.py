"""How targets of files keep rows: staged parts, a plan to show them, a journal of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import pyarrow as pa

from mlrun_like.feature_store.targets.state import Site, State, schema_of
from mlrun_like.feature_store.targets.writing import WriteJob

__all__ = ["Layout", "Part", "Parts", "opened", "roll_forward"]

Part = list[Any]
"""A staged file: its name, the folder it belongs to, its rows."""


class Parts(ABC):
    """Writes rows to staged files."""

    @abstractmethod
    def add(self, table: pa.Table) -> None:
        """Write rows."""

    @abstractmethod
    def end(self) -> list[Part]:
        """Close the files and return those since the last call."""

    @abstractmethod
    def drop(self) -> None:
        """Close and forget."""


class Layout(ABC):
    """How a kind of target keeps its rows in files."""

    @abstractmethod
    def parts(self, site: Site, folder: str, job: WriteJob) -> Parts:
        """What writes staged files into a folder."""

    @abstractmethod
    def plan(self, site: Site, state: State, feed: dict[str, Any], job: WriteJob) -> dict[str, Any]:
        """What showing a feed's parts means: `moves`, `removes`, `files` (afterwards), `schema`."""

    def check(self, site: Site, schema: pa.Schema, job: WriteJob) -> None:
        """Refuse a schema that cannot be written, before anything is."""
        return None

    def apply(self, site: Site, publish: dict[str, Any]) -> None:
        """Carry a plan out; may have been done already, wholly or in part."""
        for source, target in publish["moves"]:
            site.files.move(source, target)
        for name in publish["removes"]:
            site.files.delete(name)
            site.files.prune(name)

    def size(self, site: Site, state: State) -> int | None:
        """Bytes of the data."""
        return sum(site.files.size(name) for name in state.files)

    def describe(self, state: State) -> None:
        """Note in a new state what readers need to know."""
        return None


def roll_forward(site: Site, layout: Layout, state: State) -> None:
    """Carry out the journal, if there is one; the caller holds the lock."""
    publish = state.publish
    if publish is None:
        return
    layout.apply(site, publish)
    for name in publish.get("trash", ()):
        site.files.delete(name)
    state.files = publish["files"]
    state.schema = schema_of(publish["schema"]) if publish["schema"] else state.schema
    state.newest = publish["newest"]
    feed = state.feeds.setdefault(publish["feed"], {})
    feed.update(parts=[], shown=True, done=publish["done"])
    state.publish = None
    state.save(site)


def opened(site: Site, layout: Layout) -> State | None:
    """The state, after what a process that died had begun is done; None: there is none."""
    state = State.load(site)
    if state is None or state.publish is None:
        return state
    with site.files.locked(f"{site.control}/lock"):
        state = State.load(site)
        if state is not None:
            roll_forward(site, layout, state)
    return state
