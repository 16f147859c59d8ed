"""Objects of `mlrun.model` made by position, and the inputs of runs."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest


@pytest.fixture
def model(compat: ModuleType) -> Any:
    """`mlrun.model`."""
    return import_module("mlrun.model")


def test_secrets_of_a_notification_come_before_its_parameters(model: Any) -> None:
    made = model.Notification(
        "slack", "team", "done", "info", ["error"], "", {"webhook": "https://h/secret"}, {"a": 1}
    )
    assert made.secret_params == {"webhook": "https://h/secret"} and made.params == {"a": 1}
    assert "secret'" not in str(made.public()["params"])
    assert model.Notification().kind == "slack"


def test_positions_of_metadata(model: Any) -> None:
    made = model.BaseMetadata("n", "t", "h", "space", "demo", {"a": "b"}, {"c": "d"}, ["e"])
    assert made.to_dict() == {
        "name": "n", "tag": "t", "hash": "h", "namespace": "space", "project": "demo",
        "labels": {"a": "b"}, "annotations": {"c": "d"}, "categories": ["e"],
    }  # fmt: skip
    versioned = model.VersionedObjMetadata("n", "t", "u", "demo", {"a": "b"})
    assert (versioned.uid, versioned.project, versioned.labels) == ("u", "demo", {"a": "b"})


def test_an_input_knows_the_name_it_was_given_by(model: Any, tmp_path: Path) -> None:
    mlrun = import_module("mlrun")
    file = tmp_path / "rows.csv"
    file.write_text("a\n1\n")

    def handler(context: Any, rows: Any) -> None:
        context.log_result("names", [rows.key, context.get_input("rows").key])

    run = mlrun.new_function("f", project="demo").run(
        handler=handler, inputs={"rows": str(file)}, local=True, project="demo"
    )
    assert run.status.results["names"] == ["rows", "rows"]
