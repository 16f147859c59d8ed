"""The tables: narrow columns for finding, one JSON text `body` for the whole document.

Rules that the tables enforce by themselves: one row per (project, uid, iteration) of a run; one
version per (project, key, uid) of an artifact; one holder per (project, key, iteration, tag);
a metric point is a set element, so delivering it twice changes nothing.

Changing a table means a new file in `migrations/versions/` and its number at the end of
`REVISIONS`; a test compares both with these tables. Changes are additive: columns and tables are
added, never renamed or dropped, so that older processes can go on writing.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

__all__ = [
    "HEAD",
    "REVISIONS",
    "VERSION_TABLE",
    "artifact_labels",
    "artifact_tags",
    "artifacts",
    "firings",
    "function_tags",
    "functions",
    "lineage",
    "logs",
    "metadata",
    "metric_keys",
    "metrics",
    "projects",
    "run_labels",
    "runs",
    "schedules",
    "step_cache",
    "workflow_steps",
]

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""All schema versions, oldest first."""

HEAD = REVISIONS[-1]
VERSION_TABLE = "mlrun_like_alembic"
"""Namespaced, so that another tool's Alembic table in the same database stays its own."""

metadata = MetaData()
_ID = BigInteger().with_variant(Integer(), "sqlite")
_SEEN = ("project", "iter", "state", "name")  # what narrows a list of runs

