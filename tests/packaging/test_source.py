"""Capture of callables and files: what travels, what does not, and clear refusals."""

from __future__ import annotations

import asyncio
import base64
import functools
import importlib.util
import linecache
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.errors import PackagingError
from mlrun_like.packaging.loader import resolve_handler
from mlrun_like.packaging.source import Captured, capture_callable, capture_file, embed
from mlrun_like.specs.function import FunctionDoc

Write = Any


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Write a module below a folder and import it."""
    before = set(sys.modules)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.setattr(sys, "path", [str(folder), *sys.path])

    def make(text: str, name: str = "job_under_test", load: bool = True) -> Any:
        path = folder.joinpath(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")
        if not load:
            return path
        importlib.invalidate_caches()
        return importlib.import_module(name)

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


def ship(captured: Captured) -> Any:
    """The handler as another process would load it (the origin is forgotten)."""
    doc = FunctionDoc()
    embed(doc, captured)
    sys.modules.pop(captured.origin_module, None)
    for path in captured.modules:
        sys.modules.pop(path.removesuffix(".py").replace("/", ".").removesuffix(".__init__"), None)
    return resolve_handler(doc)


def test_only_what_is_used_travels(write: Write) -> None:
    module = write(
        '''
        """A docstring."""
        from __future__ import annotations
        import os, json
        import math as m
        from typing import (TYPE_CHECKING, Any,
                            Optional)
        if TYPE_CHECKING:
            from nowhere import Missing
        UNUSED = undefined_thing = 1
        FACTOR = 2
        FACTOR += 1
        LOW, (HIGH, *REST) = 1, (2, 3)
        try:
            import simplejson as js
        except ImportError:
            js = json
        class Base:
            scale = FACTOR
        class Shape(Base):
            def area(self) -> Missing:
                return self.scale * helper(HIGH)
        def unused():
            return os.getcwd()
        # doubles
        @staticmethod
        def plain(x): return x
        def helper(x: Optional[int], *, y=LOW):
            return x * y + m.floor(0.5) + sum(FACTOR for FACTOR in [0])
        def handler(a, fmt="x"):
            def inner():
                return js.dumps({f"{fmt!r:>{HIGH}}": Shape().area()})
            return inner()
        if __name__ == "__main__":
            print(unused())
        '''
    )
    captured = capture_callable(module.handler)
    for word in ("UNUSED", "unused", "import os", "__main__", "docstring", "plain", "Any"):
        assert word not in captured.code
    assert captured.code.startswith("from __future__ import annotations")
    assert captured.handler == "handler"
    expected = module.handler(1)
    assert ship(captured)(1) == expected


def test_local_names_do_not_drag_globals_along(write: Write) -> None:
    module = write(
        """
        import gone_a, gone_b
        """.replace("import gone_a, gone_b", "gone_a = gone_b = gone_c = gone_d = 1")
        + """
        def handler(gone_a):
            gone_b = 2
            for gone_c in [1]: pass
            with open(__file__) as gone_d: pass
            try: raise ValueError
            except ValueError as e: err = e.args
            if (w := 3): pass
            match [1, 2]:
                case [x, *rest]: ok = x, rest
                case {"k": v, **more}: ok = v, more
            lam = lambda q, *a, **k: (q, a, k)
            return gone_a + gone_b + gone_c + w, [y for z in [[1]] for y in z if y], lam(1)
        """
    )
    assert "gone_a = gone_b" not in capture_callable(module.handler).code


def test_effects_on_kept_variables_travel(write: Write) -> None:
    module = write(
        """
        import random, sys, warnings
        TABLE = {}
        ITEMS = [1]
        OTHER = []
        TABLE["a"] = 1
        ITEMS.append(2)
        OTHER.append(3)
        for key in ("x", "y"):
            TABLE[key] = len(key)
        random.seed(7)
        warnings.simplefilter("default")
        print("loading")
        def register(fn):
            TABLE[fn.__name__] = fn
            return fn
        @register
        def found(): return 5
        def handler():
            return TABLE["found"](), sorted(TABLE), ITEMS, random.random()
        handler()
        """
    )
    captured = capture_callable(module.handler)
    assert "random.seed(7)" in captured.code
    for word in ("OTHER", "warnings", "print", "\nhandler()"):
        assert word not in captured.code
    value = ship(captured)()
    assert value[:3] == (5, ["a", "found", "x", "y"], [1, 2])


def test_global_statement_and_star_import(write: Write) -> None:
    write("LEVEL = 4\ndef twice(x): return 2 * x\n", "star_helper")
    module = write(
        """
        from star_helper import *
        from os.path import join as put
        def bump():
            global count
            count = twice(LEVEL)
        def handler():
            bump()
            return count, put("a", "b")
        """
    )
    captured = capture_callable(module.handler)
    assert list(captured.modules) == ["star_helper.py"]
    assert ship(captured)() == (8, "a/b")


def test_names_put_into_a_module_while_it_ran(write: Write) -> None:
    module = write(
        """
        globals().update(LIMIT=(1, "x"))
        def handler(): return LIMIT, tool.dumps(1)
        """
    )
    import json

    module.tool = json
    captured = capture_callable(module.handler)
    assert "LIMIT = (1, 'x')" in captured.code and "import json as tool" in captured.code
    module.tool = object()
    with pytest.raises(PackagingError, match="'tool'"):
        capture_callable(module.handler)


def test_own_decorators_are_dropped_and_others_kept(write: Write) -> None:
    module = write(
        """
        import functools
        import mlrun_like as ml
        from mlrun_like.errors import nearest as declare
        def own(*a, **k):
            return lambda fn: fn
        ml.function = own
        def twice(fn):
            @functools.wraps(fn)
            def inner(*args):
                return 2 * fn(*args)
            return inner
        @ml.function(
            kind="local",
        )
        def helper(x):
            return x + 1
        @ml.function(kind="process")
        @twice
        def handler(x):
            return helper(x)
        later = ml.function()
        """
    )
    del sys.modules["mlrun_like"].function
    captured = capture_callable(module.handler)
    assert "mlrun_like" not in captured.code and "@twice" in captured.code
    assert ship(captured)(1) == 4


def test_local_modules_travel_with_their_imports(write: Write) -> None:
    write("", "shop.__init__", load=False)
    write("from . import deep\nVALUE = 1\n", "shop.util", load=False)
    write("import flat\n", "shop.deep", load=False)
    write("import json\n", "flat", load=False)
    write("x = 1\n", "unrelated", load=False)
    module = write(
        """
        from .util import VALUE
        import unrelated
        def handler():
            import yaml
            from . import deep
            return VALUE + len(deep.flat.json.dumps(1))
        """,
        "shop.train",
    )
    captured = capture_callable(module.handler)
    assert sorted(captured.modules) == [
        "flat.py", "shop/__init__.py", "shop/deep.py", "shop/util.py",
    ]  # fmt: skip
    assert captured.origin_module == "shop.train"
    for name in [n for n in sys.modules if n.partition(".")[0] in ("shop", "flat")]:
        del sys.modules[name]
    sys.path.pop(0)
    assert ship(captured)() == 2


def test_whole_file_travels_when_a_module_imports_it_back(write: Write) -> None:
    write("def late():\n    import circle_main\n    return circle_main.CONST\n", "circle_b")
    module = write(
        """
        from circle_b import late
        CONST = 3
        def handler():
            return late()
        if __name__ == "__main__":
            raise SystemExit
        """,
        "circle_main",
    )
    captured = capture_callable(module.handler)
    assert "CONST" in captured.code and "SystemExit" not in captured.code


def test_classes_and_methods(write: Write) -> None:
    module = write(
        """
        LIMIT = 2
        class Model:
            LIMIT = LIMIT
            def __init__(self, start=0, context=None): self.start = start
            def predict(self, x): return x + self.start + self.LIMIT + self.one()
            def one(self): return type(self).__name__.count("M")
            @property
            def p(self): return __class__
        """
    )
    assert capture_callable(module.Model).handler == "Model"
    captured = capture_callable(module.Model.predict)
    assert captured.handler == "Model::predict"
    assert ship(captured)(1) == 4


def test_async_handler(write: Write) -> None:
    module = write("import asyncio\nasync def handler(): await asyncio.sleep(0); return 3\n")
    assert asyncio.run(ship(capture_callable(module.handler))()) == 3


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("def handler(): return nowhere()", r"'nowhere' is not defined.*\n.*job_under_test\.py:1"),
        ("def helper(): return nwhere\ndef handler(): return helper()", r"'nwhere'"),
        ("def handler(): return sorted_(1)", r"Did you mean 'sorted'"),
        ("if __name__ == '__main__':\n  A = 1\ndef handler(): return A", r"only defined under"),
        ("def handler(): return display(1)", r"'display'"),
    ],
)
def test_unresolved_names_are_named(write: Write, body: str, message: str) -> None:
    module = write(body)
    with pytest.raises(PackagingError, match=message):
        capture_callable(module.handler)


def test_code_may_expect_a_missing_name(write: Write) -> None:
    module = write(
        """
        def handler():
            try:
                return get_ipython()
            except (NameError, KeyError):
                return "no notebook"
        """
    )
    assert ship(capture_callable(module.handler))() == "no notebook"


def test_annotations_that_do_not_resolve_are_no_obstacle(write: Write) -> None:
    module = write(
        """
        import decimal
        def handler(a: "decimal.Decimal", b: "Nowhere" = None):
            c: Unknown = 1
            return c
        """
    )
    captured = capture_callable(module.handler)
    assert "import decimal" in captured.code
    assert ship(captured)(1) == 1


def test_things_without_complete_source() -> None:
    limit = 3

    def closure() -> int:
        return limit

    def local() -> None: ...

    class Local:
        def method(self) -> None: ...

    cases: list[tuple[Any, str]] = [
        (closure, "'limit'"),
        (local, "inside a function"),
        (lambda: 1, "lambda"),
        (len, "built in"),
        (str.upper, "built in"),
        (int, "built in"),
        (functools.partial(local), "partial"),
        (Local().method, "handler='Local::method'"),
        (3, "not a function"),
    ]
    for value, message in cases:
        with pytest.raises(PackagingError, match=message):
            capture_callable(value)


def test_code_without_source() -> None:
    scope: dict[str, Any] = {"__name__": "made_up"}
    exec("def handler(): return 1", scope)
    with pytest.raises(PackagingError, match="not available"):
        capture_callable(scope["handler"])


def test_session_code_takes_live_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "near.py").write_text("def nearby(): return 10\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    scope: dict[str, Any] = {"__name__": "__main__", "get_ipython": None, "In": [""]}

    def cell(text: str) -> None:
        scope["In"].append(text)
        name = f"<ipython-input-{len(scope['In'])}>"
        lines = [line for line in text.splitlines(True) if line[0] not in "!%"]
        linecache.cache[name] = (len(text), None, lines, name)
        exec(compile("".join(lines), name, "exec"), scope)

    cell("!pip install x\nimport re, math as m\nimport near")
    cell("PATTERN = re.compile('a')\ncount = 1\nrows = []")
    cell("count += 1\nrows.append(1)")
    cell("def helper(): return 'old'")
    cell("def helper(): return 'new'")
    cell("%time broken = 1\ndef handler():\n    return helper(), count, bool(PATTERN.match('a')), "
         "near.nearby(), injected, rows, OrderedDict(a=1)")  # fmt: skip
    from collections import OrderedDict

    scope.update(injected={"k": (1, None)}, OrderedDict=OrderedDict)
    captured = capture_callable(scope["handler"])
    assert captured.origin_module == "__main__" and list(captured.modules) == ["near.py"]
    assert "old" not in captured.code and "m" not in captured.code.splitlines()[0].split()
    value = ship(captured)()
    assert value == ("new", 2, True, 10, {"k": (1, None)}, [1], OrderedDict(a=1))
    scope["injected"] = object()
    with pytest.raises(PackagingError, match="'injected' is a object"):
        capture_callable(scope["handler"])


def test_ipython_session() -> None:
    shell_module = pytest.importorskip("IPython.core.interactiveshell")
    script = """
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell()
def run(text):
    result = shell.run_cell(text, store_history=True)
    result.raise_error()
