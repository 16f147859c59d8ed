"""Start, stop, restart and status of the service of this home."""

from __future__ import annotations

import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from mlrun_like.api.process.places import ServiceRecord, is_held, read_record, service_home
from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, NotFoundError, StoreUnavailableError

__all__ = ["login_asked", "renew", "start", "started_with", "status", "stop"]

_LOG_LINES = 15


def start(arguments: list[str] | None = None) -> tuple[ServiceRecord, bool]:
    """Start the service in the background and wait until it answers.

    Args:
        arguments: Options of `mlrun-like service run`.

    Returns:
        Its record, and whether it was started now: it may have run already.

    Raises:
        StoreUnavailableError: if it does not come up; says why.
    """
    folder = service_home()
    if is_held(folder):
        return _wait_online(folder, None), False
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / "service.log"
    begin = path.stat().st_size if path.exists() else 0
    with open(path, "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "mlrun_like", "service", "run", *(arguments or [])],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    return _wait_online(folder, process, begin), True


def stop(*, force: bool = False, timeout: float | None = None) -> bool:
    """End the service; False: none runs.

    Args:
        force: Kill it if it does not end in time.
        timeout: Seconds to wait; None: what requests get, and some more.

    Raises:
        ConflictError: if it does not end.
    """
    folder = service_home()
    if not is_held(folder):
        return False
    record = read_record(folder)
    _send(record, record.pid, signal.SIGTERM)
    patience = config.service_grace + 15.0 if timeout is None else timeout
    if _until(lambda: not is_held(folder), patience):
        return True
    if force:
        for pid in (record.pid, *record.workers.values()):
            _send(record, pid, signal.SIGKILL)
        if _until(lambda: not is_held(folder), 5.0):
            return True
    raise ConflictError(
        f"the service (process {record.pid}) does not end",
        where=str(folder / "service.log"),
        fix="mlrun-like service stop --force",
    )


def started_with() -> list[str]:
    """The options that the service of this home was started with; none if none runs."""
    folder = service_home()
    return read_record(folder).given if is_held(folder) else []


def renew() -> ServiceRecord:
    """Replace the workers one by one, while the others answer.

    Raises:
        NotFoundError: if no service runs.
        ConflictError: if the new ones do not come.
    """
    folder = service_home()
    if not is_held(folder):
        raise NotFoundError("no service runs in this home", fix="mlrun-like service start")
    before = read_record(folder)
    _send(before, before.pid, signal.SIGHUP)
    old = {pid for name, pid in before.workers.items() if name != "background"}

    def renewed() -> bool:
        return old.isdisjoint(read_record(folder).workers.values())

    if not _until(renewed, 60.0 + config.service_grace):
        raise ConflictError(
            "the new workers did not come; the old ones go on", where=str(folder / "service.log")
        )
    return read_record(folder)


def status() -> dict[str, Any]:
    """What is known of the service of this home, as plain data."""
    folder = service_home()
    record = read_record(folder)
    found = record.plain()
    if not is_held(folder):
        ended = record.state if record.state in ("stopped", "failed") else "stopped"
        return {**found, "state": ended, "workers": {}, "ready": False, "folder": str(folder)}
    return {**found, **_asked(record.url), "login": login_asked(record.url), "folder": str(folder)}


def login_asked(url: str = "") -> bool | None:
    """Whether the service of this home asks for a login; None: it does not run, or not answer.

    Args:
        url: Its address, if it is known.
    """
    if not url:
        folder = service_home()
        url = read_record(folder).url if is_held(folder) else ""
    if not url:
        return None
    try:
        with urllib.request.urlopen(f"{url}/api/v1/session", timeout=5, context=_unchecked(url)):
            return False
    except urllib.error.HTTPError as exc:
        exc.close()
        return True if exc.code == 401 else None
    except (OSError, ValueError):
        return None


def _unchecked(url: str) -> ssl.SSLContext | None:
    """This very machine's own service is asked by an address that its certificate need not be for;
    nothing is told to it."""
    return ssl._create_unverified_context() if url.startswith("https:") else None


def _asked(url: str) -> dict[str, Any]:
    if not url:
        return {"ready": False}
    try:
        with urllib.request.urlopen(f"{url}/readyz", timeout=5, context=_unchecked(url)) as answer:
            body = orjson.loads(answer.read())
    except urllib.error.HTTPError as exc:
        try:
            body = orjson.loads(exc.read())
        except ValueError:
            body = {}
        exc.close()
    except (OSError, ValueError):
        return {"ready": False, "reason": "it does not answer"}
    return {
        "ready": bool(body.get("ready")),
        "schema": body.get("schema", ""),
        "leader": bool(body.get("leader")),
        "reason": body.get("reason", ""),
    }


def _wait_online(
    folder: Path, process: subprocess.Popen[bytes] | None, begin: int = 0
) -> ServiceRecord:
    end = time.monotonic() + config.service_start_timeout
    while time.monotonic() < end:
        record = read_record(folder)
        mine = process is None or record.pid == process.pid
        if mine and record.state == "online":
            return record
        if process is not None and process.poll() is not None:
            raise StoreUnavailableError(
                "the service did not start",
                where=str(folder / "service.log"),
                fix=_tail(folder / "service.log", begin) or "look into its log",
            )
        time.sleep(0.05)
    raise StoreUnavailableError(
        f"the service does not answer after {config.service_start_timeout:g} seconds "
        f"({read_record(folder).state})",
        where=str(folder / "service.log"),
        fix="look into its log, or set service_start_timeout",
    )


def _tail(path: Path, begin: int) -> str:
    try:
        with open(path, "rb") as log:
            log.seek(begin)
            lines = log.read(64 << 10).decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return "\n".join(lines[-_LOG_LINES:])


def _send(record: ServiceRecord, pid: int, number: int) -> None:
    # a record that could not be renewed (a full disk) may name what is another's process by now
    if pid > 1 and record.lives(pid):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return


def _until(true: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.05)
    return true()
