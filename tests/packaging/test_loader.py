"""Loading captured code: names, folders, handlers, processes side by side."""

from __future__ import annotations

import base64
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import FunctionError, IntegrityError, NotFoundError, SpecError
from mlrun_like.packaging.loader import load_module, module_from_path, resolve_handler
from mlrun_like.specs.function import FunctionDoc


@pytest.fixture(autouse=True)
def clean_modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    before = set(sys.modules)
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def doc(code: str, module: str = "", filename: str = "", **modules: str) -> FunctionDoc:
    made = FunctionDoc()
    made.spec.build.functionSourceCode = base64.b64encode(code.encode()).decode()
    made.spec.build.origin_module = module
    made.spec.build.origin_filename = filename
    made.spec.build.modules = {name.replace("__", "/") + ".py": text
                               for name, text in modules.items()}  # fmt: skip
    return made


def test_traceback_shows_the_code() -> None:
    handler = resolve_handler(doc("def handler():\n    raise ValueError('boom')\n"), "handler")
    with pytest.raises(ValueError, match="boom") as caught:
        handler()
    text = "".join(traceback.format_exception(caught.value))
    assert "raise ValueError('boom')" in text and ", line 2, in handler" in text


def test_load_is_idempotent_and_private() -> None:
    function = doc("x = []", "my_loaded_job")
    assert load_module(function) is load_module(function)
    root = config.path("code")
    assert root.stat().st_mode & 0o777 == 0o700
    assert [p.stat().st_mode & 0o777 for p in root.iterdir()] == [0o700]


def test_threads_get_a_module_that_is_complete() -> None:
    function = doc("import time\ntime.sleep(0.3)\ndef handler():\n    return 1\n", "slow_to_load")
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: resolve_handler(function, "handler"), range(4)))
    assert [handler() for handler in found] == [1] * 4 and len(set(found)) == 1


def test_threads_get_the_modules_of_their_own_function() -> None:
    def made(number: int) -> int:
        code = (
            f"import time\ntime.sleep(0.02)\nimport race_helper\nx = race_helper.value + {number}"
        )
        found: int = load_module(doc(code, race_helper=f"value = {number * 100}")).x
        return found

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(made, range(1, 9))) == [101 * number for number in range(1, 9)]


def test_pickles_by_reference() -> None:
    function = doc("class Thing: pass\n", "lost_pkg.inner.job")
    thing = load_module(function).Thing()
    assert type(pickle.loads(pickle.dumps(thing))) is type(thing)
    assert type(thing).__module__ == "lost_pkg.inner.job"


def test_main_code_gets_a_private_name_here() -> None:
    function = doc("if __name__ == '__main__':\n    raise SystemExit\nx = 1", "__main__", "/a/b.py")
    module = load_module(function)
    assert module.__name__.startswith("mlrun_like_main_") and module.x == 1
    assert Path(str(module.__file__)).name == "b.py"


def test_replace_main_in_a_process_of_its_own(tmp_path: Path) -> None:
    script = """
import base64, pickle, sys
from mlrun_like.packaging.loader import load_module
from mlrun_like.specs.function import FunctionDoc
doc = FunctionDoc()
doc.spec.build.functionSourceCode = base64.b64encode(b"class A: pass").decode()
doc.spec.build.origin_module = "__main__"
module = load_module(doc, replace_main=True)
assert sys.modules["__main__"] is module
print(type(pickle.loads(pickle.dumps(module.A()))).__module__)
"""
    with config.override(home=str(tmp_path)):
        out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                             check=True, env={"MLRUN_LIKE_HOME": str(tmp_path)})  # fmt: skip
    assert out.stdout.strip() == "__main__"


def test_a_live_module_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "same_name_job.py").write_text("x = 'live'")
    sys.path.insert(0, str(tmp_path))
    import importlib

    live = importlib.import_module("same_name_job")
    module = load_module(doc("x = 'shipped'", "same_name_job"))
    assert (module.x, live.x) == ("shipped", "live")
    assert sys.modules["same_name_job"] is live and sys.modules[module.__name__] is module
    assert load_module(doc("x = 'shipped'", "same_name_job")) is module


def test_packages_and_relative_imports() -> None:
    files = {"pk__" + "__init__"[2:-2]: "", "pk__util": "V = 3\n"}
    function = doc("from .util import V\ndef handler(): return V\n", "pk.job", "/w/pk/job.py")
    function.spec.build.modules = {"pk/__init__.py": "from .job import V as top\n",
                                   "pk/util.py": files["pk__util"]}  # fmt: skip
    assert resolve_handler(function, "handler")() == 3
    assert sys.modules["pk"].top == 3


def test_helpers_of_two_functions_do_not_mix() -> None:
    code = "import my_util\ndef handler(): return my_util.V\n"
    first = resolve_handler(doc(code, my_util="V = 1"), "handler")
    second = resolve_handler(doc(code, my_util="V = 2"), "handler")
    assert (first(), second()) == (1, 2)


