"""Code that imports `mlrun` finds it when nothing of that name is installed."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like import code_to_function, compat
from mlrun_like.configuration import config, exchange_environment
from mlrun_like.packaging import old_names

_CODE = """
import mlrun

def handler(context, x=1):
    import storey
    context.log_result("y", x + len(mlrun.__name__))
"""


@pytest.fixture(autouse=True)
def off() -> Iterator[None]:
    before = list(sys.meta_path)
    yield
    compat.uninstall()
    exchange_environment({"MLRUN_LIKE_COMPAT": None})
    sys.meta_path[:] = before


@pytest.mark.parametrize("kind", ["local", "process"])
def test_functions_need_no_switch(kind: str, tmp_path: Path) -> None:
    (tmp_path / "code.py").write_text(_CODE)
    function = code_to_function("old", filename=tmp_path / "code.py", kind=kind, handler="handler")
    run = function.run(params={"x": 2}, local=kind == "local" or None)
    assert run.output("y") == 7


def test_it_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    compat.uninstall()
    old_names.answer_old_names()
    old_names.answer_old_names()
    assert sum(item is old_names._last for item in sys.meta_path) == 1
    assert importlib.util.find_spec("mlrun") and "mlrun" not in sys.modules  # looked for only
    assert not capsys.readouterr().err
    importlib.import_module("mlrun.errors")
    importlib.import_module("storey")
    assert capsys.readouterr().err.count("gets mlrun_like under the old names") == 1


def test_names_alone_change_no_settings(tmp_path: Path) -> None:
    before = dict(os.environ)
    (tmp_path / "code.py").write_text(_CODE)
    function = code_to_function(
        "old", filename=tmp_path / "code.py", kind="local", handler="handler"
    )
    assert function.run(local=True).output("y") == 6
    assert "mlrun" in sys.modules and not compat.installed()
    assert dict(os.environ) == before
    assert config.strict_arguments and config.auto_unpack_inputs and not config.full_run_names
    with pytest.raises(ImportError, match="does not exist"):
        importlib.import_module("mlrun.no_such_module")
    compat.install(quiet=True)  # asked for later: all of it
    assert compat.installed() and not config.strict_arguments
    compat.uninstall()
    assert "mlrun" not in sys.modules and "storey" not in sys.modules


def test_modules_of_a_real_package_are_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "storey").mkdir()
    (tmp_path / "storey" / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    old_names.answer_old_names()
    try:
        with pytest.raises(ModuleNotFoundError, match=r"No module named .storey\.flow."):
            importlib.import_module("storey.flow")
    finally:
        del sys.modules["storey"]


def test_a_real_package_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    compat.uninstall()
    (tmp_path / "storey.py").write_text("REAL = True")
    monkeypatch.syspath_prepend(str(tmp_path))
    old_names.answer_old_names()
    assert importlib.import_module("storey").REAL
    del sys.modules["storey"]


def test_the_variable_turns_the_switch_on(monkeypatch: pytest.MonkeyPatch) -> None:
    compat.uninstall()
    monkeypatch.setenv("MLRUN_LIKE_COMPAT", "1")
    old_names.answer_old_names()
    assert compat.installed()
