"""NATS, through nats-py: a subject is a stream with one shard.

When a JetStream stream takes the subject, its messages are kept there, and a group is a durable
consumer of it: at least once. Without one this is core NATS: a message that nobody reads in this
moment, or whose reader dies over it, is lost (at most once), and a group is a queue group.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.streams.base import Record, Stream
from mlrun_like.streams.nats_client import NatsClient
from mlrun_like.streams.nats_consumer import NatsConsumer
from mlrun_like.streams.opening import without_password

__all__ = ["NatsStream", "durable"]

_PLAIN = re.compile(r"[^A-Za-z0-9_-]+")
_KEY = "Mlrun-Like-Key"


class NatsStream(Stream):
    """A NATS subject.

    Args:
        url: `nats://[user:password@]host:port/subject`; `tls:` over TLS. A reader's subject may
            have wildcards (`orders.*`, `orders.>`).
        jetstream: `auto` (if a stream takes the subject), `yes` (made if there is none, named after
            the subject) or `no` (core NATS: at most once).
        ack_wait: Seconds after which JetStream hands a message out again whose reader has died;
            a living reader says before that it still works on it.
        prefetch: Messages that one group may hold unacknowledged.
        start: Where a new group begins: `earliest` or `latest`.
        timeout: Seconds to keep trying when the server cannot be reached.
    """

    in_memory: ClassVar[bool] = False

    def __init__(
        self,
        url: str,
        *,
        jetstream: str = "auto",
        ack_wait: float | str = 10.0,
        prefetch: int | str = 1000,
        start: str = "earliest",
        timeout: float = 15.0,
    ) -> None:
        parts = urlsplit(url)
        self.name, self.url = unquote(parts.path.strip("/")), without_password(url)
        if not parts.hostname or not self.name or " " in self.name:
            raise InvalidArgumentError(
                f"{self.url!r} does not name a NATS subject",
                fix="write nats://HOST:4222/SUBJECT",
            )
        if jetstream not in ("auto", "yes", "no") or start not in ("earliest", "latest"):
            raise InvalidArgumentError(
                f"jetstream={jetstream!r}, start={start!r} of a NATS stream are unknown",
                fix="jetstream: auto, yes or no; start: earliest or latest",
            )
        self.jetstream, self.start = jetstream, start
        self.ack_wait, self.prefetch, self.timeout = float(ack_wait), int(prefetch), timeout
        self.server = f"{parts.scheme}://{parts.netloc}"
        self._made: NatsClient | None = None

    def new_client(self) -> NatsClient:
        """A connection of its own."""
        return NatsClient(self.server, self.url, self.timeout)

    def _client(self) -> NatsClient:
        if self._made is None:
            self._made = self.new_client()
        return self._made

    @property
    def shards(self) -> int:
        return 1

    @property
    def keeps(self) -> bool:
        """Whether messages are kept until they are acknowledged (JetStream).

        Raises:
            StoreUnavailableError: if the server cannot be reached.
        """
        return bool(self.holder(self._client()))

    def holder(self, client: NatsClient) -> str:
        """The JetStream stream that takes the subject; empty: none does."""
        if self.jetstream == "no":
            return ""
        found = client.stream_of(self.name)
        if not found and self.jetstream == "yes":
            name = _PLAIN.sub("_", self.name).strip("_") or "all"
            client.call(lambda nc: nc.jetstream().add_stream(name=name, subjects=[self.name]))
            return name
        return found

    def push_records(self, records: Sequence[Record]) -> None:
        client = self._client()
        kept = self.holder(client)

        async def send(record: Record, nc: Any) -> None:
            headers = {name: _line(value) for name, value in record.headers.items()}
            if record.key:
                headers[_KEY] = _line(record.key)
            if kept:
                await nc.jetstream().publish(self.name, record.body, headers=headers or None)
            else:
                await nc.publish(self.name, record.body, headers=headers or None)
                await nc.flush(5)

        for record in records:
            client.call(functools.partial(send, record))

    def consumer(
        self, group: str, name: str = "", shards: Iterable[int] | None = None
    ) -> NatsConsumer:
        return NatsConsumer(self, durable(group), name)

    def depth(self, group: str) -> int:
        client = self._client()
        holder = self.holder(client)
        if not holder:
            return 0  # core NATS keeps nothing

        async def ask(nc: Any) -> int:
            js = nc.jetstream()
            found = [row for row in await js.consumers_info(holder) if row.name == durable(group)]
            if found:
                return int(found[0].num_pending or 0) + int(found[0].num_ack_pending or 0)
            return int((await js.stream_info(holder)).state.messages)

        return int(client.call(ask))

    def create(self, groups: Iterable[str] = ()) -> None:
        self.holder(self._client())

    def delete(self) -> None:
        """Remove the JetStream stream if it has this subject only."""
        client = self._client()
        holder = self.holder(client) if self.jetstream != "yes" else client.stream_of(self.name)

        async def remove(nc: Any) -> None:
            info = await nc.jetstream().stream_info(holder)
            if info.config.subjects == [self.name]:
                await nc.jetstream().delete_stream(holder)

        if holder:
            client.call(remove)

    def close(self) -> None:
        made, self._made = self._made, None
        if made is not None:
            made.close()


def durable(group: str) -> str:
    """A group's name as JetStream takes it.

    >>> durable("p/f.x")
    'p_f_x'
    """
    return _PLAIN.sub("_", group).strip("_") or "group"


def _line(value: str) -> str:
    return " ".join(value.split())
