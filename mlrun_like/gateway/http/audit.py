"""Records of invocations, for monitoring: what went into a function, and what came out.

One line of JSON each, in `<home>/gateway/invocations/<project>/<name>/<YYYY-MM-DD>.jsonl` (UTC):

| field | content |
|---|---|
| time | when the request had arrived, ISO form, UTC |
| project, function, version | who answered |
| id | of the transaction, as in the access log and the header `x-request-id` |
| method, path | path and query, parameters that are named like secrets masked |
| status | of the answer |
| seconds, queue_seconds | in all; waiting for a replica |
| client, trigger | who asked; empty trigger: HTTP |
| share | share of the invocations that is recorded, 0 to 1: how many this one stands for |
| complete | whether the answer did not break off |
| input, output | `size` (bytes of all), `type` (content type), `text` or `base64`, `cut` (if it is longer than the record holds) |

Files end with whole lines; a reader that meets one without its line end leaves it for later.
"""  # noqa: E501  a row of a table is one line

from __future__ import annotations

import base64
import datetime
import random
from pathlib import Path
from typing import Any

import orjson

from mlrun_like.gateway.call import Call
from mlrun_like.gateway.http.accesslog import masked
from mlrun_like.gateway.http.lines import LineWriter

__all__ = ["Audit", "Sample", "content_of"]

_MOST = 16 * 1024  # bytes of an input or output that a record holds


class Sample:
    """The output of one invocation as it passes.

    Args:
        share: Share of the invocations that is recorded.
    """

    __slots__ = ("data", "share", "size", "type")

    def __init__(self, share: float) -> None:
        self.share = share
        self.data = b""
        self.size = 0
        self.type = b""

    def add(self, data: bytes) -> None:
        """A part of the body."""
        if len(self.data) < _MOST:
            self.data += data[: _MOST - len(self.data)]
        self.size += len(data)


class Audit:
    """Writes the records.

    Args:
        folder: `<home>/gateway/invocations`.
    """

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)
        self._writer = LineWriter()
        self._random = random.Random()

    def sample(self, share: float) -> Sample | None:
        """Whether this invocation is recorded: then what collects its output."""
        return Sample(share) if share >= 1.0 or self._random.random() < share else None

    def add(
        self,
        function: str,
        call: Call,
        sample: Sample,
        times: tuple[float, float],
        complete: bool = True,
    ) -> None:
        """Record an invocation; `times` are the seconds of the whole and of the waiting."""
        now = datetime.datetime.now(datetime.timezone.utc)
        project, _, name = function.partition("/")
        kind = next((value for key, value in call.headers if key == b"content-type"), b"")
        record = {
            "time": (now - datetime.timedelta(seconds=times[0])).isoformat(timespec="milliseconds"),
            "project": project,
            "function": name,
            "version": call.version,
            "id": call.id.decode("latin-1"),
            "method": call.method.decode("latin-1"),
            "path": masked(call.target),
            "status": call.status,
            "seconds": round(times[0], 6),
            "queue_seconds": round(max(0.0, times[1]), 6),
            "client": call.client,
            "trigger": call.trigger,
            "share": sample.share,
            "complete": complete,
            "input": content_of(call.body, len(call.body), kind),
            "output": content_of(sample.data, sample.size, sample.type),
        }
        path = self._folder / project / name / f"{now:%Y-%m-%d}.jsonl"
        self._writer.add(path, orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))

    @property
    def dropped(self) -> int:
        """Records that were lost because the disk was full or too slow."""
        return self._writer.dropped

    def flush(self) -> None:
        """Wait until all records are written."""
        self._writer.flush()

    def close(self) -> None:
        """Write the rest."""
        self._writer.close()


def content_of(data: bytes, size: int, kind: bytes) -> dict[str, Any]:
    """A body in a record.

    >>> content_of(b"hello", 5, b"text/plain")
    {'size': 5, 'type': 'text/plain', 'text': 'hello'}
    >>> content_of(b"\\xff\\x00", 2, b"")
    {'size': 2, 'type': '', 'base64': '/wA='}
    """
    found: dict[str, Any] = {"size": size, "type": kind.decode("latin-1")}
    data = data[:_MOST]
    cut = len(data) < size
    text = _text(data, cut)
    if text is None:
        found["base64"] = base64.b64encode(data).decode("ascii")
    else:
        found["text"] = text
    if cut:
        found["cut"] = True
    return found


def _text(data: bytes, cut: bool) -> str | None:
    if b"\x00" in data:
        return None
    for shorter in range(4 if cut else 1):  # the cut may have gone through a character
        try:
            return data[: len(data) - shorter].decode("utf-8")
        except UnicodeDecodeError:
            continue
    return None
