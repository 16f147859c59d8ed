"""Which Dask cluster a function has, and what can be done with any of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any
from urllib.parse import urlsplit

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, InvalidArgumentError
from mlrun_like.registry import require, resolve
from mlrun_like.specs.function import FunctionDoc

__all__ = [
    "Cluster",
    "ExistingCluster",
    "check_place",
    "distributed",
    "gone_errors",
    "open_cluster",
    "patience",
    "place_of",
    "seconds_of",
    "size_of",
]

_SCHEMES = ("tcp", "tls", "ws", "wss", "ucx", "inproc")
_CLASSES = {
    "local": "mlrun_like.runtimes.dask.local:LocalCluster",
    "gateway": "mlrun_like.runtimes.dask.gateway:GatewayCluster",
    "kubernetes": "mlrun_like.runtimes.dask.operator:OperatorCluster",
}


class Cluster(ABC):
    """A scheduler and its workers.

    Args:
        doc: The function it is for.
        place: Where it is, as `place_of` says.
        timeout: Seconds it may take to come into being.

    Raises:
        EngineError: if it cannot be had.
    """

    scheduler_address: str = ""
    dashboard_link: str = ""
    min_workers: int = 1
    """Workers that must be there before a run starts; 0: they are added when there is work."""

    shows_output: bool = True
    """Whether what workers print is kept with them, besides in the run's log."""

    @abstractmethod
    def __init__(self, doc: FunctionDoc, place: str, timeout: float) -> None: ...

    def client(self, kind: Any, timeout: float, **options: Any) -> Any:
        """A connected client of the class `kind`."""
        return kind(self.scheduler_address, timeout=timeout, set_as_default=False, **options)

    def scale(self, n: int) -> None:
        """Have exactly `n` workers."""
        raise _fixed(self, "scale")

    def adapt(self, minimum: int = 0, maximum: int | None = None) -> None:
        """Have as many workers as there is work for, within bounds."""
        del minimum, maximum
        raise _fixed(self, "adapt")

    @abstractmethod
    def close(self) -> None:
        """Release it, and end it if it was made for the function; twice is harmless."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.scheduler_address}>"


class ExistingCluster(Cluster):
    """A scheduler that somebody else runs; closing it leaves it alone."""

    def __init__(self, doc: FunctionDoc, place: str, timeout: float) -> None:
        del doc, timeout
        self.scheduler_address = place

    def close(self) -> None:
        """Nothing to end."""


def _fixed(cluster: Cluster, verb: str) -> EngineError:
    return EngineError(
        f"the cluster at {cluster.scheduler_address} is not ours to {verb}",
        fix="leave scheduler_address empty to get a cluster of the function's own",
    )


def distributed() -> Any:
    """The package `distributed`.

    Raises:
        MissingDependencyError: if it is not installed.
    """
    return require("distributed", extra="dask", feature="functions of kind 'dask'")


def gone_errors() -> tuple[type[Exception], ...]:
    """What calls of a client raise when its scheduler is gone; a closed client has a class of its
    own that is no OSError."""
    closed = getattr(distributed().client, "ClosedClientError", RuntimeError)
    return (OSError, RuntimeError, closed)


def place_of(doc: FunctionDoc) -> str:
    """Where a function's cluster is: an address, `local`, `gateway[+url]` or `kubernetes`.

    The function's own address counts first, then `spec.remote = False`, then the setting
    `dask_cluster`.
    """
    own = doc.spec.scheduler_address or str(doc.status.get("scheduler_address") or "")
    if own:
        return own if "://" in own else f"tcp://{own}"
    if doc.spec.remote is False:
        return "local"
    return str(config.dask_cluster) or "local"


def check_place(place: str) -> str:
    """The place, if it is one.

    Raises:
        InvalidArgumentError: if it is none.
    """
    name, plus, url = place.partition("+")
    if name in _CLASSES and (not plus or (name == "gateway" and "://" in url)):
        return place
    try:
        parts = urlsplit(place)
        good = parts.scheme in _SCHEMES and bool(parts.netloc) and (parts.port or 0) > 0
    except ValueError:  # a port that is no number
        good = False
    if not good and not place.startswith("inproc://"):
        raise InvalidArgumentError(
            f"{place!r} is neither a Dask scheduler's address nor a kind of cluster",
            where="fn.spec.scheduler_address or the setting dask_cluster",
            fix="write tcp://host:8786, or local, gateway+https://host, kubernetes",
        )
    return place


def open_cluster(doc: FunctionDoc, place: str, timeout: float) -> Cluster:
    """The cluster at a place, made if need be.

    Raises:
        EngineError: if it cannot be had.
        InvalidArgumentError: if the place is none.
    """
    name, _, url = check_place(place).partition("+")
    path = _CLASSES.get(name)
    found: Cluster = resolve(path)(doc, url, timeout) if path else ExistingCluster(doc, place, 0)
    return found


def size_of(doc: FunctionDoc) -> tuple[int | None, tuple[int, int | None] | None]:
    """How many workers a function wants: a fixed number, or None and bounds, or neither.

    Raises:
        InvalidArgumentError: if the numbers contradict each other.
    """
    spec = doc.spec
    low, high = spec.min_replicas, spec.max_replicas
    for name in ("replicas", "min_replicas", "max_replicas", "nthreads"):
        value = getattr(spec, name)
        least = 0 if name == "min_replicas" else 1
        if value is not None and value < least:
            raise InvalidArgumentError(
                f"spec.{name} is {value!r}, and must be {least} or more",
                where=f"function {doc.metadata.name!r}",
            )
    if low is not None and high is not None and low > high:
        raise InvalidArgumentError(
            f"min_replicas {low} is more than max_replicas {high}",
            where=f"function {doc.metadata.name!r}",
        )
    if spec.replicas is None and (low is not None or high is not None):
        return None, (low or 0, high)
    return spec.replicas, None


def patience(doc: FunctionDoc) -> float:
    """Seconds to wait for a cluster: the setting `dask_timeout`, or `scheduler_timeout` if less.

    Raises:
        InvalidArgumentError: if `scheduler_timeout` is no duration.
    """
    limit = float(config.dask_timeout)
    return max(0.1, min(limit, seconds_of(doc))) if doc.spec.scheduler_timeout else limit


def seconds_of(doc: FunctionDoc) -> float:
    """`scheduler_timeout` in seconds.

    Raises:
        InvalidArgumentError: if it is no duration.
    """
    text = doc.spec.scheduler_timeout
    parse = require("dask.utils", extra="dask", feature="functions of kind 'dask'").parse_timedelta
    try:
        return float(parse(text))
    except (ValueError, KeyError, TypeError) as exc:
        raise InvalidArgumentError(
            f"scheduler_timeout {text!r} is no duration",
            where=f"function {doc.metadata.name!r}",
            fix='fn.spec.scheduler_timeout = "60 minutes"',
        ) from exc
