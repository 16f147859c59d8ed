from __future__ import annotations

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runs.expression import compile_condition

RESULTS = {"acc": 0.9, "loss": 0.1, "name": "a", "rows": [1], "none": None}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("acc >= 0.9", True),
        ("acc > 0.9", False),
        (" acc == .9 and loss != 0 ", True),
        ("loss < 0.05 or acc < 0", False),
        ("not acc < 0.5", True),
        ("0 < loss < acc <= 1", True),
        ("0 < acc < loss", False),
        ("-loss < 0 and +acc > 0", True),
        ("(acc - loss) * 2 + 1 >= 2.6", True),
        ("acc / loss > 8", True),
        ("name == 'a'", True),
        ("acc", True),
        ("True", True),
        ("absent > 1", False),
        ("absent > 1 or acc > 0", False),
        ("acc > 0 or absent > 1", True),
        ("name > 1", False),
        ("none > 1", False),
        ("acc / (loss - loss) > 1", False),
        ("rows == 1", False),
    ],
)
def test_conditions(text: str, value: bool) -> None:
    assert compile_condition(text)(RESULTS) is value


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "acc >", "acc = 1", "__import__('os')", "acc.real > 0", "acc[0]", "lambda: 1"),
        *("x if acc else y", "acc ** 9 ** 9 ** 9 > 1", "acc in [1]", "acc is None", "[1]"),
        *("f'{acc}'", "acc; loss", "acc\nloss", "(y := 1)", "acc % 2 == 0", "acc << 9", "~acc"),
        *("\0", "aaa(", "(" * 5000 + "1" + ")" * 5000, "-" * 100_000 + "1", "1 + " * 50_000 + "1"),
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="not a comparison"):
        compile_condition(text)


def test_a_huge_product_of_text_is_not_built() -> None:
    assert compile_condition("name * 10000000000000 == 'b'")(RESULTS) is False
