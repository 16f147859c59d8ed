"""Which changes of code a handler's digest sees, and which it does not."""

from __future__ import annotations

import importlib
import linecache
import os
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from mlrun_like.functions.decorators import function
from mlrun_like.packaging.reach import Reach, reach_of_document, reach_of_handler
from mlrun_like.packaging.source import capture_callable, embed
from mlrun_like.specs.function import FunctionDoc

FILES = {
    "job.py": '''
        """What this job does."""
        import functools
        import json
        import os
        from math import sin as wave

        import mlrun_like as ml
        import prep
        import shop.tools as tools
        from prep import clean as tidy, scale
        from shop import stock
        from stars import *

        LIMIT = 3
        DEEP = LIMIT * 2
        UNUSED = "never"
        TABLE = {"a": 1}
        TABLE["b"] = 2
        STEPS = []

        def register(fn):
            STEPS.append(fn)
            return fn

        def timed(fn):
            @functools.wraps(fn)
            def inner(*args, **kwargs):
                return fn(*args, **kwargs)
            return inner

        @register
        def first(value):
            return value + 1

        class Base:
            factor = 2
            def size(self):
                return self.factor

        class Model(Base):
            rate: float = 0.5
            def fit(self, n):
                def inside(value):
                    return value * 3
                return inside(n) + self.size()

        def helper(n, by=DEEP, *, key=lambda row: row + 1):
            """Help."""
            total = n + by   # the sum
            return key(total)

        alias = helper

        def unrelated(n):
            return n - 1

        @ml.function(returns=["total"])
        @timed
        def train(n: int, mode: str = "fast"):
            """Train on the data.

            At length.
            """
            from late import deep
            model = Model()
            rows = [alias(row) for row in range(n)]
            for step in STEPS:
                rows = [step(row) for row in rows]
            if mode == "fast":
                rows.append(TABLE["b"])
            rows = tidy(rows) + prep.drop(scale(rows)) + tools.count(rows) + stock.price()
            return model.fit(sum(rows)) + wave(1) + deep(2) + star(1) + len(json.dumps(rows))

        if __name__ == "__main__":
            train(1)
        ''',
    "prep.py": '''
        import string

        KEEP = 5

        def clean(rows):
            return [row for row in rows if row > KEEP]

        def drop(rows):
            return rows[:KEEP]

        def scale(rows):
            return _scaled(rows, 2)

        def _scaled(rows, by):
            return [row * by for row in rows]

        def other(rows):
            return string.digits
        ''',
    "late.py": '''
        def deep(n):
            return n + 40

        def shallow(n):
            return n
        ''',
    "stars.py": '''
        from inner_stars import *

        def unseen():
            return 0
        ''',
    "inner_stars.py": '''
        def star(n):
            return n + 7
        ''',
    "shop/__init__.py": "from .stock import price as cost\n",
    "shop/tools.py": '''
        from . import stock
        from .stock import base

        def count(rows):
            return len(rows) + stock.price() + base()

        def never(rows):
            return 0
        ''',
    "shop/stock.py": '''
        def price():
            return 1

        def base():
            return 2

        def sale():
            return 3
        ''',
}  # fmt: skip


class Case(NamedTuple):
    name: str
    file: str
    old: str
    new: str
    changes: bool


