"""Which of 200 seeded shifts the default thresholds find, and how often they cry without one.

    python bench/monitoring/detection.py

The shifts are those of `mlrun_like.statistics.synthetic`: mean, variance, new category, missing,
correlation and none, of several sizes, numbers of columns and distributions. A shift is caught if
the status of the comparison is another than "no drift", and one of the columns that changed is
named. A false alarm is any other status than "no drift" where nothing has changed.

Bars: at least 95 % caught, at most 5 % false alarms. A second table shows a million rows with
changes that are too small to matter: none may cry.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import arguments, report

from mlrun_like.statistics.compare import compare
from mlrun_like.statistics.synthetic import KINDS, make_shift
from mlrun_like.statistics.verdict import NONE

SHIFTS = 200
NONES = 300


def found(kind: str, seed: int) -> bool:
    """Whether one shift gives an alarm that names a column that changed."""
    shift = make_shift(kind, seed)
    result = compare(shift.reference, shift.current)
    if kind == "none":
        return result.status != NONE
    if kind == "correlation":
        pairs = [set(pair["pair"]) for pair in result.correlation.pairs]
        return result.correlation.status != NONE and set(shift.columns) in pairs
    return any(result.features[name].status != NONE for name in shift.columns)


def tiny(seed: int) -> bool:
    """Whether a million rows with a change that does not matter give an alarm."""
    random = np.random.default_rng(seed)
    before, after = (pd.DataFrame(random.normal(size=(1_000_000, 5))) for _ in range(2))
    after[0] += 0.02
    after[1] *= 1.02
    after[2] = after[2].where(random.random(len(after)) > 0.005)
    return compare(before, after).status != NONE


def main() -> int:
    """Run all."""
    options = arguments(__doc__ or "", seed={"type": int, "default": 0})
    kinds = [kind for kind in KINDS if kind != "none"]
    each = SHIFTS // len(kinds)
    caught = {k: sum(found(k, options.seed + at) for at in range(each)) for k in kinds}
    alarms = sum(found("none", options.seed + at) for at in range(NONES))
    cries = sum(tiny(seed) for seed in range(3))
    share, false = sum(caught.values()) / (each * len(kinds)), alarms / NONES
    figures: dict[str, Any] = {f"{kind} of {each}": number for kind, number in caught.items()}
    figures |= {"caught": share, "false alarms": false, "alarms of 3 x 1,000,000 rows": cries}
    bars = {
        "at least 95 % of the shifts are caught": share >= 0.95,
        "at most 5 % false alarms": false <= 0.05,
        "no alarm for changes that do not matter": not cries,
    }
    return report("monitoring/detection", figures, bars, options.json)


if __name__ == "__main__":
    sys.exit(main())
