"""Recorder: requests, answers and the inputs of steps in files, to look at and to replay."""

from __future__ import annotations

import datetime
import random
import re
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from time import perf_counter
from typing import Any

import orjson

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.observe.journal import Journal
from mlrun_like.serving.observe.values import dump, encode, pack, truncated
from mlrun_like.serving.observer import Observer

__all__ = ["Recorder", "without_secrets"]

_DRAFT = "_recording"
_HIDDEN = "***"
_SECRET = re.compile(
    r"auth|cookie|token|secret|passw|pwd|credential|(api|access)[-_]?key|session|signature|"
    r"^(sig|key)$",
    re.IGNORECASE,
)
_IN_PATH = re.compile(r"([?&;]([^=&;?#]*)=)([^&;#]*)")


class _Draft:
    """What is known of an event that is not yet answered."""

    __slots__ = ("begin", "body", "path", "steps", "time")

    def __init__(self, event: Event, body: Any) -> None:
        self.time = time.time()
        self.begin = perf_counter()
        self.path = event.path
        self.body = body
        self.steps: list[dict[str, Any]] = []


class Recorder(Observer):
    """Writes a sample of the events, one JSON line each, into files of a folder.

    A line has `id`, `time`, `path`, `query`, `method`, `headers`, `content_type`, `key`, `body`,
    `status`, `answer`, `error`, `seconds` and, if asked for, `steps` with the input and result of
    each call. Values of headers and query parameters whose names speak of secrets (authorization,
    cookies, tokens, keys, …) are replaced by `***`. A body is written down before the first step
    can change it. When this process is killed, at most the line that is being written is lost.

    Args:
        folder: Where the files are; worker processes may share it.
        sample: The part of all events that is recorded, from 0 to 1.
        errors: Whether events that fail (status 500 or more) are recorded even if they are not in
            the sample; then the body of every event is encoded.
        steps: Whether inputs and results of steps are recorded: all, or those with these names.
        format: `jsonl`, or `parquet`: then files become Parquet when they are full or closed.
        max_bytes: Size in bytes at which a new file begins.
        max_total: Bytes of all files; the oldest are removed.
        max_body: Bytes of one body, as JSON; larger ones are left out.
        redact: Given each body, gives what to record instead; it must not change the body itself.

    Raises:
        InvalidArgumentError: if an argument cannot be used.

    >>> import tempfile
    >>> from mlrun_like.serving.observe.journal import read_journal
    >>> folder = tempfile.mkdtemp()
    >>> recorder = Recorder(folder)
    >>> event = Event({"x": 1}, id="e1", headers={"authorization": "Bearer abc"})
    >>> recorder.begin(event); recorder.end(event, Response(2), None); recorder.close()
    >>> [(r["id"], r["body"], r["answer"], r["headers"]) for r in read_journal(folder)]
    [('e1', {'x': 1}, 2, {'authorization': '***'})]
    """

    def __init__(  # noqa: PLR0913 - each is one independent choice of the recording
        self,
        folder: str | Path,
        *,
        sample: float = 1.0,
        errors: bool = False,
        steps: bool | Collection[str] = False,
        format: str = "jsonl",
        max_bytes: int = 64 << 20,
        max_total: int = 1 << 30,
        max_body: int = 1 << 20,
        redact: Callable[[Any], Any] | None = None,
    ) -> None:
        if not 0 <= sample <= 1:
            raise InvalidArgumentError(f"sample cannot be {sample!r}", fix="give a part: 0 to 1")
        if format not in ("jsonl", "parquet"):
            raise InvalidArgumentError(
                f"format cannot be {format!r}", fix='use "jsonl" or "parquet"'
            )
        self.steps = bool(steps)
        self._names = None if isinstance(steps, bool) else frozenset(steps)
        self._sample = sample
        self._errors = errors
        self._max_body = max_body
        self._redact = redact
        self.journal = Journal(
            folder, max_bytes=max_bytes, max_total=max_total, parquet=format == "parquet"
        )

    def begin(self, event: Event) -> None:
        """An event enters the graph."""
        chosen = self._sample >= 1 or random.random() < self._sample
        if chosen or self._errors:
            draft = _Draft(event, self._encoded(event.body))
            setattr(event, _DRAFT, (draft, chosen))

    def before_step(self, event: Event, step: str, body: Any) -> Any:
        """A step is about to be called."""
        found = event.__dict__.get(_DRAFT)
        if found is None or (self._names is not None and step not in self._names):
            return None
        entry: dict[str, Any] = {"step": step, "body": self._encoded(body)}
        if event.error is not None:
            entry["error_before"] = pack(event.error)
            entry["origin"] = event.origin_state
        return found[0], entry, perf_counter()

    def after_step(
        self, event: Event, step: str, token: Any, body: Any, error: BaseException | None
    ) -> None:
        """The step gave this body, or failed."""
        if token is None:
            return
        draft, entry, begin = token
        entry["seconds"] = perf_counter() - begin
        if error is None:
            entry["result"] = self._encoded(body)
        else:
            entry["error"] = _told(error)
        draft.steps.append(entry)

    def end(self, event: Event, response: Response | None, error: BaseException | None) -> None:
        """The event is answered, or failed."""
        draft, chosen = event.__dict__.pop(_DRAFT, (None, False))
        if draft is None:
            return
        status = response.status_code if response is not None else getattr(error, "status", None)
        if error is not None and status is None:
            status = 500
        if not chosen and (status is None or status < 500):
            return
        record: dict[str, Any] = {
            "id": str(event.id),
            "time": datetime.datetime.fromtimestamp(draft.time, datetime.timezone.utc).isoformat(),
            "path": _IN_PATH.sub(_hidden, draft.path),
            "method": event.method,
            "headers": without_secrets(event.headers),
            "content_type": event.content_type,
            "key": pack(event.key),
            "body": draft.body,
            "status": status,
            "seconds": perf_counter() - draft.begin,
        }
        if event.query_string:
            text = "?" + event.query_string.decode("latin-1")
            record["query"] = _IN_PATH.sub(_hidden, text)[1:]
        if response is not None:
            record["answer"] = self._encoded(response.body)
        if error is not None:
            record["error"] = _told(error)
        if draft.steps:
            record["steps"] = draft.steps
        self.journal.append(dump(record))

    def close(self) -> None:
        """Close the file (and turn it into Parquet, if that was asked for)."""
        self.journal.close()

    def _encoded(self, body: Any) -> orjson.Fragment:
        """A body as JSON, now: steps may change it in place."""
        line = encode(body if self._redact is None else self._redact(body))
        return orjson.Fragment(line if len(line) <= self._max_body else dump(truncated(len(line))))


def without_secrets(headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with `***` for the values of those whose name speaks of a secret.

    >>> without_secrets({"X-Api-Key": "abc", "accept": "*/*"})
    {'X-Api-Key': '***', 'accept': '*/*'}
    """
    return {
        str(name): _HIDDEN if _SECRET.search(str(name)) else str(value)
        for name, value in headers.items()
    }


def _hidden(found: re.Match[str]) -> str:
    return found[1] + (_HIDDEN if _SECRET.search(found[2]) else found[3])


def _told(error: BaseException) -> dict[str, str]:
    cause = error.__cause__ or error
    told = {"type": type(cause).__name__, "message": str(cause)[:2000]}
    step = getattr(error, "step", "")
    return {**told, "step": step} if step else told
