"""The node of a Recover step."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.recovering import Recover
from mlrun_like.serving.stream_flow.nodes import Junction, is_stream_end

__all__ = ["ON", "RecoverNode"]

ON = "on"
"""The way to the steps that follow a node, among its ways."""


class RecoverNode(Junction):
    """Sends an event on; if that fails, sends it as it was to a recovery step.

    Args:
        step: The step; its ways are `ON` and the exception classes.
        is_async: Whether the flow is `async`.
    """

    def __init__(self, step: Recover, is_async: bool) -> None:
        super().__init__(is_async)
        self.step = step

    def process(self, event: Event) -> Iterable[Event]:
        kept = event.with_body(event.body)
        try:
            self.sends[ON](event)
            return ()
        except Exception as exc:  # noqa: BLE001  the boundary of users' steps
            send = self._way(kept, exc)
        send(kept)
        return ()

    async def _process_async(self, event: Event) -> Iterable[Event]:
        kept = event.with_body(event.body)
        try:
            await self.sends[ON](event)
            return ()
        except Exception as exc:  # noqa: BLE001  the boundary of users' steps
            send = self._way(kept, exc)
        await send(kept)
        return ()

    def _way(self, event: Event, error: Exception) -> Callable[[Event], Any]:
        found = self.step.class_for(error)
        if found is None or is_stream_end(event):
            raise error
        event.error = error
        event.origin_state = self.step.name
        return self.sends[found]
