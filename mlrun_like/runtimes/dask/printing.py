"""What tasks print on workers reaches the log of the run that sent them.

Tasks carry the run's id as an annotation (`session.RunClient`); a worker that runs one sends what
it prints as events on a topic named after the run.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, TextIO

from distributed.diagnostics.plugin import WorkerPlugin

__all__ = ["ANNOTATION", "PrintPlugin", "topic_of"]

ANNOTATION = "mlrun_like_run"
_LIMIT = 8192
"""Characters that are kept back while a line is not complete."""


def topic_of(uid: str) -> str:
    """The topic of a run's output."""
    return f"mlrun-like-output-{uid}"


class PrintPlugin(WorkerPlugin):  # type: ignore[misc]
    """Sends what annotated tasks print.

    Args:
        owner: Host and process of the client: a worker in that very process is left alone, because
            the run in it sees what it prints anyway.
        shows: Whether what is sent is also written to where the worker writes.
    """

    name = "mlrun-like-printing"
    idempotent = True

    def __init__(self, owner: tuple[str, int], shows: bool = True) -> None:
        self.owner = owner
        self.shows = shows
        self._streams: dict[str, _Forwarding] = {}

    def setup(self, worker: Any) -> None:
        """Stand in for the worker's standard output and error."""
        if self.owner == (os.uname().nodename, os.getpid()):
            return
        for name in ("stdout", "stderr"):
            base = getattr(sys, name)
            if base is not None and not isinstance(base, _Forwarding):
                self._streams[name] = _Forwarding(base, worker, self.shows)
                setattr(sys, name, self._streams[name])

    def transition(self, key: Any, start: str, finish: str, **options: Any) -> None:
        """Send the incomplete last line of a task that has ended."""
        del finish, options
        if start == "executing":
            for stream in self._streams.values():
                stream.ended(key)

    def teardown(self, worker: Any) -> None:
        """Give them back."""
        del worker
        for name, stream in self._streams.items():
            if getattr(sys, name) is stream:
                setattr(sys, name, stream.base)

    def __reduce__(self) -> Any:
        return PrintPlugin, (self.owner, self.shows)


class _Forwarding:
    """A text stream that also sends what tasks of runs write, by whole lines."""

    def __init__(self, base: TextIO, worker: Any, shows: bool) -> None:
        self.base = base
        self._shows = shows
        self._worker = worker
        self._held: dict[Any, tuple[str, str]] = {}

    def write(self, text: str) -> int:
        key = self._worker.active_threads.get(threading.get_ident())
        sent = key is not None and isinstance(text, str) and self._take(key, text)
        return len(text) if sent and not self._shows else self.base.write(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def ended(self, key: Any) -> None:
        """Send what a task left without a line's end."""
        run, text = self._held.pop(key, ("", ""))
        if text:
            self._worker.log_event(topic_of(run), text)

    def _take(self, key: Any, text: str) -> bool:
        """Send the text, or keep it until its line is complete; False: it is no run's."""
        task = self._worker.state.tasks.get(key)
        run = str((task.annotations or {}).get(ANNOTATION, "")) if task is not None else ""
        if not run:
            return False
        text = self._held.get(key, ("", ""))[1] + text
        whole = len(text) if len(text) > _LIMIT else text.rfind("\n") + 1
        if whole:
            self._worker.log_event(topic_of(run), text[:whole])
        self._held[key] = (run, text[whole:])
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.base, name)
