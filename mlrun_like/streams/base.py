"""The interface of streams.

A stream is a list of records in shards. Records with one key are in one shard, in the order they
were pushed. A group reads every record once: each shard is read by one member at a time, and a
record that a member read but did not acknowledge is read again after the member has closed or died
(at-least-once). Different groups do not know of each other.
"""

from __future__ import annotations

import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar

import orjson

from mlrun_like.errors import InvalidArgumentError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NO_HEADERS", "Consumer", "Forwarding", "Record", "Stream", "shard_of", "to_body"]

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Record:
    """One entry of a stream.

    Args:
        body: The content.
        key: Records with one key keep their order; empty: no order is promised.
        headers: Short texts that travel with the body.
        id: Its place in the shard, given by the stream.
        shard: The shard it is in, given by the stream.
        time: When the stream stored it, in seconds since 1970.
        deliveries: How often it has been handed out to the group, this time included; more than
            1: an earlier reader closed or died before it acknowledged.

    >>> Record(b"{}", key="user-1").key
    'user-1'
    """

    __slots__ = ("body", "deliveries", "headers", "id", "key", "shard", "time")

    def __init__(
        self,
        body: bytes,
        key: str = "",
        headers: Mapping[str, str] = NO_HEADERS,
        id: str = "",
        shard: int = 0,
        time: float = 0.0,
        deliveries: int = 1,
    ) -> None:
        self.body = body
        self.key = key
        self.headers = headers
        self.id = id
        self.shard = shard
        self.time = time
        self.deliveries = deliveries

    def __repr__(self) -> str:
        return (
            f"Record({self.body[:60]!r}, key={self.key!r}, id={self.id!r}, shard={self.shard}, "
            f"deliveries={self.deliveries})"
        )


class Consumer(ABC):
    """One member of a group; made by `Stream.consumer`. Not for several threads at once."""

    @abstractmethod
    def read(self, max: int = 100, wait: float = 1.0) -> list[Record]:
        """The next records: those that an earlier member left unacknowledged come first.

        Args:
            max: The most records to return.
            wait: Seconds to wait for the first one; none came: an empty list.

        Raises:
            StoreUnavailableError: if the stream cannot be reached; call again later.
            ConflictError: if another process has taken this member's name.
        """

    @abstractmethod
    def ack(self, records: Sequence[Record]) -> None:
        """Say that these records are done, in any order; they will not be read again.

        Raises:
            StoreUnavailableError: if the stream cannot be reached; call again later.
        """

    @abstractmethod
    def close(self) -> None:
        """Leave the group; what was not acknowledged goes to another member. May be repeated."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class Forwarding(ABC):
    """An ability of some consumers: push outputs and acknowledge inputs in one indivisible step.

    Ask with `isinstance`; with it, a crash between the two cannot make duplicates.
    """

    @abstractmethod
    def forward(
        self, done: Sequence[Record], outputs: Sequence[tuple[Stream, Sequence[Record]]]
    ) -> bool:
        """Push all of `outputs` and acknowledge `done`, or neither.

        Returns:
            False: one of the streams is elsewhere, and nothing was done.

        Raises:
            StoreUnavailableError: if it is not known whether it happened; call again later.
            ConflictError: if another member now reads one of the shards; nothing was done.
        """


class Stream(ABC):
    """A named stream; made by `open_stream`. Safe to share between threads.

    Attributes:
        url: Where it is, without credentials.
        name: Its name there.
        in_memory: Whether its records take memory while they wait, so that they must not be many.
    """

    url: str
    name: str
    in_memory: ClassVar[bool] = True

    @property
    @abstractmethod
    def shards(self) -> int:
        """The number of shards, 1 or more."""

    @abstractmethod
    def push_records(self, records: Sequence[Record]) -> None:
        """Append records, in order; returns when the stream has stored all of them.

        Raises:
            StoreUnavailableError: if the stream cannot be reached; some may be stored.
        """

    @abstractmethod
    def consumer(self, group: str, name: str = "", shards: Iterable[int] | None = None) -> Consumer:
        """Join a group, which starts at the oldest record if it is new.

        Args:
            group: The group's name.
            name: The member's name. A process that restarts under its old name takes over at
                once what it left; by default a new name each time.
            shards: Read exactly these shards; who reads what is then the caller's business. By
                default the members of the group share all shards among them.
        """

    @abstractmethod
    def depth(self, group: str) -> int:
        """How many records the group has not acknowledged yet."""

    @abstractmethod
    def create(self, groups: Iterable[str] = ()) -> None:
        """Make the stream and these groups where they do not exist yet."""

    @abstractmethod
    def delete(self) -> None:
        """Remove the stream, its records and groups; none there: nothing happens."""

    @abstractmethod
    def close(self) -> None:
        """Release connections; may be repeated."""

    def push(self, data: Any, partition_key: str = "") -> None:
        """Append one value or a list of values (MLRun's call).

        Args:
            data: Text, bytes, a `Record`, or anything JSON can carry; a list is several of them.
            partition_key: The key of each.

        Raises:
            InvalidArgumentError: if a value cannot be written as JSON.
        """
        items = data if isinstance(data, list) else [data]
        self.push_records(
            [
                item if isinstance(item, Record) else Record(to_body(item), partition_key or "")
                for item in items
            ]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"


def to_body(value: Any) -> bytes:
    """Bytes and text as they are, anything else as JSON.

    >>> to_body({"x": 1}), to_body("plain")
    (b'{"x":1}', b'plain')

    Raises:
        InvalidArgumentError: if JSON cannot carry it.
    """
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value)
    try:
        if isinstance(value, str):
            return value.encode()
        return orjson.dumps(value, _plain, orjson.OPT_NON_STR_KEYS | orjson.OPT_SERIALIZE_NUMPY)
    except (TypeError, ValueError) as exc:
        raise InvalidArgumentError(
            f"a value cannot be pushed to a stream: {exc}",
            where=f"{value!r:.80}",
            fix="push text, bytes, or what JSON can carry",
        ) from exc


def _plain(value: Any) -> Any:
    tolist = getattr(value, "tolist", None)
    if tolist is not None:
        return tolist()
    if isinstance(value, (set, frozenset)):
        return list(value)
    if isinstance(value, (bytes, bytearray)):
        return value.decode("utf-8", "replace")
    return str(value)


def shard_of(key: str, shards: int) -> int:
    """The shard of a key, the same in every process.

    >>> shard_of("user-1", 4) == shard_of("user-1", 4)
    True
    """
    return zlib.crc32(key.encode()) % shards if shards > 1 else 0
