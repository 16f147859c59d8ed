"""Makes the three files of this folder: stocks, quotes of two days, trades."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
START = pd.Timestamp("2026-03-02T09:30:00Z")
STOCKS = {
    "ACME": ("Acme Corporation", "NYSE", 51.0),
    "GLOB": ("Globex", "NASDAQ", 720.0),
    "INIT": ("Initech", "NASDAQ", 98.0),
}


def quotes(rng: np.random.Generator, count: int = 360) -> pd.DataFrame:
    """Bids and asks that wander, at random moments of two days."""
    times = START + pd.to_timedelta(np.sort(rng.integers(0, 2 * 86_400_000, count)), unit="ms")
    ticker = rng.choice(list(STOCKS), count)
    price = np.array([STOCKS[name][2] for name in ticker])
    bid = price * (1 + 0.002 * rng.normal(size=count).cumsum() / 10)
    ask = bid * (1 + 0.0005 * rng.random(count))
    return pd.DataFrame({"time": times, "ticker": ticker, "bid": bid.round(2), "ask": ask.round(2)})


def trades(rng: np.random.Generator, count: int = 40) -> pd.DataFrame:
    """What was bought when."""
    late = START + pd.Timedelta("6h")
    times = late + pd.to_timedelta(np.sort(rng.integers(0, 42 * 3_600_000, count)), unit="ms")
    ticker = rng.choice(list(STOCKS), count)
    price = np.array([STOCKS[name][2] for name in ticker]) * (1 + 0.01 * rng.normal(size=count))
    quantity = rng.integers(1, 40, count) * 5
    return pd.DataFrame(
        {"time": times, "ticker": ticker, "price": price.round(2), "quantity": quantity}
    )


if __name__ == "__main__":
    generator = np.random.default_rng(7)
    names = [(ticker, name, exchange) for ticker, (name, exchange, _) in STOCKS.items()]
    stocks = pd.DataFrame(names, columns=["ticker", "name", "exchange"])
    stocks.to_csv(HERE / "stocks.csv", index=False)
    quotes(generator).to_csv(HERE / "quotes.csv", index=False)
    trades(generator).to_csv(HERE / "trades.csv", index=False)
