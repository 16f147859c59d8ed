"""The quick look at a window never overlooks what a full comparison finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from mlrun_like.artifacts.preview import statistics
from mlrun_like.monitoring.applications.histograms import ReferenceHistograms, padded
from mlrun_like.monitoring.applications.screening import Screen
from mlrun_like.statistics.compare import CompareOptions, compare

OPTIONS = CompareOptions(threads=1)
NAMES = [f"f{number}" for number in range(12)]


def table(seed: int, rows: int, shift: float = 0.0, missing: float = 0.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = pd.DataFrame({name: rng.normal(size=rows) for name in NAMES})
    made["f1"] = rng.integers(0, 2, rows).astype("float64")
    made["f2"] = rng.exponential(size=rows)
    made["f3"] = 7.0
    made["f0"] += shift
    made.loc[rng.random(rows) < missing, "f4"] = np.nan
    return made


def looked(reference: pd.DataFrame, now: pd.DataFrame) -> tuple[bool, Any]:
    stats = statistics(reference)
    for name in NAMES:
        stats[name]["missing"] = int(reference[name].isna().sum())
    screen = Screen(stats, NAMES, OPTIONS)
    counts = ReferenceHistograms(padded(stats)).counts(now)
    return screen.quiet(counts, len(now)), compare(stats, now, options=OPTIONS)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [25, 60, 700])
@pytest.mark.parametrize("missing", [0.0, 0.05])
def test_windows_like_training(rows: int, missing: float) -> None:
    reference = table(1, 2000, missing=missing)
    quiet = 0
    for seed in range(16):
        said, found = looked(reference, table(100 + seed, rows, missing=missing))
        assert not said or found.score == 0.0
        quiet += said
    # most of them need no full comparison
    assert quiet >= 8


@pytest.mark.parametrize("shift", [0.2, 0.5, 1.0, 3.0])
def test_shifted_windows(shift: float) -> None:
    reference = table(1, 2000)
    for seed in range(8):
        said, found = looked(reference, table(300 + seed, 200, shift))
        assert not said or found.score == 0.0
    assert not looked(reference, table(3, 200, 3.0))[0]


@pytest.mark.parametrize("missing", [0.1, 0.5, 1.0])
def test_missing_values(missing: float) -> None:
    said, found = looked(table(1, 2000), table(2, 200, missing=missing))
    assert not said
    assert found.score > 0


def test_what_cannot_be_screened() -> None:
    stats = statistics(pd.DataFrame({"c": ["a", "b"] * 30, "x": range(60)}))
    screen = Screen(stats, ["c", "x"], OPTIONS)
    assert not screen.usable
    assert not screen.quiet({}, 60)
    stats = statistics(table(1, 100))
    screen = Screen(stats, NAMES, OPTIONS)
    assert screen.usable
    assert not screen.quiet({}, 10)
    assert not screen.quiet({name: np.zeros(12) for name in NAMES}, 10)
    assert not screen.quiet({name: np.ones(3) for name in NAMES}, 10)
