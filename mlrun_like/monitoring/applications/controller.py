"""One pass over all endpoints and applications: every due window, each exactly once.

    endpoint x application -> due windows -> claim the endpoint -> do_tracking -> one transaction

Any number of controllers may work at the same time, and each may be killed at any moment: a lease
on an endpoint keeps them from doing the same work, and the cursor, which moves in the transaction
that writes the numbers, from writing it twice. What a killed controller had not committed is done
again, with the same numbers.

Late events: a window is looked at `monitoring_settle` seconds after its end. Requests that are
delivered later are in the store, for reports and for longer windows, but windows that are finished
stay as they are. Late ground truth is different: see `revisiting.py`.
"""

from __future__ import annotations

import logging
import os
import socket
import time
import uuid
from collections.abc import Mapping, Sequence

from mlrun_like.configuration import config
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.definitions import (
    Application,
    load_applications,
    projects_with_settings,
    read_settings,
)
from mlrun_like.monitoring.applications.frames import EventFrames
from mlrun_like.monitoring.applications.journal import Fallen, Journal
from mlrun_like.monitoring.applications.report import PassReport
from mlrun_like.monitoring.applications.revisiting import revisit
from mlrun_like.monitoring.applications.runner import Runner
from mlrun_like.monitoring.applications.task import Task
from mlrun_like.monitoring.applications.view import EndpointView
from mlrun_like.monitoring.applications.windows import Due, due_span
from mlrun_like.monitoring.applications.writing import failure_happening
from mlrun_like.monitoring.endpoints.document import EndpointType, ModelEndpoint
from mlrun_like.monitoring.recording.times import seconds_of
from mlrun_like.runs.logger import Logger
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.monitoring_abilities import EndpointQuery
from mlrun_like.tracking.part import chunks
from mlrun_like.tracking.window_abilities import WindowCommit, WindowCursor
from mlrun_like.types import Document

__all__ = ["controller_pass"]

_LOG = logging.getLogger("mlrun_like.monitoring")
_LEASE = 60.0
"""Seconds that a claim holds; prolonged while work goes on."""
_CLAIMED = 32  # endpoints that are claimed together
_COMMITS = 128  # applications on endpoints whose ends are written together


def controller_pass(
    project: str = "",
    now: float | None = None,
    *,
    applications: Mapping[str, ModelMonitoringApplicationBase] | None = None,
    store: FullStore | None = None,
    logger: Logger | None = None,
) -> PassReport:
    """Do every window that is due, and say what was done.

    Args:
        project: Its endpoints; empty or `"*"`: of all projects.
        now: The time in seconds since 1970; None: monitoring's clock.
        applications: Further applications by name, as objects of this process.
        store: The store; None: the configured one.
        logger: Where applications' messages go; None: standard output, by the level of the
            settings.

    Raises:
        StoreUnavailableError: if the store cannot be used; what is finished is written.
    """
    begun = time.monotonic()
    one = _Pass(store or open_store(), clock.now() if now is None else now, logger)
    try:
        for name in one.projects(project):
            one.project(name, applications or {})
    finally:
        one.runner.close()
        one.journal.close()
        one.report.hanging = one.runner.hanging()
        one.report.seconds = time.monotonic() - begun
    return one.report


