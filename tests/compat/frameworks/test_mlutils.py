"""What `mlrun.mlutils` had, through the switch."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.svm import LinearSVC

from mlrun_like.errors import InvalidArgumentError


def _table(classes: int) -> pd.DataFrame:
    x, y = make_classification(
        n_samples=90, n_features=5, n_informative=4, n_redundant=0, n_classes=classes
    )
    return pd.DataFrame(x, columns=list("abcde")).assign(label=y)


def _old(name: str) -> Any:
    return importlib.import_module(name)


def test_samples_and_splits(compat: ModuleType) -> None:
    data = _old("mlrun.mlutils.data")
    table = _table(2)
    table.loc[0, "a"] = None
    x, y, header = data.get_sample(table, 40, "label")
    assert (len(x), len(y), list(header)) == (40, 40, list("abcde"))
    assert "label" in table.columns  # the caller's table stays as it was
    assert len(data.get_sample(table, -7, "label")[0]) == 7
    parts = data.get_splits(x, y, 3, 0.25, 0.5, ["label"], 3)
    assert [len(features) for features, _ in parts] == [15, 15, 10]
    assert len(data.get_splits(x, y, n_ways=2)) == 2
    with pytest.raises(InvalidArgumentError, match="could not be found: nothing"):
        data.get_sample(table, 1, "nothing")
    with pytest.raises(InvalidArgumentError, match="n_ways"):
        data.get_splits(x, y, n_ways=4)


def test_a_model_is_configured_by_parameters(compat: ModuleType, tmp_path: Path) -> None:
    models = _old("mlrun.mlutils.models")
    name = "sklearn.tree.DecisionTreeClassifier"
    given = {"CLASS_max_depth": 3, "FIT_sample_weight": [1], "label_column": "y"}
    config = models.gen_sklearn_model(name, given.items())
    assert config["CLASS"]["max_depth"] == 3
    assert config["FIT"]["sample_weight"] == [1]
    assert config["META"]["class"] == name
    file = tmp_path / "model.json"
    file.write_text(json.dumps({"CLASS": {}, "FIT": {}, "META": {"class": name}}))
    assert models.gen_sklearn_model(str(file), given.items())["CLASS"] == {"max_depth": 3}


@pytest.mark.parametrize(
    ("classes", "charts", "results"),
    [
        (2, {"roc-binary", "precision-recall-binary"}, {"rocauc", "brier_score"}),
        (3, {"roc-multiclass", "precision-recall-multiclass"}, {"auc-micro", "auc-weighted"}),
    ],
)
def test_a_classifier_is_judged_in_a_run(
    classes: int, charts: set[str], results: set[str], compat: ModuleType, tmp_path: Path
) -> None:
    mlrun = _old("mlrun")
    table = _table(classes)
    x, y = table.drop(columns="label"), table["label"]
    model = RandomForestClassifier(n_estimators=5).fit(x, y)
    context = mlrun.get_or_create_ctx("judge", upload_artifacts=True)
    extra = _old("mlrun.mlutils.models").eval_model_v2(
        context, x, y, model, plots_artifact_path=str(tmp_path / "plots")
    )
    drawn = {path.stem for path in (tmp_path / "plots").rglob("*.html")}
    assert drawn >= {"confusion-matrix-normalized", "feature-importances"} | charts
    assert set(context.results) >= {"test-accuracy", "test-error", "f1-score"} | results
    assert context.results["test-accuracy"] + context.results["test-error"] == pytest.approx(1)
    assert extra["feature importances table.csv"].startswith(b"freq,feature")


def test_numbers_without_a_run(compat: ModuleType) -> None:
    judge = _old("mlrun.mlutils").eval_class_model
    table = _table(3)
    x, y = table.drop(columns="label"), table[["label"]]
    model = RandomForestClassifier(n_estimators=5).fit(x, y["label"])
    found = judge(x, y, model, labels="label")
    assert 0.9 < found["accuracy"] <= 1
    assert [plot.kind for plot in found["plots"]] == ["plot"] * 3
    with pytest.raises(InvalidArgumentError, match="not implemented for this classifier"):
        judge(x, y, LinearSVC().fit(x, y["label"]), labels="label")


def test_learning_curves_need_a_history(compat: ModuleType) -> None:
    plots = _old("mlrun.mlutils.plots")

    class Trained:
        evals_result_ = {"train": {"auc": [0.5, 0.9]}, "valid": {"auc": [0.5, 0.7]}}  # noqa: RUF012

    class Untrained:
        def evals_result(self) -> None:
            raise ValueError("no evaluation")

    assert [plot.metadata.key for plot in plots.learning_curves(Trained())] == [
        "learning curve - auc"
    ]
    assert plots.learning_curves(Untrained()) == plots.learning_curves(object()) == []
    with pytest.raises(InvalidArgumentError, match="only available for some models"):
        plots.feature_importances(object(), ["a"])
