"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Add to the schema; there is no way back."""
    op.create_table(
        "artifacts",
        sa.Column(
            "artifact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("iter", sa.Integer(), nullable=False),
        sa.Column("tree", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("target_path", sa.Text(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.Column("deleted_at", sa.Double(), nullable=True),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("artifact_id"),
        sa.UniqueConstraint("project", "key", "uid", name="artifacts_identity"),
        sqlite_autoincrement=True,
    )
    op.create_index("artifacts_by_key", "artifacts", ["project", "key", "updated"], unique=False)
    op.create_index(
        "artifacts_by_project", "artifacts", ["project", "updated", "artifact_id"], unique=False
    )
    op.create_index("artifacts_by_tree", "artifacts", ["project", "tree"], unique=False)
    op.create_index("artifacts_by_update", "artifacts", ["updated", "artifact_id"], unique=False)
    op.create_table(
        "function_tags",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("moved", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "tag"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "functions",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project", "name", "hash"),
    )
    op.create_index("functions_by_update", "functions", ["project", "updated"], unique=False)
    op.create_table(
        "lineage",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("artifact_uri", sa.String(), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("project", "uid", "artifact_uri", "direction"),
        sqlite_with_rowid=False,
    )
    op.create_index("lineage_by_artifact", "lineage", ["artifact_uri", "time"], unique=False)
    op.create_table(
        "logs",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("project", "uid", "offset"),
        sa.UniqueConstraint("token"),
    )
    op.create_table(
        "metric_keys",
        sa.Column("key_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("key_id"),
        sa.UniqueConstraint("name"),
    )
    op.create_table(
        "runs",
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("iter", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("function", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("pid", sa.BigInteger(), nullable=False),
        sa.Column("pid_started", sa.Double(), nullable=False),
        sa.Column("heartbeat", sa.Double(), nullable=True),
        sa.Column("started", sa.Double(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.Column("ended", sa.Double(), nullable=True),
        sa.Column("deleted_at", sa.Double(), nullable=True),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("run_id"),
        sa.UniqueConstraint("project", "uid", "iter", name="runs_identity"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "runs_by_project", "runs", ["project", "iter", "started", "run_id"], unique=False
    )
    op.create_index("runs_by_start", "runs", ["started", "run_id"], unique=False)
    op.create_index("runs_by_state", "runs", ["state", "started"], unique=False)
    op.create_table(
        "artifact_labels",
        sa.Column(
            "artifact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.artifact_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("artifact_id", "name"),
        sqlite_with_rowid=False,
    )
    op.create_index("artifact_labels_by_value", "artifact_labels", ["name", "value"], unique=False)
    op.create_table(
        "artifact_tags",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("iter", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(), nullable=False),
        sa.Column(
            "artifact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("tree", sa.String(), nullable=False),
        sa.Column("moved", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["artifact_id"], ["artifacts.artifact_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project", "key", "iter", "tag"),
        sqlite_with_rowid=False,
    )
    op.create_index("artifact_tags_by_artifact", "artifact_tags", ["artifact_id"], unique=False)
    op.create_index("artifact_tags_by_tag", "artifact_tags", ["project", "tag"], unique=False)
    op.create_table(
        "metrics",
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("step", sa.BigInteger(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("nan", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"],
            ["metric_keys.key_id"],
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "key_id", "step", "time", "value", "nan"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_labels",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("started", sa.Double(), nullable=False),
        sa.Column("run_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.run_id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("project", "name", "value", "started", "run_id"),
        sqlite_with_rowid=False,
    )
    op.create_index("run_labels_by_run", "run_labels", ["run_id"], unique=False)
    op.create_index(
        "run_labels_by_value", "run_labels", ["name", "value", "started", "run_id"], unique=False
    )
