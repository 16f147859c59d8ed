"""Payments, events of accounts, labels: three feature sets, a vector to train and serve with.

transactions  each payment with date parts, one-hot columns and what the customer paid lately
events        how often the customer logged in or changed the password lately
labels        whether a payment was fraud
"""

from __future__ import annotations

import mlrun_like.feature_store as fstore
from mlrun_like.feature_store.steps import DateExtractor, MapValues, OneHotEncoder

__all__ = ["events", "labels", "transactions", "vector"]

CATEGORIES = ["food", "health", "home", "leisure", "tech", "transportation", "travel"]
EVENTS = ["login", "details_change", "password_change"]


def transactions() -> fstore.FeatureSet:
    """Payments; a payment counts in its own windows."""
    made = fstore.FeatureSet(
        "transactions",
        entities=[fstore.Entity("source", description="who pays")],
        timestamp_key="timestamp",
        description="payments of customers",
    )
    made.graph.to(DateExtractor(parts=["hour", "day_of_week"], timestamp_col="timestamp")).to(
        MapValues(mapping={"age": {"U": "0"}}, with_original_features=True)
    ).to(OneHotEncoder(mapping={"category": CATEGORIES, "gender": ["F", "M"]}))
    made.add_aggregation(
        "amount", ["avg", "sum", "count", "max"], ["2h", "12h", "24h"], period="1h"
    )
    made["amount"] = fstore.Feature(
        fstore.ValueType.FLOAT, validator=fstore.MinMaxValidator(min=0, severity="info")
    )
    return made


def events() -> fstore.FeatureSet:
    """What happened to accounts."""
    made = fstore.FeatureSet(
        "events", entities=[fstore.Entity("source")], timestamp_key="timestamp"
    )
    made.graph.to(OneHotEncoder(mapping={"event": EVENTS}))
    for event in EVENTS:
        made.add_aggregation(f"event_{event}", ["count", "sum"], ["6h", "12h"], period="1h")
    return made


def labels() -> fstore.FeatureSet:
    """Which payments were fraud; known long after the payment, so only for training."""
    made = fstore.FeatureSet(
        "labels", entities=[fstore.Entity("source")], timestamp_key="timestamp"
    )
    made.set_targets(["parquet"], with_defaults=False)
    return made


def vector() -> fstore.FeatureVector:
    """What a model of fraud sees of a customer."""
    features = [
        "events.*",
        "transactions.amount_max_2h",
        "transactions.amount_sum_2h",
        "transactions.amount_count_2h",
        "transactions.amount_avg_2h",
        "transactions.amount_max_12h",
        "transactions.timestamp_hour",
        "transactions.timestamp_day_of_week",
        *[f"transactions.category_{category}" for category in CATEGORIES],
    ]
    return fstore.FeatureVector(
        "transactions-fraud", features, label_feature="labels.label", description="fraud model"
    )
