"""`mlrun.alerts.AlertConfig` with MLRun's arguments."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType


def test_a_cooldown_of_all_notifications(compat: ModuleType) -> None:
    notification = import_module("mlrun.model").Notification
    schemas = import_module("mlrun.common.schemas.alert")
    config = import_module("mlrun.alerts.alert").AlertConfig
    own = schemas.AlertNotification(
        notification=notification("console", "own"), cooldown_period="1h"
    )
    told = schemas.AlertNotification(notification=notification("console", "told"))
    made = config(
        "demo", "late", severity="low", reset_policy="auto", cooldown_period="10m",
        notifications=[told, own],
    )  # fmt: skip
    made.with_notifications([notification("console", "more")])
    assert [item.cooldown_period for item in made.notifications] == ["10m", "1h", "10m"]
    assert made.to_dict()["cooldown_period"] == "10m"
    assert config.from_dict(made.to_dict()).cooldown_period == "10m"
