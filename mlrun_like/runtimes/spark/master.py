"""What a standalone master says of itself: the JSON of its web page, and who can hold an executor.

The page is described under "Monitoring and Logging" of Spark's page "Spark Standalone Mode".
"""

from __future__ import annotations

import json
import re
import socket
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runtimes.spark.conf import jvm_memory_bytes

__all__ = [
    "MasterState",
    "Need",
    "Worker",
    "addresses_of",
    "hosts_of",
    "need_of",
    "reachable",
    "read_state",
    "read_version",
    "why_none_fits",
]

_MIB = 2**20
_LIMIT = 1 << 22
_VERSION = re.compile(r'class="version[^"]*"[^>]*>\s*([0-9][\w.-]*)')


class Worker(NamedTuple):
    """A worker: its host, cores, memory in MiB, and whether it lives."""

    host: str
    cores: int
    memory: int
    alive: bool


class MasterState(NamedTuple):
    """What a master knows: its workers, and the applications that run, with their cores."""

    url: str
    workers: tuple[Worker, ...]
    applications: tuple[tuple[str, int], ...]

    @property
    def alive(self) -> list[Worker]:
        """The workers that live, the largest first."""
        return sorted((w for w in self.workers if w.alive), key=lambda w: (-w.memory, -w.cores))


class Need(NamedTuple):
    """What one executor takes: memory in MiB, cores."""

    memory: int
    cores: int

    def __str__(self) -> str:
        return f"{_size(self.memory)} and {self.cores} core{'s' if self.cores > 1 else ''}"


def need_of(properties: Mapping[str, str]) -> Need:
    """What an executor takes with these properties; Spark's defaults are 1 GiB and one core.

    >>> str(need_of({"spark.executor.memory": "512m"}))
    '512 MiB and 1 core'
    """
    text = properties.get("spark.executor.memory", "1g")
    if text.isdigit():  # Spark takes a bare number as MiB
        text += "m"
    cores = properties.get("spark.executor.cores", "1")
    return Need(max(1, jvm_memory_bytes(text) // _MIB), int(cores) if str(cores).isdigit() else 1)


def addresses_of(master: str) -> list[tuple[str, int]]:
    """Hosts and ports of `spark://host:port[,host:port]`.

    >>> addresses_of("spark://a:7077,b:7077")
    [('a', 7077), ('b', 7077)]

    Raises:
        InvalidArgumentError: if it is no such URL.
    """
    found = []
    for part in master.removeprefix("spark://").split(","):
        host, _, port = part.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536 or "/" in host:
            raise InvalidArgumentError(
                f"master {master!r} has no host and port", fix="for example spark://host:7077"
            )
        found.append((host.strip("[]"), int(port)))
    return found


def hosts_of(master: str) -> list[str]:
    """The hosts of a standalone master's URL."""
    return [host for host, _ in addresses_of(master)]


def reachable(master: str, timeout: float = 1.0) -> str:
    """Why no address of a master takes connections; empty: one does."""
    reasons = []
    for host, port in addresses_of(master):
        try:
            with socket.create_connection((host, port), timeout):
                return ""
        except OSError as exc:
            reasons.append(f"{host}:{port}: {exc.strerror or exc}")
    return "; ".join(reasons)


def read_state(master: str, page: str = "", timeout: float = 1.0) -> MasterState | None:
    """What the master's page says; None if there is no such page of this master.

    Args:
        master: The master's URL.
        page: Where its web page is; empty: the setting `spark_master_ui`, else port 8080.
        timeout: Seconds for each address.
    """
    for address in _pages(master, page):
        text = _get(f"{address}/json/", timeout)
        try:
            document = json.loads(text)
        except ValueError:
            continue
        if isinstance(document, dict) and _same(master, str(document.get("url", ""))):
            return _state(document)
    return None


def read_version(master: str, page: str = "", timeout: float = 1.0) -> str:
    """Spark's version as the master's page shows it; empty if it does not."""
    for address in _pages(master, page):
        text = _get(f"{address}/", timeout)
        match = _VERSION.search(text) if "Spark Master at" in text else None
        if match is not None:
            return match[1]
    return ""


def why_none_fits(state: MasterState, need: Need) -> str:
    """Why no living worker can ever hold an executor; empty: one can, once it has room."""
    alive = state.alive
    if not alive:
        gone = ", ".join(sorted({w.host for w in state.workers}))
        lost = f"; it lost its workers on {gone}" if gone else ""
        return f"{state.url} has no living worker{lost}"
    if any(w.memory >= need.memory and w.cores >= need.cores for w in alive):
        return ""
    rows = ", ".join(f"{w.host} has {_size(w.memory)} and {w.cores} cores" for w in alive[:3])
    return f"no worker of {state.url} can hold an executor of {need}: {rows}"


def _pages(master: str, page: str) -> Iterator[str]:
    own = page or config.spark_master_ui
    if own:
        yield (own if "://" in own else f"http://{own}").rstrip("/")
        return
    for host in hosts_of(master):
        yield f"http://[{host}]:8080" if ":" in host else f"http://{host}:8080"


def _get(address: str, timeout: float) -> str:
    if urlsplit(address).scheme not in ("http", "https"):
        return ""
    # A proxy of the web is no way to a cluster.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(address, timeout=timeout) as answer:
            return str(answer.read(_LIMIT).decode("utf-8", "replace"))
    except (OSError, ValueError):
        return ""


def _same(master: str, url: str) -> bool:
    """Whether the page belongs to this master: it may know its host by another name."""
    try:
        ports = {port for _, port in addresses_of(url)}
    except InvalidArgumentError:
        return False
    return bool(ports & {port for _, port in addresses_of(master)})


def _state(document: Mapping[str, Any]) -> MasterState:
    workers, applications = [], []
    for row in _rows(document, "workers"):
        workers.append(
            Worker(
                str(row.get("host", "?")),
                _number(row.get("cores")),
                _number(row.get("memory")),
                row.get("state") == "ALIVE",
            )
        )
    for row in _rows(document, "activeapps"):
        applications.append((str(row.get("name", "?")), _number(row.get("cores"))))
    return MasterState(str(document["url"]), tuple(workers), tuple(applications))


def _rows(document: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    rows = document.get(key)
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def _size(mebibytes: int) -> str:
    return f"{mebibytes / 1024:g} GiB" if mebibytes >= 1024 else f"{mebibytes} MiB"
