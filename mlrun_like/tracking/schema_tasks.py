"""Tables of background tasks, and of answers that are kept to be given again."""

from __future__ import annotations

from sqlalchemy import Column, Double, Index, Integer, LargeBinary, String, Table, Text

from mlrun_like.tracking.schema import metadata

__all__ = ["background_tasks", "kept_answers"]

background_tasks = Table(
    "background_tasks",
    metadata,
    Column("uid", String, primary_key=True),
    Column("project", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("asked_by", String, nullable=False),
    Column("created", Double, nullable=False),
    Column("updated", Double, nullable=False),
    # who works on it, and until when nobody else may; empty and 0: nobody
    Column("owner", String, nullable=False),
    Column("until", Double, nullable=False),
    Column("attempts", Integer, nullable=False),
    # whether somebody wants it to stop
    Column("cancel", Integer, nullable=False),
    Column("body", Text, nullable=False),
    Index("background_tasks_by_project", "project", "created"),
    Index("background_tasks_by_state", "state", "until"),
)

kept_answers = Table(  # the first answer to a request with an Idempotency-Key
    "kept_answers",
    metadata,
    Column("user", String, primary_key=True),
    Column("key", String, primary_key=True),
    Column("digest", String, nullable=False),
    # 0: the first request is being worked on
    Column("status", Integer, nullable=False),
    Column("made", Double, nullable=False),
    # by whom: a process that died leaves a row without an answer
    Column("owner", String, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("kept_answers_by_age", "made"),
)
