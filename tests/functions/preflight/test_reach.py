"""What only other handlers of a file need is no concern to a run."""

from __future__ import annotations

import ast
import textwrap
from pathlib import Path

import pytest

import mlrun_like as ml
from mlrun_like.functions.preflight.reach import out_of_reach

CODE = """
import os

class Model:
    import json
    def fit(self):
        import only_for_models
        return helper()

def helper():
    import only_for_helper

def train(x: int = 1):
    import only_for_train
    return deep() if x else None

def deep():
    import only_for_deep

async def serve(x=os.sep):
    import only_for_serve
    return os.environ["ONLY_FOR_SERVE"]

if __name__ == "__main__":
    serve()
"""


def asked(folder: Path, text: str, handler: str, kind: str = "job") -> set[str]:
    """The names of packages and variables that a check finds missing."""
    path = folder / "code.py"
    path.write_text(text)
    function = ml.code_to_function("code", filename=path, kind=kind, image="busybox")
    found = [item.what for item in function.check(handler) if item.code.endswith("-missing")]
    names = ("only_for_models", "only_for_helper", "only_for_train", "only_for_deep")
    return {
        name
        for name in (*names, "only_for_serve", "ONLY_FOR_SERVE")
        if any(repr(name) in what for what in found)
    }


@pytest.mark.parametrize("kind", ["job", "process"])
def test_only_what_the_handler_leads_to(tmp_path: Path, kind: str) -> None:
    assert asked(tmp_path, CODE, "train", kind) == {"only_for_train", "only_for_deep"}
    assert asked(tmp_path, CODE, "deep", kind) == {"only_for_deep"}
    serve = {"only_for_serve", "ONLY_FOR_SERVE"}
    assert asked(tmp_path, CODE, "serve", kind) == serve
    models = {"only_for_models", "only_for_helper"}
    assert asked(tmp_path, CODE, "Model::fit", kind) == models


@pytest.mark.parametrize(
    "line",
    [
        "TABLE = {'serve': serve}",
        "@serve\ndef other(): ...",
        "class Other(serve): ...",
        "eval('1')",
    ],
)
def test_what_the_file_itself_names_counts(tmp_path: Path, line: str) -> None:
    assert "only_for_serve" in asked(tmp_path, f"{CODE}\n{line}\n", "train")


@pytest.mark.parametrize("text", ["", "x = 1", "train = print", "def other(): ...\ntrain = other"])
def test_a_handler_that_is_no_definition_leaves_everything(text: str) -> None:
    assert out_of_reach(ast.parse(text), "train") == frozenset()


def test_without_a_handler_nothing_is_out_of_reach() -> None:
    assert out_of_reach(ast.parse(textwrap.dedent(CODE)), "") == frozenset()


def test_a_name_defined_twice_is_reached_twice() -> None:
    tree = ast.parse("def a(): b()\ndef b(): c()\ndef b(): d()\ndef c(): ...\ndef d(): ...\n")
    assert out_of_reach(tree, "a") == frozenset()
