"""Tests of the item sweep_optuna."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.model_selection import StratifiedKFold, cross_val_score, train_test_split
from sklearn.tree import DecisionTreeClassifier

import mlrun_like as ml
from mlrun_like.errors import MLRunLikeError

pytest.importorskip("optuna", reason="optuna is not installed")
TREE = {
    "model_class": "sklearn.tree.DecisionTreeClassifier",
    "label_column": "target",
    "space": {"max_depth": "int(1, 6)", "criterion": ["gini", "entropy"]},
    "CLASS_random_state": 0,
}


def _sweep(path: Path, **params: Any) -> Any:
    function = ml.import_function("hub://sweep_optuna")
    return function.run(
        inputs={"dataset": str(path)}, params={**TREE, **params}, local=True, watch=False
    )


@pytest.fixture
def cancer(tmp_path: Path) -> Path:
    path = tmp_path / "cancer.parquet"
    load_breast_cancer(as_frame=True).frame.to_parquet(path)
    return path


def test_trials_are_child_runs_and_the_best_is_trained(cancer: Path) -> None:
    run = _sweep(cancer, n_trials=8, prune=False, seed=5)
    table = run.artifact("iteration_results").as_df()
    assert len(table) == 8 and set(table["state"]) == {"completed"}
    assert run.outputs["best_score"] == table["output.score"].max()
    best = table.set_index("iter").loc[run.outputs["best_iteration"]]
    params = run.outputs["best_params"]
    assert best["param.max_depth"] == params["max_depth"]
    assert best["output.score"] == run.outputs["best_score"]
    # the same folds, by scikit-learn's own function
    frame = load_breast_cancer(as_frame=True).frame
    x, y = frame.drop(columns="target"), frame["target"]
    x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.2, random_state=5)
    tree = DecisionTreeClassifier(random_state=0, **params)
    folds = StratifiedKFold(3, shuffle=True, random_state=5)
    scores = cross_val_score(tree, x_train, y_train, cv=folds, scoring="accuracy")
    assert run.outputs["best_score"] == pytest.approx(scores.mean())
    tested = tree.fit(x_train, y_train).score(x_test, y_test)
    assert run.outputs["test_score"] == pytest.approx(tested) == run.outputs["accuracy"]
    assert run.outputs["model"].startswith("store://models/")
    assert b"<svg" in run.artifact("optimization_history").get()
    assert b"param.max_depth" in run.artifact("parallel_coordinates").get()
    again = _sweep(cancer, n_trials=8, prune=False, seed=5)
    assert again.outputs["best_params"] == params


def test_failing_and_pruned_trials(cancer: Path) -> None:
    space = {"max_depth": [-1, 1, 4], "max_features": "loguniform(0.01, 1.0)"}
    run = _sweep(cancer, space=space, n_trials=25, sampler="random", metric="roc_auc")
    outputs = run.outputs
    assert outputs["trials"] == 25 and outputs["failed_trials"] >= 1
    assert outputs["pruned_trials"] >= 1 and outputs["best_params"]["max_depth"] == 4
    table = run.artifact("iteration_results").as_df()
    assert (table["state"] == "error").sum() == outputs["failed_trials"]
    assert table["output.pruned_after"].notna().sum() == outputs["pruned_trials"]


def test_numbers_a_time_limit_and_dropped_columns(tmp_path: Path) -> None:
    frame = load_diabetes(as_frame=True).frame.assign(name="a")
    frame.to_parquet(tmp_path / "d.parquet")
    function = ml.import_function("hub://sweep_optuna")
    params = {
        "model_class": "sklearn.linear_model.Ridge", "label_column": "target", "timeout": 0,
        "space": {"alpha": "loguniform(1e-3, 10)"}, "n_trials": 500, "drop_columns": "name",
    }  # fmt: skip
    run = function.run(
        inputs={"dataset": str(tmp_path / "d.parquet")}, params=params, local=True, watch=False
    )
    assert 1 <= run.outputs["trials"] < 500
    assert run.outputs["r2_score"] == pytest.approx(run.outputs["test_score"])


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"space": {}}, "hyperparams must map"),
        ({"space": {"max_depth": "between(1, 2)"}}, "no range 'between'"),
        ({"space": {"depth": [1]}}, "none of 20 trials ended well"),
        ({"model_class": "sklearn.tree.Spam"}, "cannot be made"),
        ({"label_column": "spam"}, "no column 'spam'"),
        ({"metric": "spam"}, "no scorer 'spam'"),
        ({"sampler": "spam"}, "sampler 'spam' is unknown"),
        ({"n_trials": 0}, "there must be a trial"),
        ({"depth": 3}, "no parameter 'depth'"),
        ({"CLASS_max_depth": 3}, "in space, too"),
    ],
)
def test_what_does_not_fit(cancer: Path, params: dict[str, Any], message: str) -> None:
    with pytest.raises(MLRunLikeError, match=message):
        _sweep(cancer, **params)
