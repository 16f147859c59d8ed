"""Log hints: every documented form, and what is wrong with the others."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.artifacts.hints import LogHint, parse_log_hint, parse_log_hints
from mlrun_like.errors import InvalidArgumentError


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        ("key", LogHint("key")),
        ("key:file", LogHint("key", "file")),
        (" key :  file ", LogHint("key", "file")),
        ({"key": "key"}, LogHint("key")),
        ({"key": "key", "artifact_type": "file"}, LogHint("key", "file")),
        ({"key": "key", "artifact_type": None}, LogHint("key")),
        ({"key": "key", "file_format": "csv"}, LogHint("key", instructions={"file_format": "csv"})),
        ({"key": "m", "extra_data": ["plot"]}, LogHint("m", extra_data={"plot": ...})),
        ({"key": "m", "extra_data": {"url": "s3://a"}}, LogHint("m", extra_data={"url": "s3://a"})),
        ({"key": "m", "metrics": "accuracy"}, LogHint("m", metrics={"accuracy": ...})),
        ("*fold", LogHint("fold", levels=1)),
        (" * fold", LogHint("fold", levels=1)),
        ("*fold_:object", LogHint("fold_", "object", levels=1)),
        ("**fold_", LogHint("fold_", levels=1, mapping=True)),
        ("2*fold", LogHint("fold", levels=2)),
        ("10 * fold", LogHint("fold", levels=10)),
        (LogHint("same"), LogHint("same")),
        (None, None),
    ],
)
def test_forms(hint: Any, expected: LogHint | None) -> None:
    assert parse_log_hint(hint) == expected


@pytest.mark.parametrize(
    ("hint", "message"),
    [
        ("key:", "should specify an artifact type"),
        ("key : ", "should specify an artifact type"),
        ("a:b:c", "only a single ':'"),
        ("", "empty key"),
        (":file", "empty key"),
        ("*", "Key is missing"),
        ("**", "Key is missing"),
        ("3*", "Key is missing"),
        ("***a", "Key is missing"),
        ("a*b", "Invalid unbundle level"),
        ("1.5*b", "Invalid unbundle level"),
        ("0*b", "Invalid unbundle level"),
        ("-1*b", "Invalid unbundle level"),
        ("1000*b", "Invalid unbundle level"),
        ({"artifact_type": "file"}, "must include the 'key'"),
        ({"key": 3}, "must be text"),
        ({"key": "a", "artifact_type": 3}, "must be text"),
        ({"key": "a", "file format": "csv"}, "cannot be an instruction"),
        ({"key": "a", 3: "csv"}, "cannot be an instruction"),
        ({"key": "a", "extra_data": 3}, "extra_data"),
        ({"key": "a", "metrics": [1]}, "metrics"),
        (3, "is a int"),
        (["a"], "is a list"),
    ],
)
def test_malformed_hints_name_the_fault_and_the_fix(hint: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_log_hint(hint)
    assert message in caught.value.what
    assert caught.value.fix


def test_lists_of_hints() -> None:
    assert parse_log_hints(None) == []
    assert parse_log_hints("a") == [LogHint("a")]
    assert parse_log_hints({"key": "a"}) == [LogHint("a")]
    assert parse_log_hints(["a", None, "b"]) == [LogHint("a"), None, LogHint("b")]
    with pytest.raises(InvalidArgumentError, match="two log hints"):
        parse_log_hints(["a", "a:file"])
    with pytest.raises(InvalidArgumentError, match="must be a list"):
        parse_log_hints(3)


@given(st.one_of(st.text(max_size=30), st.dictionaries(st.text(max_size=8), st.integers())))
def test_any_text_or_dict_is_a_hint_or_refused(hint: Any) -> None:
    try:
        parsed = parse_log_hint(hint)
    except InvalidArgumentError:
        return
    assert parsed is not None
    assert parsed.key
    assert parse_log_hint(parsed) is parsed
