"""Workers without root's rights: a user of its own, and a file system without root's folders.

Every worker runs as a user that the gateway gives it, all of them in one group, to which the
store's folder is opened. Where that folder lies below one that
others may not enter (`/root`), the zygote gives its workers a view of the file system of their own
(mount_namespaces(7)): there that folder holds nothing but the store's and Python's.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import stat
import sys
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

__all__ = [
    "GROUP",
    "PRIVATE",
    "View",
    "become",
    "closed_above",
    "hide",
    "leave",
    "share",
    "share_top",
]

GROUP = 60_577
"""The group of all workers: the last number that user namespaces have and nothing gives out
(systemd.io, "Users, Groups, UIDs and GIDs")."""
_CLONE_NEWNS = 0x00020000
_MS_BIND, _MS_REC, _MS_SLAVE, _MS_NOSUID, _MS_NODEV = 4096, 16384, 1 << 19, 2, 4
_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
PRIVATE = frozenset({"gateway", "secrets"})
"""Folders at the top of a store that no worker may see."""
_READ_ONLY = frozenset({"config.yaml"})
_MOST = 100_000


def become(uid: int, gid: int) -> None:
    """Be another user for good.

    Raises:
        OSError: if this process may not.
    """
    os.setgroups([GROUP])
    os.setresgid(gid, gid, gid)
    os.setresuid(uid, uid, uid)
    os.umask(0o007)  # what it writes is for all workers, and for nobody else
    _libc().prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # else its own files below /proc would belong to root
    _libc().prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)


def share(home: str, gid: int = GROUP, *, private: bool = True) -> list[str]:
    """Open the store's folder to the workers' group, except for what the gateway keeps there.

    Nobody but the owner can remove or replace what lies at its top. What only the owner may write
    there is made first, so that no worker can make it.

    Args:
        home: The folder.
        gid: The group.
        private: Whether it is a store's: others have nothing that the gateway keeps.

    Returns:
        Notes about what could not be opened.
    """
    notes = []
    try:
        os.makedirs(home, mode=0o700, exist_ok=True)
        for name in PRIVATE if private else ():
            os.makedirs(os.path.join(home, name), mode=0o700, exist_ok=True)
        for name in _READ_ONLY if private else ():
            flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW
            with contextlib.suppress(OSError):  # a link to a file elsewhere is the owner's
                os.close(os.open(os.path.join(home, name), flags, 0o600))
        os.chown(home, -1, gid)
        os.chmod(home, 0o3770 if private else stat.S_IMODE(os.stat(home).st_mode) | 0o2070)
        for count, (name, folder) in enumerate(_below(home, PRIVATE if private else ())):
            if count >= _MOST:
                notes.append(f"{home} has too many files: only the first were opened to workers")
                break
            with contextlib.suppress(FileNotFoundError):
                _open_to(name, gid, folder)
    except OSError as exc:
        notes.append(f"workers cannot use the store in {home}: {exc}")
    return notes


def share_top(home: str, gid: int = GROUP) -> None:
    """The same for what lies at its top only: a store may have been made since."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(home):
            if entry.name not in PRIVATE and not entry.is_symlink():
                with contextlib.suppress(OSError):
                    _open_to(entry.path, gid)


def _below(home: str, closed: Collection[str]) -> Iterator[tuple[str, int]]:
    """Names of what is in it, each with the descriptor of the folder that holds it."""
    for _, folders, files, folder in os.fwalk(home):  # does not follow links
        yield from ((name, folder) for name in files)
        for name in list(folders):
            if name in closed and os.path.samestat(os.fstat(folder), os.stat(home)):
                folders.remove(name)
                with contextlib.suppress(OSError), _opened(name, folder) as found:
                    os.fchmod(found, stat.S_IMODE(os.fstat(found).st_mode) & 0o700)
            else:
                yield name, folder


