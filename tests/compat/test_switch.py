"""The switch: on, off, forgetting, and what a real package has to do with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mlrun_like import compat as switch
from mlrun_like.compat.env_file import read_user_file
from mlrun_like.compat.finder import AliasModule
from mlrun_like.configuration import config, exchange_environment
from mlrun_like.errors import ConflictError, InvalidArgumentError


def test_install_and_uninstall() -> None:
    switch.install(quiet=True)
    switch.install(quiet=True)  # does nothing
    try:
        import mlrun  # type: ignore[import-not-found, unused-ignore]

        assert isinstance(mlrun, AliasModule) and switch.installed()
        assert os.environ["MLRUN_LIKE_COMPAT"] == "1"
    finally:
        switch.uninstall()
    assert not switch.installed() and "mlrun" not in sys.modules
    assert "MLRUN_LIKE_COMPAT" not in os.environ
    switch.uninstall()


def test_the_real_package_was_imported_first(monkeypatch: pytest.MonkeyPatch) -> None:
    real = ModuleType("mlrun")
    real.__file__ = "/site/mlrun/__init__.py"
    monkeypatch.setitem(sys.modules, "mlrun", real)
    with pytest.raises(ConflictError, match="imported before the switch") as caught:
        switch.install()
    assert "site/mlrun" in str(caught.value) and not switch.installed()


def test_the_real_package_is_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mlrun").mkdir()
    (tmp_path / "mlrun" / "__init__.py").write_text("raise RuntimeError('the real one')")
    monkeypatch.syspath_prepend(str(tmp_path))
    switch.install()
    try:
        assert "the real package" in capsys.readouterr().err
        import mlrun  # type: ignore[import-not-found, unused-ignore]

        assert mlrun.get_or_create_project.__module__ == "mlrun_like.projects.loading"
    finally:
        switch.uninstall()


def test_reset_forgets(compat: ModuleType, tmp_path: Path) -> None:
    import mlrun  # type: ignore[import-not-found, unused-ignore]

    project = mlrun.new_project("forgotten", str(tmp_path / "p"), save=False)
    assert mlrun.get_current_project() is project
    mlrun.mlconf.artifact_path = "/elsewhere"
    exchange_environment({"WRITTEN_HERE": "1"})
    os.environ["NOT_HERE"] = "1"
    mlrun.set_environment(str(tmp_path / "db"), username="somebody")
    context = mlrun.get_or_create_ctx("open")
    compat.reset()
    assert mlrun.get_current_project(silent=True) is None
    assert config.artifact_path == "" and config.default_project == "default"
    assert "WRITTEN_HERE" not in os.environ and "V3IO_USERNAME" not in os.environ
    assert os.environ.pop("NOT_HERE") == "1"
    assert context.state == "completed"
    assert os.environ["MLRUN_LIKE_COMPAT"] == "1" and compat.installed()


def test_dbpath_is_a_folder(
    compat: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlrun  # type: ignore[import-not-found, unused-ignore]

    monkeypatch.setenv("MLRUN_DBPATH", str(tmp_path / "one"))
    compat.reset()
    mlrun.get_run_db().store_run({"metadata": {"name": "a"}}, "u1", "p")
    assert (tmp_path / "one" / "store.db").is_file()
    monkeypatch.setenv("MLRUN_DBPATH", str(tmp_path / "two"))
    compat.reset()
    assert mlrun.get_run_db().list_runs(project="p") == []


def test_the_file_of_mlrun_config_set_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "default.env"
    file.write_text(f"MLRUN_DBPATH='{tmp_path}/one'\nONLY_OF_THE_FILE=1\n")
    monkeypatch.setenv("MLRUN_DEFAULT_ENV_FILE", str(file))
    for settings, found in (
        ({}, "1"),
        ({"MLRUN_IGNORE_ENV_FILE": "1"}, None),
        ({"MLRUN_ENV_FILE": str(tmp_path / "none.env")}, None),
    ):
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            switch.install(quiet=True)
            try:
                assert os.environ.get("ONLY_OF_THE_FILE") == found
                assert (config.dbpath == f"{tmp_path}/one") is (found is not None)
                switch.reset()
                assert os.environ.get("ONLY_OF_THE_FILE") == found
            finally:
                switch.uninstall()
        assert "ONLY_OF_THE_FILE" not in os.environ and config.dbpath != f"{tmp_path}/one"
    assert "which is not there" in capsys.readouterr().err
    file.write_text("no variable\n")
    with pytest.raises(InvalidArgumentError, match=r"default\.env"):
        switch.install(quiet=True)
    switch.uninstall()


def test_a_broken_file_leaves_the_switch_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "default.env"
    monkeypatch.setenv("MLRUN_DEFAULT_ENV_FILE", str(file))
    file.write_text("no variable\n")
    for _ in range(2):  # the second time is no silent success
        with pytest.raises(InvalidArgumentError, match=r"default\.env"):
            switch.install(quiet=True)
        assert not switch.installed() and "MLRUN_LIKE_COMPAT" not in os.environ
    file.write_text("OF_THE_MENDED_FILE=1\n")
    switch.install(quiet=True)
    try:
        assert os.environ["OF_THE_MENDED_FILE"] == "1"
    finally:
        switch.uninstall()
    assert "OF_THE_MENDED_FILE" not in os.environ


@pytest.mark.parametrize("variables", [{}, {"MLRUN_IGNORE_ENV_FILE": "1"}])
def test_a_user_without_a_folder(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(path: Path) -> Path:
        if str(path).startswith("~"):
            raise RuntimeError("Could not determine home directory.")
        return path

    monkeypatch.delenv("MLRUN_DEFAULT_ENV_FILE", raising=False)
    monkeypatch.setattr(Path, "expanduser", unknown)
    monkeypatch.setattr(os.path, "expanduser", str)  # leaves `~` as it is, as it does then
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    switch.install(quiet=True)
    try:
        assert switch.installed() and os.environ["MLRUN_LIKE_COMPAT"] == "1"
    finally:
        switch.uninstall()


def test_a_users_folder_that_must_not_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, *args: object, **options: object) -> os.stat_result:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setenv("MLRUN_DEFAULT_ENV_FILE", str(tmp_path / "default.env"))
    monkeypatch.setattr(Path, "stat", refuse)
    read_user_file()


def test_variables_are_put_back_where_they_still_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "default.env"
    file.write_text("REGION=eu\nZONE=eu-1\nMLRUN_DBPATH=/of/the/file\n")
    monkeypatch.setenv("MLRUN_DEFAULT_ENV_FILE", str(file))
    monkeypatch.setenv("REGION", "us")
    monkeypatch.setenv("ZONE", "us-1")
    config.dbpath, config.default_project = str(tmp_path / "mine"), "abc"
    switch.install(quiet=True)
    try:
        import mlrun  # type: ignore[import-not-found, unused-ignore]

        made = (config.dbpath, config.default_project)
        assert made == (str(tmp_path / "mine"), "abc"), "what was set in code stays"
        assert os.environ["REGION"] == "eu"
        os.environ["REGION"] = "asia"
        file.write_text("ZONE=eu-2\nLATER=1\n")
        mlrun.mlconf.reload()
        assert (os.environ["ZONE"], os.environ["LATER"]) == ("eu-2", "1")
        read_user_file()  # again: what the file itself set is not what was before
        config.default_project = "later"
    finally:
        switch.uninstall()
    assert config.default_project == "later"
    assert [os.environ.get(name) for name in ("REGION", "ZONE", "LATER", "MLRUN_DBPATH")] == [
        "asia",
        "us-1",
        None,
        None,
    ]


def test_children_have_the_switch(compat: ModuleType) -> None:
    code = "import mlrun_like.compat.switch as s; s.install_if_asked(); import mlrun; print(mlrun)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert "mlrun_like.compat" in done.stdout


def test_nothing_heavy_is_imported() -> None:
    code = (
        "import sys, mlrun_like.compat as c; c.install(); import mlrun, mlrun.serving, storey; "
        "print([n for n in ('pandas', 'numpy', 'sqlalchemy', 'pydantic') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