CASES = [
    # what must be seen
    Case("own body", "job.py", "range(n)", "range(n + 1)", True),
    Case("default of an argument", "job.py", 'mode: str = "fast"', 'mode: str = "slow"', True),
    Case("annotation of the handler", "job.py", "train(n: int,", "train(n: float,", True),
    Case("constant in a default", "job.py", "LIMIT = 3", "LIMIT = 4", True),
    Case("derived constant", "job.py", "LIMIT * 2", "LIMIT * 3", True),
    Case("helper behind an alias", "job.py", "total = n + by", "total = n - by", True),
    Case("target of an alias", "job.py", "alias = helper", "alias = first", True),
    Case("lambda in a default", "job.py", "row: row + 1", "row: row + 2", True),
    Case("method", "job.py", "inside(n) + self", "inside(n) - self", True),
    Case("function in a method", "job.py", "value * 3", "value * 4", True),
    Case("method of a base class", "job.py", "return self.factor", "return -self.factor", True),
    Case("attribute of a base class", "job.py", "factor = 2", "factor = 3", True),
    Case("field's annotation", "job.py", "rate: float = 0.5", "rate: int = 0.5", True),
    Case("base class", "job.py", "class Model(Base):", "class Model(Base, dict):", True),
    Case("decorator", "job.py", "return fn(*args, **kwargs)", "return fn(*args)", True),
    Case("decorator left out", "job.py", "@timed\n", "\n", True),
    Case("change of a table", "job.py", 'TABLE["b"] = 2', 'TABLE["b"] = 3', True),
    Case("registered function", "job.py", "return value + 1", "return value + 2", True),
    Case("registering function", "job.py", "STEPS.append(fn)", "STEPS.insert(0, fn)", True),
    Case("import of another name", "job.py", "import sin as wave", "import cos as wave", True),
    Case("import in a function", "late.py", "n + 40", "n + 41", True),
    Case("imported function", "prep.py", "row > KEEP", "row >= KEEP", True),
    Case("through a module's attribute", "prep.py", "rows[:KEEP]", "rows[KEEP:]", True),
    Case("constant of a module", "prep.py", "KEEP = 5", "KEEP = 6", True),
    Case("helper of an imported one", "prep.py", "row * by", "row * by * 2", True),
    Case("star of a star", "inner_stars.py", "n + 7", "n + 8", True),
    Case("module of a package", "shop/tools.py", "len(rows) +", "len(rows) -", True),
    Case("relative import of a name", "shop/stock.py", "return 2", "return 20", True),
    Case("relative import of a module", "shop/stock.py", "return 1", "return 10", True),
    Case("number to text", "job.py", "LIMIT = 3", 'LIMIT = "3"', True),
    Case("one to true", "prep.py", "_scaled(rows, 2)", "_scaled(rows, True)", True),
    # what must not
    Case("comment", "job.py", "# the sum", "# what it is in all", False),
    Case("comment line", "job.py", "    model = Model()", "    # now\n    model = Model()", False),
    Case("blank lines", "job.py", "    model = Model()", "\n\n    model = Model()", False),
    Case("docstring", "job.py", "Train on the data.", "Learn.", False),
    Case("docstring left out", "job.py", '"""Help."""', "", False),
    Case("docstring of the module", "job.py", "What this job does.", "This job.", False),
    Case("spaces", "job.py", "total = n + by", "total   =  (n+by)", False),
    Case("quotes", "job.py", 'mode == "fast"', "mode == 'fast'", False),
    Case("line breaks", "job.py", "rows.append(TABLE", "rows.append(\n            TABLE", False),
    Case("unrelated function", "job.py", "return n - 1", "return n - 2", False),
    Case("added function", "job.py", "def unrelated", "def more(): ...\ndef unrelated", False),
    Case("unrelated constant", "job.py", '"never"', '"ever"', False),
    Case("main guard", "job.py", "train(1)", "train(2)", False),
    Case("unused import", "job.py", "import os", "import re", False),
    Case("lines shifted", "job.py", "alias = helper\n", "def x(): pass\nalias = helper\n", False),
    Case("option of @function", "job.py", 'returns=["total"]', "timeout=5", False),
    Case("annotation of a helper", "job.py", "def helper(n, by", "def helper(n: int, by", False),
    Case("return annotation", "prep.py", "def scale(rows):", "def scale(rows) -> list:", False),
    Case("annotation of a local variable", "job.py", "total = n", "total: int = n", False),
    Case("pass", "job.py", "rows.append(TABLE", "pass\n        rows.append(TABLE", False),
    Case("unrelated function of a module", "prep.py", "return string.digits", "return 1", False),
    Case("unrelated function, late", "late.py", "return n\n", "return -n\n", False),
    Case("unrelated function, stars", "stars.py", "return 0", "return 1", False),
    Case("unrelated function of a package", "shop/tools.py", "return 0", "return 9", False),
    Case("unrelated function, relative", "shop/stock.py", "return 3", "return 30", False),
    Case("comment in a module", "prep.py", "KEEP = 5", "# rows\nKEEP = 5", False),
]  # fmt: skip

