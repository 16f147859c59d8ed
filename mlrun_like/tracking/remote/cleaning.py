"""Cleaning a store behind a service: the service does it, as a task; this waits and tells."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from mlrun_like.configuration import config
from mlrun_like.errors import StateError, StoreUnavailableError
from mlrun_like.tracking.remote.store import RemoteStore

__all__ = ["collect_there"]

_TASKS = "/background-tasks"
_OVER = ("succeeded", "failed", "cancelled")


def collect_there(
    store: RemoteStore,
    *,
    dry_run: bool = False,
    keep_days: float | None = None,
    told: Callable[[str], object] = lambda _: None,
) -> dict[str, Any]:
    """Have the service remove what nobody needs, and wait until it has.

    Args:
        store: The service.
        dry_run: Only report.
        keep_days: Days since the deletion; None: as the service's setting says.
        told: Gets a word while the task waits, or when it goes on.

    Returns:
        Numbers of what was removed: `runs`, `artifacts`, `files`, `bytes`, and `notes`.

    Raises:
        AccessDeniedError: if the caller is no administrator of the service.
        StateError: if the task failed, or was stopped.
        StoreUnavailableError: if the service is away for longer than `remote_deadline`.
    """
    asked = {"dry-run": str(dry_run).lower()}
    if keep_days is not None:
        asked["keep-days"] = repr(float(keep_days))
    task = _asked(store, "POST", f"{_TASKS}/gc?{urlencode(asked)}", b"{}")
    uid, shown, pause = task["metadata"]["name"], "", 0.1
    while task["status"]["state"] not in _OVER:
        state = str(task["status"]["state"])
        if state != shown:
            shown = state
            told("waits for the service's background process" if state == "pending" else state)
        time.sleep(pause)
        pause = min(2.0, pause * 1.5)
        task = _asked(store, "GET", f"{_TASKS}/{uid}")
    status = task["status"]
    if status["state"] != "succeeded":
        raise StateError(
            f"the service's task {uid} {status['state']}: {status.get('error', '')}".rstrip(": "),
            where=store.shown,
            fix="look into the service's log",
        )
    return dict(status["result"])


def _asked(store: RemoteStore, method: str, path: str, body: bytes = b"") -> dict[str, Any]:
    token = store.token()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    answer = store.client.request(method, path, body, headers, config.remote_deadline)
    try:
        found = json.loads(answer.body)
        _ = found["metadata"]["name"], found["status"]["state"]
    except (ValueError, LookupError, TypeError):
        raise StoreUnavailableError(
            "the service's answer about its task cannot be read", where=store.shown
        ) from None
    return dict(found)
