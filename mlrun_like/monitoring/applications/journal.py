"""What this process is doing now, so that the next one knows what ended it.

An application that crashes the process (a segmentation fault, `os._exit`) leaves nothing behind but
a file that names its window. Whoever looks at the folder next counts the crash as a failed try. A
file belongs to a living process as long as that holds its lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import uuid
from typing import NamedTuple

from mlrun_like.configuration import config

__all__ = ["Fallen", "Journal"]

_FOLDER = "monitoring-running"
_BYTES = 2048


class Fallen(NamedTuple):
    """The window that a process was at when it ended; `owner` is who held its endpoint."""

    project: str
    endpoint: str
    application: str
    start: float
    end: float
    owner: str = ""


class Journal:
    """The file of this process; without a home folder that can be written, it does nothing.

    Args:
        owner: As whom it claims endpoints.
    """

    def __init__(self, owner: str = "") -> None:
        self._owner = owner
        self._folder = config.path(_FOLDER)
        self._file = self._folder / f"{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._descriptor = -1
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def note(self, at: Fallen | None) -> None:
        """Say which window is worked on; None: none is."""
        if self._descriptor < 0:
            return
        text = b"" if at is None else json.dumps(at._replace(owner=self._owner)).encode()
        with contextlib.suppress(OSError):
            os.pwrite(self._descriptor, text.ljust(_BYTES), 0)

    def fallen(self) -> list[Fallen]:
        """The windows at which other processes ended; each is told once."""
        found = []
        with contextlib.suppress(OSError):
            for path in sorted(self._folder.iterdir()):
                if path != self._file:
                    with contextlib.suppress(OSError, ValueError, TypeError):
                        found += _taken(str(path))
        return found

    def close(self) -> None:
        """The work ended well."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                self._file.unlink()
            os.close(self._descriptor)
            self._descriptor = -1


def _taken(path: str) -> list[Fallen]:
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.fstat(descriptor).st_nlink:
            return []  # somebody else has told it
        text = os.pread(descriptor, _BYTES, 0).strip()
        os.unlink(path)
        if not text:
            return []
        project, endpoint, application, start, end, owner = json.loads(text)
        place = (str(project), str(endpoint), str(application))
        return [Fallen(*place, float(start), float(end), str(owner))]
    finally:
        os.close(descriptor)
