"""RabbitMQ, through pika: a queue is a stream with one shard.

All readers of a queue share it, whatever their group is called: who wants every message for several
groups binds a queue of its own for each of them to one exchange.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.registry import require
from mlrun_like.streams.backoff import Backoff
from mlrun_like.streams.base import Record, Stream
from mlrun_like.streams.opening import without_password
from mlrun_like.streams.rabbitmq_consumer import RabbitConsumer

__all__ = ["RabbitStream"]


class RabbitStream(Stream):
    """A RabbitMQ queue, made when it does not exist.

    Args:
        url: `amqp://[user:password@]host:port/[vhost/]queue`; `amqps:` over TLS.
        exchange: An exchange that feeds the queue; made as one of kind `topic` if it is not there.
            Empty: messages go to the queue directly.
        topics: Routing keys that the queue takes from the exchange, with `*` and `#`, as a list or
            separated by commas; by default the queue's name.
        durable: Whether queue and exchange, if made, outlive a restart of the broker.
        prefetch: Messages that one reader may hold unacknowledged.
        timeout: Seconds to keep trying when the broker cannot be reached.
    """

    in_memory: ClassVar[bool] = False

    def __init__(
        self,
        url: str,
        *,
        exchange: str = "",
        topics: Sequence[str] | str = (),
        durable: bool | str = True,
        prefetch: int | str = 256,
        timeout: float = 15.0,
    ) -> None:
        self.pika = require("pika", feature="an amqp:// stream", extra="rabbitmq")
        parts = urlsplit(url)
        vhost, _, name = parts.path.strip("/").rpartition("/")
        self.name, self.url = unquote(name), without_password(url)
        if not parts.hostname or not self.name:
            raise InvalidArgumentError(
                f"{self.url!r} does not name a RabbitMQ queue",
                fix="write amqp://HOST:5672/QUEUE or amqp://HOST:5672/VHOST/QUEUE",
            )
        user = parts.netloc.rpartition("@")[0]
        place = f"{parts.hostname}:{parts.port or (5671 if parts.scheme == 'amqps' else 5672)}"
        host = f"{user}@{place}" if user else place
        self._server = f"{parts.scheme}://{host}/{vhost or '%2F'}"
        self.exchange = exchange
        self.topics = topics.split(",") if isinstance(topics, str) else list(topics)
        self.durable = str(durable).lower() not in ("false", "0", "no")
        self.prefetch, self.timeout = int(prefetch), timeout
        self._lock = threading.Lock()
        self._connection: Any = None
        self._channel: Any = None

    def parameters(self, heartbeat: int) -> Any:
        """How pika shall connect."""
        try:
            found = self.pika.URLParameters(self._server)
        except (ValueError, TypeError) as exc:
            raise InvalidArgumentError(f"{self.url!r} is no address of a broker: {exc}") from exc
        found.heartbeat = heartbeat
        found.socket_timeout = found.stack_timeout = min(10.0, max(1.0, self.timeout))
        found.blocked_connection_timeout = 30.0
        return found

    def failures(self) -> tuple[type[Exception], ...]:
        """What pika raises when the broker cannot be reached or refuses."""
        found = self.pika.exceptions
        return (found.AMQPError, found.ChannelError, OSError)

    def unavailable(self, exc: object) -> StoreUnavailableError:
        """The error that says that RabbitMQ does not answer."""
        return StoreUnavailableError(
            f"RabbitMQ cannot be used: {_told(exc)}",
            where=self.url,
            fix="check that the broker runs and the user may read and write this queue",
        )

    def declare(self, connection: Any) -> None:
        """Make exchange, queue and bindings where they do not exist; what exists is left as it is.

        Args:
            connection: One of pika's blocking connections.
        """
        closed = self.pika.exceptions.ChannelClosedByBroker
        try:
            channel = connection.channel()
            channel.queue_declare(self.name, passive=True)
        except closed as exc:
            if exc.reply_code != 404:
                raise
            channel = connection.channel()
            channel.queue_declare(self.name, durable=self.durable)
        if self.exchange:
            try:
                channel.exchange_declare(self.exchange, passive=True)
            except closed as exc:
                if exc.reply_code != 404:
                    raise
                channel = connection.channel()
                channel.exchange_declare(self.exchange, "topic", durable=self.durable)
            for topic in self.topics or [self.name]:
                channel.queue_bind(self.name, self.exchange, topic)
        channel.close()

    @property
    def shards(self) -> int:
        return 1

    def push_records(self, records: Sequence[Record]) -> None:
        properties = self.pika.BasicProperties
        for record in records:
            headers: Mapping[str, str] = record.headers
            sent = properties(
                headers={"mlrun-like-key": record.key, **headers} if record.key else dict(headers),
                content_type=headers.get("content-type"),
                delivery_mode=2,
                timestamp=int(time.time()),
            )
            key = (record.key or self.name) if self.exchange else self.name

            def publish(
                channel: Any, key: str = key, body: bytes = record.body, sent: Any = sent
            ) -> None:
                channel.basic_publish(self.exchange, key, body, sent)  # waits for the confirmation

            self._call(publish)

    def _call(self, work: Any) -> Any:
        """Do something on a channel, on a new connection if the old one is lost."""
        backoff, deadline = Backoff(), time.monotonic() + self.timeout
        with self._lock:
            while True:
                try:
                    if self._connection is None or not self._connection.is_open:
                        # nobody looks after this connection between two calls: no heartbeats
                        self._connection = self.pika.BlockingConnection(self.parameters(0))
                        self.declare(self._connection)
                    if self._channel is None or not self._channel.is_open:
                        self._channel = self._connection.channel()
                        self._channel.confirm_delivery()
                    return work(self._channel)
                except self.failures() as exc:
                    self._drop()
                    if not backoff.wait(deadline):
                        raise self.unavailable(exc) from exc

    def _drop(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            try:
                connection.close()
            except self.failures():
                pass  # it is lost anyway

    def consumer(
        self, group: str, name: str = "", shards: Iterable[int] | None = None
    ) -> RabbitConsumer:
        return RabbitConsumer(self, name)

    def depth(self, group: str) -> int:
        """Messages that no reader has; those that one holds are not counted by the broker."""
        found = self._call(lambda channel: channel.queue_declare(self.name, passive=True))
        return int(found.method.message_count)

    def create(self, groups: Iterable[str] = ()) -> None:
        self._call(lambda channel: None)

    def delete(self) -> None:
        self._call(lambda channel: channel.queue_delete(self.name))
        with self._lock:
            self._drop()

    def close(self) -> None:
        with self._lock:
            self._drop()


def _told(exc: object) -> str:
    """What pika means: its errors often are a nested list of tries with no text of their own."""
    inner = getattr(exc, "exceptions", None) or getattr(exc, "args", ())
    for item in inner or ():
        deeper = getattr(item, "exception", item)
        if isinstance(deeper, BaseException):
            return _told(deeper)
    return f"{type(exc).__name__}: {exc}" if str(exc) else type(exc).__name__
