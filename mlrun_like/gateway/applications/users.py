"""Users without rights, one for each replica of an application, when the gateway is root."""

from __future__ import annotations

import contextlib
import os
import pwd
import zlib
from pathlib import Path
from typing import NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError

__all__ = ["User", "others_reach", "user_for"]

_COUNT = 2900
_FIRST = (1_900_010_000, 62_000)
"""Where numbers begin that nothing gives out (systemd.io, "Users, Groups, UIDs and GIDs"), other
than those of workers: the first where this user namespace has them."""
_given: list[int] = []


class User(NamedTuple):
    """Who a replica runs as.

    Args:
        uid: 0: who the gateway is.
        gid: Shared by the replicas of a function: they read and write its run folder.
        alone: Whether nobody else has this uid.
    """

    uid: int = 0
    gid: int = 0
    alone: bool = False


def user_for(key: str) -> User:
    """The user of the next replica of a function.

    Args:
        key: `<project>/<name>`.

    Raises:
        ConfigError: if the setting `gateway_user` names nobody.
    """
    wanted = config.gateway_user or "auto"
    if os.getuid() != 0 or wanted in ("root", "0"):
        return User()
    if wanted == "auto":
        first = next((one for one in _FIRST if _mapped(one)), _FIRST[-1])
        mark = zlib.crc32(key.encode()) % _COUNT
        return User(first + _free(first, mark), first + mark, alone=True)
    try:
        found = pwd.getpwuid(int(wanted)) if wanted.isdigit() else pwd.getpwnam(wanted)
    except KeyError:
        raise ConfigError(
            f"there is no user {wanted!r}",
            where="setting 'gateway_user'",
            fix=f"useradd --system {wanted}, or auto",
        ) from None
    return User(found.pw_uid, found.pw_gid)


def _free(first: int, start: int) -> int:
    """A number that no process has, not the same one soon again."""
    used = set(_given[-_COUNT // 2 :])
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                used.add(entry.stat().st_uid - first)
    numbers = ((start + step) % _COUNT for step in range(_COUNT))
    number = next((one for one in numbers if one not in used), start)
    _given.append(number)
    del _given[: -_COUNT // 2]
    return number


def _mapped(first: int) -> bool:
    """Whether this user namespace has these numbers (user_namespaces(7))."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/uid_map").read_text(encoding="ascii").splitlines():
            begin, _, size = (int(word) for word in line.split())
            if begin <= first and first + _COUNT <= begin + size:
                return True
    return False


def others_reach(path: Path) -> bool:
    """Whether users without rights can get to what is inside a folder.

    >>> others_reach(Path("/usr/bin"))
    True
    """
    whole = path.resolve()
    for part in (whole, *whole.parents):
        with contextlib.suppress(OSError):
            if not part.stat().st_mode & 0o001:
                return False
    return True
