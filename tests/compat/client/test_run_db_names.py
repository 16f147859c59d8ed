"""What `get_run_db()` says of calls that it has not."""

from __future__ import annotations

import gc
import weakref
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.compat.adapted.client.run_db import run_db_of
from mlrun_like.errors import MissingSymbolError, NotFoundError


def test_a_call_that_is_not_there_is_told_by_its_name(compat: ModuleType) -> None:
    database = import_module("mlrun").get_run_db()
    assert not hasattr(database, "refresh_smtp_configuration")
    with pytest.raises(MissingSymbolError, match="'refresh_smtp_configuration' here"):
        database.refresh_smtp_configuration()
    assert callable(database.list_runs)


def test_one_version_of_an_artifact_by_its_uid(compat: ModuleType, home: Path) -> None:
    mlrun = import_module("mlrun")
    project = mlrun.get_or_create_project("demo", str(home / "context"))
    for tag in ("v1", "v2"):
        project.log_artifact("note", body=tag, format="txt", tag=tag)
    database = mlrun.get_run_db()
    uids = {
        item["metadata"]["tag"]: item["metadata"]["uid"]
        for item in database.list_artifacts("note", project="demo", tag="*")
    }
    first = database.read_artifact("note", project="demo", uid=uids["v1"])
    assert first["metadata"]["uid"] == uids["v1"]
    database.del_artifact("note", project="demo", uid=uids["v1"])
    left = database.list_artifacts("note", project="demo", tag="*")
    assert [item["metadata"]["uid"] for item in left] == [uids["v2"]]
    with pytest.raises(NotFoundError, match="no version"):
        database.del_artifact("note", project="demo", uid=uids["v1"])


def test_options_that_a_list_has_not_are_told_once(
    compat: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    database = import_module("mlrun").get_run_db()
    for _ in range(2):
        database.list_runs(project="demo", category="x")
    captured = capsys.readouterr()
    assert (captured.out + captured.err).count("'category'") == 1


def test_a_store_that_nobody_uses_is_freed_with_its_run_db(compat: ModuleType) -> None:
    class Here:
        url = "memory"

    store: Any = Here()
    assert run_db_of(store) is run_db_of(store)
    kept = weakref.ref(store)
    del store
    gc.collect()
    assert kept() is None
