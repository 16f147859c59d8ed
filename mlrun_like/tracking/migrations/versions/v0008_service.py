"""What a service for a team keeps: users, tokens, roles, secrets, tasks; indexes for long lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

__all__ = ["upgrade"]

revision = "0008"
down_revision = "0007"

_RUNS = {
    "start": ["started", "run_id", "project", "iter", "state", "name"],
    "project": ["project", "iter", "started", "run_id", "state", "name"],
    "state": ["state", "started", "run_id", "project", "iter", "name"],
    "name": ["name", "started", "run_id", "project", "iter", "state"],
    "update": ["updated", "run_id", "started", "project", "iter", "state", "name"],
    "duration": ["duration", "started", "run_id", "project", "iter", "state", "name"],
}


def upgrade() -> None:
    """Add to the schema; there is no way back."""
    _access()
    _lists()
    _tasks()


def _lists() -> None:
    """Indexes that end like the orders of lists."""
    op.add_column("runs", sa.Column("duration", sa.Double(), nullable=True))
    op.execute("UPDATE runs SET duration = ended - started WHERE ended IS NOT NULL")
    for name in ("start", "project", "state"):
        op.drop_index(f"runs_by_{name}", "runs")
    for name, columns in _RUNS.items():
        op.create_index(f"runs_by_{name}", "runs", columns, unique=False)
    op.create_index("workflow_steps_by_update", "workflow_steps", ["updated"], unique=False)


def _access() -> None:
    """Users, tokens, roles, sessions, audit, secrets."""
    op.create_table(
        "access_users",
        *_texts("user_id", "name", "email", "kind", "password"),
        sa.Column("subject", sa.String(), nullable=True),
        *_numbers("is_admin", "disabled"),
        *_times("created", "updated"),
        sa.Column("last_login", sa.Double(), nullable=True),
        sa.PrimaryKeyConstraint("user_id"),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("subject"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "access_tokens",
        *_texts("token_id", "user_id", "name", "hash", "scopes"),
        *_times("created"),
        *(sa.Column(name, sa.Double(), nullable=True) for name in ("expires", "revoked", "used")),
        sa.PrimaryKeyConstraint("token_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "access_members",
        *_texts("project", "user_id", "source", "role"),
        *_times("created"),
        sa.PrimaryKeyConstraint("project", "user_id", "source"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "access_sessions",
        *_texts("session_id", "user_id"),
        *_times("created", "seen"),
        *_texts("address", "agent"),
        sa.PrimaryKeyConstraint("session_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "access_logins",
        *_texts("login_id", "kind"),
        *_times("created"),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("login_id"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "access_audit",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        *_times("time"),
        *_texts("user_id", "user", "via", "address", "action", "resource", "project", "name"),
        *_numbers("status"),
        *_texts("request_id"),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "access_secrets",
        *_texts("project", "name"),
        sa.Column("value", sa.Text(), nullable=False),
        *_texts("key"),
        *_times("updated"),
        *_texts("updated_by"),
        sa.PrimaryKeyConstraint("project", "name"),
        sqlite_with_rowid=False,
    )
    for table, name, columns in (
        ("access_tokens", "user", ["user_id"]),
        ("access_members", "user", ["user_id"]),
        ("access_sessions", "user", ["user_id"]),
        ("access_audit", "time", ["time"]),
        ("access_audit", "project", ["project", "number"]),
        ("access_audit", "user", ["user", "number"]),
        ("access_secrets", "key", ["key"]),
    ):
        op.create_index(f"{table}_by_{name}", table, columns, unique=False)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(), nullable=False) for name in names]


def _times(*names: str) -> list[sa.Column[float]]:
    return [sa.Column(name, sa.Double(), nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.Integer(), nullable=False) for name in names]


def _tasks() -> None:
    """Background tasks, and answers that are kept to be given again."""
    op.create_table(
        "background_tasks",
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("asked_by", sa.String(), nullable=False),
        sa.Column("created", sa.Double(), nullable=False),
        sa.Column("updated", sa.Double(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("cancel", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("uid"),
    )
    op.create_index("background_tasks_by_project", "background_tasks", ["project", "created"])
    op.create_index("background_tasks_by_state", "background_tasks", ["state", "until"])
    op.create_table(
        "kept_answers",
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("made", sa.Double(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("user", "key"),
    )
    op.create_index("kept_answers_by_age", "kept_answers", ["made"])
