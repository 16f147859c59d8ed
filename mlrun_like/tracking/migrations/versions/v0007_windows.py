"""Windows of monitoring applications: leases, cursors, results and statistics."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add to the schema; there is no way back."""
    op.create_table(
        "monitor_leases",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "monitor_cursors",
        *_place(),
        sa.Column("done", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("retry_at", sa.Double(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("project", "endpoint", "application"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "monitor_windows",
        *_place(),
        sa.Column("start", sa.Double(), nullable=False),
        sa.Column("end", sa.Double(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("events", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project", "endpoint", "application", "start"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "monitor_results",
        *_place(),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("end", sa.Double(), nullable=False),
        sa.Column("start", sa.Double(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("value", sa.Double(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project", "endpoint", "application", "name", "end"),
        sqlite_with_rowid=False,
    )
    op.create_index("monitor_results_by_end", "monitor_results", ["project", "end"], unique=False)
    op.create_table(
        "monitor_stats",
        *_place(),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project", "endpoint", "application", "name"),
        sqlite_with_rowid=False,
    )


def _place() -> list[sa.Column[str]]:
    return [
        sa.Column(name, sa.String(), nullable=False)
        for name in ("project", "endpoint", "application")
    ]
