"""The writer of targets of files: staged, committed with a position, shown by a journal."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Sequence
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like import registry
from mlrun_like.errors import ConflictError, StateError
from mlrun_like.feature_store.targets.files import is_hidden
from mlrun_like.feature_store.targets.frames import indexed, selected, table_of, unify
from mlrun_like.feature_store.targets.layout import Layout, Parts, opened, roll_forward
from mlrun_like.feature_store.targets.state import Site, State, schema_of, schema_text
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob
from mlrun_like.names import new_uid

__all__ = ["StagedWriter"]


class StagedWriter(TargetWriter):
    """Writes a feed to a target of files.

    Args:
        site: Where.
        layout: How.
        job: What and for whom.
        columns: The columns to write; none: all.
        path: The target's path, for the status.

    Raises:
        ConflictError: if the feed is being written by another process, or the folder holds files
            of somebody else and is to be overwritten.
    """

    def __init__(
        self, site: Site, layout: Layout, job: WriteJob, columns: Sequence[str], path: str
    ) -> None:
        self._site, self._layout, self._job, self._path = site, layout, job, path
        self._columns = list(columns)
        digest = hashlib.sha256(job.feed.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        self._folder = f"{site.control}/{digest}"
        self._broken = False
        self._parts: Parts | None = None
        self._schema: pa.Schema | None = None
        self._empty: pa.Schema | None = None
        self._rows = 0
        self._newest: Any = None
        self._held = site.files.hold(f"{self._folder}.lock", f"feed {job.feed!r:.80}")
        try:
            with self._state() as state:
                self._state_of_feed(state)
                self._adopt(state)
        except BaseException:
            self._held.close()
            raise

    # State ------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _state(self) -> Any:
        site = self._site
        with site.files.locked(f"{site.control}/lock"):
            state = State.load(site)
            if state is None:
                state = State(owner=f"{self._job.project}/{self._job.name}")
                self._layout.describe(state)
                self._check_strangers()
            roll_forward(site, self._layout, state)
            yield state

    def _check_strangers(self) -> None:
        if not self._job.overwrite or self._site.single:
            return
        suffixes = (self._site.suffix, ".parquet", ".pq", ".csv")
        for name in self._site.files.names():
            if name.endswith(suffixes) and not is_hidden(name):
                raise ConflictError(
                    f"the folder holds {name!r:.120}, which no feature set wrote; it cannot be "
                    "overwritten",
                    where=self._site.where,
                    fix="choose another folder, or delete these files",
                )

    def _state_of_feed(self, state: State) -> dict[str, Any]:
        return state.feeds.setdefault(
            self._job.feed,
            {"position": "", "parts": [], "rows": 0, "newest": "", "schema": "", "done": False},
        )

    def _adopt(self, state: State) -> None:
        """Go on where an earlier process stopped; what it did not commit goes."""
        feed = self._state_of_feed(state)
        self._schema = schema_of(feed["schema"]) if feed["schema"] else None
        known = {part[0] for part in feed["parts"]}
        for name in list(self._site.files.names(self._folder)):
            if name not in known:
                self._site.files.delete(name)

    # TargetWriter -----------------------------------------------------------------------------

    def position(self) -> str:
        state = opened(self._site, self._layout)
        feed = state.feeds.get(self._job.feed) if state is not None else None
        return str(feed["position"]) if feed else ""

    def write(self, frame: Any) -> None:
        job = self._job
        table = indexed(selected(table_of(frame, job), self._columns, job), job.entities)
        if not table.num_rows:
            # types of columns without values say nothing
            self._empty = table.schema
            return
        schema = unify(self._schema, table.schema, self._site.where)
        if self._schema is None or not schema.equals(self._schema):
            state = State.load(self._site)
            if state is not None and state.bound is not None and not self._replaces(state):
                unify(state.bound, schema, self._site.where)
            self._layout.check(self._site, schema, job)
            self._schema = schema
        if self._parts is None:
            self._parts = self._layout.parts(self._site, f"{self._folder}/{new_uid()[:16]}", job)
        self._broken = True
        self._parts.add(table)
        self._broken = False
        self._rows += table.num_rows
        if job.timestamp_key:
            newest = pc.max(table.column(job.timestamp_key)).as_py()
            if newest is not None and (self._newest is None or newest > self._newest):
                self._newest = newest

    def _replaces(self, state: State) -> bool:
        return self._job.overwrite and not state.feeds.get(self._job.feed, {}).get("shown")

    def commit(self, position: str) -> None:
        self._check()
        # what fails here is lost: a second commit would note a position without its rows
        self._broken = True
        parts = self._parts.end() if self._parts is not None else []
        self._site.files.sync([part[0] for part in parts])
        self._broken = False
        with self._state() as state:
            feed = self._state_of_feed(state)
            feed["parts"] += parts
            feed["position"] = position
            feed["rows"] += self._rows
            feed["newest"] = _later(feed["newest"], self._newest)
            if parts:
                feed["done"] = False
            self._note_schema(state, feed)
            if self._job.live and parts:
                self._publish(state, feed, done=False)
            else:
                state.save(self._site)
        self._rows, self._newest = 0, None

    def _note_schema(self, state: State, feed: dict[str, Any]) -> None:
        schema = self._schema
        if schema is None and self._empty is not None and not feed["schema"]:
            known = state.schema
            if known is not None and set(known.names) == set(self._empty.names):
                schema = known
            elif state.bound is None or self._replaces(state):
                schema = self._empty
        if schema is not None:
            feed["schema"] = schema_text(schema)

    def _check(self) -> None:
        if self._broken:
            raise StateError(
                "rows could not be written; they cannot be committed",
                where=self._site.where,
                fix="abort, or open a new writer of the feed and write again from its position()",
            )

    def _publish(self, state: State, feed: dict[str, Any], *, done: bool) -> None:
        job = self._job
        plan = self._layout.plan(self._site, state, feed, job)
        replaced = self._replaces(state)
        plan.update(
            feed=job.feed,
            done=done,
            newest=_later("" if replaced else state.newest, feed["newest"]),
            trash=[part[0] for part in feed["parts"]],
        )
        state.publish = plan
        state.save(self._site)
        roll_forward(self._site, self._layout, state)

    def finish(self) -> dict[str, Any]:
        self._check()
        if self._parts is not None and self._rows:
            raise StateError(
                "rows were written and not committed", where=self._site.where,
                fix="call commit(position) before finish()",
            )  # fmt: skip
        with self._state() as state:
            feed = self._state_of_feed(state)
            if not feed["done"]:
                self._publish(state, feed, done=True)
            found = {
                "size": self._layout.size(self._site, state),
                "path": self._path,
                "last_written": state.newest or None,
                "rows": feed["rows"],
                "run_id": self._job.run_id or None,
            }
        self._clean()
        self._forget_previous()
        self.close()
        return found

    def _clean(self) -> None:
        self._site.files.delete(self._folder, recursive=True)
        if self._site.files.is_local:
            self._site.files.delete(f"{self._folder}.lock")

    def _forget_previous(self) -> None:
        previous = self._job.previous_path
        if self._job.overwrite and previous and previous.rstrip("/") != self._path.rstrip("/"):
            owner = f"{self._job.project}/{self._job.name}"
            registry.resolve("mlrun_like.feature_store.targets.purging:purge_files")(
                previous, owner=owner
            )

    def abort(self) -> None:
        self.close()
        with self._state() as state:
            state.feeds.pop(self._job.feed, None)
            if state.generation or state.files:
                state.save(self._site)
        self._clean()
        if State.load(self._site) is None:
            self._site.files.delete(self._site.control, recursive=True)

    def close(self) -> None:
        parts, self._parts = self._parts, None
        self._rows = 0
        if parts is not None:
            parts.drop()
        self._held.close()


def _later(text: str, moment: Any) -> str:
    """The later of two times, ISO 8601."""
    if moment is None or moment == "":
        return text
    if hasattr(moment, "isoformat"):
        time = pd.Timestamp(moment)
        time = time.tz_localize("UTC") if time.tzinfo is None else time.tz_convert("UTC")
        moment = time.isoformat()
    return max(text, str(moment))
