"""Tests of the item compare_models."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as known
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

import mlrun_like as ml
from mlrun_like.errors import MLRunLikeError

stats: Any = pytest.importorskip("scipy.stats")


def _data(seed: int) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    data = pd.DataFrame(draw.normal(size=(1500, 4)), columns=list("abcd"))
    data["y"] = (data["a"] - data["b"] + draw.normal(size=1500) > 0).astype(int)
    return data


@pytest.fixture
def case(tmp_path: Path) -> Any:
    """URIs, models, the test set, and its path."""
    data, test = _data(0), _data(1)
    made: dict[str, Any] = {
        "linear": LogisticRegression(),
        "tree": DecisionTreeClassifier(random_state=0),
        "chance": DummyClassifier(strategy="uniform", random_state=0),
    }
    uris = {}
    with ml.get_or_create_ctx("train") as context:
        for name, model in made.items():
            model.fit(data.drop(columns="y"), data["y"])
            kept = context.log_model(
                name, body=pickle.dumps(model), model_file=f"{name}.pkl", framework="sklearn",
                training_set=data, label_column="y", db_key=name,
            )  # fmt: skip
            uris[name] = kept.uri
    test["rule"] = (test["a"] > test["b"]).astype(int)
    test.to_parquet(tmp_path / "test.parquet")
    return uris, made, test, tmp_path / "test.parquet"


def _compare(path: Path, models: Any, **params: Any) -> Any:
    function = ml.import_function("hub://compare_models")
    params = {"models": models, "label_column": "y", **params}
    return function.run(inputs={"test_set": str(path)}, params=params, local=True, watch=False)


def test_a_ranking_with_its_tests(case: Any) -> None:
    uris, made, test, path = case
    run = _compare(path, uris, metrics=["accuracy", "auc", "f1"])
    x, y = test[list("abcd")], test["y"]
    table = run.artifact("models").as_df().set_index("model")
    for name, model in made.items():
        said = model.predict(x)
        assert table.loc[name, "accuracy"] == pytest.approx(known.accuracy_score(y, said))
        assert table.loc[name, "f1"] == pytest.approx(known.f1_score(y, said))
        scores = model.predict_proba(x)[:, 1]
        assert table.loc[name, "auc"] == pytest.approx(known.roc_auc_score(y, scores))
    assert list(table.index) == ["linear", "tree", "chance"]
    assert (run.outputs["best_model"], run.outputs["significant"]) == ("linear", True)
    assert run.outputs["best_uri"] == uris["linear"] and run.outputs["as_good"] == []
    # a paired t interval by hand, at the level of two tests
    tests = run.artifact("tests").as_df().set_index("worse")
    right = [(made[name].predict(x) == y).astype(float) for name in ("linear", "tree")]
    off = right[0] - right[1]
    half = stats.t.ppf(1 - 0.05 / 4, len(off) - 1) * off.std(ddof=1) / np.sqrt(len(off))
    assert tests.loc["tree", "better_by"] == pytest.approx(off.mean())
    assert tests.loc["tree", "low"] == pytest.approx(off.mean() - half)
    assert b"3 models by accuracy" in run.artifact("comparison_page").get()


def test_equal_models_columns_and_less_is_better(case: Any) -> None:
    uris, _, _, path = case
    run = _compare(path, {"rule": "rule", "linear": uris["linear"]})
    assert run.outputs["significant"] is False and len(run.outputs["as_good"]) == 1
    run = _compare(path, [uris["linear"], uris["chance"]], metrics="log_loss")
    assert run.outputs["best_model"] == "linear"


@pytest.mark.parametrize(
    ("pick", "params", "message"),
    [
        (["linear"], {}, "1 models cannot be compared"),
        (["linear", "linear"], {}, "named twice"),
        (["linear", "tree"], {"metrics": "accurracy"}, "no metric 'accurracy'"),
        (["linear", "tree"], {"label_column": "spam"}, "spam"),
        (["linear", "tree"], {"confidence": 2}, "confidence"),
    ],
)
def test_what_does_not_fit(case: Any, pick: Any, params: dict[str, Any], message: str) -> None:
    with pytest.raises(MLRunLikeError, match=message):
        _compare(case[3], [case[0][name] for name in pick], **params)
    with pytest.raises(MLRunLikeError, match="neither the URI of a logged model nor a column"):
        _compare(case[3], ["net.pkl", "rule"])
