"""Texts for arguments that are numbers are refused before anything runs."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import FunctionError
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store


@ml.function()
def train(
    depth: int = 1, rate: float | None = None, fast: bool = False, name: str = "", any_: Any = 0
) -> list[Any]:
    return [depth, rate, fast, name, any_]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"depth": "4"}, "'depth' of train() is an int, and the run gives the text '4'"),
        ({"depth": "deep"}, "the text 'deep'"),
        ({"rate": "0.5"}, "is a float"),
        ({"fast": "false"}, "is a bool"),
    ],
)
def test_texts_are_refused(params: dict[str, Any], said: str) -> None:
    with pytest.raises(FunctionError) as caught:
        train.run(params=params)
    assert said in caught.value.what
    assert open_store().list_runs(RunQuery()) == []


def test_what_is_no_text_for_a_number_runs() -> None:
    class Level(str, Enum):
        HIGH = "high"

    run = train.run(params={"depth": 4, "rate": 1, "name": "5", "any_": "6"}, watch=False)
    assert run.output("return") == [4, 1, False, "5", "6"]
    assert train.run(params={"rate": None, "depth": 2.5}, watch=False).state() == "completed"
    assert train.run(params={"depth": Level.HIGH}, watch=False).state() == "completed"


@ml.function()
def several(columns: list[int], limits: list[float] | None = None) -> Any:
    return columns


def test_lists_of_numbers_are_no_numbers() -> None:
    run = several.run(params={"columns": "all", "limits": "none"}, watch=False)
    assert run.output("return") == "all"


def test_the_advice_is_code_that_runs() -> None:
    with pytest.raises(FunctionError) as caught:
        train.run(params={"depth": "deep"})
    assert "params={'depth': 4}" in caught.value.fix
    with pytest.raises(FunctionError) as caught:
        train.run(params={"rate": "0.25"})
    assert "params={'rate': 0.25}" in caught.value.fix
    with pytest.raises(FunctionError) as caught:
        train.run(params={"fast": "false"})
    assert "params={'fast': False}" in caught.value.fix


def test_lists_that_are_swept_over() -> None:
    with pytest.raises(FunctionError, match="the text '2'"):
        train.run(hyperparams={"depth": [1, "2"]})
    assert train.run(hyperparams={"name": ["a", "b"]}, watch=False).state() == "completed"


def test_a_described_handler(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def go(depth: int, name: str): return depth")
    fn = ml.code_to_function("m", filename=tmp_path / "m.py", kind="local", handler="go")
    with pytest.raises(FunctionError, match="'depth' of go"):
        fn.run(params={"depth": "4", "name": "x"})


def test_a_described_number_may_be_none_too(tmp_path: Path) -> None:
    numbers = {"a": "Optional[int]", "b": "int | None", "c": "typing.Union[float, None]"}
    others = {"d": "int | str", "e": "Optional[list[int]]", "f": "Union[int, str, None]"}
    hints = ", ".join(f"{name}: {hint} = None" for name, hint in {**numbers, **others}.items())
    (tmp_path / "m.py").write_text(
        f"import typing\nfrom typing import Optional, Union\ndef go({hints}): return d, e, f"
    )
    fn = ml.code_to_function("m", filename=tmp_path / "m.py", kind="local", handler="go")
    for name in numbers:
        with pytest.raises(FunctionError, match=f"'{name}' of go.. is an? (int|float),"):
            fn.run(params={name: "3"})
    run = fn.run(params=dict.fromkeys(others, "3"), watch=False)
    assert run.output("return") == ["3", "3", "3"]


def test_old_code_gets_what_it_gives() -> None:
    with config.override(strict_arguments=False):
        assert train.run(params={"depth": "4"}, watch=False).output("return")[0] == "4"
