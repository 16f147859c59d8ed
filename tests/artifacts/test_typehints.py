"""Type hints: text to types, and what a union allows."""

# ruff: noqa: UP007, UP045 - both spellings of a union are tested
from __future__ import annotations

import contextlib
import typing
from pathlib import Path
from typing import Any, Literal, NewType, Optional, TypeVar, Union

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlrun_like.artifacts import typehints
from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.packers import unpack_input
from mlrun_like.errors import (
    InvalidArgumentError,
)

Score = NewType("Score", float)
Number = TypeVar("Number", int, float)


class Local:
    """A class to name in hints."""

    class Inner:
        """A class in a class."""


def _item(path: Path, data: bytes | str) -> DataItem:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return get_dataitem(str(path), key="it")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("int", int), (" dict[str, int] ", dict[str, int]), ("tuple[int, ...]", tuple[int, ...]),
        ("str | int", Union[str, int]), ("None", None), ("int | None", Optional[int]),
        ("typing.Optional[float]", Optional[float]), ("typing.Union[str, int]", Union[str, int]),
        ("typing.Literal['A', 1]", Literal["A", 1]), ("'int'", int),
        (f"{__name__}.Local", Local), (f"{__name__}.Local.Inner", Local.Inner),
        (f"dict[str, set[{__name__}.Local]]", dict[str, set[Local]]),
        ("typing.Callable[[int], str]", typing.Callable[[int], str]),
    ],
)  # fmt: skip
def test_textual_hints(text: str, expected: Any) -> None:
    assert typehints.resolve(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fail", "neither a built-in type nor one of __main__"),
        (f"{__name__}.Fail", "has no 'Fail'"),
        ("no_such_module_here.Fail", "cannot be imported"),
        ("list[int", "not a valid"), ("int | str |", "not a valid"), 
        ("typing.List[]", "not a valid"),
        ("int()", "not a valid"), ("__import__('os').system('true')", "not a valid"),
        ("int | 5", "not a valid"), ("int[int]", "not a valid"), ("(" * 5000, "not a valid"),
        ("a\0b", "not a valid"), ("lambda: 0", "not a valid"),
    ],
)  # fmt: skip
def test_wrong_textual_hints(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=message) as caught:
        unpack_input(_item(tmp_path / "a", "1"), text)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        (int, [int]), (Optional[int], [int, type(None)]), 
        (Union[None, int, str], [int, str, type(None)]),
        (Union[int, str | list], [int, str, list]), (list[int], [list[int]]),
        (typing.Annotated[int, 3], [int]), (typing.Final[int], [int]), 
        (typing.ClassVar[int], [int]),
        (Literal["a", "b", 1], [str, int]), (Number, [int, float]), (Score, [float]),
        (typing.ForwardRef("int"), [int]), (Any, []), (int | str, [int, str]),
    ],
)  # fmt: skip
def test_options(hint: Any, expected: list[Any]) -> None:
    assert typehints.options(hint) == expected


@given(text=st.text(max_size=40))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_text_is_a_hint_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidArgumentError):
        typehints.options(text)
