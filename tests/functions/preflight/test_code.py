"""What reading the code of a function finds, in whole projects on disk."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

import mlrun_like as ml
from mlrun_like.errors import PackagingError
from mlrun_like.runtimes.finding import Finding

TRAIN = "def train(x: int = 1):\n    return x\n"


def check(folder: Path, files: dict[str, str], handler: str = "train") -> list[Finding]:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    fn = ml.code_to_function("train", filename=folder / "train.py", kind="process")
    return fn.check(handler)


def errors(found: list[Finding]) -> list[str]:
    return [item.code for item in found if item.severity == "error"]


SOUND: dict[str, dict[str, str]] = {
    "names of all kinds": {
        "train.py": """
            import os.path as osp
            from dataclasses import dataclass
            LIMIT = [n for n in range(3)]
            @dataclass
            class Point:
                x: int
                y: "Later" = None
                def move(self): return Point(self.x + LIMIT[0], self.y)
            class Later: ...
            def helper(*rest, **more): return (lambda a: a + late)(1) if rest else __name__
            late = 3
            def train(x: int = 1):
                global made
                made = [y for y in range(x) if (z := y) > 0]
                with open(osp.devnull) as file:
                    print(file, made, helper(), Point(1).move())
                for key, (left, right) in {}.items():
                    del key, left, right
                try:
                    unicode
                except NameError:
                    pass
                match x:
                    case [first, *others]: return first, others
                    case {"a": a, **kept}: return a, kept
        """
    },
    "a star may bring any name": {
        "train.py": "from helpers import *\ndef train(): return anything",
        "helpers.py": "",
    },
    "globals() may make any name": {"train.py": "globals()['A'] = 1\ndef train(): return A"},
    "modules that import each other late": {
        "train.py": "import a\ndef train(): return a.fa()",
        "a.py": "import b\ndef fa(): return b.fb()",
        "b.py": "import a\ndef fb():\n    from a import fa\n    return fa",
    },
    "what a circle needs is there already": {
        "train.py": "DEPTH = 3\nfrom features import build\ndef train(): return build()",
        "features.py": "from train import DEPTH\ndef build(): return DEPTH",
    },
    "packages": {
        "train.py": "from feat import text\nfrom feat.text import tokens\ndef train(): ...",
        "feat/__init__.py": "",
        "feat/text.py": "from . import more\nfrom .more import x\ndef tokens(): ...",
        "feat/more.py": "x = 1",
    },
    "a module with __getattr__": {
        "train.py": "from helpers import anything\ndef train(): ...",
        "helpers.py": "def __getattr__(name): return 1",
    },
    "installed packages": {
        "train.py": """
            import os.path, xml.etree.ElementTree as tree
            import numpy.linalg, pandas.api.types
            from pandas import DataFrame, Series, api
            from numpy import random, ndarray, array
            from sklearn.ensemble import RandomForestClassifier
            from sklearn import svm
            def train(): ...
        """
    },
    "variables that the code sets or may do without": {
        "train.py": """
            import os
            os.environ["H_ONE"] = "1"
            os.environ.setdefault("H_TWO", "2")
            def train():
                three = os.environ["H_THREE"] if "H_THREE" in os.environ else ""
                four = os.environ.get("H_FOUR") or os.environ["H_FIVE"]
                try:
                    return os.environ["H_SIX"]
                except KeyError:
                    return os.environ["H_ONE"] + os.environ["H_TWO"] + three + four
        """
    },
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_code_has_no_errors(tmp_path: Path, name: str) -> None:
    assert [str(item) for item in check(tmp_path, SOUND[name]) if item.severity == "error"] == []


BROKEN: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "import numpy forgotten": (
        *("name-missing", "'np'", "import numpy as np"),
        {"train.py": "def train(): return np.mean([1])"},
    ),
    "in a function that the handler calls": (
        *("name-missing", "'totl'", "make it a parameter"),
        {"train.py": "def other():\n    return totl\ndef train():\n    return other()"},
    ),
    "below the main guard": (
        *("name-missing", "__main__", "top level"),
        {"train.py": "def train(): return A\nif __name__ == '__main__':\n    A = 1"},
    ),
    "a circle": (
        *("import-circle", "train -> features -> train", "third module"),
        {
            "train.py": "from features import build\nDEPTH = 3\ndef train(): return build()",
            "features.py": "from train import DEPTH\ndef build(): return DEPTH",
        },
    ),
    "a name that a module has not got": (
        *("name-missing", "Did you mean 'load_data'?", "it defines: load_data"),
        {
            "train.py": "from helpers import laod_data\ndef train(): return laod_data()",
            "helpers.py": "def load_data(): ...",
        },
    ),
    "a name in the handler's body": (
        *("name-missing", "'b'", "it defines: a"),
        {"train.py": "import h\ndef train():\n    from h import b\n    return b", "h.py": "a = 1"},
    ),
    "a module that a package has not got": (
        *("module-missing", "Did you mean 'feat.texts'?", "feat.texts"),
        {
            "train.py": "from feat.text import tokens\ndef train(): return tokens()",
            "feat/__init__.py": "",
            "feat/texts.py": "",
        },
    ),
    "a module that an installed package has not got": (
        *("name-missing", "Did you mean 'ensemble'?", "correct the name"),
        {"train.py": "from sklearn.ensamble import X\ndef train(): ..."},
    ),
    "a name that an installed package has not got": (
        *("name-missing", "Did you mean 'DataFrame'?", "correct the name"),
        {"train.py": "from pandas import Dataframe\ndef train(): ..."},
    ),
    "a file that hides a package": (
        *("module-hidden", "pandas.py", "rename"),
        {
            "train.py": "import pandas as pd\ndef train(): return pd",
            "pandas.py": "import pandas as pd\nprint(pd.DataFrame())",
        },
    ),
    "a variable that is not set": (
        *("variable-missing", "'H_NOT_SET'", "set_env"),
        {"train.py": "import os\nX = os.environ['H_NOT_SET']\ndef train(): ..."},
    ),
    "a misspelt package": (
        *("import-missing", "Did you mean 'pandas'?", "correct it"),
        {"train.py": "import pnadas\ndef train(): ..."},
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken_code_is_found(tmp_path: Path, name: str) -> None:
    code, what, fix, files = BROKEN[name]
    found = [item for item in check(tmp_path, files) if item.severity == "error"]
    assert [item.code for item in found] == [code]
    assert what in found[0].what
    assert fix in found[0].fix
    assert found[0].where


def test_what_may_not_be_reached_is_a_warning(tmp_path: Path) -> None:
    code = """
        def train(x=0):
            if x:
                return missing_one
            return [missing_two for _ in ()]
        def unused():
            return missing_three
    """
    found = check(tmp_path, {"train.py": code})
    assert {item.severity for item in found} == {"warning"}
    assert len(found) == 3


CLASS = """
class Base:
    def fit(self): ...
