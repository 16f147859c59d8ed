"""A real gateway for tests: started as `mlrun-like up` does, on a free port."""

from __future__ import annotations

import contextlib
import http.client
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mlrun_like.configuration import config
from mlrun_like.gateway.control import starting
from mlrun_like.gateway.places import gateway_home

WAIT = 60.0


def settle(home: Path) -> None:
    """Use this home, and a free port, in this process and those that it starts."""
    config.home = str(home)
    config.gateway_port = 0
    config.gateway_grace = 5.0


@contextlib.contextmanager
def gateway_at(home: Path) -> Iterator[str]:
    """A gateway that ends with the block; gives its URL."""
    settle(home)
    url, _ = starting.up()
    try:
        yield url
    finally:
        before = dict(config._set)
        settle(home)
        try:
            starting.down()
        finally:  # tests of other files follow in this process
            config._set.clear()
            config._set.update(before)


def until(what: Callable[[], Any]) -> Any:
    """Wait until something is true; gives it."""
    end = time.monotonic() + WAIT
    while not (found := what()):
        assert time.monotonic() < end, "it did not become so"
        time.sleep(0.02)
    return found


def alive(pid: int) -> bool:
    """Whether a process runs, and is not only waited for."""
    with contextlib.suppress(OSError, IndexError):
        text = Path(f"/proc/{pid}/stat").read_text()
        return text.rpartition(")")[2].split()[0] not in ("Z", "X")
    return False


def family(root: int) -> list[int]:
    """A process and all below it."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            with contextlib.suppress(OSError, IndexError):
                parent = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()[1]
                children.setdefault(int(parent), []).append(int(entry))
    found, rest = [], [root]
    while rest:
        one = rest.pop()
        found.append(one)
        rest += children.get(one, [])
    return found


def noted() -> dict[str, Any]:
    """What gateway.json says."""
    return starting.process_file(gateway_home())


def get(url: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """One request on a connection of its own."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=WAIT)
    try:
        connection.request("GET" if body is None else "POST", path, body)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()
