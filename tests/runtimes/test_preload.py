"""What a warm server imports for a function."""

from __future__ import annotations

import base64

import pytest

from mlrun_like.runtimes.preload import modules_to_preload, site_state
from mlrun_like.specs.function import FunctionDoc


def preloaded(code: str | bytes, **modules: str) -> tuple[str, ...]:
    doc = FunctionDoc()
    data = code.encode() if isinstance(code, str) else code
    doc.spec.build.functionSourceCode = base64.b64encode(data).decode()
    doc.spec.build.modules = modules
    return modules_to_preload(doc)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", ()),
        ("import os, json", ()),
        ("import numpy as np, pandas", ("numpy", "pandas")),
        ("from pandas import DataFrame", ("pandas",)),
        ("from sklearn import svm, no_such", ("sklearn.svm",)),
        ("from sklearn.linear_model import LogisticRegression", ("sklearn.linear_model",)),
        ("import sklearn.svm as s; import sklearn", ("sklearn.svm",)),
        ("try:\n    import numpy\nexcept ImportError:\n    import pandas", ("numpy", "pandas")),
        ("if True:\n    import numpy\nelse:\n    import pandas", ("numpy", "pandas")),
        ("def f():\n    import numpy", ()),
        ("from . import numpy\nfrom .pandas import x", ()),
        ("import no_such_package.at_all", ()),
        ("import numpy.", ()),
        ("import numpy\0", ()),
        (b"\xff\xfe\x00import numpy", ()),
        ("(" * 100_000, ()),
    ],
)
def test_imports_of_the_code(code: str | bytes, expected: tuple[str, ...]) -> None:
    assert preloaded(code) == expected


def test_code_that_is_not_base64() -> None:
    doc = FunctionDoc()
    doc.spec.build.functionSourceCode = "é not base64"
    assert modules_to_preload(doc) == ()


def test_modules_that_travel_with_the_function_are_read_but_not_preloaded() -> None:
    modules = {"numpy.py": "import pandas", "pkg/__init__.py": "import pkg.inner\nimport scipy"}
    assert preloaded("import numpy, pkg", **modules) == ("pandas", "scipy")


def test_site_state_is_stable() -> None:
    assert site_state() == site_state() != ()
