"""Promotion through gates, what is kept of it, and the way back."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

import mlrun_like as ml
from mlrun_like.artifacts.item import get_artifact, get_dataitem
from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError, StateError
from mlrun_like.pipelines import dsl
from mlrun_like.promotion.promote import promote
from mlrun_like.promotion.registry import history, model_versions, set_alias
from mlrun_like.promotion.rollback import rollback
from mlrun_like.promotion.steps import promote_model, rollback_model
from mlrun_like.tracking.base import ArtifactQuery
from mlrun_like.tracking.store import SqlStore


def stages() -> list[tuple[int, str, bool]]:
    found = model_versions("demo")
    return [(one.number, one.stage, "champion" in one.tags) for one in found]


def test_a_champion_after_the_other(log_model: Any, rows: pd.DataFrame) -> None:
    first = log_model(good=False)
    done = promote(first, gates=["auc >= 0.5", "smoke"], test_set=rows, label="y", why="first")
    assert done.accepted and done.before is None and done.check() is done
    assert stages() == [(1, "production", True)]
    better = {"gate": "better", "metric": "auc", "gain": 0.01}
    second = log_model()
    promote(second, to="challenger")
    assert model_versions("demo")[1].stage == "staging"
    done = promote(second, gates=[better], test_set=rows, label="y")
    assert done.accepted, str(done)
    assert stages() == [(1, "archived", False), (2, "production", True)]
    assert "challenger" not in model_versions("demo")[1].tags
    assert get_artifact("store://models/demo/train_net:champion").metadata.tree == (
        second.metadata.tree
    )
    kept = get_artifact(second.uri).status["promotion"]
    assert kept["accepted"] and kept["gates"][0]["gate"] == "better auc by 0.01"
    # the record of an old version was changed, and `latest` is still the newest
    promote(first, to="old")
    assert get_artifact("store://models/demo/train_net").metadata.tree == second.metadata.tree


def test_a_rejected_model_says_which_gate_and_by_how_much(
    log_model: Any, rows: pd.DataFrame
) -> None:
    promote(log_model(), test_set=rows, label="y")
    gates = ["auc >= 0.9", {"gate": "better", "metric": "auc"}, "smoke", lambda case: "not today"]
    done = promote(log_model(good=False), gates=gates, test_set=rows, label="y", why="try")
    assert not done.accepted
    assert [one.passed for one in done.results] == [False, False, True, False]
    gap = done.results[0].gap
    assert gap is not None and abs(gap - (0.9 - float(done.results[0].value or 0))) < 1e-9
    with pytest.raises(StateError, match=r"\[auc >= 0.9\] auc is 0\.\d+, 0\.\d+ less than 0.9"):
        done.check()
    assert "FAILED  better auc" in str(done) and "passed  smoke test" in str(done)
    assert stages() == [(1, "production", True), (2, "none", False)]
    line = history("demo")[0]
    assert line.action == "reject" and line.body["why"] == "try" and line.number == 2
    report = json.loads(str(get_dataitem(done.report).get(encoding="utf-8")))
    assert not report["accepted"] and len(report["gates"]) == 4
    table = get_dataitem("store://artifacts/demo/train_net_promotion_gates").as_df()
    assert table["passed"].tolist() == [False, False, True, False]


def test_recorded_metrics_are_enough(log_model: Any) -> None:
    promote(log_model(metrics={"auc": 0.8, "rmse": 2.0}))
    worse = log_model(metrics={"auc": 0.79, "rmse": 2.5})
    done = promote(worse, gates=[{"gate": "better", "metric": name} for name in ("auc", "rmse")])
    assert [round(float(one.gap or 0), 6) for one in done.results] == [0.01, 0.5]
    same = log_model(metrics={"auc": 0.8, "rmse": 2.0})
    assert promote(same, gates=[{"gate": "better", "metric": "rmse"}], dry_run=True).accepted
    none = promote(log_model(metrics={}), gates=["auc > 0.5", "auc > 0.5 or f1 > 0.5"])
    assert "has no metric 'auc'" in none.results[0].message and not none.results[1].passed


def test_a_dry_run_leaves_no_trace(log_model: Any, store: SqlStore) -> None:
    model = log_model()
    done = promote(model, gates=["auc >= 0.5"], dry_run=True)
    assert done.accepted and not done.report
    assert history("demo") == [] and stages() == [(1, "none", False)]
    assert len(store.list_artifacts(ArtifactQuery(project="demo"))) == 1


def test_a_stage_instead_of_an_alias(log_model: Any) -> None:
    model = log_model()
    assert promote(model, to="production", gates=["auc > 0.8"]).accepted
    assert stages() == [(1, "production", False)]
    assert [one.action for one in history("demo")] == ["promote", "stage", "stage"]


def test_the_alias_moved_while_the_gates_were_asked(log_model: Any) -> None:
    first, second, third = log_model(), log_model(), log_model()
    promote(first)

    def meanwhile(case: Any) -> bool:
        set_alias(third, "champion")
        return True

    with pytest.raises(ConflictError, match="held by version 3 now, not by version 1"):
        promote(second, gates=[meanwhile])
    assert [one.number for one in model_versions("demo") if "champion" in one.tags] == [3]
    assert model_versions("demo")[1].stage == "none"


@pytest.mark.parametrize(
    ("gates", "hint"),
    [
        (["__import__('os')"], "comparison"),
        ([{"gate": "latncy"}], "latency"),
        ([{"gate": "latency", "p98": 1}], "p99"),
        ([{"gate": "latency"}], "limit"),
        ([{"gate": "slices", "metric": "recall"}], "by"),
        ([{"gate": "slices", "metric": "recall", "by": "a"}], "one limit"),
        ([{"gate": "fairness", "column": "g", "limit": 80}], "0 to 1"),
        ([{"gate": "fairness", "column": "g", "measure": "equal_odds"}], "equalized_odds"),
        ([3], "no gate"),
        (3, "no list"),
        (["1 < 2"], "no metric"),
    ],
)
def test_gates_that_cannot_be_understood(log_model: Any, gates: Any, hint: str) -> None:
    with pytest.raises(InvalidArgumentError, match=hint):
        promote(log_model(), gates=gates)
    assert history("demo") == []


def test_rollback_goes_back_version_by_version(log_model: Any) -> None:
    for _ in range(3):
        promote(log_model())
    assert rollback("demo", "train_net", why="alarms").number == 2
    assert stages() == [(1, "archived", False), (2, "production", True), (3, "archived", False)]
    line = next(one for one in history("demo") if one.action == "rollback")
    assert line.body["before"] == 3 and line.body["why"] == "alarms"
    promote(log_model())
    assert rollback("demo", "net").number == 2  # version 3 was rolled back
    assert rollback("demo", "net").number == 1
    with pytest.raises(StateError, match="before version 1"):
        rollback("demo", "net")
    with pytest.raises(NotFoundError, match="no model"):
        rollback("demo", "nothing")
    with pytest.raises(NotFoundError, match="alias 'other'"):
        rollback("demo", "net", "other")


def test_rollback_skips_what_was_deleted(log_model: Any, store: SqlStore) -> None:
    models = [log_model() for _ in range(3)]
    for model in models:
        promote(model)
    query = ArtifactQuery(project="demo", tree=models[1].metadata.tree, kind="model")
    store.delete_artifacts(query)
    assert rollback("demo", "train_net").number == 1


def test_promotion_in_a_run(log_model: Any, rows: pd.DataFrame, tmp_path: Any) -> None:
    path = str(tmp_path / "test.parquet")
    rows.to_parquet(path)
    model = log_model()
    run = promote_model.run(
        params={"model": model.uri, "gates": ["auc >= 0.7", "smoke"], "label": "y"},
        inputs={"test_set": path},
        project="demo",
    )
    assert run.state() == "completed", run.error
    assert run.outputs["accepted"] is True and run.outputs["version"] == 1
    assert "promotion_report" in run.outputs
    run = promote_model.run(
        params={"model": log_model().uri, "gates": ["auc >= 0.99"]}, project="demo"
    )
    assert run.outputs["accepted"] is False and "[auc >= 0.99]" in run.outputs["reason"]
    promote(log_model())
    run = rollback_model.run(params={"key": "train_net"}, project="demo")
    assert run.outputs["version"] == 1


def test_promotion_in_a_pipeline(log_model: Any) -> None:
    good, bad = log_model().uri, log_model(metrics={"auc": 0.5}).uri

    @ml.function(returns=["told"])
    def tell(version: int) -> str:
        return f"version {version} serves"

    told: Any = tell
    promote_step: Any = promote_model  # the context is given by the run

    @ml.pipeline
    def release(model: str) -> None:
        done = promote_step(model=model, gates=["auc >= 0.8"])
        with dsl.If(done.outputs["accepted"] == True):  # noqa: E712 - recorded, not compared
            told(version=done.outputs["version"])

    run = release.run(model=good)
    assert run.steps["tell"].state == "completed"
    run = release.run(model=bad)
    assert run.steps["tell"].state == "skipped"
