"""The functions of the demo: what a data scientist would write. Needs scikit-learn."""

from __future__ import annotations

from typing import Any

import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix, roc_auc_score
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlrun_like.artifacts.models import load_model
from mlrun_like.functions.decorators import function
from mlrun_like.pipelines.dsl import when
from mlrun_like.pipelines.pipeline import pipeline
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.specs.values import HyperParamOptions

__all__ = ["LABEL", "evaluate", "prepare", "register", "to_inputs", "train", "training"]

LABEL = "target"


@function(returns=["train_set:dataset", "test_set:dataset"])
def prepare(table: pd.DataFrame, test_share: float = 0.25) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Drop duplicates and split.

    Args:
        table: The raw rows.
        test_share: Share of rows kept for the evaluation.
    """
    table = table.drop_duplicates().reset_index(drop=True)
    first, second = train_test_split(
        table, test_size=test_share, stratify=table[LABEL], random_state=0
    )
    return first.reset_index(drop=True), second.reset_index(drop=True)


@function()
def train(
    context: MLClientCtx, train_set: pd.DataFrame, model: str = "logistic", size: float = 1
) -> None:
    """Fit one classifier and log it with its cross-validated AUC.

    Args:
        train_set: Rows with the label column.
        model: `logistic` or `forest`.
        size: Inverse regularisation of the first, tens of trees of the second.
    """
    x, y = train_set.drop(columns=LABEL), train_set[LABEL]
    if model == "logistic":
        estimator: Any = make_pipeline(StandardScaler(), LogisticRegression(C=size, max_iter=500))
    else:
        estimator = RandomForestClassifier(n_estimators=int(10 * size), random_state=0)
    scores = cross_val_score(estimator, x, y, cv=3, scoring="roc_auc")
    for fold, score in enumerate(scores):
        context.log_metric("fold_auc", score, step=fold)
    context.log_result("auc", float(scores.mean()))
    estimator.fit(x, y)
    context.log_model(
        "model",
        body=estimator,
        model_file="model.pkl",
        framework="sklearn",
        algorithm=model,
        metrics={"auc": float(scores.mean())},
        parameters={"model": model, "size": size},
        training_set=train_set,
        label_column=LABEL,
    )


@function()
def evaluate(context: MLClientCtx, model_uri: str, test_set: pd.DataFrame) -> None:
    """Measure a model on rows it has not seen.

    Args:
        model_uri: A `store://models/...` URI.
        test_set: Rows with the label column.
    """
    estimator = load_model(model_uri)
    x, y = test_set.drop(columns=LABEL), test_set[LABEL]
    predicted = estimator.predict(x)
    context.log_results(
        {
            "accuracy": accuracy_score(y, predicted),
            "auc": roc_auc_score(y, estimator.predict_proba(x)[:, 1]),
        }
    )
    table = pd.DataFrame(
        confusion_matrix(y, predicted),
        index=["is malignant", "is benign"],
        columns=["said malignant", "said benign"],
    )
    context.log_dataset("confusion_matrix", df=table.reset_index(names=""), format="csv")


@function()
def register(context: MLClientCtx, model_uri: str, auc: float) -> None:
    """Give a model that passed the gate its public name.

    Args:
        model_uri: The candidate.
        auc: Its measured AUC, kept with it.
    """
    context.log_model(
        "breast-cancer",
        body=load_model(model_uri),
        model_file="model.pkl",
        framework="sklearn",
        metrics={"auc": auc},
        tag="production",
        labels={"stage": "production"},
        db_key="breast-cancer",
    )


@pipeline(name="demo")
def training(table: str, least_auc: float = 0.95) -> None:
    """Prepare, search, evaluate, and register only what is good enough."""
    data = prepare.step(inputs={"table": table})
    best = train.step(
        inputs={"train_set": data.outputs["train_set"]},
        hyperparams={"model": ["logistic", "forest"], "size": [0.1, 1, 5]},
        hyper_param_options=HyperParamOptions(selector="max.auc"),
    )
    measured = evaluate.step(
        params={"model_uri": best.outputs["model"]},
        inputs={"test_set": data.outputs["test_set"]},
    )
    with when(measured.outputs["auc"] >= least_auc):
        register.step(params={"model_uri": best.outputs["model"], "auc": measured.outputs["auc"]})


def to_inputs(body: dict[str, Any]) -> dict[str, Any]:
    """The graph's first step: patients by feature name become a model request."""
    return {
        "inputs": [
            {name: value for name, value in patient.items() if name != LABEL}
            for patient in body["patients"]
        ]
    }
