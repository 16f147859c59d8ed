"""What users type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.cli.values import parse_kind, parse_labels, parse_lists, parse_pairs, parse_value
from mlrun_like.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("1e3", 1000.0),
        ("True", True),
        ("None", None),
        ("[1, 'a']", [1, "a"]),
        ("{'a': 1}", {"a": 1}),
        ("'1'", "1"),
        ("word", "word"),
        ("", ""),
        ("a b", "a b"),
        ("__import__('os').getcwd()", "__import__('os').getcwd()"),
        ("(" * 1000, "(" * 1000),
        ("\0", "\0"),
    ],
    ids=repr,
)
def test_value(text: str, value: object) -> None:
    assert parse_value(text) == value


@given(st.text())
def test_any_text_is_some_value(text: str) -> None:
    parse_value(text)


def test_pairs_keep_everything_after_the_first_mark() -> None:
    assert parse_pairs(["url=s3://b/k?a=b", "empty="], "-p") == {
        "url": "s3://b/k?a=b",
        "empty": "",
    }


@pytest.mark.parametrize("texts", [["novalue"], ["=1"], [""], [" =1"], ["a=1", "a=2"]], ids=repr)
def test_bad_pairs(texts: list[str]) -> None:
    with pytest.raises(InvalidArgumentError, match="--param"):
        parse_pairs(texts, "--param")


def test_lists() -> None:
    assert parse_lists(["a=[1, 2]", "b=['x']"], "-x") == {"a": [1, 2], "b": ["x"]}


@pytest.mark.parametrize("text", ["a=1", "a=(1, 2)", "a=[1", "a="])
def test_bad_lists(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="must be a list"):
        parse_lists([text], "--hyperparam")


def test_labels() -> None:
    assert parse_labels(["a=1", "b", "c="]) == {"a": "1", "b": None, "c": ""}
    with pytest.raises(InvalidArgumentError, match="no name"):
        parse_labels(["=x"])


@pytest.mark.parametrize(
    ("text", "kind"), [("r", "runs"), ("Art", "artifacts"), ("fun", "functions")]
)
def test_kind(text: str, kind: str) -> None:
    assert parse_kind(text) == kind


@pytest.mark.parametrize("text", ["", "x", "runsx", "pods"])
def test_bad_kind(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="use one of"):
        parse_kind(text)
