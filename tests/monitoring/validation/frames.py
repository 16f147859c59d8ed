"""Data sets of customers, seeded."""

from __future__ import annotations

import numpy as np
import pandas as pd

__all__ = ["customers"]


def customers(rows: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Clean rows; other seeds are of the same distribution."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "customer_id": np.arange(rows),
            "age": random.integers(18, 90, rows),
            "income": random.normal(50_000, 9_000, rows).round(2),
            "plan": random.choice(["basic", "plus", "pro"], rows),
            "code": [f"AB-{number:05d}" for number in random.integers(0, 99_999, rows)],
            "score": np.where(random.random(rows) < 0.05, np.nan, random.normal(size=rows)),
            "joined": pd.date_range("2024-01-01", periods=rows, freq="min"),
            "churned": (random.random(rows) < 0.2).astype(int),
        }
    )
