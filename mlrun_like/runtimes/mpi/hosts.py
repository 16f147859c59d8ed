"""Which machines an MPI run uses, and how many ranks each takes."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from mlrun_like.errors import InvalidArgumentError, MissingFileError

__all__ = ["Host", "is_here", "parse_hosts", "read_hostfile", "silent_hosts"]

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.\-]{0,252}[A-Za-z0-9_])?\Z|[0-9a-fA-F:]{2,39}\Z")
_SHAPE = re.compile(
    r"(?P<name>\[[^\]]*\]|[^\s:,=]+)(?::(?P<slots>[^\s:]*)|\s+slots\s*=\s*(?P<named>\S*)"
    r"(\s+max_slots\s*=\s*\d+)?)?\s*\Z"
)
_LOCAL = frozenset({"localhost", "127.0.0.1", "::1"})
_FIX = 'fn.spec.hosts = ["node1:2", "node2:2"]'


class Host(NamedTuple):
    """A machine and the ranks it takes."""

    name: str
    slots: int = 1


def parse_hosts(lines: Iterable[str], where: str = "spec.hosts") -> list[Host]:
    """Read hosts as `mpirun --host` and Open MPI's host files write them.

    >>> parse_hosts(["a:2", "b slots=4", "c"])
    [Host(name='a', slots=2), Host(name='b', slots=4), Host(name='c', slots=1)]

    Args:
        lines: `name`, `name:slots` or `name slots=slots` each; several may be separated by commas.
        where: Named in errors.

    Raises:
        InvalidArgumentError: if one is none, or is named twice.
    """
    found: dict[str, Host] = {}
    if isinstance(lines, str):
        lines = [lines]
    for line in lines:
        if not isinstance(line, str):
            raise InvalidArgumentError(f"host {line!r} is no text", where=where, fix=_FIX)
        for text in (part.strip() for part in line.split(",")):
            if not text:
                continue
            host = _host(text, where)
            if host.name in found:
                raise InvalidArgumentError(
                    f"host {host.name!r} is named twice", where=where, fix="add up its slots"
                )
            found[host.name] = host
    return list(found.values())


def _host(text: str, where: str) -> Host:
    match = _SHAPE.match(text)
    name = match["name"].strip("[]") if match else ""
    if match is None or not _NAME.match(name):
        raise InvalidArgumentError(f"{text!r} is no host", where=where, fix=_FIX)
    slots = match["slots"] if match["named"] is None else match["named"]
    if slots is None:
        return Host(name)
    if not slots.isascii() or not slots.isdecimal() or not 0 < int(slots) < 100_000:
        raise InvalidArgumentError(
            f"slots {slots!r} of host {name!r} must be a whole number, 1 or more",
            where=where,
            fix=_FIX,
        )
    return Host(name, int(slots))


def read_hostfile(file: str) -> list[Host]:
    """The hosts in a file: one a line, `#` begins a comment.

    Raises:
        MissingFileError: if there is no such file.
        InvalidArgumentError: if a line is no host.
    """
    try:
        text = Path(file).expanduser().read_text(encoding="utf-8")
    except FileNotFoundError as exc:
        raise MissingFileError(f"the host file {file!r} does not exist", fix=_FIX) from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(f"the host file {file!r} cannot be read: {exc}") from exc
    return parse_hosts((line.partition("#")[0] for line in text.splitlines()), file)


def is_here(name: str) -> bool:
    """Whether a host name means this machine."""
    own = socket.gethostname()
    return name in _LOCAL or name in (own, own.partition(".")[0])


def silent_hosts(hosts: Sequence[Host], agent: str, seconds: float) -> dict[str, str]:
    """The hosts on which nothing can be started, with the reason; all are asked at once.

    Args:
        hosts: The hosts.
        agent: The launch agent: a command that takes a host and a command line, such as `ssh`.
        seconds: How long to wait.
    """
    command = shlex.split(agent) or [""]
    if os.path.basename(command[0]) == "ssh":
        command += ["-o", "BatchMode=yes", "-o", f"ConnectTimeout={max(1, int(seconds))}"]
    asked: dict[str, tuple[subprocess.Popen[bytes], IO[bytes]]] = {}
    silent = {}
    with contextlib.ExitStack() as stack:
        for host in hosts:
            if is_here(host.name):
                continue
            said = stack.enter_context(tempfile.TemporaryFile())
            try:
                process = subprocess.Popen(
                    [*command, host.name, "true"],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    start_new_session=True,
                )
            except OSError as exc:
                silent[host.name] = f"{command[0]!r}: {exc.strerror}"
                continue
            asked[host.name] = process, said
        until = time.monotonic() + seconds
        for name, (process, text) in asked.items():
            try:
                code = process.wait(max(0.05, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                silent[name] = f"no answer within {seconds:g} s"
                continue
            if code:
                text.seek(0)
                lines = text.read().decode("utf-8", "replace").strip().splitlines()
                silent[name] = lines[-1] if lines else f"exit code {code}"
    return silent
