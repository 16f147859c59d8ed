"""Stocks and their quotes: two feature sets and a vector over both.

stocks   one row per ticker
quotes   asks and bids of the last one and five hours, in steps of ten minutes
"""

from __future__ import annotations

import mlrun_like.feature_store as fstore

__all__ = ["quotes", "stocks", "vector"]


def stocks() -> fstore.FeatureSet:
    """What does not change with time: name and exchange."""
    return fstore.FeatureSet("stocks", entities=[fstore.Entity("ticker")])


def quotes() -> fstore.FeatureSet:
    """Quotes with the spread, and with windows over bids and asks."""
    made = fstore.FeatureSet("quotes", entities=[fstore.Entity("ticker")], timestamp_key="time")
    made.graph.to("storey.Filter", "valid", _fn="(event['ask'] >= event['bid'])").to(
        "storey.Extend", "spread", _fn="({'spread': event['ask'] - event['bid']})"
    )
    for column in ("ask", "bid"):
        made.add_aggregation(
            column, ["sum", "max", "count"], ["1h", "5h"], period="10m", name=f"{column}s"
        )
    return made


def vector() -> fstore.FeatureVector:
    """Features of a trade, as of its moment."""
    features = ["quotes.spread", "quotes.asks_sum_5h", "quotes.bids_max_1h", "stocks.*"]
    return fstore.FeatureVector("trade-features", features, description="what was known then")
