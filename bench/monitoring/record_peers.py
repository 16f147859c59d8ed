"""The numbers of SciPy, Evidently and NannyML for seeded data, recorded for the tests.

    /path/with/peers/python bench/monitoring/record_peers.py > tests/statistics/peers.json

Made with an interpreter that has `evidently` and `nannyml`; the tests need neither. Data are made
of whole numbers by arithmetic alone, so that every version of NumPy has the same.
"""

from __future__ import annotations

import importlib.metadata
import json
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd

CASES = {
    "shifted": (400, 400, 7, 35.0),
    "same": (500, 300, 11, 0.0),
    "uneven": (1_000, 250, 13, 80.0),
}


def numbers(count: int, step: int, shift: float) -> Any:
    """A fixed series without a generator: a bell of six saw teeth."""
    at = np.arange(1, count + 1)
    teeth = sum((at * (step + 10 * k) * (k + 3)) % (97 + 6 * k) for k in range(6))
    return teeth + shift


def texts(count: int, step: int, turn: int) -> list[str]:
    """Categories in fixed shares that depend on `turn`."""
    at = (np.arange(count) * step) % 20
    return [("red" if v < 8 + turn else "green" if v < 15 else "blue") for v in at.tolist()]


def peers(reference: pd.DataFrame, current: pd.DataFrame) -> dict[str, Any]:
    """What Evidently and NannyML say of both columns."""
    from evidently import Dataset, Report
    from evidently.metrics import ValueDrift

    found: dict[str, Any] = {}
    for column, names in (
        ("x", ("psi", "jensenshannon", "hellinger", "ks", "wasserstein")),
        ("c", ("psi", "jensenshannon", "hellinger", "chisquare", "TVD")),
    ):
        for name in names:
            report = Report([ValueDrift(column=column, method=name)])
            run = report.run(Dataset.from_pandas(current), Dataset.from_pandas(reference))
            (metric,) = run.dict()["metrics"]
            found[f"evidently.{column}.{name}"] = float(metric["value"])
    from nannyml.chunk import DefaultChunker
    from nannyml.drift.univariate.methods import FeatureType, MethodFactory
    from nannyml.thresholds import ConstantThreshold

    for column, kind, names in (
        ("x", FeatureType.CONTINUOUS, ("kolmogorov_smirnov", "jensen_shannon", "hellinger")),
        ("c", FeatureType.CATEGORICAL, ("chi2", "jensen_shannon", "hellinger", "l_infinity")),
    ):
        for name in names:
            method = MethodFactory.create(
                key=name,
                feature_type=kind,
                chunker=DefaultChunker(),
                threshold=ConstantThreshold(lower=None, upper=0.1),
            )
            method.fit(reference[column])
            found[f"nannyml.{column}.{name}"] = float(method.calculate(current[column]))
    return found


def main() -> None:
    """Write the record."""
    warnings.simplefilter("ignore")
    record: dict[str, Any] = {
        "versions": {
            name: importlib.metadata.version(name) for name in ("evidently", "nannyml", "scipy")
        }
    }
    for name, (before, now, step, shift) in CASES.items():
        reference = pd.DataFrame({"x": numbers(before, step, 0), "c": texts(before, step, 0)})
        current = pd.DataFrame(
            {"x": numbers(now, step + 2, shift), "c": texts(now, step, 3 if shift else 0)}
        )
        record[name] = peers(reference, current)
    sys.stdout.write(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
