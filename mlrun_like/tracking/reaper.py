"""Runs whose process ended without a word: found, and marked as failed.

A run on this machine is lost when its process is gone (or its number now belongs to another
process); a run elsewhere, when its sign of life has not changed for `lost_after` seconds, as seen
from here: the clocks of two machines are never compared.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from mlrun_like.configuration import config
from mlrun_like.errors import NotFoundError, StateError, StoreUnavailableError
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.operations import move_state
from mlrun_like.tracking.part import SqlPart
from mlrun_like.tracking.process import process_alive
from mlrun_like.tracking.transaction import Transaction

__all__ = ["ABORTED", "LOST", "mark_lost", "reap_now_and_then"]

LOST = "the run's process ended without a word (killed?)"
ABORTED = "the run was aborted"
_BUSY = ("running", "pending", "aborting")
_EVERY = 1.0  # seconds


def mark_lost(store: Store | SqlPart, project: str = "*") -> list[str]:
    """Mark lost runs as failed and return their uids.

    Args:
        store: The store to look through.
        project: Only this project; `"*"`: all.

    Raises:
        StoreUnavailableError: if the store cannot be used.
    """
    if not isinstance(store, SqlPart):
        return []
    busy = _busy(store, project)
    quiet = _quiet(store, busy, whole=project in ("", "*"))
    lost = [row for row in busy if _is_lost(row, quiet)]
    if not lost:
        return []
    # a run may have ended properly while its store was away: its last words come first
    store.writer.adopt()
    marked = []
    for row in lost:

        def act(tx: Transaction, row: Any = row) -> None:
            state, why = ("aborted", ABORTED) if row.state == "aborting" else ("error", LOST)
            move_state(tx, row.project, row.uid, row.iter, state, why)

        try:
            store.writer.transact(act)
        except (StateError, NotFoundError):
            continue  # it ended in this moment
        if row.uid not in marked:
            marked.append(row.uid)
    return marked


def reap_now_and_then(store: SqlPart) -> None:
    """`mark_lost` for readers: at most once a second, and never in their way."""
    now = time.monotonic()
    if now - store.writer.reaped_at < _EVERY:
        return
    store.writer.reaped_at = now
    try:
        mark_lost(store)
    except StoreUnavailableError:
        # nobody could give a sign either; reading may work all the same, on a read-only file
        store.sightings.forget()


def _busy(store: SqlPart, project: str) -> list[Any]:
    r = t.runs.c
    statement = select(
        r.project, r.uid, r.iter, r.state, r.host, r.pid, r.pid_started, r.heartbeat, r.updated
    ).where(r.state.in_(_BUSY), r.deleted_at.is_(None))
    if project not in ("", "*"):
        statement = statement.where(r.project == project)
    with store.database.read() as connection:
        return list(connection.execute(statement).all())


def _quiet(store: SqlPart, busy: list[Any], whole: bool) -> dict[str, float]:
    """Seconds for which runs on other machines have given no new sign of life, by name."""
    signs = {
        _name(row): f"{row.state} {row.heartbeat} {row.updated}"
        for row in busy
        if not _is_here(row) and (row.heartbeat or row.pid)
    }
    return store.sightings.unchanged(signs, whole=whole, every=config.lost_after / 4)


def _name(row: Any) -> str:
    return f"{row.project}@{row.uid}#{row.iter}"


def _is_here(row: Any) -> bool:
    return bool(row.host == socket.gethostname() and row.pid)


def _is_lost(row: Any, quiet: Mapping[str, float]) -> bool:
    if not _is_here(row):
        # without a process or a sign of life ever, it waits to be started
        return quiet.get(_name(row), 0.0) > float(config.lost_after)
    if process_alive(row.pid, row.pid_started):
        return False
    # between two attempts the process of the first one is gone, and rightly so
    silent: bool = time.time() - max(row.heartbeat or 0.0, row.updated) > config.lost_after
    return bool(row.state != "pending" or silent)