Digest = Callable[[Mapping[str, str]], Reach]


def write(folder: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(textwrap.dedent(text), encoding="utf-8")


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Any]]:
    """Writes files and imports the first one, anew each time."""
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)

    def forget() -> None:
        for name in set(sys.modules) - before:
            if str(getattr(sys.modules[name], "__file__", "")).startswith(str(tmp_path)):
                del sys.modules[name]

    def make(files: Mapping[str, str]) -> Any:
        forget()
        write(tmp_path, files)
        importlib.invalidate_caches()
        linecache.clearcache()
        return importlib.import_module(next(iter(files)).removesuffix(".py"))

    yield make
    forget()


def changed(case: Case) -> dict[str, str]:
    files = {name: textwrap.dedent(text) for name, text in FILES.items()}
    assert case.old in files[case.file], "the case does not fit the text"
    return {**files, case.file: files[case.file].replace(case.old, case.new, 1)}


def document(handler: Any) -> FunctionDoc:
    found = FunctionDoc(kind="process")
    embed(found, capture_callable(handler))
    return found


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@pytest.mark.parametrize("form", ["live", "text", "document"])
def test_changes(case: Case, form: str, load: Callable[..., Any]) -> None:
    def reach(files: Mapping[str, str]) -> Reach:
        handler = load(files).train
        if form == "document":
            return reach_of_document(document(handler), "train")
        return reach_of_handler(handler, live=form == "live")

    one, two = reach(FILES), reach(changed(case))
    assert one.unknown == two.unknown == ()
    differing = {k for k in {*one.code, *two.code} if one.code.get(k) != two.code.get(k)}
    assert (one.digest != two.digest) is case.changes, differing


def test_what_is_reached_has_names(load: Callable[..., Any]) -> None:
    reach = reach_of_handler(load(FILES).train)
    assert {
        "code of 'train' in job.py", "code of 'helper' in job.py", "value of 'LIMIT' in job.py",
        "code of '_scaled' in prep.py", "code of 'price' in shop/stock.py",
        "code of 'star' in inner_stars.py", "import of 'wave' in job.py",
    } <= set(reach.code)  # fmt: skip
    assert not [name for name in reach.code if "unrelated" in name or "other" in name]
    assert reach.packages == {} and reach.python == f"3.{sys.version_info[1]}"


SESSION = '''
    LIMIT = 3
    RATES = [1, 2]
    def clean(rows):
        return [row for row in rows if row > LIMIT]
    class Model:
        def fit(self, rows):
            return rows
    def unrelated():
        return 1
    def train(rows):
        """Train."""
        return Model().fit(clean(rows)) + RATES
    '''


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ("row > LIMIT", "row < LIMIT", True),
        ("LIMIT = 3", "LIMIT = 4", True),
        ("RATES = [1, 2]", "RATES = [1, 3]", True),
        ("return rows", "return rows[1:]", True),
        ("return 1", "return 2", False),
        ('"""Train."""', '"""Learn."""', False),
        ("row > LIMIT]", "row > LIMIT]  # few", False),
    ],
)
@pytest.mark.parametrize("form", ["one", "cells", "notebook"])
def test_sessions(old: str, new: str, changes: bool, form: str) -> None:
    def reach(text: str) -> Reach:
        space: dict[str, Any] = {"__name__": "__main__"}
        texts = [text]
        if form != "one":
            texts = [f"{part}\n" for part in text.replace("\ndef", "\0def").split("\0")]
        if form == "notebook":
            space.update(In=["", *texts], get_ipython=object)
        for number, cell in enumerate(texts):
            run(cell, f"<cell {form} {number} {hash(text)}>", space)
        return reach_of_handler(space["train"])

    before = textwrap.dedent(SESSION)
    one, two = reach(before), reach(before.replace(old, new))
    assert one.unknown == two.unknown == ()
    assert (one.digest != two.digest) is changes


