"""The output of a pod's container, live, each line once, whatever happens to the connection.

The server puts a time before each line (`timestamps=true`). After a break the log is read again
from the second of the last line (`sinceTime` has no finer grain), and what was seen is skipped.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from mlrun_like.errors import EngineError, MLRunLikeError, NotFoundError
from mlrun_like.runtimes.kubernetes.client import Client, path_of, status_of
from mlrun_like.runtimes.kubernetes.watch import shut

__all__ = ["Lines", "LogStream"]

_SHORTEST_WAIT, _LONGEST_WAIT = 0.2, 3.0
_STAMP = re.compile(
    rb"([0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9])(?:\.([0-9]{1,9}))?"
    rb"(Z|[+-][0-9]{2}:[0-9]{2})\Z"
)
_QUIET = 90.0
"""Seconds without output after which the connection is renewed: it may hang."""
_REFUSED = (401, 403, 405, 422)


class Lines:
    """Takes the time off each line and leaves out what was seen before.

    >>> lines = Lines()
    >>> lines.feed(b"2024-01-01T00:00:00.5Z one\\n2024-01-01T00:00:00.6Z tw")
    b'one\\n'
    >>> lines.again()
    >>> lines.feed(b"2024-01-01T00:00:00.5Z one\\n2024-01-01T00:00:00.6Z two\\n")
    b'two\\n'
    """

    def __init__(self) -> None:
        self._held = b""
        self._last: tuple[str, str] | None = None  # second and fraction of the last line
        self._same = 0  # lines seen with the last time
        self._skip = 0  # of them, still to be skipped
        self._repeating = False

    @property
    def since(self) -> str:
        """From when to read again (RFC 3339 in UTC); empty: from the beginning."""
        return f"{self._last[0]}Z" if self._last else ""

    def again(self) -> None:
        """The log will be read again from `since`."""
        self._held = b""
        self._skip, self._repeating = self._same, self._last is not None

    def feed(self, data: bytes) -> bytes:
        """New text among the data; an incomplete line is kept."""
        *whole, self._held = (self._held + data).split(b"\n")
        return b"".join(part for line in whole for part in self._line(line, b"\n"))

    def end(self) -> bytes:
        """What was kept, at the end of the log."""
        rest, self._held = self._held, b""
        return b"".join(self._line(rest, b"")) if rest else b""

    def _line(self, line: bytes, newline: bytes) -> list[bytes]:
        stamp, space, text = line.partition(b" ")
        moment = _moment(stamp) if space else None
        if moment is None:
            return [] if self._repeating else [line + newline]  # not the server's form
        if self._repeating and self._last is not None:
            if moment < self._last:
                return []
            if moment == self._last and self._skip:
                self._skip -= 1
                return []
            self._repeating = False
        if moment == self._last:
            self._same += 1
        else:
            self._last, self._same = moment, 1
        return [text + newline]


def _moment(stamp: bytes) -> tuple[str, str] | None:
    """An RFC 3339 time as second in UTC and fraction, which can be compared; None: it is none."""
    found = _STAMP.match(stamp)
    if found is None:
        return None
    second, fraction, zone = (part.decode() if part else "" for part in found.groups())
    if zone != "Z":  # nodes may write the time of their place
        sign = 1 if zone[0] == "+" else -1
        away = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])) * sign
        try:
            second = (datetime.fromisoformat(second) - away).isoformat()
        except (ValueError, OverflowError):  # a program may print what looks like a time
            return None
    return second, fraction.ljust(9, "0")


class LogStream:
    """Follows a container's log in a thread of its own until the container has ended.

    Args:
        client: The server.
        pod: The pod's namespace and name.
        container: Its container.
        tell: Called with new text, in the thread; with None at the end of the log.
        patience: Seconds for which the log of an ended container is tried for.
    """

    def __init__(
        self,
        client: Client,
        pod: tuple[str, str],
        container: str,
        tell: Callable[[bytes | None], None],
        patience: float = 600.0,
    ) -> None:
        self._client = client
        self._path = path_of("v1", "Pod", *pod) + "/log"
        self._container = container
        self._tell = tell
        self._patience = patience
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._response: Any = None
        self._good = 0.0
        self._thread = threading.Thread(target=self._run, name="mlrun-like-log", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def container_ended(self) -> None:
        """No more lines will be written: a clean end of the stream is the end of the log."""
        self._ended.set()

    def stop(self) -> None:
        """Give up."""
        self._stop.set()
        shut(self._response)
        self._thread.join(2.0)

    def _run(self) -> None:
        lines, wait = Lines(), _SHORTEST_WAIT
        self._good = time.monotonic()
        try:
            while not self._stop.is_set():
                ended, before = self._ended.is_set(), self._good
                try:
                    whole = self._read(lines, ended)
                    if ended and whole:
                        return
                    if whole and self._ended.wait(1.0):
                        continue  # once more: the stream may have ended before the last lines
                except NotFoundError:
                    return  # the pod is gone, and its log with it
                except EngineError as exc:
                    late = time.monotonic() - self._good > self._patience
                    if status_of(exc) == 400 and ended:
                        return  # it has ended without ever having started
                    if status_of(exc) in _REFUSED or late:
                        self._tell(f"mlrun-like: the log cannot be read: {exc.what}\n".encode())
                        return
                except MLRunLikeError:
                    return
                wait = _SHORTEST_WAIT if self._good > before else min(wait * 2, _LONGEST_WAIT)
                self._stop.wait(wait)
        finally:
            self._tell(None)

    def _read(self, lines: Lines, final: bool) -> bool:
        """Read one response; True if it came to an end, False if it was torn off.

        An incomplete last line counts only in the `final` one: before that the rest may follow.
        """
        lines.again()
        self._response = self._client.stream(
            self._path,
            _QUIET,
            container=self._container,
            follow="true",
            timestamps="true",
            sinceTime=lines.since,
        )
        self._good = time.monotonic()
        try:
            while not self._stop.is_set():
                try:
                    data = self._response.read1()
                except Exception:  # noqa: BLE001 - a foreign library's socket: any error is a break
                    return False
                if not data:
                    text = lines.end() if final else b""
                    if text:
                        self._tell(text)
                    return True
                text = lines.feed(data)
                if text:
                    self._tell(text)
        finally:
            shut(self._response)
        return False
