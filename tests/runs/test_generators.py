from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runs.generators import parse_param_file, trials
from mlrun_like.specs.values import HyperParamOptions as Options


def test_grid_varies_the_first_parameter_fastest() -> None:
    assert list(trials({"a": [1, 2], "b": ["x", "y"]}, Options())) == [
        {"a": 1, "b": "x"},
        {"a": 2, "b": "x"},
        {"a": 1, "b": "y"},
        {"a": 2, "b": "y"},
    ]


def test_a_grid_is_not_built_at_once() -> None:
    wide = {f"p{n}": range(100) for n in range(20)}
    assert next(trials(wide, Options()))["p0"] == 0


def test_list_needs_one_length() -> None:
    with pytest.raises(InvalidArgumentError, match="one length"):
        trials({"a": [1], "b": [1, 2]}, Options(strategy="list"))


def test_random() -> None:
    options = Options(strategy="random", max_iterations=20, seed=1)
    first = list(trials({"a": [1, 2], "b": [3, 4]}, options))
    assert first == list(trials({"a": [1, 2], "b": [3, 4]}, options))
    assert len(first) == 20
    assert {tuple(row.values()) for row in first} == {(1, 3), (1, 4), (2, 3), (2, 4)}


def test_values_become_plain() -> None:
    (row,) = trials({"a": [np.int64(1)], "b": [(1, 2)], "c": [{"d": np.float64(2)}]}, Options())
    assert row == {"a": 1, "b": [1, 2], "c": {"d": 2.0}}
    assert type(row["a"]) is int


@pytest.mark.parametrize(
    "values",
    [
        *(None, {}, [], "a", {"a": None}, {"a": 1}, {"a": "text"}, {"a": b"x"}, {"a": {"b": 1}}),
        *({"a": []}, {"a": [object()]}, {"a": [2**64]}, {"a": [[2**64]]}, {"a": [np.zeros(2)]}),
    ],
)
def test_bad_values_are_refused(values: Any) -> None:
    with pytest.raises(InvalidArgumentError):
        trials(values, Options())


def test_csv() -> None:
    text = "a,b,c\n1,x,true\n2.5,,\n\n"
    values, strategy = parse_param_file("p.csv", text, None)
    assert (values, strategy) == ({"a": [1, 2.5], "b": ["x", ""], "c": [True, ""]}, "list")
    huge = "a\n" + "1\n" * 100_000
    assert len(parse_param_file("p.csv", huge, "list")[0]["a"]) == 100_000


@pytest.mark.parametrize("text", ["", "\n", "a,b\n", "a,b\n1\n", "a\n1,2\n", "\ufeff"])
def test_bad_csv(text: str) -> None:
    with pytest.raises(InvalidArgumentError):
        parse_param_file("p.csv", text, None)


def test_a_byte_order_mark_is_no_part_of_a_name() -> None:
    assert parse_param_file("p.csv", "\ufeffa\n1\n", None)[0] == {"a": [1]}
    assert parse_param_file("p.json", '\ufeff{"a": [1]}', None)[0] == {"a": [1]}


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(InvalidArgumentError, match="twice"):
        parse_param_file("p.csv", "a,a\n1,2\n", None)


def test_json() -> None:
    assert parse_param_file("p.json", '{"a": [1, null]}', None) == ({"a": [1, None]}, "grid")
    assert parse_param_file("p.json", '{"a": [1]}', "random")[1] == "random"


@pytest.mark.parametrize("text", ["", "[1]", "{", "3", '{"a"'])
def test_bad_json(text: str) -> None:
    with pytest.raises(InvalidArgumentError):
        parse_param_file("p.json", text, None)


@pytest.mark.parametrize("strategy", ["grid", "random"])
def test_a_csv_is_a_list(strategy: str) -> None:
    with pytest.raises(InvalidArgumentError, match="needs json"):
        parse_param_file("p.csv", "a\n1\n", strategy)


def test_other_files() -> None:
    with pytest.raises(InvalidArgumentError, match="must end in"):
        parse_param_file("p.txt", "a", None)
