"""Finished windows whose ground truth came late: their numbers are made anew.

An application with `revisit = n` gives the numbers of its last n finished windows again whenever
labels were delivered since it last looked. Each number stays one row, and the newest one counts.
What it says is told to alerts if it was not told before: of a window that had no labels, or that
showed nothing with those that it had.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from mlrun_like.errors import StoreUnavailableError
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.definitions import Application
from mlrun_like.monitoring.applications.frames import EventFrames
from mlrun_like.monitoring.applications.report import PassReport
from mlrun_like.monitoring.applications.view import EndpointView
from mlrun_like.monitoring.applications.windows import split
from mlrun_like.monitoring.applications.writing import from_results
from mlrun_like.monitoring.endpoints.document import ModelEndpoint
from mlrun_like.tracking.alert_abilities import Happening
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.window_abilities import ResultRow, WindowCommit, WindowCursor
from mlrun_like.types import Document

__all__ = ["revisit"]

_LOG = logging.getLogger("mlrun_like.monitoring")


def revisit(
    store: FullStore,
    project: str,
    documents: Sequence[Document],
    applications: Sequence[Application],
    now: float,
    report: PassReport,
) -> None:
    """Make the numbers of finished windows anew where labels came since.

    Args:
        store: The store.
        project: The project.
        documents: Its endpoints.
        applications: Its applications.
        now: The time.
        report: Counts.
    """
    wanted = [one for one in applications if one.instance is not None and one.instance.revisit > 0]
    if not wanted or not documents:
        return
    cursors = {(one.endpoint, one.application): one for one in store.read_cursors(project)}
    for document in documents:
        uid = document["metadata"]["uid"]
        for app in wanted:
            cursor = cursors.get((uid, app.name))
            if cursor is None or cursor.updated >= now:
                continue
            new = store.read_batches(
                project, uid, "labels", added_since=cursor.updated, bodies=False
            )
            if new:
                _again(store, document, app, cursor, now, report)


def _again(
    store: FullStore, document: Document, app: Application, cursor: WindowCursor, now: float,
    report: PassReport,
) -> None:  # fmt: skip
    view = EndpointView(ModelEndpoint.from_dict(document))
    instance, period = app.instance, app.period * 60
    first = cursor.done - (instance.revisit if instance is not None else 0) * period
    frames = EventFrames(store, cursor.project, cursor.endpoint, (first, cursor.done))
    rows: list[ResultRow] = []
    told: list[Happening] = []
    for start, end in split(first, cursor.done, period):
        window = frames.window(start, end)
        if instance is None or window is None:
            continue
        context = MonitoringApplicationContext(app.name, cursor.project, view, window, store=store)
        try:
            written = from_results(context, instance.do(context)[0])
        except StoreUnavailableError:
            raise
        except Exception as exc:  # noqa: BLE001 - the boundary to user code
            _LOG.warning("monitoring application %s: %s", app.name, exc)
            report.errors[f"{cursor.project}/{app.name}"] = f"{type(exc).__name__}: {exc}"
            continue
        rows += written.rows
        told += written.happenings
        report.recomputed += 1
    # only whoever moves the cursor's time writes the numbers
    moved = cursor._replace(updated=now)
    store.commit_windows([WindowCommit(moved, cursor.done, (), rows, {}, told)])
