"""Operations that the store could not take, as JSON lines on disk until it can.

Files lie in `<home>/spool/<store>/` and are named after their owner:

    <host>!<pid>!<process start>!<serial>-<spool>.jsonl

Only the owner reads and appends: one spool of one process, for a process may have opened a store
twice. When it is dead or closed, whoever opens the store next makes the file its own by renaming
it, which only one can do. `rejected.jsonl` holds operations that the
database refused because of their content, each with the reason; nobody reads it but people.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote
from weakref import WeakValueDictionary

from mlrun_like.configuration import config
from mlrun_like.tracking.operations import Operation
from mlrun_like.tracking.process import process_alive, process_start_time

__all__ = ["Spool"]

_SUFFIX = ".jsonl"
_BYTES = "$bytes"
_TOGETHER = 4 << 20
"""Bytes of lines that are read before they are delivered."""
_open: WeakValueDictionary[str, Spool] = WeakValueDictionary()
"""Spools of this process that may append to their files, by their part of the names."""


class Spool:
    """The waiting operations of one store.

    Args:
        store: The store's address without its password.
        folder: Where spools of all stores lie; default: `spool` in the home folder.
    """

    def __init__(self, store: str, folder: Path | None = None) -> None:
        name = hashlib.sha1(store.encode(), usedforsecurity=False).hexdigest()[:16]
        self.store = store
        self.folder = (folder or config.path("spool")) / name
        self.rejected = self.folder / "rejected.jsonl"
        self._active: Path | None = None
        self._owner = ""
        self._name = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._delivered: dict[str, int] = {}
        """Bytes of a file, by its name, that need not be read again."""

    def append(self, operations: Sequence[Operation]) -> Path:
        """Write operations to disk; returns when they are there.

        Raises:
            OSError: if the spool cannot be written either.
        """
        lines = []
        for operation in operations:
            try:
                lines.append(_encode(operation))
            except (TypeError, ValueError) as exc:
                self.reject(operation, exc)
        with self._lock:
            path = self._active
            if path is None or not path.exists():
                _open[self._name] = self  # before there is a file that others could take
                self.folder.mkdir(parents=True, exist_ok=True)
                path = self._active = self._new_path()
            _append(path, "".join(lines))
        return path

    def waiting(self) -> list[Path]:
        """This spool's files, oldest first."""
        found = [path for path in self._files(self._prefix()) if _spool_of(path) == self._name]
        return sorted(found, key=_serial_of)

    def adopt(self) -> list[Path]:
        """Take over files whose owners are dead or closed; returns those that are now ours."""
        adopted = []
        here = self._prefix()
        for path in sorted(self._files(""), key=_serial_of):
            owner = _spool_of(path)
            if owner == self._name and path.name.startswith(here):
                continue
            if owner in _open if path.name.startswith(here) else _owner_lives(path):
                continue
            # by when it was begun: what was left comes before what this process adds to it
            target = self._new_path(_serial_of(path)[0])
            _open[self._name] = self
            try:
                os.rename(path, target)
            except OSError:
                continue  # another process was faster
            adopted.append(target)
        return adopted

    def read(self, path: Path, size: int = 500) -> Iterator[list[Operation]]:
        """The operations of a file in order, at most `size` at a time.

        Whoever asks for more has delivered what came before; if the store goes away in the middle
        of a long file, the next reading begins there, and not with the first line.

        A last line that was cut off (the writer was killed, the disk was full) is left out:
        its operation was never reported as kept.
        """
        batch: list[Operation] = []
        begin = end = self._delivered.get(path.name, 0)
        with open(path, "rb") as lines:
            lines.seek(begin)
            for line in lines:
                if not line.endswith(b"\n"):
                    break
                end += len(line)
                try:
                    batch.append(_decode(line))
                except (ValueError, TypeError, LookupError) as exc:
                    self.reject(("line", line.decode("utf-8", "replace")), exc)
                if len(batch) >= size or end - begin >= _TOGETHER:
                    yield batch
                    begin = self._delivered[path.name] = end
                    batch = []
        if batch:
            yield batch
            self._delivered[path.name] = end

    def remove(self, path: Path) -> None:
        """Forget a delivered file."""
        with self._lock:
            path.unlink(missing_ok=True)
            self._delivered.pop(path.name, None)
            if path == self._active:
                self._active = None

    def reject(self, operation: Operation, reason: BaseException) -> None:
        """Put aside an operation that can never be delivered."""
        record = {
            "time": time.time(),
            "reason": f"{type(reason).__name__}: {reason}",
            "operation": list(operation),
        }
        text = json.dumps(record, default=_wrap_any) + "\n"
        self.folder.mkdir(parents=True, exist_ok=True)
        _append(self.rejected, text)

    def close(self) -> None:
        """Leave the files to whoever opens the store next; a later `append` begins a new one."""
        with self._lock:
            self._active = None
            _open.pop(self._name, None)

    def pending(self) -> int:
        """How many files of any process wait to be delivered."""
        return len(self._files(""))

    def forget_process(self) -> None:
        """In a forked child: the parent's file is not ours."""
        self._lock = threading.Lock()
        self._delivered = {}
        self._active = None
        self._owner = ""

    def _prefix(self) -> str:
        if not self._owner:
            host = quote(socket.gethostname(), safe="")
            pid = os.getpid()
            self._owner = f"{host}!{pid}!{process_start_time(pid):.2f}!"
        return self._owner

    def _new_path(self, serial: int = 0) -> Path:
        serial = serial or time.time_ns()
        while True:
            path = self.folder / f"{self._prefix()}{serial}-{self._name}{_SUFFIX}"
            if not path.exists():
                return path
            serial += 1

    def _files(self, prefix: str) -> list[Path]:
        try:
            names = os.listdir(self.folder)
        except OSError:
            return []
        return [
            self.folder / n
            for n in names
            if n.endswith(_SUFFIX) and n.startswith(prefix) and n.count("!") == 3
        ]


