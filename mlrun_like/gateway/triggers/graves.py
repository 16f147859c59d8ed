"""Where events go that could not be worked on: a stream beside their source, or a file."""

from __future__ import annotations

import base64
import errno
import os
import re
import time
from pathlib import Path
from urllib.parse import urlsplit

import orjson

from mlrun_like import registry
from mlrun_like.errors import MLRunLikeError, StoreUnavailableError
from mlrun_like.gateway.triggers.brokers import beside
from mlrun_like.gateway.triggers.config import TriggerConfig
from mlrun_like.gateway.triggers.event import Event
from mlrun_like.streams.base import Record, Stream
from mlrun_like.streams.opening import open_stream, without_password

__all__ = ["Grave", "told"]

_PATIENCE = 3
"""Times that a stream may refuse an event before it goes into the file."""


def told(config: TriggerConfig, event: Event) -> dict[str, str]:
    """The headers of a dead letter: its own, where it came from, and what was wrong."""
    return {
        **event.headers,
        **({"content-type": event.content_type} if event.content_type else {}),
        "dead-letter-function": config.key,
        "dead-letter-trigger": config.name,
        "dead-letter-error": " ".join(event.error.split())[:500],
        "dead-letter-tries": str(event.tries),
        "dead-letter-topic": event.topic,
        "dead-letter-shard": str(event.shard),
        "dead-letter-offset": event.offset,
        "dead-letter-event-id": event.id,
        "dead-letter-time": f"{time.time():.3f}",
    }


class Grave:
    """The place for a trigger's dead letters. Not for several threads at once.

    Args:
        config: The trigger.
        url: A stream beside its source; empty: there is none.
        home: The gateway's folder.
    """

    def __init__(self, config: TriggerConfig, url: str, home: Path) -> None:
        self._config = config
        project, name = config.key.split("/", 1)
        folder = home / "dead-letters" / project / name
        self._file = folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', config.name)}.jsonl"
        wanted = config.dead_letter
        if wanted and "://" not in wanted and not wanted.startswith("/"):
            wanted = beside(config, wanted)
        wanted = wanted or url
        scheme = urlsplit(wanted).scheme
        if wanted and scheme in ("", "file"):
            path = Path(urlsplit(wanted).path)
            self._file = path if path.suffix else path / self._file.name
            wanted = ""
        self._url = wanted
        if scheme == "nats" and "jetstream=" not in wanted:
            self._url += ("&" if "?" in wanted else "?") + "jetstream=yes"
        self._stream: Stream | None = None
        self._refused = 0

    @property
    def place(self) -> str:
        """Where dead letters go, without credentials."""
        return without_password(self._url) if self._url else str(self._file)

    @staticmethod
    def check(url: str) -> str:
        """What is wrong with the name of a place for dead letters; empty: nothing."""
        scheme = urlsplit(url).scheme
        if "://" in url and scheme != "file" and scheme not in registry.known("streams"):
            return f"there are no streams of kind {scheme!r}"
        return ""

    def bury(self, event: Event) -> str:
        """Put an event there; says where.

        Raises:
            StoreUnavailableError: if that is not possible now; call again later.
        """
        headers = told(self._config, event)
        if self._url:
            try:
                if self._stream is None:
                    self._stream = open_stream(self._url, timeout=5.0)
                self._stream.push_records([Record(event.body, event.key, headers)])
                self._refused = 0
                return self._stream.url
            except MLRunLikeError as exc:
                self._refused += 1
                if self._refused < _PATIENCE and isinstance(exc, StoreUnavailableError):
                    raise
        return self._write(event, headers)

    def _write(self, event: Event, headers: dict[str, str]) -> str:
        line = orjson.dumps(
            {"headers": headers, "key": event.key, "body64": base64.b64encode(event.body).decode()}
        )
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                size = os.fstat(file).st_size
                # a line that a crash cut off stays alone
                torn = size > 0 and os.pread(file, 1, size - 1) != b"\n"
                data = b"\n" * torn + line + b"\n"
                # one write: a line is there as a whole or, after a crash, cut off at the end
                if os.write(file, data) < len(data):
                    os.ftruncate(file, size)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                os.fsync(file)
            finally:
                os.close(file)
        except OSError as exc:
            raise StoreUnavailableError(
                f"a dead letter cannot be written: {exc}", where=str(self._file)
            ) from exc
        return str(self._file)

    def close(self) -> None:
        """Let go of its connection."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
