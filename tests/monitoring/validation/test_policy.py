from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

from mlrun_like.errors import InvalidArgumentError, SchemaError
from mlrun_like.monitoring.validation import Policy, clean_data, validate
from mlrun_like.monitoring.validation.personal_kinds import KINDS, check_kinds, mask
from mlrun_like.monitoring.validation.personal_scan import scan_values

FRAME = pd.DataFrame(
    {
        "contact": [f"ann{number}@example.org" for number in range(50)],
        "phone": [f"+44 20 7946 {number:04d}" for number in range(50)],
        "amount": [number * 1.5 for number in range(50)],
    }
)


def test_a_policy_stops_with_what_to_do() -> None:
    report = validate(FRAME, policy="stop")
    assert not report.ok
    with pytest.raises(SchemaError) as caught:
        report.raise_for(())
    text = str(caught.value)
    assert "'phone' has personal data: phone, 100.0% of the values" in text
    assert "7946" not in text and "columns: {phone: allow}" in text and "contact" in text


def test_without_a_policy_personal_data_is_told_only() -> None:
    report = validate(FRAME)
    assert report.ok and {one.column for one in report.personal_data} == {"contact", "phone"}
    assert len(report.failures("personal-data")) == 2


def test_exceptions_groups_and_confidence(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text(
        "forbid: [contact, financial]\nallow: [phone]\naction: stop\ncolumns: {contact: warn}\n",
        encoding="utf-8",
    )
    report = validate(FRAME, policy=str(path))
    assert dict((one.column, action) for one, action in report.judged()) == {
        "contact": "warn", "phone": "allow",
    }  # fmt: skip
    assert report.ok
    report.raise_for(("personal-data",))
    assert Policy(min_confidence=1.0).judge(report.personal_data) == []


def test_masked_and_dropped_data(tmp_path: Path) -> None:
    report = validate(FRAME)
    policy = {"action": "mask", "columns": {"phone": "drop"}}
    frame = clean_data(FRAME, report.personal_data, policy)
    assert list(frame.columns) == ["contact", "amount"]
    assert frame["contact"][0] == "a***@e******.org" and frame["amount"][1] == 1.5
    path = clean_data(FRAME, report.personal_data, policy, tmp_path / "clean.parquet")
    assert pq.read_table(path).to_pandas().equals(frame)
    empty = clean_data(FRAME[:0], report.personal_data, policy)
    assert list(empty.columns) == ["contact", "amount"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"forbid": ["emial"]}, "Did you mean 'email'"),
        ({"acton": "stop"}, "Did you mean 'action'"),
        ({"action": "explode"}, "explode"),
        ({"min_confidence": 2}, "min_confidence"),
        ([1], "not a mapping"),
    ],
)
def test_a_malformed_policy_is_explained(given: Any, said: str) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        Policy.make(given)
    assert said in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff", b"a: [", b"- x", b""])
def test_a_broken_policy_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_bytes(content)
    with pytest.raises(InvalidArgumentError):
        Policy.make(str(path))


def test_all_values_are_scanned_when_asked() -> None:
    words = ["nothing here at all"] * 30_000
    words[29_999] = "ask bob.ray@example.org"
    frame = pd.DataFrame({"note": words})
    assert not validate(frame).personal_data
    (found,) = validate(frame, scan="all").personal_data
    assert (found.kind, found.count) == ("email", 1)
    assert not validate(FRAME, scan="off").personal_data


def test_masks_hide_and_keep_the_form() -> None:
    assert mask("GB82 WEST 1234 5698 7654 32", "iban").endswith("4 32")
    assert mask("12", "phone") == "**" and mask("", "name") == "" and mask("x", "email") == "*"
    for kind in KINDS:
        assert "secret" not in mask("secret words", kind)
    assert check_kinds("national_id", "x") > {"us_ssn"}


@pytest.mark.parametrize(
    "values",
    [
        [],
        [None],
        [""],
        ["@"],
        ["+" * 30],
        ["0" * 5000],
        [b"\xff"],
        [[1]],
        [{}],
        ["\u202e"],
        [object()],
    ],
)
def test_strange_values_are_no_personal_data(values: list[Any]) -> None:
    assert scan_values("email", values) == []
