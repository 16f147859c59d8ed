"""Makes the three files of this folder: payments, events of accounts, which payments were fraud."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
START = pd.Timestamp("2026-03-01T00:00:00Z")
DAYS = 14
CATEGORIES = ["food", "health", "home", "leisure", "tech", "transportation", "travel"]
EVENTS = ["login", "details_change", "password_change"]


def make(seed: int = 3, customers: int = 60, count: int = 1500) -> dict[str, pd.DataFrame]:
    """The three tables, by name; a fraud is a burst of high amounts after a changed password."""
    rng = np.random.default_rng(seed)
    names = np.array([f"C{number:03d}" for number in range(customers)])
    age = rng.choice(
        ["1", "2", "3", "4", "5", "U"], customers, p=[0.2, 0.25, 0.25, 0.15, 0.1, 0.05]
    )
    gender = rng.choice(["F", "M"], customers)
    who = rng.integers(0, customers, count)
    at = np.sort(rng.integers(0, DAYS * 86_400, count))
    amount = rng.gamma(2.0, 18.0, count)
    category = rng.choice(CATEGORIES, count)
    events = pd.DataFrame(
        {
            "source": names[rng.integers(0, customers, 2 * customers)],
            "event": rng.choice(EVENTS, 2 * customers, p=[0.8, 0.15, 0.05]),
            "seconds": np.sort(rng.integers(0, DAYS * 86_400, 2 * customers)),
        }
    )
    frauds = rng.choice(count, count // 20, replace=False)
    amount[frauds] = 120 + 300 * rng.random(len(frauds))
    category[frauds] = rng.choice(["tech", "travel"], len(frauds))
    changes = pd.DataFrame(
        {
            "source": names[who[frauds]],
            "event": "password_change",
            "seconds": np.maximum(at[frauds] - rng.integers(60, 3600, len(frauds)), 0),
        }
    )
    events = pd.concat([events, changes]).sort_values("seconds", kind="stable")
    time = START + pd.to_timedelta(at, unit="s")
    transactions = pd.DataFrame(
        {
            "timestamp": time,
            "source": names[who],
            "age": age[who],
            "gender": gender[who],
            "category": category,
            "amount": amount.round(2),
        }
    )
    label = np.zeros(count, dtype=int)
    label[frauds] = 1
    labels = pd.DataFrame({"timestamp": time, "source": names[who], "label": label})
    events = events.assign(timestamp=START + pd.to_timedelta(events.pop("seconds"), unit="s"))
    return {"transactions": transactions, "events": events, "labels": labels}


if __name__ == "__main__":
    for name, table in make().items():
        table.to_csv(HERE / f"{name}.csv", index=False)