class _Pass:
    """The state of one pass."""

    def __init__(self, store: FullStore, now: float, logger: Logger | None) -> None:
        self.store = store
        self.now = now
        self.logger = logger or Logger(config.log_level)
        self.report = PassReport()
        self.runner = Runner()
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:12]}"
        self.journal = Journal(self.owner)
        self.fallen: dict[tuple[str, str, str], list[Fallen]] = {}
        for fell in self.journal.fallen():
            self.fallen.setdefault(fell[:3], []).append(fell)
            # nobody else will give back what a dead process holds
            store.release_leases([f"windows/{fell.project}/{fell.endpoint}"], fell.owner)
        self._buffer: list[WindowCommit] = []
        self._labelled: set[str] = set()

    def projects(self, project: str) -> list[str]:
        """The projects that are meant."""
        if project not in ("", "*"):
            return [project]
        found = {one["metadata"]["project"] for one in self.store.list_endpoints(EndpointQuery())}
        return sorted(found | set(projects_with_settings()))

    def project(self, project: str, more: Mapping[str, ModelMonitoringApplicationBase]) -> None:
        """All of one project."""
        settings = read_settings(project)
        if not settings.enabled and not more:
            return
        self.report.projects += 1
        apps = load_applications(settings) if settings.enabled else []
        apps = [one for one in apps if one.name not in more]
        apps += [_given(name, one, settings.base_period) for name, one in more.items()]
        for app in apps:
            if app.instance is None:
                self._broken(project, app)
        apps = [app for app in apps if app.instance is not None]
        documents = self._endpoints(project) if apps else {}
        if any(one.instance is not None and one.instance.needs_labels for one in apps):
            self._labelled = self.store.series_endpoints(project, "labels")
        cursors = _by_place(self.store.read_cursors(project))
        due = {
            uid: found for uid, one in documents.items() if (found := self._due(one, apps, cursors))
        }
        self.report.endpoints += len(due)
        for part in chunks(sorted(due), _CLAIMED):
            self._claimed(project, part, documents, apps)
        revisit(self.store, project, list(documents.values()), apps, self.now, self.report)

    def _endpoints(self, project: str) -> dict[str, Document]:
        """Endpoints with requests by uid; routers are seen through their models."""
        found = {}
        for document in self.store.list_endpoints(EndpointQuery(project)):
            status = document.get("status") or {}
            if status.get("endpoint_type") != EndpointType.ROUTER and status.get("last_request"):
                found[document["metadata"]["uid"]] = document
        return found

    def _due(
        self,
        document: Document,
        apps: Sequence[Application],
        cursors: Mapping[tuple[str, str], WindowCursor],
    ) -> list[tuple[Application, WindowCursor | None, Due]]:
        """What is to be done on an endpoint."""
        meta, status = document["metadata"], document["status"]
        last = seconds_of(status["last_request"])
        seen = (seconds_of(status.get("first_request") or last), last)
        found = []
        for app in apps:
            if not app.watches(meta.get("name", ""), meta["uid"]):
                continue
            cursor = cursors.get((meta["uid"], app.name))
            if cursor is not None and cursor.retry_at > self.now:
                continue
            limit = config.monitoring_catch_up * 86400
            if app.instance is not None and app.instance.needs_labels and cursor is None:
                if meta["uid"] not in self._labelled:
                    continue
                # the first labels may be late: as many windows as other late labels change
                more = max(0, app.instance.revisit - 1) * app.period * 60
                limit = max(limit, self.now - last + more)
            span = due_span(
                app.period * 60,
                None if cursor is None else cursor.done,
                seen,
                self.now,
                config.monitoring_settle,
                limit,
            )
            if span is not None:
                found.append((app, cursor, span))
        return found

    def _claimed(
        self,
        project: str,
        uids: Sequence[str],
        documents: Mapping[str, Document],
        apps: Sequence[Application],
    ) -> None:
        """Claim some endpoints and do what is due on them."""
        names = {f"windows/{project}/{uid}": uid for uid in uids}
        mine = self.store.claim_leases(list(names), self.owner, _LEASE)
        self.report.taken += len(names) - len(mine)
        held = sorted(mine)
        try:
            # what another controller did between the first look and the claim is seen now
            cursors = _by_place(self.store.read_cursors(project, [names[one] for one in held]))
            prolong_at = time.monotonic() + _LEASE / 3
            for name in held:
                if time.monotonic() > prolong_at:
                    mine = self.store.claim_leases(held, self.owner, _LEASE)
                    prolong_at = time.monotonic() + _LEASE / 3
                if name in mine:
                    document = documents[names[name]]
                    self._endpoint(project, document, self._due(document, apps, cursors))
            self._flush()
        finally:
            self.store.release_leases(held, self.owner)

    def _endpoint(
        self, project: str, document: Document,
        due: Sequence[tuple[Application, WindowCursor | None, Due]],
    ) -> None:  # fmt: skip
        """Do what is due on an endpoint."""
        if not due:
            return
        view = EndpointView(ModelEndpoint.from_dict(document))
        uid = view.endpoint.metadata.uid
        first = min(span.start if span.missed is None else span.missed for _, _, span in due)
        last = max(span.end for _, _, span in due)
        frames = EventFrames(self.store, project, uid, (first, last))
        for app, cursor, span in due:
            task = Task(
                app, project, view, cursor, span, self.now, self.store, self.report, self.journal,
                self.fallen.pop((project, uid, app.name), ()),
            )  # fmt: skip
            if self.runner.hanging(task.key):
                continue
            self._task(task, frames, uid)

    def _task(self, task: Task, frames: EventFrames, uid: str) -> None:
        steps = task.run(frames, self.runner, self.logger)
        lease = f"windows/{task.project}/{uid}"
        written: bool | None = None
        while True:
            try:
                commit = steps.send(written)
            except StopIteration:
                return
            self._buffer.append(commit)
            written = True
            if not task.ended:
                written = self._flush()
                # long work: keep others away from it
                self.store.claim_leases([lease], self.owner, _LEASE)
            elif len(self._buffer) >= _COMMITS:
                self._flush()

    def _flush(self) -> bool:
        """Write what has gathered; whether the last commit was ours to make."""
        commits, self._buffer = self._buffer, []
        answers = self.store.commit_windows(commits)
        for commit, ours in zip(commits, answers, strict=True):
            if not ours:
                self.report.lost += 1
                continue
            self.report.windows += sum(row.state == "done" for row in commit.windows)
            self.report.results += len(commit.results)
        return answers[-1] if answers else True

    def _broken(self, project: str, app: Application) -> None:
        """Tell once that an application cannot be loaded."""
        self.report.broken[f"{project}/{app.name}"] = app.error
        _LOG.warning("monitoring application %s/%s: %s", project, app.name, app.error)
        # one line for each day that it stays broken
        day = self.now // 86400 * 86400
        self.store.append_happenings([failure_happening(project, "", app.name, day, app.error)])


def _given(name: str, instance: ModelMonitoringApplicationBase, base_period: float) -> Application:
    return Application(
        name,
        instance,
        float(instance.period or base_period),
        float(instance.timeout or config.monitoring_application_timeout),
        config.monitoring_application_retries,
    )


def _by_place(cursors: Sequence[WindowCursor]) -> dict[tuple[str, str], WindowCursor]:
    return {(one.endpoint, one.application): one for one in cursors}
