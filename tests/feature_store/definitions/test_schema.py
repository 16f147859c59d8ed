"""How schemas may change."""

from __future__ import annotations

import pytest

from mlrun_like.errors import InvalidArgumentError, SchemaError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.features import Feature
from mlrun_like.feature_store.definitions.schema import check_schema, compare, decide, wider
from mlrun_like.feature_store.definitions.value_types import VALUE_TYPES


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("int8", "int64", True), ("int64", "int8", False), ("int64", "float", True),
        ("float32", "float", True), ("float", "float32", False), ("float", "int64", False),
        ("uint8", "int16", True), ("uint32", "int32", False), ("int8", "uint64", False),
        ("int16", "float32", True), ("int32", "float32", False), ("str", "int64", False),
        ("int64", "str", False), ("bool", "int64", False), ("datetime", "str", False),
        ("List[int32]", "List[int]", True), ("List[int]", "List[string]", False), ("", "str", True),
        ("int", "int64", True), ("bfloat16", "float", True), ("List[float32]", "List[float]", True),
    ],
)  # fmt: skip
def test_wider(old: str, new: str, expected: bool) -> None:
    assert wider(old, new) is expected


@pytest.mark.parametrize("middle", VALUE_TYPES)
def test_wider_is_an_order(middle: str) -> None:
    assert wider(middle, middle)
    for old in VALUE_TYPES:
        if old != middle and wider(old, middle):
            assert not wider(middle, old), (old, middle)
            for new in VALUE_TYPES:
                assert not wider(middle, new) or wider(old, new), (old, middle, new)


def test_compare() -> None:
    old = {"same": "int", "wide": "float32", "narrow": "int64", "bad": "str", "gone": "bool",
           "moved": "int8", "unknown": ""}  # fmt: skip
    new = {"same": "int64", "wide": "float", "narrow": "int8", "bad": "int64", "new": "datetime",
           "moved_to": "int16", "unknown": "str"}  # fmt: skip
    change = compare(old, new, {"moved": "moved_to", "gone": "nowhere", "x": "same"})
    assert change.added == {"new": "datetime"}
    assert change.widened == {"wide": ("float32", "float"), "moved_to": ("int8", "int16")}
    assert change.narrowed == {"narrow": ("int64", "int8")}
    assert change.incompatible == {"bad": ("str", "int64")} and change.missing == ("gone",)
    assert change.renamed == {"moved": "moved_to"} and change.breaking
    assert not compare(old, old) and not compare({"a": "int64"}, {"a": "int8"})
    assert not compare({}, {})


def test_policies() -> None:
    nothing = compare({"a": "int"}, {"a": "int"})
    more = compare({"a": "int8"}, {"a": "int16", "b": "str"})
    other = compare({"a": "int", "c": "str"}, {"a": "str"})
    for policy in ("evolve", "strict", "new-version"):
        assert decide(nothing, policy) == "same"
    assert decide(more, "evolve") == decide(more, "new-version") == "evolve"
    assert decide(other, "new-version") == "version"
    with pytest.raises(SchemaError, match=r"'b' \(str\) is new; column 'a' is int16, was int8"):
        decide(more, "strict", "feature set 'x'")
    with pytest.raises(SchemaError) as caught:
        decide(other, "evolve", "feature set 'x'")
    text = str(caught.value)
    assert "column 'a' is str, which does not fit int64; column 'c' is missing" in text
    assert "feature set 'x'" in text and "renamed_from" in text


def test_many_columns_are_cut() -> None:
    change = compare({f"c{n}": "int" for n in range(500)}, {})
    with pytest.raises(SchemaError, match=r"\(and 490 more\)"):
        decide(change, "evolve")


def test_of_a_feature_set() -> None:
    found = FeatureSet("a", entities=["k"], schema_policy="strict")
    found["x"] = Feature("int32")
    assert check_schema(found, {"k": "str", "x": "int32"}) == "same"
    assert check_schema(found, {"k": "int64", "x": "int8"}) == "same"
    with pytest.raises(SchemaError):
        check_schema(found, {"k": "str", "x": "int64"})
    found.spec.schema_policy = "evolve"
    assert check_schema(found, {"k": "str", "x": "int64"}) == "evolve"
    renamed = FeatureSet("a", entities=["k"])
    renamed["y"] = Feature("int32", renamed_from="x")  # as the message of a change says
    assert FeatureSet.from_dict(renamed.to_dict())["y"].renamed_from == "x"
    with pytest.raises(InvalidArgumentError, match=r"'evovle' is not known\. Did you mean"):
        FeatureSet("a", schema_policy="evovle")
