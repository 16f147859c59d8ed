"""The monitoring service beside servers: started when one records, ended with the last one.

Whoever serves a tracked model calls `keep_alive` every few seconds. That holds a shared lock on a
file in the home folder, and starts the service if its own lock is free; the service ends by itself
when nobody holds the file any more, in whatever way they ended. So one service runs on a machine
however many servers there are, and a killed one comes back. This module is light: the service
itself is `service.py`.
"""

from __future__ import annotations

import contextlib
import contextvars
import fcntl
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mlrun_like.configuration import config, environment_copy
from mlrun_like.monitoring.clock import is_simulated

__all__ = [
    "ALIVE",
    "LOCK",
    "allow",
    "hold_lock",
    "is_wanted",
    "keep_alive",
    "keep_alive_for_gateway",
    "keep_alive_here",
    "wanted_file",
]

LOCK, ALIVE, OUTPUT = (
    "monitoring-service.lock",
    "monitoring-service.wanted",
    "monitoring-service.log",
)
_log = logging.getLogger("mlrun_like.monitoring")
_EVERY = 15.0
"""Seconds between two looks at the lock."""
_QUIET = 20.0
"""Seconds after the last server after which the service ends: one that is restarted keeps it."""
_LARGEST = 8 << 20  # bytes of the service's log
_allowed = False
_looked = 0.0
_children: list[subprocess.Popen[bytes]] = []
_serving: dict[Path, int] = {}
"""The descriptor of the file that this process holds."""


def allow() -> None:
    """This process serves: what it records may start the service."""
    global _allowed
    _allowed = True


def wanted_file() -> Path:
    """The file that servers hold."""
    return config.path(ALIVE)


def is_wanted() -> bool:
    """Whether anybody serves, or did a moment ago."""
    try:
        descriptor = os.open(wanted_file(), os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    else:
        return time.time() - os.fstat(descriptor).st_mtime < _QUIET
    finally:
        os.close(descriptor)


def keep_alive() -> bool:
    """Say that a server records, and start the service if none runs; whether one was started.

    Does nothing in processes that do not serve, with the setting `monitoring_service` off, or
    while time is simulated.
    """
    global _looked
    if not _allowed or time.monotonic() - _looked < _EVERY:
        return False
    _looked = time.monotonic()
    if not config.monitoring_service or is_simulated():
        return False
    _children[:] = [child for child in _children if child.poll() is None]
    try:
        _hold_wanted()
        lock = hold_lock()
    except OSError as exc:  # such as a home folder that this user may not write
        _log.debug("the monitoring service cannot be started: %s", exc)
        return False
    if lock is None:
        return False
    try:
        _start(lock)
    finally:
        os.close(lock)
    return True


def keep_alive_for_gateway(deployments: Iterable[Any]) -> bool:
    """The same for the gateway, if a function that it holds records requests.

    Args:
        deployments: What is deployed.
    """
    for one in deployments:
        for version in one.versions.values():
            if (version.document.get("spec") or {}).get("track_models"):
                allow()
                return keep_alive()
    return False


def keep_alive_here() -> bool:
    """Want the service as long as this process lives, although it serves nothing; whether it was
    started now."""
    allow()
    return keep_alive()


def _hold_wanted() -> None:
    """Hold the file as long as this process lives; its time tells when that was last."""
    path = wanted_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    if path not in _serving:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            # a service that looks holds it for some microseconds
            fcntl.flock(descriptor, fcntl.LOCK_SH)
        except OSError:
            os.close(descriptor)
            raise
        _serving[path] = descriptor
    os.utime(_serving[path])


def hold_lock() -> int | None:
    """The descriptor of the lock that a running service has; None: another process has it."""
    path = config.path(LOCK)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _start(lock: int) -> None:
    """Start the service with the lock in its hands: nobody else can start one meanwhile, however
    long its start takes, and the lock is free when its process ends in whatever way."""
    path = config.path(OUTPUT)
    with contextlib.suppress(OSError):
        if path.stat().st_size > _LARGEST:
            path.replace(path.with_suffix(".log.1"))
    environment = environment_copy() | {
        "MLRUN_LIKE_HOME": str(config.path()),
        "MLRUN_LIKE_LOG_LEVEL": "info",
    }
    # it works for all servers of this machine: one user's session has no say in it
    dbpath = contextvars.Context().run(lambda: str(config.dbpath))
    if dbpath:
        environment["MLRUN_LIKE_DBPATH"] = dbpath
    with path.open("ab") as output:
        _children.append(
            subprocess.Popen(
                [
                    sys.executable, "-m", "mlrun_like", "monitor", "run", "--beside",
                    "--lock", str(lock),
                ],
                pass_fds=(lock,),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd="/",
                start_new_session=True,
            )
        )  # fmt: skip