runs = Table(
    "runs",
    metadata,
    Column("run_id", _ID, primary_key=True),
    Column("project", String, nullable=False),
    Column("uid", String, nullable=False),
    Column("iter", Integer, nullable=False),
    Column("name", String, nullable=False),
    # "" marks a row that was made for metrics which arrived before the run itself
    Column("state", String, nullable=False),
    Column("function", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("host", String, nullable=False),
    Column("pid", BigInteger, nullable=False),
    Column("pid_started", Double, nullable=False),
    Column("heartbeat", Double),
    Column("started", Double, nullable=False),
    Column("updated", Double, nullable=False),
    Column("ended", Double),
    Column("deleted_at", Double),
    Column("labels", Text, nullable=False),
    Column("body", Text, nullable=False),
    Column("duration", Double),  # ended - started: lists are sorted by it
    UniqueConstraint("project", "uid", "iter", name="runs_identity"),
    Index("runs_by_start", "started", "run_id", *_SEEN),  # each begins like the order of a list
    Index("runs_by_project", "project", "iter", "started", "run_id", "state", "name"),
    Index("runs_by_state", "state", "started", "run_id", "project", "iter", "name"),
    Index("runs_by_name", "name", "started", "run_id", "project", "iter", "state"),
    Index("runs_by_update", "updated", "run_id", "started", *_SEEN),
    Index("runs_by_duration", "duration", "started", "run_id", *_SEEN),
    # an id is never used again, so a late metric cannot land in another run
    sqlite_autoincrement=True,
)

run_labels = Table(
    "run_labels",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("value", String, primary_key=True),
    Column("started", Double, primary_key=True),
    Column("run_id", _ID, ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Index("run_labels_by_value", "name", "value", "started", "run_id"),
    Index("run_labels_by_run", "run_id"),
    sqlite_with_rowid=False,
)

metric_keys = Table(
    "metric_keys",
    metadata,
    Column("key_id", _ID, primary_key=True),
    Column("name", String, nullable=False, unique=True),
)

metrics = Table(
    "metrics",
    metadata,
    Column("run_id", _ID, ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True),
    Column("key_id", _ID, ForeignKey("metric_keys.key_id"), primary_key=True),
    Column("step", BigInteger, primary_key=True),
    Column("time", Double, primary_key=True),
    # SQLite stores NaN as NULL, which no key can hold: such a point is value 0 with nan 1
    Column("value", Double, primary_key=True),
    Column("nan", Integer, primary_key=True),
    sqlite_with_rowid=False,
)

artifacts = Table(
    "artifacts",
    metadata,
    Column("artifact_id", _ID, primary_key=True),
    Column("project", String, nullable=False),
    Column("key", String, nullable=False),
    Column("uid", String, nullable=False),
    Column("iter", Integer, nullable=False),
    Column("tree", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("category", String, nullable=False),
    Column("target_path", Text, nullable=False),
    Column("updated", Double, nullable=False),
    Column("deleted_at", Double),
    Column("labels", Text, nullable=False),
    Column("body", Text, nullable=False),
    UniqueConstraint("project", "key", "uid", name="artifacts_identity"),
    Index("artifacts_by_update", "updated", "artifact_id"),
    Index("artifacts_by_project", "project", "updated", "artifact_id"),
    Index("artifacts_by_key", "project", "key", "updated"),
    Index("artifacts_by_tree", "project", "tree"),
    sqlite_autoincrement=True,
)

artifact_labels = Table(
    "artifact_labels",
    metadata,
    Column(
        "artifact_id",
        _ID,
        ForeignKey("artifacts.artifact_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("name", String, primary_key=True),
    Column("value", String, nullable=False),
    Index("artifact_labels_by_value", "name", "value"),
    sqlite_with_rowid=False,
)

artifact_tags = Table(
    "artifact_tags",
    metadata,
    Column("project", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("iter", Integer, primary_key=True),
    Column("tag", String, primary_key=True),
    Column(
        "artifact_id", _ID, ForeignKey("artifacts.artifact_id", ondelete="CASCADE"), nullable=False
    ),
    Column("tree", String, nullable=False),
    # when the tag was given: a late delivery cannot move a tag back
    Column("moved", Double, nullable=False),
    Index("artifact_tags_by_artifact", "artifact_id"),
    Index("artifact_tags_by_tag", "project", "tag"),
    sqlite_with_rowid=False,
)

functions = Table(
    "functions",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("hash", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("updated", Double, nullable=False),
    Column("body", Text, nullable=False),
    Index("functions_by_update", "project", "updated"),
)

function_tags = Table(
    "function_tags",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("tag", String, primary_key=True),
    Column("hash", String, nullable=False),
    Column("moved", Double, nullable=False),
    sqlite_with_rowid=False,
)

logs = Table(
    "logs",
    metadata,
    Column("project", String, primary_key=True),
    Column("uid", String, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("size", Integer, nullable=False),
    # who wrote this piece and which of its pieces it is: delivering it twice changes nothing
    Column("token", String, nullable=False, unique=True),
    Column("data", LargeBinary, nullable=False),
)

lineage = Table(
    "lineage",
    metadata,
    Column("project", String, primary_key=True),
    Column("uid", String, primary_key=True),
    Column("artifact_uri", String, primary_key=True),
    Column("direction", String, primary_key=True),
    Column("time", Double, nullable=False),
    Index("lineage_by_artifact", "artifact_uri", "time"),
    sqlite_with_rowid=False,
)

schedules = Table(
    "schedules",
    metadata,
    Column("project", String, primary_key=True),
    Column("name", String, primary_key=True),
    # null: it is paused, or no time of its expression is left
    Column("next_time", Double),
    Column("updated", Double, nullable=False),
    Column("body", Text, nullable=False),
    Index("schedules_by_time", "next_time"),
)

firings = Table(
    "firings",
    metadata,
    Column("firing_id", _ID, primary_key=True),
    Column("project", String, nullable=False),
    Column("name", String, nullable=False),
    Column("due", Double, nullable=False),
    Column("fired", Double, nullable=False),
    Column("outcome", String, nullable=False),
    Column("uid", String, nullable=False),
    Column("text", Text, nullable=False),
    # one time of a schedule is fired once, however many services there are
    UniqueConstraint("project", "name", "due", name="firings_identity"),
    sqlite_autoincrement=True,
)

workflow_steps = Table(
    "workflow_steps",
    metadata,
    Column("project", String, primary_key=True),
    Column("workflow", String, primary_key=True),
    Column("step", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("uid", String, nullable=False),
    Column("started", Double, nullable=False),
    Column("ended", Double, nullable=False),
    # when it was written: a late delivery cannot undo a newer one
    Column("updated", Double, nullable=False),
    Column("body", Text, nullable=False),
    Index("workflow_steps_by_update", "updated"),
    sqlite_with_rowid=False,
)

step_cache = Table(
    "step_cache",
    metadata,
    Column("project", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("workflow", String, nullable=False),
    Column("step", String, nullable=False),
    Column("uid", String, nullable=False),
    Column("made", Double, nullable=False),
    Column("body", Text, nullable=False),
    Index("step_cache_by_name", "project", "name", "made"),
    sqlite_with_rowid=False,
)

projects = Table(
    "projects",
    metadata,
    Column("name", String, primary_key=True),
    Column("updated", Double, nullable=False),
    Column("body", Text, nullable=False),
)
