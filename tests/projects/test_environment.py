"""Where a process records."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.projects import new_project, set_env_from_file, set_environment
from mlrun_like.tracking.connect import open_store

NAMES = ("MLRUN_LIKE_DBPATH", "MLRUN_DBPATH", "V3IO_ACCESS_KEY", "V3IO_USERNAME", "MY_REGION")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in NAMES:
        monkeypatch.setenv(name, "before")  # so that they are put back
        monkeypatch.delenv(name)
    yield
    config.reload()


def test_a_file_of_variables(tmp_path: Path) -> None:
    file = tmp_path / "my.env"
    file.write_text(
        f"# mine\nMLRUN_DBPATH={tmp_path / 'db'}\nMY_REGION='eu'  # there\nV3IO_USERNAME=jo#e # x\n"
    )
    assert set_env_from_file(str(file)) is None
    assert os.environ["MY_REGION"] == "eu" and config.dbpath == str(tmp_path / "db")
    found = set_env_from_file(file, return_dict=True)
    assert found is not None and found["V3IO_USERNAME"] == "jo#e"
    file.write_text("MY_REGION=eu\nno mark\n")
    with pytest.raises(InvalidArgumentError, match="line 2"):
        set_env_from_file(file)
    with pytest.raises(NotFoundError, match="does not exist"):
        set_env_from_file(tmp_path / "nothing.env")


def test_the_store_and_the_place_of_artifacts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    new_project("demo", tmp_path / "work", save=False)
    place = tmp_path / "elsewhere"
    answer = set_environment(str(place), "./data", access_key="k", username="ann")
    assert answer == ("demo", str(tmp_path / "data"))
    assert os.environ["V3IO_ACCESS_KEY"] == "k" and os.environ["V3IO_USERNAME"] == "ann"
    assert str(place) in repr(open_store()) and (place / "store.db").exists()
    assert set_environment(artifact_path="s3://bucket/x")[1] == "s3://bucket/x"
    config.reload()
    assert set_environment()[1] == str(config.path("artifacts"))


def test_functions_may_be_mocked() -> None:
    set_environment(mock_functions=True)
    assert (config.force_run_local, config.mock_nuclio_deployment) == ("true", "true")
    set_environment(mock_functions="auto")
    assert (config.force_run_local, config.mock_nuclio_deployment) == ("auto", "auto")


def test_what_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"artifact_path=\"./data\""):
        set_environment(artifact_path="data")
    with pytest.raises(InvalidArgumentError, match="no tracking store of kind"):
        set_environment("mongodb://x")
    assert "MLRUN_LIKE_DBPATH" not in os.environ
    with pytest.raises(NotFoundError):
        set_environment(env_file=tmp_path / "nothing")