HANDLERS = """
import os.path
class Model:
    def __init__(self, start=1): self.start = start
    def predict(self, x): return self.start + x
class WithContext:
    def __init__(self, context): self.context = context
    def go(self): return self.context
def train(): return "trained"
number = 3
"""


@pytest.mark.parametrize(
    ("handler", "arguments", "call", "expected"),
    [
        ("train", None, (), "trained"),
        ("main:train", None, (), "trained"),
        ("Model::predict", None, (2,), 3),
        ("Model::predict", {"start": 5, "context": 1}, (2,), 7),
        ("WithContext::go", {"context": "c"}, (), "c"),
        ("os.path.basename", None, ("a/b",), "b"),
        ("json.dumps", None, (1,), "1"),
    ],
)
def test_handlers(handler: str, arguments: Any, call: tuple[Any, ...], expected: object) -> None:
    assert resolve_handler(doc(HANDLERS), handler, arguments)(*call) == expected


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("", "no handler"),
        ("trian", r"(?s)Did you mean 'train'.*functions: .*train"),
        ("Model::predct", "Did you mean 'predict'"),
        ("train::x", "not a class"),
        ("WithContext::go", "cannot be made"),
        ("number", "cannot be called"),
        ("nowhere.there.fn", "no module 'nowhere.there'"),
        ("json.dmps", "Did you mean 'dumps'"),
        ("os.nothing", "no handler 'nothing'"),
    ],
)
def test_missing_handlers(handler: str, message: str) -> None:
    with pytest.raises(FunctionError, match=message):
        resolve_handler(doc(HANDLERS), handler)


def test_our_function_objects_are_unwrapped() -> None:
    code = """
class Function:
    __module__ = "mlrun_like.functions.function"
    def __init__(self, fn): self.__wrapped__ = fn
@Function
def handler(): return 1
"""
    assert resolve_handler(doc(code), "handler")() == 1


@pytest.mark.parametrize("path", ["../x.py", "/x.py", "a/../../x.py", "x.txt", "a\\b.py"])
def test_hostile_module_paths(path: str) -> None:
    function = doc("x = 1")
    function.spec.build.modules = {path: "x = 1"}
    with pytest.raises(SpecError, match="not allowed"):
        load_module(function)


def test_damaged_code() -> None:
    function = doc("x = 1")
    function.spec.build.functionSourceCode = "///???"
    with pytest.raises(SpecError, match="base64"):
        load_module(function)
    function.spec.build.functionSourceCode = base64.b64encode(b"\xff\xfe").decode()
    with pytest.raises(SpecError, match="base64"):
        load_module(function)


def test_changed_unpacked_code_is_refused() -> None:
    module = load_module(doc("x = 1"))
    Path(str(module.__file__)).write_text("x = 2")
    with pytest.raises(IntegrityError, match="was changed"):
        load_module(doc("x = 1"))


def test_code_that_fails_leaves_nothing_behind() -> None:
    with pytest.raises(ZeroDivisionError):
        load_module(doc("1 / 0", "fails_at_once"))
    assert "fails_at_once" not in sys.modules


def test_command_instead_of_code(tmp_path: Path) -> None:
    (tmp_path / "by_command.py").write_text("def handler(): return 1")
    function = FunctionDoc()
    function.spec.command, function.spec.workdir = "by_command.py", str(tmp_path)
    assert resolve_handler(function, "handler")() == 1
    function.spec.command = ""
    with pytest.raises(NotFoundError, match="no code"):
        load_module(function)


def test_module_from_path(tmp_path: Path) -> None:
    path = tmp_path / "some nb.ipynb"
    path.write_text('{"cells": [{"cell_type": "code", "source": "!ls\\nx = 4"}]}')
    assert module_from_path(path).x == 4
    with pytest.raises(NotFoundError):
        module_from_path(tmp_path / "none.py")
    with pytest.raises(FunctionError, match="txt"):
        module_from_path(tmp_path / "none.txt")


def test_many_processes_load_at_once_and_one_is_killed(tmp_path: Path) -> None:
    script = """
import base64, os, sys
from mlrun_like.configuration import config
from mlrun_like.packaging import unpack
from mlrun_like.packaging.loader import load_module
from mlrun_like.specs.function import FunctionDoc
if sys.argv[1] == "die":
    os.rename = lambda *a: os._exit(9)
doc = FunctionDoc()
doc.spec.build.functionSourceCode = base64.b64encode(b"x = 5").decode()
doc.spec.build.modules = {f"m{i}.py": "y = 1" for i in range(20)}
print(load_module(doc).x)
"""
    env = {"MLRUN_LIKE_HOME": str(tmp_path)}
    started = [
        subprocess.Popen([sys.executable, "-c", script, word], stdout=subprocess.PIPE, env=env)
        for word in ("die", "live", "live")
    ]
    results = [(process.communicate()[0].strip(), process.returncode) for process in started]
    assert results[1:] == [(b"5", 0), (b"5", 0)]
    assert results[0][1] in (0, 9)