def run(text: str, name: str, space: dict[str, Any]) -> None:
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    exec(compile(text, name, "exec"), space)


def test_a_cell_that_is_run_again() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    run("def clean(x):\n    return x\ndef train(x):\n    return clean(x)\n", "<again 1>", space)
    first = reach_of_handler(space["train"]).digest
    run("def clean(x):\n    return x + 1\n", "<again 2>", space)
    second = reach_of_handler(space["train"]).digest
    run("def clean(x):\n    return x  # as before\n", "<again 3>", space)
    assert first != second and reach_of_handler(space["train"]).digest == first


def test_functions_in_functions() -> None:
    def make(by: int, extra: Callable[[int], int]) -> Any:
        @function()
        def inner(n: int) -> int:
            return extra(n) + by

        return inner

    def plus(n: int) -> int:
        return n + 1

    def minus(n: int) -> int:
        return n - 1

    digests = [reach_of_handler(f).digest for f in (make(1, plus), make(2, plus), make(1, minus))]
    assert len(set(digests)) == 3
    assert reach_of_handler(make(1, plus)).digest == digests[0]


def test_what_is_not_plain_is_unknown() -> None:
    lock = threading.Lock()

    @function()
    def held(n: int) -> int:
        with lock:
            return n

    reach = reach_of_handler(held)
    assert "variable 'lock'" in reach.unknown[0] and "is a lock, not plain data" in reach.unknown[0]
    assert "is a builtin_function_or_method" in reach_of_handler(len).unknown[0]
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile("def gone(x):\n    return x\n", "<nowhere>", "exec"), space)
    assert (
        "'gone' is a function, which no executed cell" in reach_of_handler(space["gone"]).unknown[0]
    )


def test_installed_packages_count_by_version(load: Callable[..., Any]) -> None:
    text = "import numpy as np\nimport pandas\ndef train(n):\n    return np.ones(n)\n"
    reach = reach_of_handler(load({"packaged.py": text}).train)
    assert set(reach.packages) == {"numpy"} and reach.packages["numpy"][0].isdigit()


def test_values_of_constants_are_those_of_now(load: Callable[..., Any]) -> None:
    module = load({"varied.py": "LIMIT = int('3')\ndef train(n):\n    return n + LIMIT\n"})
    first = reach_of_handler(module.train).digest
    module.LIMIT = 4
    assert reach_of_handler(module.train).digest != first
    assert reach_of_handler(module.train, live=False).code["code of 'LIMIT' in varied.py"]
    module.LIMIT = 3
    assert reach_of_handler(module.train).digest == first


def test_a_file_that_was_edited_after_its_import(load: Callable[..., Any], tmp_path: Path) -> None:
    files = {"edited.py": "import near\ndef train(n):\n    return near.add(n)\n"}
    files["near.py"] = "def add(n):\n    return n + 1\ndef other():\n    return 1\n"
    module = load(files)
    assert reach_of_handler(module.train).unknown == ()
    first = reach_of_handler(module.train, live=False).digest
    (tmp_path / "near.py").write_text(files["near.py"].replace("n + 1", "n + 2"), "utf-8")
    reach = reach_of_handler(module.train)
    assert "near.py was edited after it was imported, and 'add' runs as it was" in reach.unknown[0]
    assert reach_of_handler(module.train, live=False).digest != first
    (tmp_path / "near.py").write_text(files["near.py"].replace("return 1", "return 2"), "utf-8")
    assert reach_of_handler(module.train).unknown == ()
    assert reach_of_handler(module.train, live=False).digest == first


