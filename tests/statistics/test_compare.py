"""Comparisons: verdicts, reasons, attribution, every make of data, hostile data, the page."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mlrun_like.errors import InvalidArgumentError, MissingFileError
from mlrun_like.statistics.compare import CompareOptions, compare
from mlrun_like.statistics.profile import profile
from mlrun_like.statistics.sketches import FeatureSketches
from mlrun_like.statistics.synthetic import KINDS, make_shift
from mlrun_like.statistics.verdict import DETECTED, NONE

stats = pytest.importorskip("scipy.stats")


def _table(rows: int, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(5, 2, size=(rows, 4)), columns=list("abcd"))
    frame["d"] = frame["c"] + random.normal(size=rows)
    frame["colour"] = random.choice(["red", "green", "blue"], rows)
    return frame


def test_the_numbers_of_a_column() -> None:
    old, new = _table(900), _table(800, 1)
    new["a"] += 1
    found = compare(old, new)
    one = found.features["a"]
    wanted = stats.ks_2samp(old["a"], new["a"])
    assert one.ks == pytest.approx(wanted.statistic) and one.ks_p == pytest.approx(wanted.pvalue)
    assert one.expected_mean == pytest.approx(old["a"].mean())
    assert one.actual_std == pytest.approx(new["a"].std())
    assert one.status == DETECTED and found.drifted[0] == "a" and "mean" in one.reason
    assert list(found.attribution) == ["a"] and found.attribution["a"] == 1
    assert sum(one.expected) == pytest.approx(1) and len(one.expected) == len(one.edges) + 1
    table = [side["colour"].value_counts().sort_index() for side in (old, new)]
    test = stats.chi2_contingency(np.array(table), correction=False)
    assert found.features["colour"].chi2 == pytest.approx(test.statistic)
    assert found.features["colour"].chi2_p == pytest.approx(test.pvalue)
    assert found.features["b"].status == NONE and found.features["b"].score == 0


def test_two_drifts_share_the_attribution() -> None:
    old, new = _table(5_000), _table(5_000, 1)
    new["a"] += 4
    new["b"] += 1
    shares = compare(old, new).attribution
    assert list(shares) == ["a", "b"] and shares["a"] > 0.7
    assert sum(shares.values()) == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_shifts_are_found_and_none_is_not(kind: str) -> None:
    found = 0
    for seed in range(100, 106):
        shift = make_shift(kind, seed)
        result = compare(shift.reference, shift.current)
        named = [name for name in shift.columns if result.features[name].status != NONE]
        together = result.correlation.status != NONE
        found += bool(together if kind == "correlation" else named)
        if kind == "none":
            found += result.status != NONE
    assert found <= 1 if kind == "none" else found >= 5


def test_many_rows_do_not_cry_for_nothing() -> None:
    random = np.random.default_rng(0)
    old, new = (pd.DataFrame(random.normal(size=(200_000, 2))) for _ in range(2))
    new[0] += 0.03
    found = compare(old, new)
    assert found.features["0"].ks_p is not None and found.features["0"].ks_p < 1e-6
    assert found.status == NONE and "too small" in found.features["0"].reason


def test_new_missing_and_correlated() -> None:
    old, new = _table(2_000), _table(2_000, 1)
    new.loc[:199, "colour"] = "<violet>"
    new.loc[:399, "a"] = None
    new["d"] = np.random.default_rng(3).permutation(new["d"])
    found = compare(old, new)
    assert found.features["colour"].new_categories == {"<violet>": 200}
    assert "new categories" in found.features["colour"].reason
    assert found.features["a"].actual_missing == pytest.approx(0.2)
    assert found.correlation.pairs[0]["pair"] == ["c", "d"]
    assert found.correlation.status == DETECTED and "c and d" in found.correlation.reason
    alone = compare(old[["c", "d"]], new[["c", "d"]])
    assert set(alone.attribution) == {"c", "d"}


def test_every_make_of_data_says_the_same(tmp_path: Path) -> None:
    old, new = _table(3_000), _table(2_000, 1)
    new["a"] += 1
    wanted = compare(old, new)
    for side, name in ((old, "old"), (new, "new")):
        side.to_parquet(tmp_path / f"{name}.parquet", row_group_size=700)
    folder = tmp_path / "parts"
    folder.mkdir()
    new[:500].to_parquet(folder / "1.parquet")
    new[500:].to_parquet(folder / "2.parquet")
    table = pa.Table.from_pandas(new)
    mapping = {str(name): new[name].tolist() for name in new}
    for one, other in (
        (str(tmp_path / "old.parquet"), tmp_path / "new.parquet"),
        (old, folder), (old, table), (old, mapping),
    ):  # fmt: skip
        found = compare(one, other)
        assert found.to_dict() == wanted.to_dict()
    reference = profile(old)
    sketches = FeatureSketches(list(new), reference)
    sketches.update(new)
    statistics: list[tuple[Any, Any]] = [
        (reference, new), (reference.feature_stats(), new), (reference, sketches),
        (reference, profile([new])), (old, profile(new)),
    ]  # fmt: skip
    for known, given in statistics:
        found = compare(known, given)
        assert found.drifted == ["a"] and found.features["a"].ks == pytest.approx(0.2, abs=0.06)
        assert found.features["b"].status == NONE == found.features["colour"].status


def _hostile() -> dict[str, Any]:
    random = np.random.default_rng(0)
    return {
        "nothing": [None] * 50,
        "nan": [math.nan] * 50,
        "infinite": [math.inf] * 25 + [-math.inf] * 25,
        "constant": [1] * 50,
        "mixed": [1, "a", None, [1], {"b": 2}] * 10,
        "huge": [10**400, 2**70] * 25,
        "largest": [1.7e308, -1.7e308] * 25,
        "yes": [True, False, None, True, True] * 10,
        "ids": [f"user {n}" for n in range(50)],
        "notes": ["ü" * int(n) for n in random.integers(1, 50, 50)],
        "when": pd.date_range("2024-01-01", periods=50, tz="Europe/Berlin"),
        "small": [5e-324] * 50,
    }


def test_hostile_data_have_a_verdict() -> None:
    frame = pd.DataFrame({name: pd.Series(values) for name, values in _hostile().items()})
    same = compare(frame, frame)
    assert same.status == NONE
    for new in (frame[:0], frame[:1], frame.iloc[::-1], frame.astype(str), frame.iloc[:, ::2]):
        found = compare(frame, new)
        json.dumps(found.to_dict(), allow_nan=False)
        assert found.to_html().startswith("<!DOCTYPE html>")
        compare(profile(frame), new).to_dict()
    gone = compare(frame, frame.iloc[:, ::2]).features["nan"]
    assert gone.status == DETECTED and "not there" in gone.reason
    assert compare(frame[:0], frame).status == NONE
    assert compare(pd.DataFrame({"x": [1.0]}), pd.DataFrame()).status == NONE
    added = compare(frame[["yes"]], frame).added
    assert "ids" in added and "yes" not in added
    twice = pd.DataFrame([[1, 2.0]] * 40, columns=["x", "x"])
    assert list(compare(twice, twice).features) == ["x", "x.1"]


def test_numbers_that_become_texts_are_told() -> None:
    old = pd.DataFrame({"x": np.arange(100.0)})
    new = pd.DataFrame({"x": pd.Series([*range(80), *["?"] * 20], dtype=object)})
    found = compare(old, new).features["x"]
    assert found.status == DETECTED and "20.0% of the values are no numbers" in found.reason


def test_long_texts_are_compared_by_their_length() -> None:
    old = pd.DataFrame({"note": [f"note {n} " + "x" * (n % 20) for n in range(2_000)]})
    new = pd.DataFrame({"note": [f"note {n} " + "x" * (n % 60) for n in range(2_000)]})
    assert compare(old, old).features["note"].kind == "text"
    assert compare(old, new).features["note"].status == DETECTED


def test_a_page_of_a_hundred_columns_is_small() -> None:
    random = np.random.default_rng(0)
    old, new = (pd.DataFrame(random.normal(size=(300, 100))) for _ in range(2))
    new += 1
    new[0] = "<script>alert(1)</script>"
    page = compare(old.rename(columns={0: "<b>"}), new.rename(columns={0: "<b>"})).to_html("a < b")
    assert len(page.encode()) < 300_000 and "<script>alert" not in page and "<b>" not in page
    assert page.count("<svg") > 10 and "http" not in page.replace("http://www.w3.org", "")


def test_what_cannot_be_compared_is_refused(tmp_path: Path) -> None:
    frame = _table(10)
    with pytest.raises(InvalidArgumentError, match="no column 'z'"):
        compare(frame, frame, columns=["z"])
    with pytest.raises(MissingFileError):
        compare(frame, tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"no parquet")
    for bad in (tmp_path / "bad.parquet", 5, [1]):
        with pytest.raises(InvalidArgumentError):
            compare(frame, bad)
    for options in ({"chance": 0}, {"limits": {"shap": 1}}, {"bins": 0}, {"limits": {"new": 0}}):
        with pytest.raises(InvalidArgumentError):
            CompareOptions(**options)
    strict = CompareOptions(limits={"shape": 5.0}, correlation_rows=0)
    moved = _table(2_000).assign(a=lambda f: f["a"] + 1)
    assert compare(_table(2_000), moved, options=strict).status == NONE
    with pytest.raises(InvalidArgumentError):
        make_shift("colour", 0)
