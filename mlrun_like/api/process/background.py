"""The background process: waits until it leads, then works, until it is told to stop."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
import threading
import time
import types
from pathlib import Path
from typing import Any

import orjson

from mlrun_like.api.access.mode import login_needed
from mlrun_like.api.execution.child import check_allowed
from mlrun_like.api.execution.identity import reached_at
from mlrun_like.api.execution.starting import execution_mode, guarded
from mlrun_like.api.http.metrics import exchange
from mlrun_like.api.http.numbers import Numbers
from mlrun_like.api.process.leading import Allow, Leading
from mlrun_like.api.process.told import options_told, set_up_log, when_left_alone
from mlrun_like.api.routes.health import LEADER
from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError
from mlrun_like.functions.function import Function
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.store import SqlStore

__all__ = ["LEASE", "lead", "main"]

_log = logging.getLogger(__name__)
LEASE = 12.0
"""Seconds after which another host leads, if the leader says nothing any more."""
_EVERY = 3.0


def lead(
    store: SqlStore,
    owner: str,
    stop: threading.Event,
    folder: Path | None = None,
    allow: Allow | None = None,
    address: str = "",
) -> int:
    """Lead whenever nobody else does; gives the exit code.

    Args:
        store: The store; its lease says who leads.
        owner: Who this is.
        stop: Set when it shall end.
        folder: Where this process shows its numbers.
        allow: Raises an error for a function of a schedule that may not run on this machine.
        address: Where runs elsewhere reach the service.
    """
    leading: Leading | None = None
    numbers = Numbers()
    sure_until = 0.0
    try:
        while not stop.is_set():
            now = time.monotonic()
            try:
                if LEADER in store.claim_leases([LEADER], owner, LEASE):
                    sure_until = now + LEASE
                else:
                    sure_until = 0.0
            except MLRunLikeError as exc:
                _log.warning("the lease of the leader cannot be prolonged: %s", exc.what)
            if leading is None and sure_until > now:
                leading = Leading(store, owner, allow, address)
                leading.start()
            elif leading is not None and (sure_until < time.monotonic() or leading.hanging):
                # threads cannot be stopped for sure; a new process knows that it does not lead
                _log.warning("this process leads no more; it is replaced")
                return 75
            numbers.leader = int(leading is not None)
            exchange(folder, numbers)
            stop.wait(_EVERY)
    finally:
        if leading is not None:
            leading.stop(5.0)
        with contextlib.suppress(MLRunLikeError):
            store.release_leases([LEADER], owner)
            store.flush(5.0)
    return 0


def main() -> int:
    """Work until the supervisor says stop, or is gone."""
    set_up_log()
    told = orjson.loads(sys.stdin.buffer.readline())
    stop = threading.Event()

    def end(number: int, frame: types.FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    when_left_alone(stop.set)
    try:
        options = options_told(told["options"])
        store = open_store(options.store)
    except MLRunLikeError as exc:
        _log.error("%s", exc)
        return 1
    if not isinstance(store, SqlStore):
        return 1
    config.guarded = config.guarded or guarded(login_needed(options, store.has_users()))
    sys.stdout.write("ready\n")
    sys.stdout.flush()

    def allow(function: Function[..., Any], run: RunDoc) -> None:
        mode = execution_mode(login_needed(options, store.has_users()))
        check_allowed(function, mode, run.to_dict()["spec"], run.metadata.project)

    folder = Path(options.folder) if options.folder else None
    return lead(store, told["owner"], stop, folder, allow, reached_at(options))


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # runs that schedules began have processes of their own; their threads here are not waited for
    os._exit(code)
