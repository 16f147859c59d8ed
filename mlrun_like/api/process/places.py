"""Files that tell who runs: a lock that only one service in a home can have, and its state."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import IO, Any

import orjson

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, StoreUnavailableError
from mlrun_like.tracking.process import process_alive

__all__ = [
    "ServiceRecord",
    "end_left_behind",
    "hold_place",
    "is_held",
    "read_record",
    "service_home",
    "write_record",
]


@dataclass
class ServiceRecord:
    """What is known of a service of this home.

    Args:
        pid: The supervisor's process.
        state: `starting`, `migrating`, `online`, `stopping`, `stopped` or `failed`.
        url: Where it answers.
        workers: Process ids by role and number.
        reason: Why it failed.
        version: The package's version.
        started: When, in seconds since 1970.
        since: When each process began, by its id: the id may be somebody else's by now.
        given: Options of the command that started it, for a restart.
    """

    pid: int = 0
    state: str = "stopped"
    url: str = ""
    workers: dict[str, int] = field(default_factory=dict)
    reason: str = ""
    version: str = ""
    started: float = 0.0
    since: dict[str, float] = field(default_factory=dict)
    given: list[str] = field(default_factory=list)

    def lives(self, pid: int) -> bool:
        """Whether this process of the service still runs.

        >>> ServiceRecord(pid=4194999).lives(4194999)
        False
        """
        return process_alive(pid, self.since.get(str(pid), 0.0))

    def plain(self) -> dict[str, Any]:
        """As plain data."""
        return asdict(self)


def service_home(home: Path | None = None) -> Path:
    """Where the service keeps its files."""
    return (home or config.path()) / "service"


def hold_place(folder: Path) -> IO[bytes]:
    """Take the place of the one service of a home; it is free again when this file is closed, or
    its process ends, however.

    Raises:
        ConflictError: if another one has it.
        StoreUnavailableError: if the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = open(folder / "service.lock", "ab")  # noqa: SIM115 - held as long as the service
    except OSError as exc:
        raise StoreUnavailableError(
            f"the service's folder cannot be used: {exc}", where=str(folder)
        ) from exc
    os.set_inheritable(lock.fileno(), False)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        found = read_record(folder)
        raise ConflictError(
            f"a service already runs in this home (process {found.pid}, {found.url or '?'})",
            where=str(folder),
            fix="mlrun-like service stop, or set MLRUN_LIKE_HOME to another folder",
        ) from None
    return lock


def is_held(folder: Path) -> bool:
    """Whether a service has the place now."""
    try:
        with open(folder / "service.lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def end_left_behind(folder: Path, patience: float = 3.0) -> list[int]:
    """End what a killed service of this home left: a worker that hangs holds the port for ever.

    The caller has the place, so nobody else's processes are in the record. One of which it is not
    sure that it is the same is let alone.

    Returns:
        Their process ids.
    """
    record = read_record(folder)
    left = [pid for pid in record.workers.values() if record.since.get(str(pid))]
    left = [pid for pid in left if record.lives(pid)]
    for number in (signal.SIGTERM, signal.SIGKILL):
        for pid in filter(record.lives, left):
            with contextlib.suppress(OSError):
                os.kill(pid, number)
        end = time.monotonic() + patience
        while any(map(record.lives, left)) and time.monotonic() < end:
            time.sleep(0.05)
    return left


def read_record(folder: Path) -> ServiceRecord:
    """What the service wrote last; of one that is gone, that it stopped."""
    known = {one.name for one in fields(ServiceRecord)}
    try:
        values = orjson.loads((folder / "service.json").read_bytes())
        found = ServiceRecord(**{name: values[name] for name in known & set(values)})
    except (OSError, ValueError, TypeError):
        return ServiceRecord()
    default = asdict(ServiceRecord())
    damaged = any(type(getattr(found, name)) is not type(default[name]) for name in known)
    return ServiceRecord() if damaged else found


def write_record(folder: Path, record: ServiceRecord) -> None:
    """Tell others; a reader sees the old or the new, never half."""
    fresh = folder / f"service.json.{os.getpid()}.tmp"
    with contextlib.suppress(OSError):  # a full disk must not end the service
        fresh.write_bytes(orjson.dumps(record.plain()))
        os.replace(fresh, folder / "service.json")
