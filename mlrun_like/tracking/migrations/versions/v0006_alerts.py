"""What happened, and alerts: definitions, incidents, deliveries."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "0006"
down_revision = "0005"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Add to the schema; there is no way back."""
    op.create_table(
        "happenings",
        sa.Column("seq", _ID, nullable=False),
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("entity_kind", sa.String(), nullable=False),
        sa.Column("entity_id", sa.String(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("seq"),
        sa.UniqueConstraint("id"),
        sqlite_autoincrement=True,
    )
    op.create_index("happenings_by_project", "happenings", ["project", "seq"], unique=False)
    op.create_index(
        "happenings_by_entity", "happenings", ["project", "entity_id", "time"], unique=False
    )
    op.create_table(
        "alert_documents",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project", "kind", "name"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "alert_cursors",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project"),
        sqlite_with_rowid=False,
    )
    _incidents()


def _incidents() -> None:
    op.create_table(
        "alert_activations",
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("entity_kind", sa.String(), nullable=False),
        sa.Column("entity_id", sa.String(), nullable=False),
        sa.Column("severity", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("opened", sa.Double(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.Column("resolved", sa.Double()),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("project", "number"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "alert_activations_by_state",
        "alert_activations",
        ["project", "state", "opened"],
        unique=False,
    )
    op.create_index(
        "alert_activations_by_name", "alert_activations", ["project", "name", "opened"],
        unique=False,
    )  # fmt: skip
    op.create_table(
        "alert_lines",
        sa.Column("line_id", _ID, nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("time", sa.Double(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("line_id"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "alert_lines_by_incident", "alert_lines", ["project", "number", "line_id"], unique=False
    )
    op.create_table(
        "alert_outbox",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due", sa.Double(), nullable=False),
        sa.Column("leased", sa.Double(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "alert_outbox_by_due", "alert_outbox", ["state", "project", "due"], unique=False
    )
    op.create_index("alert_outbox_by_incident", "alert_outbox", ["project", "number"], unique=False)
