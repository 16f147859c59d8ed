"""Schedules and their history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add to the schema; there is no way back."""
    op.create_table(
        "schedules",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("next_time", sa.Double(), nullable=True),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project", "name"),
    )
    op.create_index("schedules_by_time", "schedules", ["next_time"], unique=False)
    op.create_table(
        "firings",
        sa.Column(
            "firing_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False
        ),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("due", sa.Double(), nullable=False),
        sa.Column("fired", sa.Double(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("firing_id"),
        sa.UniqueConstraint("project", "name", "due", name="firings_identity"),
        sqlite_autoincrement=True,
    )
