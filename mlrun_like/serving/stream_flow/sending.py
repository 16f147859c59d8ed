"""The node of a step that sends its events itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.sending import SendingStep
from mlrun_like.serving.stream_flow.nodes import Guard, is_stream_end

__all__ = ["SendingNode"]


class SendingNode(Guard):
    """Gives a step its events; what it sends goes on from here.

    Args:
        step: The step.
    """

    def __init__(self, step: SendingStep) -> None:
        super().__init__(step, step.handle, True, True)
        self.sending = step
        step.rescue = self.rescue

    def send_with(self, send: Callable[[Event], Awaitable[Any]]) -> None:
        """Let the step send by this from now on."""
        self.sending.sender = send

    async def _process_async(self, event: Event) -> Iterable[Event]:
        if is_stream_end(event):
            return (event,)
        body = event.body
        try:
            await self.call(event)
        except Exception as exc:  # noqa: BLE001  the boundary of a user's step
            event.body = body
            await self.rescue(event, exc)
        return ()

    async def rescue(self, event: Event, error: Exception) -> None:
        """Send an event that failed where such events go.

        Raises:
            Exception: the error, if that is nowhere.
        """
        send = self._failed(event, event.body, error)
        if send is not None:
            await send(event)

    async def settle(self) -> None:
        """Wait for what the step is doing; it gets no more events."""
        await self.sending.settle()
