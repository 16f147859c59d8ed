"""Served vectors against the offline join: the first difference, its reason, counts, skew."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.errors import InvalidArgumentError, MissingFileError, NotFoundError
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.ingestion.api import ingest
from mlrun_like.feature_store.online.api import get_online_feature_service
from mlrun_like.feature_store.parity.checking import check
from mlrun_like.feature_store.parity.comparing import same, same_values
from mlrun_like.feature_store.parity.skew import Served, psi, skew_of

NOON = dt.datetime(2024, 3, 1, 12, tzinfo=dt.timezone.utc)


def rows(*values: tuple[str, int, float | None, str]) -> pd.DataFrame:
    """Rows of a user: name, hours from noon, an amount and a text."""
    return pd.DataFrame(
        [(user, NOON + dt.timedelta(hours=hour), x, s) for user, hour, x, s in values],
        columns=["user", "at", "x", "s"],
    )


def made(frame: pd.DataFrame, name: str = "users", ttl: str | None = None) -> FeatureVector:
    """A vector of a set with Parquet and SQLite targets that has these rows."""
    feature_set = FeatureSet(name, entities=["user"], timestamp_key="at", ttl=ttl)
    feature_set.set_targets(["parquet", "nosql"], with_defaults=False)
    ingest(feature_set, frame, return_df=False)
    vector = FeatureVector(f"{name}-vector", [f"{name}.x", f"{name}.s as word"])
    vector.save()
    return vector


def line(user: str, hour: float, values: dict[str, Any] | None) -> dict[str, Any]:
    """A logged vector."""
    at = NOON + dt.timedelta(hours=hour)
    micros = int(at.timestamp() * 1_000_000)
    return {"at": micros, "entities": {"user": user}, "request": {}, "values": values}


def test_what_is_served_now_is_what_the_join_gives(tmp_path: Path) -> None:
    vector = made(rows(("ann", -2, 1.5, "a"), ("bob", -1, None, "b"), ("ann", 0, 0.0, "")))
    with get_online_feature_service(vector, log=tmp_path / "log") as service:
        for _ in range(3):
            service.get([{"user": "ann"}, {"user": "bob"}, {"user": "nobody"}])
    result = check(vector, tmp_path / "log")
    assert result.ok and result.rows == 9 and result.first is None and result.frame.empty
    assert {name: one.compared for name, one in result.counts.items()} == {"x": 9, "word": 9}
    assert "9 served vectors are as the offline join" in str(result)
    assert check("users-vector", tmp_path / "log", end_time="2020-01-01").rows == 0
    assert not check(vector, tmp_path / "log", end_time="2020-01-01").ok
    assert check(vector, itertools.chain([line("ann", 1, {"x": 0.0, "word": ""})])).ok


def test_the_first_difference_and_its_reason() -> None:
    vector = made(rows(("ann", -4, 1.0, "a"), ("ann", -2, 2.0, "b"), ("bob", -3, None, "c")))
    log = [
        line("ann", 0, {"x": 2.0, "word": "b"}),
        line("ann", -1, {"x": 1.0, "word": "b"}),  # the row of -2 had not arrived
        line("bob", 1, {"x": 7.5, "word": "c"}),
        line("ann", -3, {"x": 1.0 + 1e-12, "word": "a"}),
        line("ann", 2, None),
    ]
    result = check(vector, log)
    assert not result.ok
    assert result.first is not None
    assert (result.first.feature, result.first.time) == ("x", NOON - dt.timedelta(hours=1))
    assert (result.first.online, result.first.offline) == (1.0, 2.0)
    assert result.first.entities == {"user": "ann"}
    assert result.first.reason.startswith("late data: online had the row of 2024-03-01T08:00:00")
    counts = result.counts["x"]
    assert (counts.compared, counts.different, counts.only_online, counts.only_offline) == (
        5, 3, 1, 1,
    )  # fmt: skip
    assert counts.greatest == 1.0
    assert [one.feature for one in result.firsts] == ["x", "word"]
    assert "was not there online" in result.firsts[1].reason
    assert result.frame["feature"].tolist() == ["x", "x", "x", "word"]
    assert result.frame["reason"].map(bool).tolist() == [True, False, False, True]
    text, page = str(result), result._repr_html_()
    assert "first difference: x at 2024-03-01T11:00:00+00:00 for user='ann'" in text
    assert "<table>" in page and "late data" in page
    assert json.loads(json.dumps(result.to_dict(), default=str))["first"]["feature"] == "x"
    assert check(vector, log, tolerance=2.0).counts["x"].different == 2
    assert len(check(vector, log, keep=1).frame) == 1
    small = check(vector, log, chunk=2)
    assert small.to_dict() == result.to_dict()


@pytest.mark.parametrize(
    ("served", "reason"),
    [
        (line("bob", 0, {"x": 7.5, "word": "c"}), "value not ingested offline"),
        (line("ann", -3, {"x": 2.0, "word": "a"}), "event time: online had the row of"),
        (line("ann", 0, {"x": "2.0", "word": "b"}), "schema change: online it is a text"),
        (line("ann", -9, {"x": 5.0, "word": None}), "not ingested offline"),
        (line("cy", 0, {"x": 1.0, "word": None}), "imputed value: it is \\$min"),
        (line("eve", 0, {"x": 3.5, "word": None}), "not ingested offline"),
        (line("ann", 0, {"x": None, "word": "b"}), "late data: the row of .* is there offline"),
    ],
)
def test_reasons(served: dict[str, Any], reason: str) -> None:
    vector = made(rows(("ann", -4, 1.0, "a"), ("ann", -2, 2.0, "b"), ("bob", -3, 3.0, "c")))
    result = check(vector, [served])
    assert result.first is not None
    assert pd.Series([result.first.reason]).str.match(reason).all(), result.first.reason


def test_values_that_were_put_in_and_values_that_are_too_old() -> None:
    vector = made(rows(("ann", -4, 1.0, "a"), ("bob", -4, None, "b")), ttl="2h")
    log = [line("ann", 0, {"x": 1.0, "word": "a"})]
    result = check(vector, log)
    assert result.first is not None and result.first.reason.startswith(("ttl", "imputed"))
    log = [line("bob", -3, {"x": 33.0, "word": "b"})]
    result = check(vector, log, impute_policy={"*": 33.0})
    assert result.first is not None
    assert result.first.reason == (
        "imputed value: the online service puts it in place of a missing one"
    )


def test_logs_that_are_none(tmp_path: Path) -> None:
    vector = made(rows(("ann", 0, 1.0, "a")))
    with pytest.raises(MissingFileError, match="there is no log"):
        check(vector, tmp_path / "none")
    (tmp_path / "bad.jsonl").write_text('{"at": 1, "entities": {}}\nnot json\n')
    with pytest.raises(InvalidArgumentError, match="cannot be read"):
        check(vector, tmp_path / "bad.jsonl")
    for bad in ({}, {"at": "x", "entities": {}}, {"at": 1, "entities": []}, {"at": None}):
        with pytest.raises(InvalidArgumentError, match="no logged vector"):
            check(vector, [bad])
    with pytest.raises(InvalidArgumentError, match=r"user"):
        check(vector, [{"at": 1, "entities": {"other": 1}, "values": {}}])
    with pytest.raises(NotFoundError):
        check("no-such-vector", [])
    with pytest.raises(InvalidArgumentError, match="check: "):
        check(vector, [], colour="red")
    with pytest.raises(InvalidArgumentError, match="tolerance"):
        check(vector, [], tolerance=-1)
    (tmp_path / "empty").mkdir()
    assert not check(vector, tmp_path / "empty").ok
    extra = check(vector, [line("ann", 1, {"x": 1.0, "word": "a", "now": 3})])
    assert extra.ok and list(extra.left_out) == ["now"]


def test_served_values_that_are_not_those_of_the_training() -> None:
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "user": [f"u{n}" for n in range(2000)],
            "at": NOON,
            "x": rng.normal(size=2000),
            "s": "a",
        }
    )
    vector = made(frame)
    same_ones = check(
        vector,
        [line(f"u{n}", 1, {"x": float(frame["x"][n]), "word": "a"}) for n in range(500)],
    )
    assert same_ones.ok and same_ones.skew is not None and same_ones.skew.ok
    moved = check(
        vector,
        [line(f"u{n}", 1, {"x": float(frame["x"][n]) + 2, "word": None}) for n in range(500)],
    )
    assert moved.skew is not None
    assert moved.skew.shifted == ["x"]
    report = {one.feature: one for one in moved.skew.features}
    assert report["x"].psi is not None and report["x"].psi > 1
    assert report["x"].outside and report["word"].served_missing == 1.0
    assert report["word"].verdict == "unknown"
    assert "shifted" in str(moved.skew) and "<table>" in moved.skew._repr_html_()


def test_when_two_values_are_the_same() -> None:
    values = [
        (1, 1.0, True), (True, 1, True), (0, None, False), ("", None, False), (None, pd.NA, True),
        (float("inf"), float("inf"), True), (float("inf"), 1e308, False), (1e15, 1e15 + 1e3, True),
        ("a", "a", True), ("1", 1, False), ([1, None], np.array([1, np.nan]), True),
        ([1], [1, 2], False),
        (NOON, pd.Timestamp(NOON), True), (NOON, pd.Timestamp(NOON).tz_localize(None), True),
        (NOON, "x", False), (b"a", b"a", True),
    ]  # fmt: skip
    for online, offline, expected in values:
        assert same(online, offline, 1e-9) is expected, (online, offline)
    numbers = [1.0, None, float("inf"), 2.0, 3]
    found = same_values(numbers, pd.Series([1.0, np.nan, np.inf, 2.1, np.inf]), 1e-9)
    assert found.tolist() == [True, True, True, False, False]
    mixed = same_values([1, "1", None], pd.Series([1, 1, pd.NA], dtype="Int64"), 0)
    assert mixed.tolist() == [True, False, True]


def test_statistics_of_served_values_do_not_depend_on_chunks() -> None:
    rng = np.random.default_rng(3)
    values = [None if n % 7 == 0 else float(v) for n, v in enumerate(rng.normal(5, 2, 1000))]
    whole, parts = Served([0.0, 4.0, 6.0, 9.0]), Served([0.0, 4.0, 6.0, 9.0])
    whole.add(values)
    for start in range(0, 1000, 13):
        parts.add(values[start : start + 13])
    assert np.isclose(whole.std, parts.std) and np.isclose(whole.mean, parts.mean)
    assert whole.bins.tolist() == parts.bins.tolist() and whole.missing == parts.missing
    assert np.isclose(whole.std, pd.Series(values, dtype=float).std())
    assert psi([1, 2, 3], [10, 20, 30]) == pytest.approx(0, abs=0.2)
    (one,) = skew_of({"x": whole}, {"x": {"mean": 5.0, "std": 2.0}}).features
    assert one.verdict == "same" and one.psi is None
    (one,) = skew_of({"x": whole}, {"x": {"mean": 9.0, "std": 2.0, "min": 6.0}}).features
    assert one.verdict == "shifted" and one.outside
    (one,) = skew_of({"x": Served()}, {}).features
    assert one.verdict == "unknown" and one.count == 0


class Share:
    """A step of a vector: needs a field of the request and a feature."""

    def do(self, body: dict[str, Any]) -> dict[str, Any]:
        body["share"] = body["amount"] / body["x"]
        return body


def test_features_on_demand_are_compared_too(tmp_path: Path) -> None:
    vector = made(rows(("ann", -2, 2.0, "a"), ("bob", -1, 4.0, "b")), "payers")
    vector.graph.to(Share, "share")
    with get_online_feature_service(vector, log=tmp_path / "log") as service:
        for amount in (1, 3):
            found = service.get([{"user": user, "amount": amount} for user in ("ann", "bob", "no")])
            assert [one and one["share"] for one in found] == [amount / 2, amount / 4, None]
    result = check(vector, tmp_path / "log")
    assert result.ok and not result.left_out, str(result)
    assert result.counts["share"].compared == 6
    served = [
        {**line("ann", 0, {"x": 2.0, "word": "a", "share": 9.0}), "request": {"amount": 6}},
        {**line("bob", 0, {"x": 4.0, "word": "b", "share": 1.5}), "request": {"amount": 6}},
        line("cy", 0, None),
    ]
    result = check(vector, served)
    assert result.first is not None and result.first.feature == "share"
    assert (result.first.online, result.first.offline) == (9.0, 3.0)
    assert result.first.reason.startswith("computed on demand")
    assert result.counts["share"].different == 1 and result.counts["x"].different == 0
    failing = check(vector, [{**served[0], "request": {}}])
    assert "its steps fail offline" in failing.left_out["share"]
    assert check(vector, [line("cy", 0, None)]).rows == 1
