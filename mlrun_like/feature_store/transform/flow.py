"""FlowTransform: chunks and events through the steps of engine "storey"."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, StepError
from mlrun_like.feature_store.steps.base import SetFacts
from mlrun_like.feature_store.steps.columns import frame_of
from mlrun_like.feature_store.transform.aggregating import SetAggregates, changed_windows_of
from mlrun_like.feature_store.transform.base import Transform
from mlrun_like.feature_store.transform.chunks import Chunk
from mlrun_like.feature_store.transform.nodes import Runner
from mlrun_like.feature_store.transform.origin import Origin, moment_of
from mlrun_like.feature_store.transform.sinks import Sink
from mlrun_like.feature_store.transform.states import dump_states, load_states
from mlrun_like.serving.engine.failures import error_text
from mlrun_like.serving.event import Event
from mlrun_like.serving.server import GraphServer

__all__ = ["FlowTransform"]

_MOST_ROWS = 262_144
"""A row that a step is called with takes a kilobyte: so many are there at a time."""


class FlowTransform(Transform):
    """Rows through a compiled graph: in chunks where every step can, else one by one.

    Args:
        server: The graph; at the end of each output is a `Sink`.
        runners: How each step takes chunks; None: some step needs single events.
        outputs: The step of each output.
        held: Where the sinks put events.
        facts: The feature set.
    """

    def __init__(
        self,
        server: GraphServer,
        runners: Mapping[str, Runner] | None,
        outputs: Mapping[str, str],
        held: list[tuple[str, Event]],
        facts: SetFacts,
    ) -> None:
        self.engine = "events" if runners is None else "frames"
        self.dtypes: dict[Any, Any] = {}
        """Of the source, by column."""
        self._server = server
        self._runners = runners or {}
        self._outputs = outputs
        self._facts = facts
        self._held = held
        self._like: dict[str, dict[Any, Any]] = {name: {} for name in outputs}
        self._seen = 0
        self._finished = False
        nodes = server.plan.nodes
        made = {name: node.bound.made for name, node in nodes.items()}
        self._steps = {name: step for name, step in made.items() if type(step) is not Sink}
        self._aggregates = {n: s for n, s in self._steps.items() if isinstance(s, SetAggregates)}
        self._order = list(self._steps)
        self._names_of: dict[str, list[str]] = {}
        for output, step in outputs.items():
            self._names_of.setdefault(step, []).append(output)

    # Chunks -----------------------------------------------------------------------------------

    def run(self, frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
        if not isinstance(frame.index, pd.RangeIndex) or frame.index.start or frame.index.step != 1:
            frame = frame.reset_index(drop=True)
        self.dtypes = dict(frame.dtypes)
        if not frame.columns.is_unique:
            twice = frame.columns[frame.columns.duplicated()].tolist()
            raise InvalidArgumentError(
                f"the rows have several columns of one name: {', '.join(map(str, twice))}",
                where=f"feature set {self._facts.name!r}",
                fix="rename them in the source",
            )
        if len(frame) <= _MOST_ROWS or not self._steps:
            return self._chunk(frame)
        starts = range(0, len(frame), _MOST_ROWS)
        parts = [self._chunk(_part(frame, start)) for start in starts]
        return {output: _joined([part[output] for part in parts]) for output in parts[0]}

    def _chunk(self, frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
        origin = Origin(frame, self._facts.entities, self._facts.timestamp_key, self._seen)
        chunk = Chunk(origin, range(len(frame)), frame)
        with _no_collections():
            found = self._in_events(chunk) if self.engine == "events" else self._in_frames(chunk)
        self._seen += len(frame)
        return found

    def _in_frames(self, chunk: Chunk) -> dict[str, pd.DataFrame]:
        made: dict[str, pd.DataFrame] = {}
        for output in self._names_of.get("", ()):
            made[output] = chunk.as_frame({}, "")
        waiting: dict[str, list[Chunk]] = {}
        starts = [name for name in self._server.plan.starts if name in self._runners]
        self._send(chunk, starts, waiting)
        for name in self._order:
            arrived = waiting.pop(name, None)
            if arrived is None:
                continue
            result = self._runners[name](Chunk.joined(arrived, self.dtypes, name))
            if isinstance(result, dict):
                for child, part in result.items():
                    waiting.setdefault(child, []).append(part)
                continue
            for output in self._names_of.get(name, ()):
                made[output] = self._frame_of(result, output, name)
            children = self._server.plan.nodes[name].children
            self._send(result, [child for child in children if child in self._runners], waiting)
        return made

    def _send(self, chunk: Chunk, names: Sequence[str], to: dict[str, list[Chunk]]) -> None:
        for place, name in enumerate(names):
            last = place == len(names) - 1
            to.setdefault(name, []).append(chunk if last else chunk.twin())

    def _frame_of(self, chunk: Chunk, output: str, step: str) -> pd.DataFrame:
        from_rows = chunk.frame is None
        like = {**self.dtypes, **self._like[output]}
        frame = chunk.as_frame(like, step) if len(chunk) or not from_rows else self._empty(output)
        return self._remembered(frame, output) if from_rows else frame

    def _empty(self, output: str) -> pd.DataFrame:
        return frame_of([], self._like[output] or self.dtypes)

    def _remembered(self, frame: pd.DataFrame, output: str) -> pd.DataFrame:
        """The frame with the columns that earlier chunks had, too."""
        known = self._like[output]
        absent = [name for name in known if name not in frame.columns]
        if absent and len(frame):
            empty = frame_of([dict.fromkeys(absent)] * len(frame), known)
            frame = pd.concat([frame, empty], axis=1)
        if len(frame):
            for name, dtype in frame.dtypes.items():
                if not frame[name].isna().all() or name not in known:
                    known[name] = dtype
        return frame

    # Events -----------------------------------------------------------------------------------

    def _in_events(self, chunk: Chunk) -> dict[str, pd.DataFrame]:
        bodies = chunk.bodies()
        for place, body in enumerate(bodies):
            event = chunk.origin.event(body, place)
            self._run(event, f"row {self._seen + place}")
        return self._taken()

    def _run(self, event: Event, row: str) -> None:
        plan = self._server.plan
        try:
            if plan.is_async:
                self._server.background.wait(plan.run_async(event))
            else:
                plan.run(event)
        except MLRunLikeError as exc:
            step = getattr(exc, "step", "")
            where = f"step {step!r}, {row}" if step else row
            raise StepError(exc.what, where=where, fix=exc.fix, step=step) from exc

    def event(self, event: Event) -> list[tuple[str, Event]]:
        self._set_metadata(event)
        if not self._steps:
            return [(output, event) for output in self._outputs]
        self._run(event, f"event {event.id}")
        return self._take()

    def _set_metadata(self, event: Event) -> None:
        """The key and time of an event that came without them."""
        body, facts = event.body, self._facts
        if not isinstance(body, dict):
            return
        if event.key is None and facts.entities:
            values = [body.get(name) for name in facts.entities]
            if None not in values:
                event.key = values[0] if len(values) == 1 else values
        moment = body.get(facts.timestamp_key) if facts.timestamp_key else None
        if moment is not None and "time" not in event.__dict__:
            event.time = moment_of(moment)

    def _take(self) -> list[tuple[str, Event]]:
        found = self._held[:]
        del self._held[: len(found)]  # clocks may add to it meanwhile
        return found

    def _taken(self) -> dict[str, pd.DataFrame]:
        """What came out as events, as frames."""
        made: dict[str, list[Any]] = {output: [] for output in self._outputs}
        for output, event in self._take():
            made[output].append(event.body)
        found = {}
        for output, bodies in made.items():
            origin = Origin(pd.DataFrame(), (), "", self._seen)
            chunk = Chunk(origin, range(len(bodies)), bodies=bodies)
            found[output] = self._frame_of(chunk, output, self._outputs[output])
        return found

    # The end ----------------------------------------------------------------------------------

    def finish(self) -> dict[str, pd.DataFrame]:
        if self._finished or not self._steps:
            return {}
        self._finished = True
        try:
            self._server.wait_for_completion()
        except MLRunLikeError:
            raise
        except Exception as exc:
            raise StepError(error_text(exc), where="the end of the rows") from exc
        return {name: frame for name, frame in self._taken().items() if len(frame)}

    def close(self) -> None:
        self._finished = True
        self._server.close()

    # State ------------------------------------------------------------------------------------

    def take_window_log(self) -> dict[str, pd.DataFrame]:
        entities, time = self._facts.entities, self._facts.timestamp_key
        taken = {name: s.take_log(entities, time) for name, s in self._aggregates.items()}
        return {name: frame for name, frame in taken.items() if frame is not None}

    def changed_windows(self) -> dict[tuple[Any, ...], bytes]:
        return changed_windows_of(list(self._aggregates.values()))

    def load_windows(
        self, read: Callable[[Sequence[tuple[Any, ...]]], Sequence[bytes | None]]
    ) -> None:
        for step in self._aggregates.values():
            step.read_from(read)

    def state(self, windows: bool = True) -> bytes:
        more = {"seen": self._seen, "like": self._like}
        for step in self._aggregates.values():
            step.dumps_windows = windows
        try:
            return dump_states(self._steps, more)
        finally:
            for step in self._aggregates.values():
                step.dumps_windows = True

    def restore(self, state: bytes) -> None:
        more = load_states(self._steps, state)
        self._seen = int(more["seen"])
        self._like = {name: dict(more["like"].get(name, {})) for name in self._outputs}

    def counts(self) -> dict[str, dict[str, int]]:
        return dict(_counts(self._steps))


def _part(frame: pd.DataFrame, start: int) -> pd.DataFrame:
    return frame.iloc[start : start + _MOST_ROWS].reset_index(drop=True)


def _joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    with_rows = [frame for frame in frames if len(frame)]
    return pd.concat(with_rows, ignore_index=True) if with_rows else frames[-1]


@contextmanager
def _no_collections() -> Iterator[None]:
    """Let nobody look for garbage among the rows of a chunk: that takes as long as the work."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _counts(steps: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, int]]]:
    for name, made in steps.items():
        found = dict(getattr(made, "counts", None) or {})
        if isinstance(made, SetAggregates) and made.late_events:
            found["late events"] = made.late_events
        if found:
            yield name, found
