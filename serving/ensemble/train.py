"""Train the models of the ensemble and of its shadow, and record them.

python serving/ensemble/train.py
"""

from __future__ import annotations

import pickle

from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

import mlrun_like as ml

MODELS = {
    "linear": LogisticRegression(max_iter=1000),
    "neighbours": KNeighborsClassifier(),
    "tree": DecisionTreeClassifier(max_depth=3, random_state=1),
    "candidate": RandomForestClassifier(50, random_state=1),
}


@ml.function(project="iris")
def train(context: ml.MLClientCtx) -> None:
    """Fit each model on the iris flowers; records it with its accuracy."""
    features, species = load_iris(return_X_y=True, as_frame=True)
    for name, model in MODELS.items():
        accuracy = cross_val_score(model, features, species, cv=5).mean()
        context.log_model(
            name, body=pickle.dumps(model.fit(features, species)), model_file=f"{name}.pkl",
            db_key=name,
            metrics={"accuracy": float(accuracy)}, training_set=features, framework="sklearn",
        )  # fmt: skip


if __name__ == "__main__":
    run = train.run()
    print("recorded:", ", ".join(f"store://models/iris/{name}" for name in MODELS))
