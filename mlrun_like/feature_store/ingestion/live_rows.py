"""Accepted events through the steps: all at once, or one by one to find out which is at fault."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlrun_like.errors import MLRunLikeError, StoreUnavailableError
from mlrun_like.feature_store.ingestion.clock import with_times
from mlrun_like.feature_store.ingestion.columns import clean_name
from mlrun_like.feature_store.ingestion.results import joined
from mlrun_like.serving.event import Event

if TYPE_CHECKING:
    from mlrun_like.feature_store.ingestion.checking import Checking
    from mlrun_like.feature_store.ingestion.intake import Taken
    from mlrun_like.feature_store.transform.base import Transform

__all__ = ["LiveRows"]


class LiveRows:
    """Turns batches of events into frames.

    Args:
        transform: The steps, as they are after the last commit.
        checking: Schema and validators.
        windows: Whether the state has the windows; else they are read from a target.
    """

    def __init__(self, transform: Transform, checking: Checking, windows: bool = True) -> None:
        self.state = transform.state(windows)
        """Of the steps after the last commit; the owner sets it."""
        self._transform = transform
        self._checking = checking
        self._time = checking.feature_set.spec.timestamp_key
        self._before = 0

    def results(
        self, events: list[Taken], rejected: list[dict[str, Any]], rows_before: int
    ) -> dict[str, pd.DataFrame]:
        """What the steps make of events, by output.

        Args:
            events: The events.
            rejected: Gets those that a step or the schema refuses, with the reason.
            rows_before: Events before these, for messages.

        Raises:
            StoreUnavailableError: if windows cannot be read.
        """
        self._before = rows_before
        bodies = [_named(taken.body) for taken in events]
        try:
            return self._checked(self._together(events, bodies))
        except StoreUnavailableError:
            raise
        except MLRunLikeError:
            # one event is at fault: find out which, from where the last commit was
            self._transform.restore(self.state)
            self._transform.take_window_log()
        found: dict[str, list[pd.DataFrame]] = {}
        for taken, body in zip(events, bodies, strict=True):
            try:
                for output, frame in self._checked(self._apart([taken], [body])).items():
                    found.setdefault(output, []).append(frame)
            except StoreUnavailableError:
                raise
            except MLRunLikeError as exc:
                rejected.append({"number": taken.number, "error": str(exc), "event": taken.body})
        return {output: joined(frames) for output, frames in found.items()}

    def _together(self, events: list[Taken], bodies: list[Any]) -> dict[str, pd.DataFrame]:
        """All events at once, if the steps take frames."""
        if self._transform.engine != "frames":
            return self._apart(events, bodies)
        frame = pd.DataFrame(bodies)
        return self._transform.run(with_times(frame, self._time, self._before))

    def _apart(self, events: list[Taken], bodies: list[Any]) -> dict[str, pd.DataFrame]:
        """One event after the other."""
        found: dict[str, list[Any]] = {}
        key = self._time
        for taken, body in zip(events, bodies, strict=True):
            if key and isinstance(body.get(key), str):
                moments = with_times(pd.DataFrame({key: [body[key]]}), key, taken.number)
                body = {**body, key: moments[key].iloc[0]}
            for output, made in self._transform.event(Event(body, key=taken.key or None)):
                found.setdefault(output, []).append(made.body)
        return {output: pd.DataFrame(made) for output, made in found.items()}

    def _checked(self, frames: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
        """The frames that have rows, the final one as the schema wants it."""
        found = {output: frame for output, frame in frames.items() if len(frame)}
        if "" in found:
            found[""] = self._checking.check(found[""], self._before)
        return found


def _named(body: Mapping[str, Any]) -> dict[str, Any]:
    """An event with clean names."""
    return {clean_name(str(name)): value for name, value in body.items()}
