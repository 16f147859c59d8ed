"""The code of a notebook that runs and has no file."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from mlrun_like.errors import FunctionError, PackagingError
from mlrun_like.functions.creators import code_to_function
from mlrun_like.functions.files import calling_file
from mlrun_like.packaging.running import RUNNING, capture_code, is_running
from mlrun_like.projects.loading import new_project

_MODEL = "import math\n\nclass Model:\n    def do(self, x):\n        return math.sqrt(x) * FACTOR"


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """The inputs of an IPython session whose notebook has no name; to be filled."""
    inputs: list[str] = []
    main = ModuleType("__main__")
    shell = SimpleNamespace(history_manager=SimpleNamespace(input_hist_raw=inputs))
    vars(main)["get_ipython"] = lambda: shell
    monkeypatch.setitem(sys.modules, "__main__", main)
    for name in ("JUPYTER_NOTEBOOK_FILE_NAME", "JPY_SESSION_NAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return inputs


def test_without_marks_what_is_defined_travels_and_work_does_not(session: list[str]) -> None:
    assert not is_running()
    session += ["", "FACTOR = 2", _MODEL, "print('work')", "import mlrun", "mlrun.start()"]
    session += ["def broken(:", "!ls", "%nuclio config spec.maxReplicas = 3"]
    assert is_running() and calling_file() == RUNNING
    captured, settings = capture_code(RUNNING)
    assert "class Model" in captured.code and "FACTOR = 2" in captured.code
    assert "import math" in captured.code and "work" not in captured.code
    assert "start()" not in captured.code and captured.origin_module == "__main__"
    assert settings["spec"]["maxReplicas"] == 3


def test_with_marks_the_marked_part_travels(session: list[str]) -> None:
    session += ["x = 1", "# mlrun: start-code", "def first(context):\n    return 1", "y = [2]"]
    session += ["# mlrun: end-code", "def second(context):\n    return 2"]
    captured, _ = capture_code(RUNNING)
    assert "def first" in captured.code and "y = [2]" in captured.code
    assert "second" not in captured.code and "x = 1" not in captured.code


def test_a_cell_that_ran_twice_counts_once_and_the_last_definition_wins(session: list[str]) -> None:
    session += ["# mlrun: start-code", "def one():\n    return 1", "# mlrun: end-code"] * 2
    assert capture_code(RUNNING)[0].code.count("def one") == 1
    session[:] = ["def one():\n    return 1", "def one():\n    return 2"]
    assert "return 1" not in capture_code(RUNNING)[0].code


def test_what_is_defined_nowhere_is_left_to_the_call(session: list[str]) -> None:
    session += ["def later():\n    return spark.read()"]
    assert "spark.read()" in capture_code(RUNNING)[0].code


@pytest.mark.parametrize("inputs", [[], ["x = 1"], ["def f(:"], ["\0"], ["!ls", "%time"]])
def test_nothing_to_take(session: list[str], inputs: list[str]) -> None:
    session += inputs
    assert not is_running()
    with pytest.raises(FunctionError, match="cannot tell which file"):
        calling_file()
    with pytest.raises(PackagingError):
        capture_code(RUNNING)


def test_an_unknown_handler_is_told(session: list[str]) -> None:
    session += ["def train(context): ..."]
    with pytest.raises(PackagingError, match="'trian'"):
        capture_code(RUNNING, handler="trian")


def test_functions_of_the_notebook(session: list[str]) -> None:
    session += [_MODEL, "FACTOR = 3", "def train(context, p=1):\n    return p"]
    function: Any = code_to_function("trainer", kind="job", handler="train")
    assert function.spec.default_handler == "train" and "train" in function.spec.entry_points
    project = new_project("from-notebook", context=str(Path.cwd()), overwrite=True)
    served: Any = project.set_function(name="served", kind="serving", requirements=["numpy"])
    assert served.spec.build.functionSourceCode and served.kind == "serving"
    assert project.get_function("served").spec.build.requirements == ["numpy"]
    trained: Any = function.with_code()
    assert trained.spec.build.functionSourceCode
    again = [row for row in project.spec.functions if row["name"] == "served"]
    assert RUNNING not in str(again)  # no path that nothing has
