"""The SQL store: runs, objects, logs, lineage, schedules, definitions, alerts over one database."""

from __future__ import annotations

import time
from typing import Any

from sqlalchemy import select

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.access_members import SqlMembers
from mlrun_like.tracking.access_sessions import SqlSessions
from mlrun_like.tracking.access_users import SqlUsers
from mlrun_like.tracking.alerts import SqlAlerts
from mlrun_like.tracking.background import SqlTasks
from mlrun_like.tracking.forgetting import SqlForgetting
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.logs import SqlLogs
from mlrun_like.tracking.models import SqlModels
from mlrun_like.tracking.monitoring_endpoints import SqlEndpoints
from mlrun_like.tracking.monitoring_series import SqlSeries
from mlrun_like.tracking.objects import SqlObjects
from mlrun_like.tracking.projects import SqlProjects
from mlrun_like.tracking.records import SqlDocuments
from mlrun_like.tracking.run_listing import SqlRunListing
from mlrun_like.tracking.runs import SqlRuns
from mlrun_like.tracking.sampling import SqlSampling
from mlrun_like.tracking.schedules import SqlSchedules
from mlrun_like.tracking.sightings import Sightings
from mlrun_like.tracking.spool import Spool
from mlrun_like.tracking.sql import Database
from mlrun_like.tracking.surveys import SqlSurveys
from mlrun_like.tracking.transacting import SqlWriter
from mlrun_like.tracking.windows import SqlWindows
from mlrun_like.tracking.workflows import SqlWorkflows

__all__ = ["SqlStore"]

_DIRECTIONS = ("read", "write")


class SqlStore(
    SqlRuns,
    SqlRunListing,
    SqlSampling,
    SqlObjects,
    SqlLogs,
    SqlSchedules,
    SqlWorkflows,
    SqlProjects,
    SqlModels,
    SqlDocuments,
    SqlAlerts,
    SqlEndpoints,
    SqlSeries,
    SqlWindows,
    SqlSurveys,
    SqlUsers,
    SqlMembers,
    SqlSessions,
    SqlTasks,
    SqlForgetting,
    FullStore,
):
    """A store in SQLite or PostgreSQL; safe for threads and forks.

    Args:
        url: `sqlite:///file` or `postgresql://user:password@host/name`.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.database = Database(url)
        self.shown = self.database.shown
        self.writer = SqlWriter(self.database, Spool(self.database.shown))
        self.sightings = Sightings(self.writer.spool.folder)

    def __repr__(self) -> str:
        return f"SqlStore({self.database.shown!r})"

    def record_use(self, project: str, uid: str, artifact_uri: str, direction: str) -> None:
        if direction not in _DIRECTIONS:
            raise InvalidArgumentError(
                f"direction {direction!r} is not known", fix=f"use one of: {', '.join(_DIRECTIONS)}"
            )
        self.writer.put(
            (
                "edge",
                {
                    "project": project,
                    "uid": uid,
                    "artifact_uri": artifact_uri,
                    "direction": direction,
                    "time": time.time(),
                },
            )
        )

    def lineage(self, project: str, uid: str = "", artifact_uri: str = "") -> list[dict[str, Any]]:
        self.writer.settle()
        e = t.lineage.c
        statement = select(e.project, e.uid, e.artifact_uri, e.direction, e.time)
        if project not in ("", "*"):
            statement = statement.where(e.project == project)
        if uid:
            statement = statement.where(e.uid == uid)
        if artifact_uri:
            statement = statement.where(e.artifact_uri == artifact_uri)
        statement = statement.order_by(e.time, e.uid, e.artifact_uri, e.direction)
        with self.database.read() as connection:
            return [dict(row) for row in connection.execute(statement).mappings()]

    def connect(self) -> None:
        _ = self.database.engine
        self.writer.adopt()

    def check(self) -> None:
        self.database.check_file()

    def flush(self, timeout: float | None = None) -> None:
        self.writer.flush(timeout)

    def unwritten(self) -> str:
        return self.writer.unwritten()

    def close(self) -> None:
        self.writer.close()
