"""The service changes an older store after a copy of it, each time anew."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from mlrun_like.api.backup.checking import check_backup
from mlrun_like.api.backup.targets import list_backups
from mlrun_like.api.options import ServiceOptions
from mlrun_like.api.process.schema import bring_up_to_date
from mlrun_like.configuration import config
from mlrun_like.tracking.migrate import MIGRATIONS, read_version
from mlrun_like.tracking.schema import HEAD, REVISIONS
from mlrun_like.tracking.upgrade import upgrade
from tests.servers import Postgres


@pytest.mark.slow
@pytest.mark.parametrize("target", [True, False])
def test_each_change_of_a_server_has_a_copy(
    home: Path, tmp_path: Path, postgres: Postgres, target: bool
) -> None:
    url = postgres.new_database()
    engine = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    place = str(tmp_path / "copies") if target else str(home / "service" / "before-migration")
    said: list[str] = []
    with config.override(service_backup_target=place if target else ""):
        for number in range(2):  # the second time is the way forward after the way back
            with engine.connect() as connection:
                connection.execute(text("DROP SCHEMA public CASCADE"))
                connection.execute(text("CREATE SCHEMA public"))
                upgrade(connection, MIGRATIONS, REVISIONS[-2])
                connection.commit()
            with bring_up_to_date(ServiceOptions(store=url), lambda: said.append("migrating")):
                pass
            with engine.connect() as connection:
                assert read_version(connection) == HEAD
            names = list_backups(place)
            assert len(names) == number + 1
            for name in names:
                assert check_backup(f"{place}/{name}")["schema"] == REVISIONS[-2]
    engine.dispose()
    assert said == ["migrating"] * 2
