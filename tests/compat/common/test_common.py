"""Enumerations, records and constants of `mlrun.common`."""

from __future__ import annotations

import importlib
import pickle
from types import ModuleType
from typing import Any

import pydantic
import pytest

from mlrun_like.compat.adapted.common import schemas as made


@pytest.fixture
def old(compat: ModuleType) -> Any:
    return importlib.import_module("mlrun.common.schemas")


def test_enumerations(old: Any) -> None:
    assert old.PatchMode("replace") is old.PatchMode.replace == "replace"
    assert f"{old.OrderType.asc}" == "asc" and old.EndpointType.ROUTER.value == 2
    assert pickle.loads(pickle.dumps(old.SortField.updated)) is old.SortField.updated
    constants = importlib.import_module("mlrun.common.constants")
    assert constants.MLRunInternalLabels.owner and constants.MLRUN_LABEL_PREFIX == "mlrun/"
    states = importlib.import_module("mlrun.common.runtimes.constants").RunStates
    assert states.error in states.terminal_states() and states.running in states.all()
    assert set(states.non_terminal_states()).isdisjoint(states.terminal_states())


def test_records(old: Any) -> None:
    project = old.Project(
        metadata={"name": "p", "mine": 1}, spec=old.ProjectSpec(description="d", goals=3)
    )
    assert project.spec.goals == "3" and project.metadata.mine == 1
    assert old.Project.parse_obj(project.dict()).json() == project.json()
    assert project.copy(deep=True) == project and isinstance(project.spec, old.ProjectSpec)
    assert (
        old.IndexedHubSource(
            index=1,
            source=old.HubSource(
                metadata={"name": "s"},
                spec={"path": "/x", "channel": "m", "object_type": "functions"},
            ),
        ).source.spec.path
        == "/x"
    )
    with pytest.raises(pydantic.ValidationError):
        old.Notification(kind="pigeon", name="n")
    assert pickle.loads(pickle.dumps(project)) == project


def test_alerts_and_results_are_ours(old: Any) -> None:
    assert old.alert.EventKind.__module__.startswith("mlrun_like.monitoring")
    results = importlib.import_module("mlrun.common.schemas.model_monitoring.constants")
    assert results.ResultStatusApp.detected.value == 2
    assert results.FQN_REGEX.match("p.app.result.drift")


def test_everything_in_the_table_can_be_made() -> None:
    for rows in made.modules().values():
        for name in rows:
            assert getattr(made, name) is getattr(made, name)


def test_small_functions(compat: ModuleType) -> None:
    helpers = importlib.import_module("mlrun.common.helpers")
    assert helpers.parse_versioned_object_uri("p/n@h") == ("p", "n", "", "h")
    monitoring = importlib.import_module("mlrun.common.model_monitoring.helpers")
    histogram: list[list[float]] = [[1, 2], [0.0, 1.0, 2.0]]
    monitoring.pad_hist(histogram)
    monitoring.pad_hist(histogram)
    assert histogram[0] == [0, 1, 2, 0] and len(histogram[1]) == 5
