"""A reader of a NATS subject: a JetStream durable consumer, or a queue group of core NATS."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import ConflictError
from mlrun_like.registry import require
from mlrun_like.streams.base import Consumer, Record

if TYPE_CHECKING:
    from mlrun_like.streams.nats import NatsStream

__all__ = ["NatsConsumer"]

_logger = logging.getLogger("mlrun_like.streams")
_KEY = "mlrun-like-key"


class NatsConsumer(Consumer):
    """Made by `NatsStream.consumer`; arguments as there."""

    def __init__(self, stream: NatsStream, group: str, name: str = "") -> None:
        self.group, self.name = group, name
        self._stream, self._client = stream, stream.new_client()
        self._pulls: Any = None
        self._core: deque[Record] | None = None
        self._joined: Any = None
        """The connection that it reads by: one that nats-py closed never comes back."""
        self._out: dict[str, Any] = {}
        """Messages of JetStream that are handed out, by id."""
        self._count = 0
        self._closed = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def keeps(self) -> bool:
        """Whether it reads from JetStream; known after the first `read`."""
        return self._pulls is not None

    def read(self, max: int = 100, wait: float = 1.0) -> list[Record]:
        if self._closed.is_set():
            raise ConflictError(f"consumer {self.name!r} is closed", where=self._stream.url)
        client = self._client
        try:
            if self._joined is None or self._joined is not client.connection():
                self._join()
            if not client.connected:
                client.connection()
                if not client.connected:
                    raise ConnectionError("the connection is lost and is being made again")
            if self._core is not None:
                return self._taken(max, wait)
            return self._fetched(max, wait)
        except client.failures as exc:
            raise client.unavailable(exc) from exc

    def _join(self) -> None:
        stream, client = self._stream, self._client
        nc = client.connection()
        self._pulls, self._joined = None, None
        holder = stream.holder(client)
        if not holder:
            came = self._core if self._core is not None else deque(maxlen=1_000_000)

            async def hear(message: Any) -> None:
                self._count += 1
                came.append(_record(message, str(self._count), time.time(), 1))

            client.run(nc.subscribe(stream.name, queue=self.group, cb=hear), 5.0)
            client.run(nc.flush(3), 5.0)
            self._core, self._joined = came, nc
            _logger.warning(
                "%s: no JetStream stream takes this subject, so messages are delivered at most "
                "once: what comes while nobody reads is lost",
                stream.url,
            )
            return
        api = require("nats.js.api", feature="a nats:// stream", extra="nats")
        config = api.ConsumerConfig(
            ack_wait=stream.ack_wait,
            max_ack_pending=stream.prefetch,
            deliver_policy=api.DeliverPolicy.NEW
            if stream.start == "latest"
            else api.DeliverPolicy.ALL,
        )

        async def join() -> Any:
            js = nc.jetstream()
            return await js.pull_subscribe(
                stream.name, durable=self.group, stream=holder, config=config
            )

        self._pulls = client.run(join(), 5.0)
        self._core, self._joined = None, nc
        if self._thread is None:
            self._thread = threading.Thread(target=self._beat, name="nats-alive", daemon=True)
            self._thread.start()

    def _taken(self, most: int, wait: float) -> list[Record]:
        deadline = time.monotonic() + wait
        core = self._core
        while core is not None:
            found = [core.popleft() for _ in range(min(most, len(core)))]
            if found or time.monotonic() >= deadline:
                return found
            time.sleep(0.01)
        return []

    def _fetched(self, most: int, wait: float) -> list[Record]:
        try:
            messages = self._client.run(self._pulls.fetch(most, max(wait, 0.01)), wait + 5.0)
        except (asyncio.TimeoutError, TimeoutError) as exc:
            if self._client.connected:
                return []
            raise ConnectionError("the connection is lost and is being made again") from exc
        found = []
        for message in messages:
            meta = message.metadata
            place = str(meta.sequence.stream)
            self._out[place] = message
            stored = meta.timestamp.timestamp() if meta.timestamp else time.time()
            found.append(_record(message, place, stored, int(meta.num_delivered or 1)))
        return found

    def ack(self, records: Sequence[Record]) -> None:
        messages = {
            record.id: found
            for record in records
            if (found := self._out.get(record.id)) is not None
        }
        if not messages:
            return

        async def send() -> None:
            for place, message in messages.items():
                await message.ack()
                self._out.pop(place, None)

        try:
            self._client.run(send(), 10.0)
        except self._client.failures as exc:  # what is left is acknowledged by the next call
            raise self._client.unavailable(exc) from exc

    def _beat(self) -> None:
        """Say of what is handed out that it is still worked on."""

        async def send(messages: list[Any]) -> None:
            for message in messages:
                await message.in_progress()

        while not self._closed.wait(self._stream.ack_wait / 3):
            messages = list(self._out.values())
            try:
                if messages:
                    self._client.run(send(messages), 5.0)
            except self._client.failures as exc:
                _logger.debug("%s: %r", self._stream.url, exc)

    def close(self) -> None:
        if self._closed.is_set():
            return
        self._closed.set()
        if self._thread is not None:
            self._thread.join(10)
        left, self._out = list(self._out.values()), {}

        async def give_back() -> None:
            for message in left:
                await message.nak()

        try:
            if left:
                self._client.run(give_back(), 3.0)
        except self._client.failures as exc:
            _logger.debug("%s: %r", self._stream.url, exc)
        self._client.close()


def _record(message: Any, place: str, stored: float, deliveries: int) -> Record:
    given: Mapping[str, str] = message.headers or {}
    headers = {str(name).lower(): str(value) for name, value in given.items()}
    key = headers.pop(_KEY, "") or message.subject
    return Record(message.data, key, headers, place, 0, stored, deliveries)
