"""From nothing, and from older schemas, to the current one."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, insert, inspect, text

from mlrun_like.tracking.connect import close_stores, open_database
from mlrun_like.tracking.migrate import MIGRATIONS, ensure_schema, read_version
from mlrun_like.tracking.monitoring_abilities import EndpointQuery
from mlrun_like.tracking.schema import HEAD, REVISIONS, VERSION_TABLE, logs, metadata
from mlrun_like.tracking.sql import Database
from mlrun_like.tracking.upgrade import upgrade

NEXT = """
import sqlalchemy as sa
from alembic import op
revision = "9000"
down_revision = "{head}"
def upgrade():
    op.add_column("runs", sa.Column("later", sa.Integer()))
    {more}
"""


@pytest.fixture
def url(sql_url: str) -> str:
    """Databases only: these tests look inside."""
    return sql_url


def bare_engine(url: str) -> Engine:
    """An engine over an untouched database."""
    return Database(url)._create_engine()


def next_scripts(folder: Path, more: str = "") -> Path:
    """The script folder with one more migration."""
    target = folder / "migrations"
    shutil.copytree(MIGRATIONS, target)
    (target / "versions" / "v9000.py").write_text(NEXT.format(head=HEAD, more=more))
    return target


def test_migrations_and_tables_agree(url: str) -> None:
    engine = bare_engine(url)
    with engine.connect() as connection:
        upgrade(connection, MIGRATIONS, "head")
        connection.commit()
        context = MigrationContext.configure(
            connection, opts={"version_table": VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []
        assert read_version(connection) == HEAD
    engine.dispose()


def test_the_tables_made_directly_equal_the_migrated_ones(url: str) -> None:
    store = open_database(url)
    with store.database.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


def test_known_revisions_are_alembics() -> None:
    settings = Config()
    settings.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(settings)
    assert tuple(s.revision for s in scripts.walk_revisions())[::-1] == REVISIONS


def test_an_older_store_is_migrated_with_a_backup(home: Path, tmp_path: Path) -> None:
    path = home / "store.db"
    store = open_database()
    store.append_log("p", "u", b"kept")
    store.close()
    engine = bare_engine(f"sqlite:///{path}")
    ensure_schema(engine, path, revisions=(*REVISIONS, "9000"), scripts=next_scripts(tmp_path))
    assert "later" in [column["name"] for column in inspect(engine).get_columns("runs")]
    engine.dispose()
    copies = list(home.glob("store.db.before-*"))
    assert len(copies) == 1
    connection = sqlite3.connect(copies[0])
    assert connection.execute("select data from logs").fetchone() == (b"kept",)
    assert connection.execute(f"select version_num from {VERSION_TABLE}").fetchone() == (HEAD,)
    connection.close()


@pytest.mark.parametrize("version", REVISIONS[:-1])
def test_a_store_of_any_schema_opens_with_what_it_holds(url: str, version: str) -> None:
    engine = bare_engine(url)
    with engine.connect() as connection:
        upgrade(connection, MIGRATIONS, version)
        connection.execute(
            insert(logs).values(project="p", uid="u", offset=0, size=4, token="t", data=b"kept")
        )
        connection.commit()
    engine.dispose()
    store = open_database(url)
    assert store.read_log("p", "u") == b"kept"
    assert store.list_endpoints(EndpointQuery("*")) == []
    with store.database.engine.connect() as connection:
        assert read_version(connection) == HEAD


def test_a_failed_migration_changes_nothing(url: str, tmp_path: Path) -> None:
    database = open_database(url).database
    scripts = next_scripts(tmp_path, 'raise RuntimeError("half-way")')
    with pytest.raises(RuntimeError, match="half-way"):
        ensure_schema(
            database.engine, database.path, revisions=(*REVISIONS, "9000"), scripts=scripts
        )
    with database.engine.connect() as connection:
        assert read_version(connection) == HEAD
        assert "later" not in [c["name"] for c in inspect(connection).get_columns("runs")]


RACER = """
import sys, time
from pathlib import Path
from mlrun_like.configuration import config
from mlrun_like.tracking.migrate import ensure_schema, MIGRATIONS
from mlrun_like.tracking.schema import REVISIONS
from mlrun_like.tracking.sql import Database
url, home, scripts, start = sys.argv[1:]
config.home = home
database = Database(url)
time.sleep(max(0, float(start) - time.time()))
if scripts:
    ensure_schema(database._create_engine(), database.path, revisions=(*REVISIONS, "9000"),
                  scripts=Path(scripts))
else:
    database.engine
"""


@pytest.mark.slow
@pytest.mark.parametrize("older", [False, True])
def test_many_start_at_once(url: str, home: Path, tmp_path: Path, older: bool) -> None:
    scripts = ""
    if older:
        open_database(url)
        close_stores()
        scripts = str(next_scripts(tmp_path))
    start = str(time.time() + 2.0)
    racers = [
        subprocess.Popen(
            [sys.executable, "-c", RACER, url, str(home), scripts, start],
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(8)
    ]
    errors = [racer.communicate(timeout=60)[1] for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 8, errors
    engine = bare_engine(url)
    with engine.connect() as connection:
        versions = connection.execute(text(f"select version_num from {VERSION_TABLE}")).all()
    engine.dispose()
    assert versions == [("9000" if older else HEAD,)]
    assert len(list(home.glob("*.before-*"))) == int(older and url.startswith("sqlite"))
