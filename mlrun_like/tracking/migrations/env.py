"""Alembic's entry: runs the migrations on the connection it is handed (see `migrate.py`)."""

from __future__ import annotations

from alembic import context

from mlrun_like.tracking.schema import VERSION_TABLE, metadata

__all__: list[str] = []

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=False,
)
# the caller holds the lock and the transaction
context.run_migrations()
