"""The loop that keeps models watched: windows, alerts, deliveries, old data.

    controller pass -> alerts are judged -> messages and actions are delivered -> sleep

Of all services over a store one works at a time (a lease in the store says which); the others wait
and take over within half a minute. Nothing is lost or done twice if one is killed: all it does is
committed piece by piece.
"""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import MLRunLikeError, StoreUnavailableError
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts.passing import alert_pass
from mlrun_like.monitoring.applications.controller import controller_pass
from mlrun_like.monitoring.applications.definitions import projects_with_settings
from mlrun_like.monitoring.applications.report import PassReport
from mlrun_like.monitoring.beside import is_wanted
from mlrun_like.monitoring.recording.retention import remove_old
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.monitoring_abilities import EndpointQuery

__all__ = [
    "ServicePass",
    "beside_wanted",
    "lease_name",
    "lower_priority",
    "run_forever",
    "service_pass",
]

_log = logging.getLogger("mlrun_like.monitoring")
_LEASE = 60.0
_WAIT = 15.0
"""Seconds between two tries to become the one that works."""
_CLEAN_EVERY = 3600.0
_DAY = 86_400.0


@dataclass
class ServicePass:
    """What one turn of the loop did.

    Args:
        windows: The controller's report.
        alerts: What looking, judging and delivering did, by project, as plain data.
        errors: What went wrong, by part.
        removed: Batches, numbers, events and incidents that were too old.
    """

    windows: PassReport = field(default_factory=PassReport)
    alerts: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    removed: int = 0

    @property
    def busy(self) -> bool:
        """Whether windows were done."""
        return self.windows.busy


def lease_name(project: str = "") -> str:
    """The lease that the working service of a project (or of all) holds."""
    return f"service/{project or '*'}"


def service_pass(
    project: str = "", now: float | None = None, *, clean: bool = False
) -> ServicePass:
    """One turn: windows, alerts, deliveries; each part goes on if another fails.

    Args:
        project: Only this project; empty: all.
        now: Seconds since 1970; None: monitoring's clock.
        clean: Also remove what is older than the settings say.

    Raises:
        StoreUnavailableError: if the store cannot be used.
    """
    moment = clock.now() if now is None else now
    done = ServicePass()
    with _noted(done, "windows"):
        done.windows = controller_pass(project, moment)
    store = open_store()
    for name in [project] if project not in ("", "*") else _projects(store):
        with _noted(done, f"alerts of {name}"):
            report = alert_pass(name, moment, store)
            numbers = {"found": report.found, **vars(report.judged), **vars(report.delivered)}
            if any(numbers.values()):
                done.alerts[name] = numbers
    if clean:
        with _noted(done, "cleaning"):
            done.removed = _clean(store, project, moment)
    return done


def run_forever(
    project: str = "",
    interval: float | None = None,
    *,
    stop: threading.Event | None = None,
    wanted: Callable[[], bool] | None = None,
    told: Callable[[ServicePass], None] | None = None,
) -> bool:
    """Turn after turn until somebody says stop.

    Args:
        project: Only this project; empty: all.
        interval: Seconds between two turns; None: the setting `monitoring_service_interval`.
        stop: Ends the loop when it is set.
        wanted: Ends the loop when it says no.
        told: Called after each turn.

    Returns:
        Whether the process should be replaced, because an application hangs in it.
    """
    stop = stop or threading.Event()
    pause = config.monitoring_service_interval if interval is None else interval
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
    cleaned = 0.0
    working = False
    try:
        while not stop.is_set() and (wanted is None or wanted()):
            try:
                working = _claim(project, owner, max(_LEASE, 3 * pause))
                if not working:
                    stop.wait(_WAIT)
                    continue
                clean = time.monotonic() - cleaned > _CLEAN_EVERY or not cleaned
                done = service_pass(project, clean=clean)
                cleaned = time.monotonic() if clean else cleaned
                for part, error in done.errors.items():
                    _log.warning("monitoring, %s: %s", part, error)
                if told is not None:
                    told(done)
                if done.windows.hanging:
                    return True
            except StoreUnavailableError as exc:
                _log.warning("monitoring: %s", exc)
            stop.wait(max(0.05, pause))
    finally:
        if working:
            with contextlib.suppress(MLRunLikeError):
                open_store().release_leases([lease_name(project)], owner)
    return False


def lower_priority() -> None:
    """Let serving processes go first."""
    with contextlib.suppress(OSError):
        os.nice(10)


def beside_wanted() -> bool:
    """Whether a service beside servers should go on."""
    return is_wanted()


def _claim(project: str, owner: str, seconds: float) -> bool:
    name = lease_name(project)
    return name in open_store().claim_leases([name], owner, seconds)


def _projects(store: FullStore) -> list[str]:
    """Projects with endpoints, settings, or alerts."""
    found = {one["metadata"]["project"] for one in store.list_endpoints(EndpointQuery())}
    found |= {*projects_with_settings(), *store.alert_projects()}
    found |= {str(one.get("name") or one["metadata"]["name"]) for one in store.list_projects()}
    return sorted(found)


def _clean(store: FullStore, project: str, now: float) -> int:
    removed = remove_old(project or "*")
    if config.monitoring_results_retention:
        before = now - config.monitoring_results_retention * _DAY
        removed += store.delete_results(project or "*", before=before)
        for name in [project] if project not in ("", "*") else _projects(store):
            removed += store.delete_happenings(name, before)
    return removed


@contextlib.contextmanager
def _noted(done: ServicePass, part: str) -> Any:
    """One part's failure is noted; only a store that is away ends the turn."""
    try:
        yield
    except StoreUnavailableError:
        raise
    except Exception as exc:  # noqa: BLE001 - the boundary between parts of the service
        done.errors[part] = f"{type(exc).__name__}: {exc}"
