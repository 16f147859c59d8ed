"""A reader of a RabbitMQ queue.

A thread of its own keeps the connection: it answers heartbeats, takes deliveries and sends
acknowledgements, and connects anew when the broker went away. What was not acknowledged then comes
again from the broker, so what is still held here is forgotten and late acknowledgements are, too.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import ConflictError
from mlrun_like.streams.backoff import Backoff
from mlrun_like.streams.base import Consumer, Record

if TYPE_CHECKING:
    from mlrun_like.streams.rabbitmq import RabbitStream

__all__ = ["RabbitConsumer"]

_logger = logging.getLogger("mlrun_like.streams")
_HEARTBEAT = 30
_TURN = 0.2
"""Seconds after which the thread looks whether it shall end."""


class RabbitConsumer(Consumer):
    """Made by `RabbitStream.consumer`; arguments as there."""

    def __init__(self, stream: RabbitStream, name: str = "") -> None:
        self.name = name
        self._stream = stream
        self._came: queue.SimpleQueue[tuple[int, Record]] = queue.SimpleQueue()
        self._connection: Any = None
        self._channel: Any = None
        self._life = 0
        """Which connection it is; tags of deliveries mean something on their own one only."""
        self._error: Exception | None = None
        self._stop = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="rabbitmq", daemon=True)
        self._thread.start()

    def read(self, max: int = 100, wait: float = 1.0) -> list[Record]:
        if self._closed:
            raise ConflictError(f"consumer {self.name!r} is closed", where=self._stream.url)
        found: list[Record] = []
        deadline = time.monotonic() + wait
        while len(found) < max:
            try:
                left = deadline - time.monotonic()
                if found or left <= 0:
                    life, record = self._came.get_nowait()
                else:
                    life, record = self._came.get(timeout=left)
            except queue.Empty:
                break
            if life == self._life:
                found.append(record)
        error = self._error
        if not found and error is not None:
            raise self._stream.unavailable(error) from error
        return found

    def ack(self, records: Sequence[Record]) -> None:
        tags = []
        for record in records:
            life, _, tag = record.id.partition("-")
            if int(life) == self._life:
                tags.append(int(tag))
        connection, life_now = self._connection, self._life
        if not tags or connection is None:
            return  # of a connection that is gone: the broker hands them out again

        def send() -> None:
            if self._life == life_now and self._channel is not None and self._channel.is_open:
                for tag in tags:
                    self._channel.basic_ack(tag)

        try:
            connection.add_callback_threadsafe(send)
        except self._stream.failures():
            pass  # lost in this moment

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._stop.set()
            self._thread.join(15)

    def _run(self) -> None:
        backoff = Backoff(most=5.0)
        while not self._stop.is_set():
            try:
                self._attend(backoff)
            except self._stream.failures() as exc:
                if self._stop.is_set():
                    break
                self._error = exc
                _logger.debug("%s: %s", self._stream.url, exc)
            except Exception as exc:  # noqa: BLE001  the thread's boundary: `read` tells it
                self._error = exc
                _logger.warning("%s: %r", self._stream.url, exc)
            self._life += 1
            self._connection = self._channel = None
            backoff.wait(sleep=self._stop.wait)

    def _attend(self, backoff: Backoff) -> None:
        """Connect, and look after the connection until it breaks or this reader is closed."""
        stream = self._stream
        connection = stream.pika.BlockingConnection(stream.parameters(_HEARTBEAT))
        try:
            stream.declare(connection)
            channel = connection.channel()
            channel.basic_qos(prefetch_count=stream.prefetch)
            life = self._life
            lost: list[str] = []

            def came(_channel: Any, method: Any, properties: Any, body: bytes) -> None:
                self._came.put((life, _record(life, method, properties, body)))

            channel.add_on_cancel_callback(lambda _: lost.append("the queue was deleted"))
            tag = channel.basic_consume(stream.name, came)
            self._connection, self._channel = connection, channel
            self._error = None
            backoff.reset()
            while not self._stop.is_set():
                connection.process_data_events(_TURN)
                if lost or not channel.is_open:
                    raise stream.pika.exceptions.AMQPChannelError(*(lost or ["it was closed"]))
            channel.basic_cancel(tag)
            connection.process_data_events(0)  # acknowledgements that are still to be sent
        finally:
            if connection.is_open:
                connection.close()  # what is not acknowledged goes back to the queue


def _record(life: int, method: Any, properties: Any, body: bytes) -> Record:
    given: Mapping[str, Any] = properties.headers or {}
    headers = {str(k): v if isinstance(v, str) else str(v) for k, v in given.items()}
    key = headers.pop("mlrun-like-key", "") or method.routing_key or ""
    for name, value in (
        ("content-type", properties.content_type),
        ("message-id", properties.message_id),
        ("correlation-id", properties.correlation_id),
    ):
        if value:
            headers.setdefault(name, str(value))
    count = given.get("x-delivery-count", 1 if method.redelivered else 0)
    return Record(
        bytes(body),
        key,
        headers,
        f"{life}-{method.delivery_tag}",
        0,
        float(properties.timestamp or time.time()),
        1 + (count if isinstance(count, int) else 1),
    )
