"""The base of documents: unknown keys, bad assignments, foreign keys kept aside."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from mlrun_like.errors import SpecError
from mlrun_like.specs.model import Model, merge_foreign, parse, split_foreign


class Leaf(Model):
    size: int = 0
    words: list[str] = Field(default_factory=list)


class Tree(Model):
    name: str = ""
    leaf: Leaf = Field(default_factory=Leaf)
    maybe: Leaf | None = None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


def test_unknown_keys_name_the_nearest_known_one_at_any_depth() -> None:
    with pytest.raises(SpecError) as caught:
        parse(Tree, {"nam": "x", "leaf": {"sise": 1}, "maybe": {"word": []}}, "tree.yaml")
    text = caught.value.what
    assert "unknown key 'nam'. Did you mean 'name'?" in text
    assert "unknown key 'leaf.sise'. Did you mean 'size'?" in text
    assert "unknown key 'maybe.word'. Did you mean 'words'?" in text
    assert caught.value.where == "tree.yaml"


def test_a_wrong_type_is_named_with_its_path_and_value() -> None:
    with pytest.raises(SpecError, match=r"leaf\.size: .* \(got 'many'\)") as caught:
        parse(Tree, {"leaf": {"size": "many"}})
    assert caught.value.where == "Tree"
    with pytest.raises(SpecError) as caught:
        parse(Tree, {"name": ["x" * 10_000]})
    assert len(caught.value.what) < 300


def test_assignments_are_checked() -> None:
    tree = Tree()
    tree.leaf.size = 3
    with pytest.raises(SpecError, match=r"Leaf has no field 'siz'\. Did you mean 'size'\?"):
        tree.leaf.siz = 3
    with pytest.raises(SpecError, match="size"):
        tree.leaf.size = "x"  # type: ignore[assignment]
    assert tree.leaf.size == 3


def test_empty_values_are_left_out_of_a_document_but_zeros_are_not() -> None:
    assert Tree().to_dict() == {"leaf": {"size": 0, "words": []}}
    assert Tree(name="a").to_dict()["name"] == "a"


def test_foreign_keys_are_kept_in_their_places() -> None:
    document = {"name": "n", "x": 1, "leaf": {"size": 2, "y": {"z": None}}, "maybe": {"w": []}}
    known, foreign = split_foreign(Tree, document)
    assert known == {"name": "n", "leaf": {"size": 2}, "maybe": {}}
    assert foreign == {"x": 1, "leaf": {"y": {"z": None}}, "maybe": {"w": []}}
    assert merge_foreign(known, foreign) == document


def test_a_null_counts_as_not_given() -> None:
    known, foreign = split_foreign(Tree, {"name": None, "leaf": None, "other": None})
    assert (known, foreign) == ({}, {"other": None})
    assert parse(Tree, known) == Tree()


def test_known_values_win_over_foreign_ones() -> None:
    merged = merge_foreign({"a": 1, "b": {"c": 2}}, {"a": 9, "b": {"c": 9, "d": 3}, "e": 4})
    assert merged == {"a": 1, "b": {"c": 2, "d": 3}, "e": 4}


@given(st.dictionaries(st.text(max_size=6), JSON, max_size=5))
def test_split_and_merge_lose_nothing(extra: dict[str, Any]) -> None:
    document = {**{f"x-{key}": value for key, value in extra.items()}, "name": "n"}
    document["leaf"] = {"size": 1, **{f"y-{key}": value for key, value in extra.items()}}
    known, foreign = split_foreign(Tree, document)
    parse(Tree, known)
    assert merge_foreign(known, foreign) == document


@given(JSON)
def test_any_plain_data_is_read_or_refused(document: object) -> None:
    try:
        parse(Tree, document)
    except SpecError as exc:
        assert exc.what and exc.where
