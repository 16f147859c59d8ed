"""A stream that tests look into."""

from __future__ import annotations

from typing import Any

from mlrun_like.streams.memory import MemoryStream

__all__ = ["DummyStream"]


class DummyStream(MemoryStream):
    """A stream for tests: `event_list` holds what was pushed, as it was pushed.

    Args:
        url: `dummy://`, with or without a name.
        event_list: A list to append to.
        shards: Number of shards.
        ignored: Options of the stream that it stands for.

    >>> stream = DummyStream("dummy://")
    >>> stream.push({"x": 1})
    >>> stream.event_list
    [{'x': 1}]
    """

    def __init__(
        self,
        url: str = "dummy://",
        *,
        event_list: list[Any] | None = None,
        shards: int | None = None,
        **ignored: Any,
    ) -> None:
        super().__init__("memory://", shards=shards)
        self.url = url
        self.event_list: list[Any] = event_list if event_list is not None else []

    def push(self, data: Any, partition_key: str = "") -> None:
        super().push(data, partition_key)
        self.event_list.extend(data if isinstance(data, list) else [data])
