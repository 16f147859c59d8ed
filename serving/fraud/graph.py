"""Fraud scoring: who pays (a key-value table), what they did lately (windows), a model.

python serving/fraud/prepare.py
mlrun-like serve serving/fraud/graph.py:graph

check ─> customer ─> last_hour ─> features ─> score ─> decide
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.serving import flow

_TABLE = f"sqlite:///{Path(__file__).resolve().parent / 'customers.db'}#customers"


def check(body: dict[str, Any]) -> dict[str, Any]:
    """Refuse what is no payment."""
    amount = body.get("amount") if isinstance(body, dict) else None
    if isinstance(amount, bool) or not isinstance(amount, (int, float)) or amount <= 0:
        raise InvalidArgumentError(f"amount must be a number above 0, not {amount!r:.40}")
    if not isinstance(body.get("customer"), str) or not isinstance(body.get("country"), str):
        raise InvalidArgumentError("a payment has a customer and a country")
    return body


def known(body: dict[str, Any]) -> dict[str, Any]:
    """Refuse customers that the table does not hold."""
    if "usual_amount" not in body:
        raise NotFoundError(f"there is no customer {body['customer']!r}")
    return body


def features(body: dict[str, Any]) -> dict[str, Any]:
    """The model's columns."""
    usual = body["usual_amount"]
    return {
        "inputs": [
            {
                "amount_to_usual": body["amount"] / usual,
                "abroad": body["country"] != body["home_country"],
                "payments_1h": body["amount_count_1h"],
                "spent_1h_to_usual": body["amount_sum_1h"] / usual,
            }
        ]
    }


def decide(answer: dict[str, Any], limit: float = 0.5) -> dict[str, Any]:
    """What the shop needs to know."""
    probability = round(float(answer["outputs"][0][1]), 3)
    return {"fraud": probability >= limit, "probability": probability}


graph = flow()
(
    graph.to(check)
    .to("storey.JoinWithTable", "customer", table=_TABLE, key_extractor="customer")
    .to(known)
    .to(
        "storey.AggregateByKey",
        "last_hour",
        aggregates=[
            {
                "name": "amount",
                "column": "amount",
                "operations": ["sum", "count"],
                "windows": ["1h"],
                "period": "5m",
            }
        ],
        table="memory://payments",
        key_field="customer",
    )
    .to(features)
    .to(
        "mlrun.frameworks.sklearn.SKLearnModelServer",
        "score",
        model_path="store://models/fraud/fraud",
        method="predict_proba",
    )
    .to(decide, limit=0.5)
    .respond()
)
