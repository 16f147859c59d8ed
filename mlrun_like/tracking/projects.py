"""Projects in SQL: their documents, what they own, and their end."""

from __future__ import annotations

import json
import time
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.dialects import postgresql, sqlite

from mlrun_like.errors import NotFoundError
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.abilities import ProjectStore
from mlrun_like.tracking.documents import encode
from mlrun_like.tracking.known_versions import forget_versions
from mlrun_like.tracking.objects import purge_artifacts
from mlrun_like.tracking.part import SqlPart, matches
from mlrun_like.tracking.runs import purge_runs
from mlrun_like.tracking.schema_access import access_members, access_secrets
from mlrun_like.tracking.schema_alerts import (
    alert_activations,
    alert_cursors,
    alert_documents,
    alert_lines,
    alert_outbox,
    happenings,
)
from mlrun_like.tracking.schema_documents import document_tags, documents
from mlrun_like.tracking.schema_models import model_events, model_versions
from mlrun_like.tracking.schema_monitoring import (
    endpoint_quality,
    model_endpoints,
    series_batches,
)
from mlrun_like.tracking.schema_windows import (
    monitor_cursors,
    monitor_results,
    monitor_stats,
    monitor_windows,
)
from mlrun_like.tracking.transaction import Transaction
from mlrun_like.types import Document

__all__ = ["SqlProjects"]

_OWNED = {
    "runs": t.runs,
    "artifacts": t.artifacts,
    "functions": t.functions,
    "schedules": t.schedules,
    "endpoints": model_endpoints,
}
_REST = (
    *(t.artifact_tags, t.functions, t.function_tags, t.logs, t.lineage, t.schedules, t.firings),
    *(t.workflow_steps, t.step_cache, t.run_labels, model_versions, model_events),
    *(documents, document_tags),
    *(access_members, access_secrets),
    *(happenings, alert_documents, alert_cursors, alert_activations, alert_lines, alert_outbox),
    *(model_endpoints, series_batches, endpoint_quality),
    *(monitor_cursors, monitor_windows, monitor_results, monitor_stats),
)


class SqlProjects(SqlPart, ProjectStore):
    """See ProjectStore."""

    def store_project(self, project: Document) -> None:
        name = project["metadata"]["name"]
        values: dict[str, Any] = {
            "updated": time.time(),
            "body": encode(project, f"project {name!r}"),
        }

        def act(tx: Transaction) -> None:
            dialect = postgresql if tx.postgresql else sqlite
            statement = dialect.insert(t.projects).values({"name": name, **values})
            tx.execute(statement.on_conflict_do_update(index_elements=["name"], set_=values))

        self.writer.transact(act)

    def read_project(self, name: str) -> Document:
        self.writer.settle()
        statement = select(t.projects.c.body).where(t.projects.c.name == name)
        with self.database.read() as connection:
            body = connection.execute(statement).scalar()
        if body is None:
            raise NotFoundError(
                f"there is no project {name!r}",
                where=self.database.shown,
                fix="mlrun-like projects list   shows those that exist",
            )
        document: Document = json.loads(body)
        return document

    def list_projects(self, name: str = "") -> list[Document]:
        self.writer.settle()
        statement = select(t.projects.c.body).order_by(t.projects.c.name)
        if name:
            statement = statement.where(matches(t.projects.c.name, name))
        with self.database.read() as connection:
            return [json.loads(row[0]) for row in connection.execute(statement)]

    def project_content(self, name: str) -> dict[str, int]:
        self.writer.settle()
        found = {}
        with self.database.read() as connection:
            for what, table in _OWNED.items():
                statement = select(func.count()).select_from(table).where(table.c.project == name)
                if "deleted_at" in table.c:
                    statement = statement.where(table.c.deleted_at.is_(None))
                found[what] = int(connection.execute(statement).scalar() or 0)
            going_on = (
                select(func.count())
                .select_from(t.runs)
                .where(
                    t.runs.c.project == name,
                    t.runs.c.deleted_at.is_(None),
                    t.runs.c.state != "",
                    t.runs.c.state.not_in(TERMINAL),
                )
            )
            found["running"] = int(connection.execute(going_on).scalar() or 0)
        return found

    def delete_project(self, name: str) -> bool:
        def act(tx: Transaction) -> bool:
            r, a = t.runs.c, t.artifacts.c
            purge_runs(
                tx, [row[0] for row in tx.execute(select(r.run_id).where(r.project == name))]
            )
            owned = select(a.artifact_id).where(a.project == name)
            purge_artifacts(tx, [row[0] for row in tx.execute(owned)])
            for table in _REST:
                tx.execute(delete(table).where(table.c.project == name))
            gone = delete(t.projects).where(t.projects.c.name == name)
            return bool(tx.execute(gone.returning(t.projects.c.name)))

        gone = self.writer.transact(act)
        forget_versions(self, name)
        return gone