@contextlib.contextmanager
def _opened(name: str, folder: int | None) -> Iterator[int]:
    """A descriptor of a file or folder; links are not followed."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    found = os.open(name, flags, dir_fd=folder)
    try:
        yield found
    finally:
        os.close(found)


def _open_to(name: str, gid: int, folder: int | None = None) -> None:
    """Let the group use a file or folder.

    Workers write beside it meanwhile: what is looked at and what is changed is one descriptor, or
    they could put a link to something of root's in its place in between.
    """
    kind = os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode
    if not (stat.S_ISDIR(kind) or stat.S_ISREG(kind)):
        return
    with _opened(name, folder) as opened:
        found = os.fstat(opened)
        mode = stat.S_IMODE(found.st_mode)
        if stat.S_ISDIR(found.st_mode):
            wanted = mode | 0o2070
        elif stat.S_ISREG(found.st_mode):
            ours = 0o040 if os.path.basename(name) in _READ_ONLY else 0o060
            wanted = mode | ours | (0o010 if mode & 0o100 else 0)
        else:
            return
        if found.st_gid != gid:
            os.fchown(opened, -1, gid)
        if mode != wanted:
            os.fchmod(opened, wanted)


def closed_above(path: str) -> str:
    """The outermost folder above `path` that others may not enter; empty: there is none."""
    parts = os.path.realpath(path).split(os.sep)
    for length in range(2, len(parts)):
        folder = os.sep.join(parts[:length])
        with contextlib.suppress(OSError):
            if not os.stat(folder).st_mode & stat.S_IXOTH:
                return folder
    return ""


class View(NamedTuple):
    """What `hide` did.

    Args:
        before: Descriptor of the view that was before; -1: it is as it was.
        notes: What could not be done.
    """

    before: int = -1
    notes: tuple[str, ...] = ()


def leave(view: View) -> None:
    """Go back to the view that was before, for a process that stays root."""
    if view.before >= 0 and _libc().setns(view.before, _CLONE_NEWNS):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "setns")


def hide(home: str, gateway: str, keep: Iterable[str] = ()) -> View:
    """Give this process and its children a view of the file system of their own.

    Args:
        home: The store's folder.
        gateway: The gateway's own, which they may not enter.
        keep: Further folders that they need.
    """
    home, own = os.path.realpath(home), os.path.realpath(gateway)
    wanted = {os.path.realpath(path) for path in (*keep, *_of_python()) if os.path.exists(path)}
    outside = {path for path in (home, *wanted) if not _is_below(path, home) or path == home}
    tops: dict[str, list[str]] = {}
    for path in _shortest(outside):
        if top := closed_above(path):
            tops.setdefault(top, []).append(path)
    inside = _shortest(path for path in wanted if _is_below(path, own) and path != own)
    if not tops and not os.path.isdir(own):
        return View()
    before = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    libc = _libc()
    if libc.unshare(_CLONE_NEWNS) or libc.mount(
        b"none", b"/", None, ctypes.c_ulong(_MS_REC | _MS_SLAVE), None
    ):
        shown = os.strerror(ctypes.get_errno())
        blocked = f"; they cannot enter {', '.join(sorted(tops))}" if tops else ""
        os.close(before)
        note = f"workers have no view of the file system of their own ({shown}){blocked}"
        return View(-1, (note,))
    try:
        for top, paths in tops.items():
            _cover(top, paths)
        if os.path.isdir(own):
            _cover(own, inside)
    except OSError as exc:
        return View(before, (f"the workers' view of the file system is not complete: {exc}",))
    return View(before)


def _cover(top: str, paths: Iterable[str]) -> None:
    """Put an empty folder over `top` in which only `paths` are."""
    opened = [(path, os.open(path, os.O_PATH)) for path in paths]
    try:
        _mount(b"tmpfs", top, b"tmpfs", _MS_NOSUID | _MS_NODEV, b"mode=0711,size=64k")
        for path, descriptor in opened:
            os.makedirs(path, mode=0o711, exist_ok=True)
            source = f"/proc/self/fd/{descriptor}".encode()
            _mount(source, path, None, _MS_BIND | _MS_REC, None)
    finally:
        for _, descriptor in opened:
            os.close(descriptor)


def _mount(source: bytes, target: str, kind: bytes | None, flags: int, data: bytes | None) -> None:
    if _libc().mount(source, os.fsencode(target), kind, ctypes.c_ulong(flags), data):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def _of_python() -> set[str]:
    places = {sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix}
    places |= {os.path.dirname(os.path.realpath(sys.executable)), *sys.path}
    return {place for place in places if place and os.path.isdir(place)}


def _shortest(paths: Iterable[str]) -> list[str]:
    """The paths that are not below another one."""
    found: list[str] = []
    for path in sorted(set(paths), key=len):
        if not any(_is_below(path, other) for other in found):
            found.append(path)
    return found


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


@functools.lru_cache(maxsize=1)
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
