"""What `fn.deploy()` does on this machine, and the calls to what it deployed."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from mlrun_like.errors import EngineError, InvalidArgumentError, NotFoundError, nearest
from mlrun_like.functions.function import Function
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.control.documents import deployables_of, key_of
from mlrun_like.gateway.control.starting import process_file, up
from mlrun_like.gateway.reading.options import read_options

__all__ = [
    "address_of",
    "delete",
    "deploy",
    "logs",
    "print_line",
    "refresh",
    "rollout_of",
    "url_of",
    "wait_until_ready",
]

_PAUSE = 0.05
_LIMITS = {"max_error_rate": "errors", "max_latency": "latency_p95"}
_PLAIN = ("strategy", "weight", "steps", "header", "value", "requests", "seconds", "samples",
          "automatic", "sticky", "smoke")  # fmt: skip


def rollout_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """A rollout from keywords of `deploy`.

    >>> rollout_of({"weight": 10, "max_error_rate": 0.02})
    {'weight': 10, 'limits': {'errors': 0.02}}

    Raises:
        InvalidArgumentError: if a keyword is not known.
    """
    found: dict[str, Any] = {}
    for name, value in given.items():
        if name in _LIMITS:
            if value is not None:
                found.setdefault("limits", {})[_LIMITS[name]] = value
        elif name == "shadow":
            if value:
                found["strategy"] = "shadow"
                found["share"] = 100.0 if value is True else value
        elif name in _PLAIN:
            if value not in (None, "", ()):
                found[name] = list(value) if isinstance(value, tuple) else value
        else:
            names = [*_PLAIN, *_LIMITS, "shadow"]
            raise InvalidArgumentError(
                f"deploy has no option {name!r:.60}.{nearest(name, names)}",
                where="fn.deploy()",
                fix=f"of a rollout: {', '.join(names)}",
            )
    if "header" in found and ":" in str(found["header"]):
        header, _, value = str(found["header"]).partition(":")
        found["header"], found["value"] = header.strip(), value.strip()
    return found


def deploy(
    function: Any,
    rollout: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    say: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Deploy a function, and the functions of its graph before it, and wait until it answers.

    Args:
        function: Of kind nuclio, serving, application, or any that has code.
        rollout: Keywords; see `rollout_of`.
        extra: Options that win over the document's.
        say: Is given each line of progress; by default they are printed.

    Returns:
        The function's status: `state`, `address`, `url`, `version`, ...

    Raises:
        PreflightError: naming everything that is wrong; nothing was started.
        EngineError: with the function's own error if it does not start; the old version goes on.
    """
    tell = say or print_line
    plan = rollout_of(rollout or {})
    prepared = []
    for item in deployables_of(function):
        options, notes = read_options(item.document, {**item.extra, **_extra(item.extra, extra)})
        for note in notes:
            tell(f"{item.key}: not for one machine: {note}")
        prepared.append((item, options))
    url, started = up()
    if started:
        tell(f"gateway started at {url}")
    client = GatewayClient()
    status: dict[str, Any] = {}
    for item, options in prepared:
        document = item.document.to_dict()
        status = client.deploy(item.key, document, item.kind, options.to_dict(), plan, tell)
    return {**status, **_addresses(status, url)}


def _extra(own: Mapping[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    found = dict(given or {})
    if "env" in own and "env" in found:
        found["env"] = {**found["env"], **own["env"]}
    return found


def _addresses(status: Mapping[str, Any], url: str) -> dict[str, Any]:
    key = str(status.get("key") or "")
    address = f"{url.rstrip('/')}/{key}"
    return {
        "address": address,
        "url": address,
        "external_invocation_urls": [address],
        "internal_invocation_urls": [],
        "nuclio_name": key.replace("/", "-"),
        "target": "local",
    }


def refresh(function: Any) -> dict[str, Any]:
    """What the gateway says of a function; empty: no gateway runs, or it is not deployed."""
    key = key_of(Function._doc(function))
    try:
        found = GatewayClient().status(key)
    except (EngineError, NotFoundError):
        return {}
    return {**found, **_addresses(found, url_of())}


def url_of() -> str:
    """The gateway's address; empty: none runs."""
    client = GatewayClient()
    return str(process_file(client.home).get("url") or "")


def address_of(function: Any) -> str:
    """Where a function answers if it is deployed.

    Raises:
        EngineError: if no gateway runs.
    """
    url = url_of()
    if not url:
        raise EngineError("no gateway runs", where="this machine", fix="mlrun-like up")
    return f"{url.rstrip('/')}/{key_of(Function._doc(function))}"


def wait_until_ready(function: Any, timeout: float = 60.0) -> dict[str, Any]:
    """Wait until a function can answer: it has a replica, or sleeps and would wake.

    Raises:
        EngineError: if it cannot be started, or not in time.
        NotFoundError: if it is not deployed.
    """
    key = key_of(Function._doc(function))
    end = time.monotonic() + timeout
    status: dict[str, Any] = {}
    while True:
        status = GatewayClient().status(key)
        if status.get("state") in ("ready", "idle") and not _moving(status):
            return {**status, **_addresses(status, url_of())}
        if status.get("state") in ("error", "stopped") or time.monotonic() > end:
            break
        time.sleep(_PAUSE)
    raise EngineError(
        f"function {key} is not ready: {status.get('state')}"
        + (f": {status['reason']}" if status.get("reason") else ""),
        where=f"waited {timeout:g} seconds",
        fix=f"mlrun-like logs {key}; mlrun-like ps --why {key}",
    )


def _moving(status: Mapping[str, Any]) -> bool:
    rollout = status.get("rollout") or {}
    return bool(rollout) and rollout.get("state") == "starting"


def logs(function: Any, tail: int = 0, follow: bool = False) -> Iterator[bytes]:
    """What a deployed function printed."""
    return GatewayClient().logs(key_of(Function._doc(function)), tail, follow)


def delete(function: Any) -> bool:
    """End a deployed function; False: it was not there."""
    try:
        GatewayClient().delete(key_of(Function._doc(function)))
    except NotFoundError:
        return False
    return True


def print_line(line: str) -> None:
    """Print a line of progress at once."""
    sys.stdout.write(line.rstrip("\n") + "\n")
    sys.stdout.flush()
