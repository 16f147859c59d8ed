"""From documents to rows."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import SpecError
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.tracking.documents import (
    artifact_row,
    artifact_uid,
    encode,
    epoch,
    function_row,
    labels_text,
    merge_runs,
    run_row,
)


@given(st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(2200, 1, 1)))
def test_times(moment: datetime) -> None:
    wanted = moment.replace(tzinfo=timezone.utc).timestamp()
    for text in (moment.isoformat(), moment.isoformat() + "+00:00", moment.isoformat() + "Z"):
        assert epoch(text) == wanted


def test_odd_times() -> None:
    assert epoch("") is None and epoch(None) is None
    for wrong in ("now", "2026-13-01", 3, "0" * 10_000, ["x"]):
        with pytest.raises(SpecError, match="not an ISO time"):
            epoch(wrong)


def test_a_version_is_what_it_holds() -> None:
    def doc(**metadata: Any) -> dict[str, Any]:
        return {"kind": "", "metadata": {"key": "a", "project": "p", **metadata}, "spec": {}}

    same = artifact_uid(doc())
    assert artifact_uid(doc(tag="x", updated="now", uid="u", labels={"a": "b"})) == same
    assert artifact_uid({**doc(), "status": {"state": "x"}}) == same
    for other in ({"tree": "t"}, {"iter": 1}, {"hash": "h"}, {"key": "b"}):
        assert artifact_uid(doc(**other)) != same
    model = {**doc(), "kind": "model"}
    assert artifact_uid({**model, "spec": {"metrics": {"a": 1}}}) == artifact_uid(model)
    assert artifact_row(doc(uid="mine"))["uid"] == "mine"


def test_a_function_version_is_its_digest() -> None:
    function = FunctionDoc.from_dict(
        {"kind": "job", "metadata": {"name": "f", "project": "p"}, "spec": {"image": "i"}}
    )
    assert function_row(function.to_dict())["hash"] == function.digest()


def test_labels() -> None:
    assert labels_text({}) == ""
    assert labels_text({"b": 1, "a": None}) == labels_text({"a": "", "b": "1"})


def test_merging_keeps_the_outcome() -> None:
    old: dict[str, Any] = {"status": {"state": "error", "error": "x", "results": {"a": 1, "b": 1}}}
    new: dict[str, Any] = {
        "spec": {"n": 1},
        "status": {"state": "completed", "results": {"b": 2}, "end_time": "late"},
    }
    kept = merge_runs(old, new, keep_state=True)
    assert kept["status"] == {"state": "error", "error": "x", "results": {"a": 1, "b": 2}}
    assert kept["spec"] == {"n": 1} and new["status"]["results"] == {"b": 2}
    assert merge_runs(old, new, keep_state=False)["status"]["state"] == "completed"


def test_hostile_documents() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    circle: dict[str, Any] = {}
    circle["self"] = circle
    for value in (deep, circle, object(), {1, 2}, b"x", {(1, 2): 3}):
        with pytest.raises(SpecError, match="cannot be recorded"):
            encode({"x": value}, "the run")
    with pytest.raises(SpecError):
        run_row({"metadata": {"project": "", "uid": "u"}})
    with pytest.raises(SpecError, match="key"):
        artifact_row({"metadata": {"project": "p"}})
