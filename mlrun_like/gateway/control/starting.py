"""Is a gateway there; start one, swap it, end it."""

from __future__ import annotations

import contextlib
import contextvars
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config, environment_copy
from mlrun_like.errors import ConflictError, EngineError, MLRunLikeError
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.control.following import size_of, tail_of
from mlrun_like.gateway.places import gateway_home, private_folder
from mlrun_like.registry import require

__all__ = ["down", "is_held", "process_file", "restart", "up"]

_PAUSE = 0.02
_children: list[subprocess.Popen[bytes]] = []
"""Holders that this process started: they outlive it, and are reaped if it outlives them."""


def process_file(home: Path) -> dict[str, Any]:
    """What gateway.json says; empty: it is not there, or is being written."""
    try:
        found = json.loads((home / "gateway.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def is_held(home: Path) -> bool:
    """Whether a holder process lives: it keeps a lock, which ends with it."""
    try:
        with open(home / "holder.lock", "rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def up() -> tuple[str, bool]:
    """The gateway's URL; it is started if it does not run.

    Returns:
        The URL, and whether it was started now.

    Raises:
        EngineError: with its own words if it does not start.
        ConflictError: if the port is in use.
        MissingDependencyError: if the extra `serving` is not installed.
        StoreUnavailableError: if the home cannot be written to.
    """
    home = private_folder(gateway_home())
    with _one_at_a_time(home):
        if is_held(home):
            return _ready(home, None, 0), False
        require("httptools", extra="serving", feature="the gateway")  # else its log would say it
        log = home / "gateway.log"
        seen = size_of(log)
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            process = subprocess.Popen(
                [sys.executable, "-m", "mlrun_like.gateway.holding.holder"],
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=handle,
                cwd=home,
                env=_environment(),
                start_new_session=True,
            )
        finally:
            os.close(handle)
        _children[:] = [child for child in _children if child.poll() is None]
        _children.append(process)
        return _ready(home, process, seen), True


def restart() -> str:
    """Swap the gateway process for a new one without a lost request; gives the URL.

    Raises:
        EngineError: if none runs, or the new one does not start (the old one goes on then).
    """
    home = gateway_home()
    client = GatewayClient(home)
    before, told = client.info(), str(process_file(home).get("trouble") or "")
    client.restart()
    end = time.monotonic() + config.gateway_start_timeout + config.gateway_grace
    while time.monotonic() < end:
        noted = process_file(home)
        if noted.get("ready") and noted.get("pid") != before["pid"]:
            return str(noted["url"])
        trouble = str(noted.get("trouble") or "")  # may be of a try before this one
        if trouble != told and "did not take place" in trouble:
            raise EngineError(
                f"the gateway was not restarted, the old one goes on: {trouble}",
                where=str(home / "gateway.log"),
                fix=_last_words(home, 0) or "look into the log",
            )
        time.sleep(_PAUSE)
    raise EngineError("the new gateway did not become ready in time", where=str(home))


def down() -> bool:
    """End the gateway and all that it runs; False: it did not run.

    Raises:
        EngineError: if it does not end.
    """
    home = gateway_home()
    if not is_held(home):
        return False
    holder = int(process_file(home).get("holder") or 0)
    try:
        GatewayClient(home, timeout=5.0).down()
    except MLRunLikeError:  # the gateway process hangs or starts just now: its holder ends it
        if holder:
            with contextlib.suppress(ProcessLookupError):
                os.kill(holder, signal.SIGTERM)
    end = time.monotonic() + config.gateway_grace + 15.0
    while is_held(home):
        if time.monotonic() > end:
            raise EngineError(
                "the gateway does not end", where=f"process {holder}", fix=f"kill -9 {holder}"
            )
        time.sleep(_PAUSE)
    for child in _children:
        if child.pid == holder:  # it has let go of its place, and ends in this moment
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(5.0)
    _children[:] = [child for child in _children if child.poll() is None]
    return True


def _ready(home: Path, process: subprocess.Popen[bytes] | None, seen: int) -> str:
    """Wait until the gateway answers."""
    end = time.monotonic() + config.gateway_start_timeout
    while time.monotonic() < end:
        noted = process_file(home)
        if noted.get("ready") and (process is None or noted.get("holder") == process.pid):
            return str(noted["url"])
        if process is not None and process.poll() is not None:
            raise _failed(home, seen, process.returncode)
        if process is None and not is_held(home):
            break
        time.sleep(_PAUSE)
    words = _last_words(home, seen)
    raise EngineError(
        f"the gateway did not become ready in {config.gateway_start_timeout:g} seconds"
        + (f"; its last words:\n{words}" if words else ""),
        where=str(home / "gateway.log"),
        fix="mlrun-like down, and mlrun-like up --foreground",
    )


def _failed(home: Path, seen: int, code: int) -> MLRunLikeError:
    words = _last_words(home, seen)
    where = str(home / "gateway.log")
    lines = words.split("error: ", 1)[-1].splitlines() or [f"exit code {code}"]
    told = {part[0]: part[2] for part in (line.strip().partition(": ") for line in lines[1:])}
    if code == 3:
        return ConflictError(lines[0], where=told.get("where", where), fix=told.get("fix", ""))
    return EngineError(f"the gateway did not start:\n{words}", where=where)


def _last_words(home: Path, seen: int) -> str:
    log = home / "gateway.log"
    added = size_of(log) - seen
    text = tail_of(log, 30)[0][-max(0, added) :] if added > 0 else b""
    return text.decode("utf-8", "replace").strip()


@contextlib.contextmanager
def _one_at_a_time(home: Path) -> Iterator[None]:
    """Two who start at once: the second one waits, and finds the first one's gateway."""
    handle = os.open(home / "up.lock", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with open(handle, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _environment() -> dict[str, str]:
    """This process's environment and the settings that were made in its code."""
    values = environment_copy()
    # it serves everybody on this machine: what holds in one user's session is left out
    for name, value in contextvars.Context().run(config.changed).items():
        values[f"MLRUN_LIKE_{name.upper()}"] = str(value)
    token = config.gateway_admin_token
    if token:
        values["MLRUN_LIKE_GATEWAY_ADMIN_TOKEN"] = token
    return values
