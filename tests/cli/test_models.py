"""`mlrun-like models`: versions, promotion and the way back, from a shell."""

from __future__ import annotations

from typing import Any

import pytest

import mlrun_like as ml


@pytest.fixture
def models(home: Any) -> None:
    """Two versions of a model."""
    for auc in (0.8, 0.9):
        with ml.get_or_create_ctx("train", project="demo") as context:
            context.log_model("net", body=b"{}", model_file="net.json", metrics={"auc": auc})


def test_an_empty_registry(call: Any) -> None:
    assert "No models found" in call("models", "list").out
    assert "Nothing has happened" in call("models", "history").out
    assert "has no model" in call("models", "show", "net", code=1).err


@pytest.mark.usefixtures("models")
def test_from_the_first_version_to_the_rollback(call: Any) -> None:
    where = ("--project", "demo")
    done = call("models", "promote", "net:1", "-g", "auc >= 0.7", "--why", "first", *where)
    assert "version 1 accepted for 'champion'" in done.out and "report: store://" in done.out
    worse = '{"gate": "better", "metric": "auc", "gain": 0.2}'
    done = call("models", "promote", "net:2", "--gate", worse, *where, code=1)
    assert "FAILED  better auc by 0.2: auc is 0.9, 0.1 better than 0.8" in done.out
    call("models", "promote", "net:2", "--dry-run", *where)
    call("models", "promote", "train_net", *where)
    listed = call("models", "list", "net").out
    assert "archived" in listed and "champion, latest" in listed
    shown = call("models", "show", "net:champion", *where).out
    assert "production" in shown and "{'auc': 0.9}" in shown and "accepted for champion" in shown
    assert "version 1 is champion again" in call("models", "rollback", "net", *where).out
    assert "before version 1" in call("models", "rollback", "net", *where, code=1).err
    trail = call("models", "history", "net", *where)
    assert "rollback" in trail.out and "champion: 2 -> 1" in trail.out and "first" in trail.out
    assert len(call("models", "history", "net", "--json", *where).json) >= 8
    assert call("models", "list", "--json").json[0]["number"] == 1


@pytest.mark.usefixtures("models")
def test_aliases_and_stages_by_hand(call: Any) -> None:
    where = ("--project", "demo")
    assert "version 2 is best" in call("models", "alias", "net", "best", *where).out
    assert "nobody is best now" in call("models", "alias", "net", "best", "--remove", *where).out
    assert "nobody was best" in call("models", "alias", "net", "best", "--remove", *where).out
    assert "is in staging" in call("models", "stage", "net:1", "staging", *where).out
    assert "may go to" in call("models", "stage", "net:2", "production", *where, code=1).err
    assert "is not JSON" in call("models", "promote", "net", "-g", "{", *where, code=1).err
    assert "champion" in call("models", "promote", "--help").out
