"""From a configuration to a function that is ready, with its build log as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from mlrun_like.configuration import config as settings
from mlrun_like.errors import EngineError, NotFoundError
from mlrun_like.runtimes.nuclio.config import PROJECT_LABEL
from mlrun_like.runtimes.nuclio.dashboard import Dashboard
from mlrun_like.runtimes.nuclio.failures import cause_of
from mlrun_like.runtimes.nuclio.states import FAILED, FINAL, describe

__all__ = ["deploy_config", "status_from", "wait_until_ready"]


def deploy_config(
    dashboard: Dashboard,
    config: Mapping[str, Any],
    *,
    say: Callable[[str], object] | None = None,
    verbose: bool = False,
    watch: bool = True,
) -> dict[str, Any]:
    """Create or update a function and wait until it is ready.

    Args:
        dashboard: Where.
        config: The function's configuration.
        say: Gets the lines of the build log as they come.
        verbose: Also say what the lines hold besides their message.
        watch: False: do not wait.

    Returns:
        The status, as `fn.status` has it.

    Raises:
        EngineError: if it is not built or does not become ready, with the cause.
    """
    metadata = config["metadata"]
    name, project = str(metadata["name"]), str(metadata.get("labels", {}).get(PROJECT_LABEL, ""))
    if project:
        dashboard.ensure_project(project)
    before = dashboard.function(name)
    seen = {_key(row) for row in _logs((before or {}).get("status") or {})}
    dashboard.store_function(config)
    if not watch:
        return status_from(dashboard, name, dashboard.function(name) or {})
    return wait_until_ready(dashboard, name, say=say, verbose=verbose, seen=seen)


def wait_until_ready(
    dashboard: Dashboard,
    name: str,
    *,
    say: Callable[[str], object] | None = None,
    verbose: bool = False,
    seen: set[tuple[Any, ...]] | None = None,
) -> dict[str, Any]:
    """Follow a deployment to its end.

    Args:
        dashboard: Where.
        name: The function's name in Nuclio.
        say: See `deploy_config`.
        verbose: See `deploy_config`.
        seen: Lines of the log that are not to be said again.

    Raises:
        EngineError: if it fails or takes longer than the setting `nuclio_deploy_timeout`.
        NotFoundError: if the function is deleted meanwhile.
    """
    known = set(seen or ())
    limit = settings.nuclio_deploy_timeout
    until = time.monotonic() + limit if limit > 0 else None
    pause = min(0.05, settings.nuclio_poll_interval)
    while True:
        found = dashboard.function(name)
        if found is None:
            raise NotFoundError(
                f"function {name!r} is gone: somebody deleted it while it was deployed",
                where="Nuclio",
                fix="deploy it again",
            )
        status = found.get("status") or {}
        for row in sorted(_logs(status), key=lambda row: row.get("time") or 0):
            if _key(row) not in known:
                known.add(_key(row))
                if say is not None:
                    say(_line(row, verbose))
        state = str(status.get("state") or "")
        if state in FAILED:
            raise _failed(dashboard, name, state, status)
        if state in FINAL:
            return status_from(dashboard, name, found)
        if until is not None and time.monotonic() > until:
            raise EngineError(
                f"function {name!r} is not ready after {limit:g} s: {describe(state)}",
                where="Nuclio",
                fix="fn.deploy() again to go on waiting; the setting nuclio_deploy_timeout is the "
                "limit in seconds",
            )
        time.sleep(pause)
        pause = min(pause * 2, settings.nuclio_poll_interval)


def status_from(dashboard: Dashboard, name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """What the dashboard says of a function, by MLRun's names."""
    status = found.get("status") or {}
    spec = found.get("spec") or {}
    internal = [str(url) for url in status.get("internalInvocationUrls") or ()]
    external = [str(url) for url in status.get("externalInvocationUrls") or ()]
    if not internal and status.get("state") in FINAL:
        internal = [f"nuclio-{name}.svc.cluster.local:8080"]  # Nuclio before 1.6 said nothing
    port = status.get("httpPort") or 0
    if not external and port:
        external = [f"{dashboard.external_address() or 'localhost'}:{port}"]
    address = next(iter(external), "") or next(iter(internal), "")
    return {
        "state": str(status.get("state") or ""),
        "nuclio_name": name,
        "address": address,
        "internal_invocation_urls": internal,
        "external_invocation_urls": external,
        "container_image": str(status.get("containerImage") or spec.get("image") or ""),
    }


def _failed(dashboard: Dashboard, name: str, state: str, status: Mapping[str, Any]) -> EngineError:
    log = ""
    if state == "unhealthy":
        try:
            log = "\n".join(dashboard.replica_log(name, r, 50) for r in dashboard.replicas(name))
        except EngineError:  # the reason is worth more than that its log is missing
            log = ""
    cause = cause_of(status, log)
    message = " ".join(str(status.get("message") or "").split())
    what = f"function {name!r} was not deployed (state {state}): {cause.what}"
    if message and message[:200] not in what:
        what += f"\n  Nuclio says: {message[:600]}"
    return EngineError(what, where=f"Nuclio, function {name!r}", fix=cause.fix)


def _logs(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [row for row in status.get("logs") or () if isinstance(row, Mapping)]


def _key(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row.get("time"), row.get("message"), row.get("level")


def _line(row: Mapping[str, Any], verbose: bool) -> str:
    stamp = row.get("time")
    shown = ""
    if isinstance(stamp, (int, float)):
        shown = datetime.fromtimestamp(stamp / 1000).strftime("%Y-%m-%d %H:%M:%S")
    text = f"{shown}  ({row.get('level', 'info')}) {row.get('message', '')}".strip()
    more = {k: v for k, v in row.items() if k not in ("time", "level", "message", "name")}
    return f"{text} {more}" if verbose and more else text
