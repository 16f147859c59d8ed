"""Run Alembic's migrations on an open connection."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

__all__ = ["upgrade"]


def upgrade(connection: Connection, scripts: Path, head: str) -> None:
    """Apply the migrations up to `head`, inside the connection's transaction.

    Args:
        connection: Holds the lock and the transaction.
        scripts: The script folder.
        head: The schema version to reach.
    """
    settings = Config()
    settings.set_main_option("script_location", str(scripts).replace("%", "%%"))
    settings.set_main_option("path_separator", "os")
    settings.attributes["connection"] = connection
    command.upgrade(settings, head)
