"""The switch: on, off, forgetting, and what a real package has to do with it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mlrun_like import compat as switch
from mlrun_like.compat.finder import AliasModule
from mlrun_like.configuration import config, exchange_environment
from mlrun_like.errors import ConflictError


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