def test_same_size_same_time(load: Callable[..., Any], tmp_path: Path) -> None:
    """A change that neither size nor time shows, as within one tick of the clock."""
    module = load({"tick.py": "def train(n):\n    return n + 1\n"})
    path = tmp_path / "tick.py"
    stat = path.stat()
    first = reach_of_handler(module.train, live=False).digest
    path.write_text("def train(n):\n    return n + 2\n", "utf-8")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert reach_of_handler(module.train, live=False).digest != first


def test_a_second_digest_is_quick(load: Callable[..., Any], tmp_path: Path) -> None:
    module = load(FILES)
    for path in tmp_path.rglob("*.py"):
        os.utime(path, (time.time() - 60, time.time() - 60))
    reach_of_handler(module.train)
    best = 1.0
    for _ in range(20):
        start = time.perf_counter()
        reach_of_handler(module.train)
        best = min(best, time.perf_counter() - start)
    assert best < 0.001


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("def train(n):\n    return globals()['hidden'](n)\n", True),
        ("def train(n):\n    return eval('hidden(n)')\n", True),
        ("def train(n):\n    return sum(n)\n", False),
    ],
)
def test_names_given_as_text(text: str, reached: bool, load: Callable[..., Any]) -> None:
    module = load({"texts.py": f"{text}def hidden(n):\n    return n\n"})
    found = reach_of_handler(module.train).code
    assert ("code of 'hidden' in texts.py" in found) is reached


def test_a_module_that_is_passed_on_counts_as_a_whole(load: Callable[..., Any]) -> None:
    files = {
        "whole.py": "import near\nimport importlib\ndef train(n):\n    return getattr(near, n)()\n"
        "def other(n):\n    return importlib.import_module('near').two()\n",
        "near.py": "def one():\n    return 1\ndef two():\n    return 2\n",
    }
    module = load(files)
    assert "code of 'two' in near.py" in reach_of_handler(module.train).code
    assert "code of 'one' in near.py" in reach_of_handler(module.other).code


def test_order_counts_where_a_name_has_several_values(load: Callable[..., Any]) -> None:
    def digest(text: str) -> str:
        return reach_of_handler(load({"ordered.py": text}).train, live=False).digest

    tail = "def train(n):\n    return A + B + n\n"
    assert digest("A = 1\nB = A\nA = 2\n" + tail) != digest("A = 1\nA = 2\nB = A\n" + tail)
    assert digest("A = 1\nB = 2\n" + tail) == digest("B = 2\nA = 1\n" + tail)


def test_documents_without_code_or_with_a_file(tmp_path: Path) -> None:
    found = FunctionDoc()
    assert "its code is not here" in reach_of_document(found, "train").unknown[0]
    write(tmp_path, {"script.py": "import beside\nprint(beside.one())\n"})
    write(tmp_path, {"beside.py": "def one():\n    return 1\ndef two():\n    return 2\n"})
    found.spec.command = str(tmp_path / "script.py")
    first = reach_of_document(found)
    assert first.unknown == () and "code of 'one' in beside.py" in first.code
    write(tmp_path, {"beside.py": "def one():\n    return 1\ndef two():\n    return 3\n"})
    assert reach_of_document(found).digest == first.digest
    write(tmp_path, {"beside.py": "def one():\n    return 4\n"})
    assert reach_of_document(found).digest != first.digest
    write(tmp_path, {"script.py": "def one(:\n"})
    assert "not valid Python" in reach_of_document(found).unknown[0]
    assert "there is no 'gone'" in reach_of_document(document(plain), "gone").unknown[0]


def plain(n: int) -> int:
    return n