def _spool_of(path: Path) -> str:
    return path.stem.rpartition("!")[2].partition("-")[2]


def _serial_of(path: Path) -> tuple[int, str]:
    """When a file was begun."""
    serial = path.stem.rpartition("!")[2].partition("-")[0]
    return (int(serial) if serial.isdecimal() else 0, path.name)


def _owner_lives(path: Path) -> bool:
    host, pid, started, _ = path.name.split("!")
    if unquote(host) == socket.gethostname():
        try:
            return process_alive(int(pid), float(started))
        except ValueError:
            return False
    try:
        # another machine on a shared home folder: silence is all that can be seen
        return time.time() - path.stat().st_mtime < float(config.lost_after)
    except OSError:
        return True


def _append(path: Path, text: str) -> None:
    data = text.encode("utf-8")
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        size = os.fstat(descriptor).st_size
        try:
            view = memoryview(data)
            while view:
                view = view[os.write(descriptor, view) :]
            os.fsync(descriptor)
        except OSError:
            # no half line may stay before the next one
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def _wrap(value: object) -> object:
    if isinstance(value, (bytes, bytearray)):
        return {_BYTES: base64.b64encode(value).decode("ascii")}
    raise TypeError(f"{type(value).__name__} is not plain data")


def _wrap_any(value: object) -> object:
    return _wrap(value) if isinstance(value, (bytes, bytearray)) else repr(value)


def _unwrap(value: dict[str, Any]) -> Any:
    return base64.b64decode(value[_BYTES]) if len(value) == 1 and _BYTES in value else value


def _encode(operation: Operation) -> str:
    return json.dumps(list(operation), separators=(",", ":"), default=_wrap) + "\n"


def _decode(line: bytes) -> Operation:
    kind, payload = json.loads(line, object_hook=_unwrap)
    return str(kind), payload
