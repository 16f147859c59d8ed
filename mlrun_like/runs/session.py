"""`get_or_create_ctx`: a context for code that no `fn.run` started."""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.names import check_place, check_run_name, new_uid
from mlrun_like.runs.context import MLClientCtx, current_context
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.exits import exit_of, forget_exits, note_exits
from mlrun_like.runs.job import Job
from mlrun_like.runs.logger import Logger
from mlrun_like.runs.watch import beating
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.model import parse, split_foreign
from mlrun_like.specs.run import TERMINAL, RunDoc
from mlrun_like.tracking.connect import store_of
from mlrun_like.tracking.process import process_start_time

__all__ = ["end_sessions", "get_or_create_ctx", "write_sessions"]

_sessions: list[_Session] = []
_noting = threading.RLock()
"""Exits are noted while a session is open."""


def get_or_create_ctx(
    name: str,
    event: Any = None,
    spec: Any = None,
    with_env: bool = True,
    rundb: Any = "",
    project: str = "",
    upload_artifacts: bool = False,
    labels: Mapping[str, str] | None = None,
) -> MLClientCtx:
    """The context of the current run, or a new one.

    Inside a run it is that run's. Otherwise a run is begun from the event's body, `spec`, or the
    setting `exec`, else a fresh one; it ends with `context.commit(completed=True)`, at the end of a
    `with` block, or with the process: as an error if that ends by one, or by `sys.exit` with
    another code than 0.

    Args:
        name: The new run's name.
        event: An event whose JSON body is a run.
        spec: A task, or a run as plain data.
        with_env: Whether the setting `exec` is looked at.
        rundb: Another store than the configured one: its address, or what `get_run_db` gave.
        project: The new run's project.
        upload_artifacts: MLRun's; artifacts always go where the artifact path says.
        labels: Labels to add.

    >>> with get_or_create_ctx("explore") as context:
    ...     context.log_result("rows", 3)
    >>> context.state
    'completed'
    """
    del upload_artifacts
    current = current_context()
    if current is not None and event is None and spec is None:
        return current
    document: Any = spec.to_dict() if hasattr(spec, "to_dict") else spec  # a task
    if event is not None and getattr(event, "body", None):
        document = event.body
    if document is None and with_env and config.exec:
        document = config.exec
    if isinstance(document, (str, bytes)):
        try:
            document = json.loads(document)
        except ValueError as exc:  # also bytes that are no text
            raise InvalidArgumentError(f"the run document is not JSON: {exc}") from exc
    if isinstance(document, Mapping) and "run" in document and "function" in document:
        document = document["run"]
    if document is not None and not isinstance(document, Mapping):
        raise InvalidArgumentError(f"a run document is a mapping, not {type(document).__name__}")
    run = _read(document) if document else RunDoc()
    meta, status = run.metadata, run.status
    meta.name = check_run_name(meta.name or name)
    meta.uid = meta.uid or new_uid()
    meta.project = check_place(meta.project or project or config.default_project)
    meta.labels = {"kind": "local", **meta.labels, **(labels or {})}
    if status.state not in TERMINAL:
        status.state = "running"
    status.start_time = status.start_time or utc_now()
    status.host, status.pid = socket.gethostname(), os.getpid()
    status.pid_started = process_start_time(status.pid)
    store = store_of(rundb)
    context = MLClientCtx(Job(FunctionDoc(), run, store))
    context.logger = Logger(context.log_level, stream=_RunLog(context))
    context.set_label("host", status.host)
    context.store_run()
    _Session(context)
    return context


def _read(document: Mapping[str, Any]) -> RunDoc:
    """A run as plain data; of another system's only what is known here."""
    theirs = "spec" in document and isinstance(document["spec"], Mapping)
    known = split_foreign(RunDoc, document)[0] if theirs else dict(document)
    return parse(RunDoc, known, "get_or_create_ctx")


def end_sessions() -> None:
    """End the runs that `get_or_create_ctx` began in this process, as its end would."""
    for session in list(_sessions):
        session.close()


class _RunLog:
    """Standard output that also is the run's log. Other prints of the program are its own."""

    def __init__(self, context: MLClientCtx) -> None:
        self._context = context

    def write(self, text: str) -> int:
        meta = self._context._run.metadata
        self._context.store.append_log(meta.project, meta.uid, text.encode("utf-8", "replace"))
        return sys.stdout.write(text)


def write_sessions() -> None:
    """Write what runs that this process began have logged: who reads runs next sees it.

    >>> write_sessions()
    """
    for session in list(_sessions):
        session.write()


def _forget_if_ended() -> None:
    with _noting:
        if all(session._context.state in TERMINAL for session in _sessions):
            forget_exits()


class _Session:
    """What keeps a run alive that a program began, and ends it with the program."""

    def __init__(self, context: MLClientCtx) -> None:
        self._context = context
        self._pid = os.getpid()
        self._before = getattr(sys, "last_value", None)
        self._asked = False
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(beating(self._beat))
        atexit.register(self._end)
        with _noting:
            note_exits()
            _sessions.append(self)
        context._when_ended = _forget_if_ended

    def _beat(self) -> None:
        if self._context.state in TERMINAL:
            self._forget()
            return
        meta = self._context._run.metadata
        self._context.write_changes()
        state = self._context.store.heartbeat(meta.project, meta.uid, meta.iteration)
        if state == "aborting" and not self._asked:
            # as from the keyboard, which programs and notebooks know how to take
            self._asked = True
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _forget(self) -> None:
        self._stack.close()
        atexit.unregister(self._end)
        with _noting:
            if self in _sessions:
                _sessions.remove(self)
        _forget_if_ended()

    def write(self) -> None:
        """Write what is not yet written, unless this is a copy of the process."""
        if os.getpid() == self._pid and self._context.state not in TERMINAL:
            self._context.write_changes()

    def close(self) -> None:
        """End the run while the process goes on."""
        self._conclude(None)
        self._forget()

    def _end(self) -> None:
        error = getattr(sys, "last_value", None)
        self._conclude(error if error is not self._before else exit_of())

    def _conclude(self, error: BaseException | None) -> None:
        if os.getpid() != self._pid or self._context.state in TERMINAL:
            return
        self._stack.close()
        self._context.end(error)
