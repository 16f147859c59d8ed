"""Objects as they change: list, then watch from there, and list again when the past is gone.

Protocol as in the Kubernetes documentation, "Efficient detection of changes". The server may end a
watch at any time, forget versions (410 Gone), or be away for a while: none of it is the caller's
business unless it lasts.
"""

from __future__ import annotations

import contextlib
import copy
import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from mlrun_like.errors import EngineError, MLRunLikeError
from mlrun_like.runtimes.kubernetes.client import Client, status_of

__all__ = ["Change", "Watch", "lines_of", "shut"]

_LENGTH = 60
"""Seconds of one watch: then it is renewed, so a connection that hangs is noticed."""
_HANGING = 15.0
_SHORTEST_WAIT, _LONGEST_WAIT = 0.2, 3.0
_REFUSED = (400, 401, 403, 404, 405, 422)


class Change(NamedTuple):
    """One thing that happened.

    Args:
        kind: `ADDED`, `MODIFIED`, `DELETED`; `SYNC` after a list, with all there is in `items`;
            `LOST` when the server cannot be asked any more, with `error`.
        item: The object.
        items: For SYNC.
        error: For LOST.
    """

    kind: str
    item: dict[str, Any] = {}  # noqa: RUF012 - never changed in place
    items: tuple[dict[str, Any], ...] = ()
    error: MLRunLikeError | None = None


class Watch:
    """Follows the objects of one path in a thread of its own.

    Args:
        client: The server.
        path: Of the kind of object.
        tell: Called with each change, in the thread.
        selector: Labels that the objects have.
        patience: Seconds for which the server may be away.
    """

    def __init__(
        self,
        client: Client,
        path: str,
        tell: Callable[[Change], None],
        selector: str = "",
        patience: float = 600.0,
    ) -> None:
        self._client = copy.copy(client)
        self._client.patience = 0.0  # repeated here, with an eye on the end
        self._path = path
        self._tell = tell
        self._selector = selector
        self._patience = patience
        self._stop = threading.Event()
        self._response: Any = None
        self._good = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="mlrun-like-pods", daemon=True)

    def start(self) -> None:
        """Begin; the first change is a SYNC."""
        self._thread.start()

    def stop(self) -> None:
        """End, without waiting for the server."""
        self._stop.set()
        shut(self._response)
        self._thread.join(2.0)

    def _run(self) -> None:
        version, wait = "", _SHORTEST_WAIT
        while not self._stop.is_set():
            before = self._good
            try:
                version = version or self._list()
                version = self._follow(version)
                continue
            except EngineError as exc:
                if self._stop.is_set():
                    return
                if status_of(exc) == 410:
                    version = ""
                    continue
                away = time.monotonic() - self._good
                if status_of(exc) in _REFUSED or away > self._patience:
                    self._tell(Change("LOST", error=exc))
                    return
            except MLRunLikeError as exc:
                self._tell(Change("LOST", error=exc))
                return
            wait = _SHORTEST_WAIT if self._good > before else min(wait * 2, _LONGEST_WAIT)
            self._stop.wait(wait * random.uniform(0.8, 1.2))

    def _list(self) -> str:
        found = self._client.get(self._path, labelSelector=self._selector)
        self._good = time.monotonic()
        self._tell(Change("SYNC", items=tuple(found.get("items") or ())))
        return str(found.get("metadata", {}).get("resourceVersion") or "")

    def _follow(self, version: str) -> str:
        """One watch; the version to go on from."""
        self._response = self._client.stream(
            self._path,
            _LENGTH + _HANGING,
            watch="true",
            labelSelector=self._selector,
            resourceVersion=version,
            allowWatchBookmarks="true",
            timeoutSeconds=_LENGTH,
        )
        self._good = time.monotonic()
        try:
            for line in lines_of(self._response):
                if self._stop.is_set():
                    return version
                event = _event(line)
                if event is None:
                    return version  # torn off in the middle: go on from the last whole one
                kind, item = event
                if kind == "ERROR":
                    raise _error_of(item)
                self._good = time.monotonic()
                version = str(item.get("metadata", {}).get("resourceVersion") or version)
                if kind != "BOOKMARK":
                    self._tell(Change(kind, item))
        finally:
            shut(self._response)
        return version


def lines_of(response: Any) -> Iterator[bytes]:
    """Whole lines of a response as they come, the last one even without its end.

    A connection that breaks ends the lines like the end of the response does.
    """
    held = b""
    while True:
        try:
            data = response.read1()
        except Exception:  # noqa: BLE001 - a socket of a foreign library: it may raise anything
            data = b""
        if not data:
            break
        *whole, held = (held + data).split(b"\n")
        yield from whole
    if held:
        yield held


def shut(response: Any) -> None:
    """Close a response, waking up who reads from it in another thread."""
    if response is None:
        return
    with contextlib.suppress(Exception):
        response.shutdown()  # only this reaches a thread that waits in recv
    with contextlib.suppress(Exception):
        response.close()
    with contextlib.suppress(Exception):
        response.release_conn()


def _event(line: bytes) -> tuple[str, dict[str, Any]] | None:
    try:
        found = json.loads(line)
        return str(found["type"]), dict(found["object"])
    except (ValueError, KeyError, TypeError):
        return None


def _error_of(status: dict[str, Any]) -> EngineError:
    error = EngineError(
        f"the cluster ended the watch: {status.get('message') or status.get('reason')}",
        fix="it is started again by itself",
    )
    error.__dict__["http_status"] = int(status.get("code") or 0)
    return error
