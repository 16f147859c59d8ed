"""Alerts as MLRun's users write them: fields set later, numbers as ids, groups of activations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts import (
    AlertActivation,
    AlertActivations,
    AlertConfig,
    AlertCriteria,
    AlertNotification,
    AlertSeverity,
    AlertTrigger,
    Event,
    EventEntities,
    EventEntityKind,
    EventKind,
    Notification,
    ResetPolicy,
    alert_pass,
    generate_event,
    get_alert_config,
    get_alert_template,
    store_alert_config,
)
from mlrun_like.projects.loading import get_or_create_project


@pytest.fixture(autouse=True)
def _time() -> Iterator[None]:
    with clock.simulated(1_700_000_000.0):
        yield


def job(number: Any = 123) -> EventEntities:
    return EventEntities(kind=EventEntityKind.JOB, project="p", ids=[number])


def config(**more: Any) -> AlertConfig:
    given: dict[str, Any] = {
        "entities": job(),
        "trigger": AlertTrigger(events=[EventKind.FAILED]),
        "severity": AlertSeverity.LOW,
        "reset_policy": ResetPolicy.MANUAL,
        "notifications": [AlertNotification(notification=Notification("console", "told"))],
        **more,
    }
    return AlertConfig(project="p", name="failed", summary="it failed", **given)


def failed() -> str | None:
    generate_event("failed", Event(kind=EventKind.FAILED, entity=job()), "p")
    alert_pass("p")
    return get_alert_config("failed", "p").state


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    ("field", "value", "resets"),
    [
        ("summary", "it failed again", False),
        ("description", "a job", False),
        ("severity", AlertSeverity.HIGH, False),
        (
            "notifications",
            [{"notification": {"kind": "webhook", "name": "w", "params": {"url": "http://h"}}}],
            False,
        ),
        ("reset_policy", ResetPolicy.AUTO, True),
        ("entities", job(456), True),
        ("trigger", AlertTrigger(events=["run-completed"]), True),
        ("criteria", AlertCriteria(count=5, period="10m"), True),
    ],
)
def test_what_a_change_resets(field: str, value: Any, resets: bool, force: bool) -> None:
    alert = config()
    store_alert_config("failed", alert, "p")
    assert failed() == "active"
    setattr(alert, field, value)
    store_alert_config("failed", alert, "p", force_reset=force)
    expected = "inactive" if resets or force else "active"
    assert get_alert_config("failed", "p").state == expected


def test_a_template_and_a_notification_as_plain_data() -> None:
    told = Notification("slack", "s", secret_params={"webhook": "https://h/secret"}).to_dict()
    assert told["secret_params"] == {"webhook": "https://h/secret"}
    alert = AlertConfig(project="p", name="from", template=get_alert_template("JobFailed"))
    alert.with_entities(entities=job("run"))
    note = AlertNotification(notification=told)  # type: ignore[arg-type]
    alert.with_notifications(notifications=[note])
    stored = store_alert_config("from", alert, "p")
    assert "https://h/secret" not in str(stored.to_dict())


def test_activations_of_a_project(tmp_path: Path) -> None:
    project = get_or_create_project("p", context=str(tmp_path))
    project.store_alert_config(config())
    failed()
    [one] = found = project.list_alert_activations(severity=[AlertSeverity.LOW])
    assert found.activations == [one] and project.get_alert_activation(one.id).name == "failed"
    for fits in ({"name": "fai*"}, {"name": "~AIL"}, {"entity": "123"}, {"event_kind": "failed"}):
        assert len(project.list_alert_activations(**fits)) == 1, fits
    for strange in ({"name": "x"}, {"severity": "high"}, {"entity_kind": "model-endpoint-result"}):
        assert not project.list_alert_activations(**strange), strange
    assert not project.list_alert_activations(since=1_700_000_001.0)


def test_groups_of_activations() -> None:
    def made(name: str, severity: str, entity: str, events: int) -> AlertActivation:
        when = datetime(2024, 1, 1, tzinfo=timezone.utc)
        return AlertActivation(
            1, name, "p", severity, when, entity, "job", {}, "failed", events, []
        )

    given = AlertActivations(
        [made("a", "low", "1", 1), made("a", "low", "1", 2), made("b", "high", "2", 1)]
    )
    groups = given.group_by("severity")
    assert {key: len(group) for key, group in groups.items()} == {"low": 2, "high": 1}
    counts = given.aggregate_by(["name", "entity_id"], len)
    assert counts == {("a", "1"): 2, ("b", "2"): 1}
    total = given.aggregate_by(["name"], lambda group: sum(one.number_of_events for one in group))
    assert total == {"a": 3, "b": 1}