run("%pwd\\nimport json\\nK = 3")
run("class Base:\\n    def go(self): return K")
run("def handler(x: int = K): return json.dumps([x, Base().go()])")
from mlrun_like.packaging.source import capture_callable
captured = capture_callable(shell.user_ns["handler"])
space = {}
exec(captured.code, space)
print(space["handler"](), captured.origin_module)
"""
    assert shell_module is not None
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.split("\n")[-2] == "[3, 3] __main__"


def test_main_script(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        "import json\n"
        "from mlrun_like.packaging.source import capture_callable\n"
        "K = 1\n"
        "def handler(): return K\n"
        "if __name__ == '__main__':\n"
        "    print(json.dumps(capture_callable(handler)._asdict()))\n"
    )
    run = [sys.executable, "script.py"]
    out = subprocess.run(run, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert '"origin_module": "__main__"' in out.stdout and "K = 1" in out.stdout
    assert "capture_callable(handler)" not in out.stdout


def test_capture_file(tmp_path: Path) -> None:
    (tmp_path / "aid.py").write_text("x = 1\n")
    path = tmp_path / "job.py"
    path.write_text("import aid\n\n\ndef handler(a: int) -> int:\n    return a\n")
    captured, settings = capture_file(path, handler="handler")
    assert captured.code == path.read_text() and settings == {}
    assert captured.modules == {"aid.py": "x = 1\n"}
    doc = FunctionDoc()
    embed(doc, captured)
    build = doc.spec.build
    assert base64.b64decode(build.functionSourceCode).decode() == captured.code
    assert (build.origin_module, build.origin_filename) == ("job", str(path))
    assert doc.spec.default_handler == "handler"
    assert doc.spec.entry_points["handler"].parameters[0].type == "int"
    assert capture_file(path, embed=False)[0].code == ""


def test_capture_notebook_file(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    path.write_text('{"cells": [{"cell_type": "code", "source": "%nuclio cmd ls\\nx = 1"}]}')
    captured, settings = capture_file(path)
    assert "x = 1" in captured.code and settings["spec"]["build"]["commands"] == ["ls"]
    with pytest.raises(PackagingError, match="embedded"):
        capture_file(path, embed=False)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.txt", b"x", r"'\.txt'"),
        ("a.py", b"", "no code"),
        ("a.py", b"def (", r"a\.py:1"),
        ("a.py", b"\xff\xfe\x80", "cannot be read"),
        ("a.py", b"x = 1\0", "null bytes"),
        ("a.py", b"# coding: nonsense\nx = 1", "cannot be read"),
        ("a.py", b"def train(): ...", "Did you mean 'train'"),
        ("a.ipynb", b'{"cells": []}', "no code"),
        ("a.py", b"(" * 5000, "not valid Python"),
    ],
)
def test_bad_files(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(PackagingError, match=message):
        capture_file(path, handler="trian" if b"train" in content else "")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    with pytest.raises(PackagingError, match="does not exist"):
        capture_file(tmp_path / "none.py")
    (tmp_path / "d.py").mkdir()
    with pytest.raises(PackagingError, match="folder"):
        capture_file(tmp_path / "d.py")


def test_broken_local_module(write: Write) -> None:
    module = write("def handler():\n    import broken_mod\n")
    write("def (", "broken_mod", load=False)
    with pytest.raises(PackagingError, match="broken_mod"):
        capture_callable(module.handler)


def test_installed_modules_do_not_travel() -> None:
    import yaml

    captured = capture_callable(yaml.safe_load)
    assert captured.modules == {} and captured.handler == "safe_load"


def test_edited_file(write: Write) -> None:
    module: ModuleType = write("def handler(): return 1")
    Path(str(module.__file__)).write_text("def other(): return 1")
    linecache.checkcache()
    with pytest.raises(PackagingError, match="no longer defined"):
        capture_callable(module.handler)
