"""The action that rolls back: the alias of a model, and finding out what a killed one had done."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from sklearn.linear_model import LogisticRegression

from mlrun_like.artifacts.manager import ArtifactManager
from mlrun_like.artifacts.paths import Producer
from mlrun_like.monitoring.actions import claims, execute
from mlrun_like.monitoring.actions.action import Action
from mlrun_like.monitoring.actions.incident import Incident
from mlrun_like.monitoring.endpoints.records import get_or_create_model_endpoint
from mlrun_like.names import new_uid
from mlrun_like.promotion.promote import promote
from mlrun_like.promotion.registry import alias_holder, history
from mlrun_like.promotion.rollback import rollback
from mlrun_like.schedules.firing import own_mark
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.process import own_start_time

ACTION = {"kind": "rollback", "model": "churn"}


def activation(number: int = 1, **more: Any) -> dict[str, Any]:
    return {"id": f"a{number}", "project": "shop", "name": "worse", "time": 1000.0, **more}


@pytest.fixture
def versions() -> None:
    """Two versions, both were champion, the second one is."""
    for slope in (1, 2):
        manager = ArtifactManager(
            open_store(), Producer("project", "shop", "shop", "shop", new_uid())
        )
        model = LogisticRegression(C=slope).fit([[0.0], [1.0]], [0, 1])
        promote(manager.log_model("churn", model, framework="sklearn", db_key="churn"))


def champion() -> int:
    found = alias_holder("shop", "churn", "champion")
    return found.number if found else 0


@pytest.mark.usefixtures("versions")
def test_the_version_before_is_champion_again_and_the_trail_says_why() -> None:
    told = execute.execute(ACTION, activation())
    assert told["state"] == "completed" and champion() == 1
    assert told["links"] == {"model": "churn:1", "before": "churn:2", "alias": "champion"}
    assert "incident a1" in history("shop", "churn")[0].body["why"] or any(
        "incident a1" in str(event.body["why"]) for event in history("shop", "churn")
    )
    again = execute.execute(ACTION, activation())
    assert again == told and champion() == 1


@pytest.mark.usefixtures("versions")
def test_there_may_be_nothing_to_go_back_to() -> None:
    execute.execute({**ACTION, "cooldown": "0s"}, activation())
    told = execute.execute({**ACTION, "cooldown": "0s"}, activation(2))
    assert told["state"] == "failed" and "held alias" in told["reason"] and champion() == 1


@pytest.mark.usefixtures("versions")
def test_the_model_is_by_default_the_one_of_the_endpoint() -> None:
    endpoint = get_or_create_model_endpoint(
        "shop", "churn:v1", "serve", values={"model_uri": "store://models/shop/churn:champion"}
    )
    about: dict[str, Any] = {
        "entity_kind": "model-endpoint-result",
        "entity_id": f"{endpoint.metadata.uid}.quality.result.accuracy",
    }
    assert execute.execute({"kind": "rollback"}, activation(**about))["state"] == "completed"
    assert champion() == 1


def test_without_a_model_there_is_nothing_to_roll_back() -> None:
    told = execute.execute({"kind": "rollback"}, activation())
    assert told["state"] == "failed" and "neither a model" in told["reason"]
    told = execute.execute({"kind": "rollback", "model": "nobody"}, activation())
    assert told["state"] == "failed" and "nobody" in told["reason"]


def _left_behind(monkeypatch: pytest.MonkeyPatch) -> claims.ActionRecord:
    """The claims of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    mark = f"{own_mark().split(' ')[0]} {process.pid} {own_start_time(1)!r}"
    monkeypatch.setattr(claims, "own_mark", lambda: mark)
    store, action = open_store(), Action.of(ACTION)
    record = claims.ActionRecord(
        "shop", claims.chain_of("worse", action.name), 1, "a1", "worse", action.to_dict(), "u1",
        1.0, "", (), dict(Incident.of(activation()).body),
    )  # fmt: skip
    record = replace(record, by=mark)
    assert claims.claim_number(store, record) and claims.claim_start(store, record)
    monkeypatch.undo()
    return record


@pytest.mark.usefixtures("versions")
def test_a_killed_one_that_had_its_effect_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    record = _left_behind(monkeypatch)
    rollback("shop", "churn", why=f"action {record.key}")
    told = execute.execute(ACTION, activation())
    assert told["state"] == "completed" and champion() == 1, "it is not rolled back twice"


@pytest.mark.usefixtures("versions")
def test_a_killed_one_without_effect_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    _left_behind(monkeypatch)
    told = execute.execute(ACTION, activation())
    assert told["state"] == "lost" and champion() == 2
