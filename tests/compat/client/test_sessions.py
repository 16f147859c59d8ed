"""`mlrun.Client`: whose records `get_run_db()` gives."""

from __future__ import annotations

import gc
import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest import mock

import pytest

from mlrun_like.compat.adapted.projects.cloning import clone_archive, clone_git
from mlrun_like.errors import MLRunLikeError, NotFoundError
from mlrun_like.tracking import connect

AWAY = "http://127.0.0.1:1"


def test_the_old_name(compat: ModuleType, home: Path) -> None:
    old = importlib.import_module("mlrun")
    who = old.Credentials(token="ann")
    ann, ben = old.Client(credentials=who), old.Client(old.Credentials(token="ben"), AWAY)
    with ben.session():
        assert old.get_run_db() is old.get_run_db("elsewhere") is ben._http_db
        assert old.get_run_db().store is ben.store
    assert old.get_run_db() is not ben._http_db
    marker = object()
    ann._http_db = marker
    with ann.session():
        assert old.get_run_db() is marker
        assert old.client.get_active_client() is ann
    with pytest.raises(old.errors.MLRunInvalidArgumentError):
        old.Client("token")


def test_gateways_are_of_projects_that_a_user_can_read(
    compat: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, kept = importlib.import_module("mlrun"), mock.MagicMock()
    monkeypatch.setattr("mlrun_like.gateway.entrances.keeping.kept_records", lambda: kept)
    ann, ben = (
        old.Client(old.Credentials(token=name), f"sqlite:///{home / name}.db")
        for name in ("ann", "ben")
    )
    calls: list[Callable[[], Any]] = [
        lambda: old.get_run_db().store_api_gateway({}, "shop"),
        lambda: old.get_run_db().list_api_gateways("shop"),
        lambda: old.get_run_db().get_api_gateway("front", "shop"),
        lambda: old.get_run_db().delete_api_gateway("front", "shop"),
    ]
    with ann.session():
        old.get_or_create_project("shop", str(home / "project"))
    with ben.session():
        for call in calls:
            with pytest.raises(NotFoundError):
                call()
    assert not kept.method_calls
    with ann.session():
        calls[-1]()
    calls[-1]()  # the process is one user's: a project need not be recorded
    assert kept.delete_api_gateway.call_args_list == [mock.call("front", "shop")] * 2


def test_a_setting_that_is_exchanged_for_a_while(
    compat: ModuleType, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = importlib.import_module("mlrun").mlconf
    with monkeypatch.context() as patch:
        patch.setattr(config, "dbpath", AWAY)
        assert config.dbpath == AWAY
    assert config.dbpath == ""


def test_sources_into_folders(tmp_path: Path) -> None:
    for name in ("no.zip", "no.tar.gz"):
        with pytest.raises(MLRunLikeError):
            clone_archive(str(tmp_path / name), str(tmp_path / "to"))
    with pytest.raises(MLRunLikeError):
        clone_git(f"{tmp_path}/none.git", str(tmp_path / "to"))


def test_what_stands_in_keeps_records_of_its_own(compat: ModuleType, home: Path) -> None:
    old = importlib.import_module("mlrun")
    ann, ben = (old.Client(old.Credentials(token=name), AWAY) for name in ("ann", "ben"))
    urls = []
    for client in (ann, ben):
        client._http_db = object()
        with client.session():
            old.get_or_create_project("p", str(home / "project"))
            urls.append(client._other.store.url)
    files = [Path(url.removeprefix("sqlite:///")) for url in urls]
    assert files[0] != files[1] and all(file.is_file() for file in files)
    assert not list(home.rglob("stand-in*"))
    stores = [client._other.store for client in (ann, ben)]
    del client, ann, ben
    gc.collect()
    assert all(store.database._engine is None for store in stores), "they are closed"
    assert not any("stand-in" in url for url, *_ in connect._stores), "nobody keeps them"
    assert not any(file.parent.exists() for file in files)
