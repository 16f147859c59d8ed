"""Make what the fraud graph needs: a table of customers and a recorded model.

    python serving/fraud/prepare.py

The payments are made up: rare ones that are large for the customer, far from home, or one of many
within minutes are mostly fraud.
"""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy
import pandas
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split

import mlrun_like as ml
from mlrun_like.serving.steps.tables import open_table

TABLE = f"sqlite:///{Path(__file__).resolve().parent / 'customers.db'}#customers"
COLUMNS = ["amount_to_usual", "abroad", "payments_1h", "spent_1h_to_usual"]


def fill_table() -> None:
    """One row a customer: where they live and what a usual payment of theirs is."""
    customers = open_table(TABLE)
    for number in range(200):
        country = ("DE", "FR", "ES", "IT")[number % 4]
        customers[f"c{number}"] = {"home_country": country, "usual_amount": 20.0 + number % 50}
    customers.close()


@ml.function(project="fraud")
def train(context: ml.MLClientCtx) -> None:
    """Fit the model on made-up payments; records it as `fraud`."""
    random = numpy.random.default_rng(7)
    frame = pandas.DataFrame(
        {
            "amount_to_usual": random.lognormal(0, 0.8, 8000),
            "abroad": random.random(8000) < 0.1,
            "payments_1h": random.poisson(0.7, 8000) + 1,
        }
    )
    frame["spent_1h_to_usual"] = frame.amount_to_usual * frame.payments_1h
    risk = 0.8 * frame.amount_to_usual + 2 * frame.abroad + 0.6 * frame.payments_1h - 5
    fraud = random.random(8000) < 1 / (1 + numpy.exp(-2 * risk))
    known, new, is_fraud, is_new_fraud = train_test_split(frame[COLUMNS], fraud, random_state=1)
    model = GradientBoostingClassifier(random_state=1).fit(known, is_fraud)
    auc = roc_auc_score(is_new_fraud, model.predict_proba(new)[:, 1])
    context.log_model(
        "fraud", body=pickle.dumps(model), model_file="fraud.pkl", db_key="fraud",
        metrics={"auc": float(auc)}, training_set=known, framework="sklearn",
    )  # fmt: skip


if __name__ == "__main__":
    fill_table()
    train.run()
    print("filled", TABLE, "and recorded store://models/fraud/fraud")