class Trainer(Base):
    def __init__(self, depth, context=None, rate=0.1): ...
    def score(self): ...
"""


@pytest.mark.parametrize(
    ("handler", "init", "code", "words"),
    [
        ("Trainer::fit", {"depth": 1}, "", ""),
        ("Trainer::scor", {"depth": 1}, "handler-missing", "Did you mean 'score'?"),
        ("Traner::fit", {}, "handler-missing", "Did you mean 'Trainer'?"),
        ("Trainer.fit", {}, "handler-missing", "has to be made first"),
        ("Trainer::fit", {}, "handler-init", "'depth'"),
        ("Trainer::fit", {"depth": 1, "rat": 2}, "handler-init", "Did you mean 'rate'?"),
    ],
)
def test_methods_as_handlers(
    tmp_path: Path, handler: str, init: dict[str, int], code: str, words: str
) -> None:
    (tmp_path / "train.py").write_text(CLASS)
    fn = ml.code_to_function("train", filename=tmp_path / "train.py", kind="process")
    found = fn.check(handler, params={"_init_args": init})
    assert errors(found) == ([code] if code else [])
    assert words in "".join(item.what for item in found)


def test_a_class_with_an_unknown_base_may_have_any_method(tmp_path: Path) -> None:
    code = "from json import JSONEncoder\nclass A(JSONEncoder):\n    def x(self): ..."
    assert check(tmp_path, {"train.py": code}, "A::encode") == []


def test_huge_code_is_not_looked_at_closely(tmp_path: Path) -> None:
    rows = "".join(f"    'row {number:060d}',\n" for number in range(90_000))
    code = f"{TRAIN}WRONG = nothing_defines_this\nROWS = [\n{rows}]\n"
    assert check(tmp_path, {"train.py": code}) == []


def test_code_that_is_data_is_refused(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(f"{TRAIN}DATA = '{'x' * (33 << 20)}'\n")
    with pytest.raises(PackagingError, match="33 MB") as caught:
        ml.code_to_function("train", filename=tmp_path / "train.py", kind="process")
    assert "inputs=" in caught.value.fix
