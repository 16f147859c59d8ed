"""Records that failed for good: kept with the reason, and put back when it is gone."""

from __future__ import annotations

import base64
import time
from typing import Any

from mlrun_like.errors import MLRunLikeError, StepError
from mlrun_like.serving.codec import decode, encode
from mlrun_like.serving.event import Event
from mlrun_like.streams.base import Record, Stream

__all__ = ["dead_letter", "put_back"]

_LONGEST = 10_000


def dead_letter(
    record: Record, event: Event | None, error: BaseException, *, attempts: int, stream: str,
    function: str,
) -> Record:  # fmt: skip
    """The record that tells what failed, with the record that failed inside it.

    Args:
        record: What was read.
        event: What was made of it, or None.
        error: Why it failed.
        attempts: How often it was tried.
        stream: The URL of the stream it was read from.
        function: The function that tried.
    """
    told = error.__cause__ if isinstance(error, StepError) and error.__cause__ else error
    named = told.what if isinstance(told, MLRunLikeError) else str(told)
    document: dict[str, Any] = {
        "error": f"{type(told).__name__}: {named}"[:_LONGEST],
        "step": getattr(error, "step", ""),
        "event_id": event.id if event is not None else "",
        "attempts": attempts,
        "function": function,
        "when": time.time(),
        "stream": stream,
        "shard": record.shard,
        "offset": record.id,
        "time": record.time,
        "key": record.key,
        "headers": dict(record.headers),
    }
    try:
        document["body"] = record.body.decode()
    except UnicodeDecodeError:
        document["body_base64"] = base64.b64encode(record.body).decode()
    return Record(encode(document), record.key)


def put_back(letters: Stream, queue: Stream, group: str = "put-back", most: int = 0) -> int:
    """Push dead letters to their queue again; returns how many.

    Each is acknowledged for `group` after it was pushed, so a second call goes on after the first.

    Args:
        letters: The stream of dead letters.
        queue: Where they go.
        group: The consumer group that remembers which were put back.
        most: At most so many; 0: all that are there.
    """
    count = 0
    with letters.consumer(group) as consumer:
        while (not most or count < most) and letters.depth(group):
            found = consumer.read(min(100, most - count) if most else 100, 1.0)
            queue.push_records([_inside(letter) for letter in found])
            consumer.ack(found)
            count += len(found)
    return count


def _inside(letter: Record) -> Record:
    document = decode(letter.body)
    body = document.get("body")
    raw = body.encode() if body is not None else base64.b64decode(document["body_base64"])
    return Record(raw, str(document.get("key") or ""), document.get("headers") or {})
