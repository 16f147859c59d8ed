"""Users without rights, one for each worker at a time, when the gateway is root."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
from collections import deque
from pathlib import Path

from mlrun_like.errors import ConfigError

__all__ = ["Users"]

_RANGES = ((1_900_000_000, 4096), (60_514, 64))
"""Numbers that nothing gives out (systemd.io, "Users, Groups, UIDs and GIDs"): the first where the
user namespace has them."""


class Users:
    """Gives out users.

    Args:
        wanted: The setting `gateway_user`: `auto`, `root`, or the name or number of a user.
        root: Whether this process may become others.

    Raises:
        ConfigError: if there is no such user.
    """

    def __init__(self, wanted: str = "auto", *, root: bool | None = None) -> None:
        self._free: deque[int] = deque()
        self._taken: dict[int, socket.socket] = {}
        self._fixed: tuple[int, int] | None = None
        is_root = os.getuid() == 0 if root is None else root
        if not is_root or wanted in ("root", "0"):
            return
        if (wanted or "auto") == "auto":
            first, count = next((one for one in _RANGES if _mapped(*one)), (0, 0))
            self._free.extend(range(first, first + count))
            return
        try:
            found = pwd.getpwuid(int(wanted)) if wanted.isdigit() else pwd.getpwnam(wanted)
        except KeyError:
            raise ConfigError(
                f"there is no user {wanted!r}",
                where="setting 'gateway_user'",
                fix=f"useradd --system {wanted}, or auto",
            ) from None
        self._fixed = found.pw_uid, found.pw_gid

    def take(self) -> tuple[int | None, int | None, bool]:
        """User and group for a worker, and whether no other process has them; None: ours."""
        if self._fixed is not None:
            return *self._fixed, False
        for _ in range(len(self._free)):
            uid = self._free.popleft()
            mark = _mark(uid)
            if mark is not None:
                self._taken[uid] = mark
                return uid, uid, True
            self._free.append(uid)
        return None, None, False

    def give_back(self, uid: int) -> None:
        """A worker's processes have all ended."""
        mark = self._taken.pop(uid, None)
        if mark is not None:
            mark.close()
        self._free.append(uid)


def _mark(uid: int) -> socket.socket | None:
    """Take a user for this process alone, for as long as it lives; None: another gateway has it.

    Whoever ends a worker kills all processes of its user, so no two gateways may share one, not
    even for the moment in which a new one replaces an old one. A name of a socket that is no file
    (unix(7), "abstract") ends with its process.
    """
    mark = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        mark.bind(f"\0mlrun-like-user-{uid}")
    except OSError:
        mark.close()
        return None
    return mark


def _mapped(first: int, count: int) -> bool:
    """Whether this user namespace has these numbers (user_namespaces(7))."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/uid_map").read_text().splitlines():
            begin, _, size = (int(word) for word in line.split())
            if begin <= first and first + count <= begin + size:
                return True
    return False
