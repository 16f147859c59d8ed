"""A request that is answered in a task: it waits, or its answer is a stream."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from mlrun_like.serving.event import Response
from mlrun_like.serving.web.mounts import Message
from mlrun_like.serving.web.request import HttpEvent
from mlrun_like.serving.web.stream import is_stream
from mlrun_like.serving.web.wire import CLOSE, LAST, chunk, head

if TYPE_CHECKING:
    from mlrun_like.serving.web.protocol import GraphProtocol

__all__ = ["ReplyTask"]

_log = logging.getLogger("mlrun_like.serving")


class ReplyTask:
    """Works on one request of a connection and writes its answer.

    Args:
        connection: Where the request came from.
        event: The request.
        body: Its body, as it came.
        response: The answer, if it is there already: a stream.
        keep: Whether the connection may carry another request.
    """

    def __init__(
        self,
        connection: GraphProtocol,
        event: HttpEvent,
        body: bytes,
        response: Response | None,
        keep: bool,
    ) -> None:
        self.started = False
        """Whether the head of the answer was written."""
        self.streaming = False
        """Whether the body has no known length, or none yet."""
        self._connection = connection
        self._keep = keep
        self._start: tuple[int, Any] | None = None
        self._chunked = False
        watcher = connection.watcher
        self._started_at = time.perf_counter()
        self._task = watcher.loop.create_task(self._run(event, body, response))
        watcher.tasks.add(self._task)

    def cancel(self) -> None:
        """End the work: the client has gone."""
        self._task.cancel()

    async def _run(self, event: HttpEvent, body: bytes, response: Response | None) -> None:
        connection = self._connection
        answers = connection.answers
        try:
            found: Response | bytes = (
                await answers.respond(event, body) if response is None else response
            )
            if isinstance(found, bytes) or not is_stream(found.body):
                status, size = connection.write_answer(event, found, self._begin())
            else:
                self.streaming = True
                admitted = response is None
                status, size = await answers.stream(found, event, self.send, admitted=admitted)
        except asyncio.CancelledError:
            connection.transport.abort()
            raise
        except ConnectionAbortedError:  # a stream failed: a body without its end tells the reader
            connection.transport.close()
            return
        except Exception:  # noqa: BLE001  the request boundary
            _log.exception("%s %s: the answer could not be sent", event.method, event.path)
            connection.transport.abort()
            return
        finally:
            connection.watcher.tasks.discard(self._task)
        if answers.log is not None:
            answers.note(event, status, size, self._started_at, connection.client)
        connection.finished(self._keep)

    def _begin(self) -> bool:
        """Begin the answer; gives whether the connection lives on after it."""
        self.started = True
        if self._connection.watcher.draining:
            self._keep = False  # decided here, where the client can still be told
        return self._keep

    async def send(self, message: Message) -> None:
        """Write what ASGI's messages say.

        Raises:
            ConnectionResetError: if the client has gone.
        """
        connection = self._connection
        if connection.transport.is_closing():
            raise ConnectionResetError("the client has gone")
        if message["type"] == "http.response.start":
            self._start = message["status"], message["headers"]
            return
        body, more = message["body"], message.get("more_body", False)
        if not self.started:
            body = self._with_head(body, more)
        elif self._chunked:
            body = (chunk(body) if body else b"") + (b"" if more else LAST)
        if body:
            connection.transport.write(body)
        if connection.paused_at:
            await connection.drain()

    def _with_head(self, body: bytes, more: bool) -> bytes:
        connection = self._connection
        status, headers = self._start or (500, [])
        self._begin()
        lines = connection.watcher.date
        if more or not any(name == b"content-length" for name, _ in headers):
            self.streaming = True
            if status not in (204, 304):
                self._chunked = not connection.old
                if self._chunked:
                    lines += b"transfer-encoding: chunked\r\n"
                    body = (chunk(body) if body else b"") + (b"" if more else LAST)
                else:
                    self._keep = False  # the end of the connection is the end of the body
        if not self._keep:
            lines += CLOSE
        return head(status, headers, lines) + body
