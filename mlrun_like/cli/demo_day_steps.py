"""What a data scientist writes for the demo of monitoring: data, retraining, an application.

Real patients: scikit-learn's breast cancer rows. Needs scikit-learn.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlrun_like.functions.decorators import function
from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationResult,
    ResultKindApp,
    ResultStatusApp,
)
from mlrun_like.monitoring.recording.quality import window_quality
from mlrun_like.pipelines.pipeline import pipeline
from mlrun_like.promotion.steps import promote_model
from mlrun_like.runs.context import MLClientCtx

__all__ = [
    "GATES",
    "LABEL",
    "LEAST",
    "MODEL",
    "LateAccuracy",
    "alerts",
    "new_microscope",
    "patients",
    "retraining",
    "split",
    "train",
]

LABEL = "benign"
MODEL = "tumour"
LEAST = 0.88
"""An accuracy below it is an incident."""
GATES = [{"gate": "better", "metric": "accuracy", "gain": 0.02}, "accuracy >= 0.9"]
"""What a retrained model must be, on labelled rows that it has not seen."""
_LARGER = 1.4


def patients() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows that the first model learns from, and those of the people who come today."""
    frame = load_breast_cancer(as_frame=True).frame.rename(columns={"target": LABEL})
    frame.columns = [name.replace(" ", "_") for name in frame.columns]
    first, rest = train_test_split(frame, train_size=280, stratify=frame[LABEL], random_state=0)
    return first.reset_index(drop=True), rest.reset_index(drop=True)


def new_microscope(rows: pd.DataFrame) -> pd.DataFrame:
    """The same patients as the new instrument measures them: lengths are 40 % larger."""
    rows = rows.copy()
    for name in rows.columns:
        if "radius" in name or "perimeter" in name:
            rows[name] *= _LARGER
        elif "area" in name:
            rows[name] *= _LARGER**2
    return rows


# -- what a data scientist writes: the steps of the retraining -------------------------------------


@function(returns=["train_set:dataset", "test_set:dataset"])
def split(window: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Keep a third of the newest labelled rows for the gates.

    Args:
        window: What the monitored model was asked lately, with the truth.
    """
    first, second = train_test_split(
        window, test_size=1 / 3, stratify=window[LABEL], random_state=0
    )
    return first.reset_index(drop=True), second.reset_index(drop=True)


@function()
def train(context: MLClientCtx, train_set: pd.DataFrame) -> None:
    """Fit a model and log it as the next version of `tumour`.

    Args:
        train_set: Rows with the label.
    """
    x, y = train_set.drop(columns=LABEL), train_set[LABEL].astype(int)
    estimator = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(x, y)
    context.log_model(
        "model",
        estimator,
        model_file="model.pkl",
        framework="sklearn",
        training_set=train_set,
        label_column=LABEL,
        db_key=MODEL,
    )


@pipeline
def retraining(window: str, gates: list[Any]) -> Any:
    """Train on the newest window; the model serves only if it passes the gates."""
    data = split.step(inputs={"window": window})
    trained = train.step(inputs={"train_set": data.outputs["train_set"]})
    judged = promote_model.step(
        params={
            "model": trained.outputs["model"],
            "gates": gates,
            "test_set": data.outputs["test_set"],
            "label": LABEL,
            "why": "retrained on the newest window",
        }
    )
    return judged.outputs["accepted"]


class LateAccuracy(ModelMonitoringApplicationBase):
    """Accuracy of the answers whose truth is known by now: those of two hours ago.

    Args:
        hours: How late the truth is.
        least: Below it the model is worse than it may be.
    """

    NAME = "late-accuracy"

    def __init__(self, hours: int = 2, least: float = LEAST) -> None:
        self.late = timedelta(hours=hours)
        self.least = least

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> Any:
        """Measure one window."""
        start = monitoring_context.start_infer_time - self.late
        end = monitoring_context.end_infer_time - self.late
        found = window_quality(
            monitoring_context.project_name, monitoring_context.endpoint_id, start, end
        )
        if "accuracy" not in found:
            return []
        accuracy = float(found["accuracy"])
        status = ResultStatusApp.detected if accuracy < self.least else ResultStatusApp.no_detection
        return ModelMonitoringApplicationResult(
            name="accuracy", value=accuracy, kind=ResultKindApp.model_performance, status=status
        )


def alerts(project: str, gates: list[Any]) -> list[dict[str, Any]]:
    """When somebody is told, and when the model is retrained.

    Args:
        project: Whose.
        gates: What a retrained model must pass before it serves.
    """
    told = [{"notification": {"kind": "console", "name": "ward"}}]
    entities = {"kind": "model-endpoint-result", "project": project, "ids": ["*"]}
    accuracy = {"metric": "accuracy", "operator": "<", "value": LEAST, "duration": "1h"}
    return [
        {
            "name": "inputs-drift",
            "summary": "the patients' data no longer looks like the training data",
            "severity": "medium",
            "entities": entities,
            "trigger": {"threshold": {"metric": "data_drift", "operator": ">=", "value": 1}},
            "notifications": told,
        },
        {
            "name": "model-worse",
            "summary": "the model is wrong too often",
            "severity": "high",
            "entities": entities,
            "trigger": {"threshold": accuracy},
            "notifications": told,
            "actions": [
                {
                    "kind": "pipeline",
                    "pipeline": f"{__name__}:retraining",
                    "dataset": "window",  # this parameter gets the newest labelled rows
                    "window": "4h",
                    "arguments": {"gates": gates},
                    "cooldown": "1h",
                    "where": "here",
                }
            ],
        },
    ]
