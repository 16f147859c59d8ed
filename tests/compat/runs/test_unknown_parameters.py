"""Parameters that a handler does not have: old code may give them, other code may not."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import FunctionError


def half(x: int) -> float:
    return x / 2


def test_they_are_refused() -> None:
    with pytest.raises(FunctionError, match="no argument 'y'"):
        ml.new_function("half").run(handler=half, params={"x": 4, "y": 1})


def test_old_code_may_give_them(compat: ModuleType) -> None:
    mlrun: Any = import_module("mlrun")
    run = mlrun.new_function("half").run(handler=half, params={"x": 4, "y": 1})
    assert run.output("return") == 2 and run.spec.parameters["y"] == 1
