"""Definitions: what is refused, what is kept, MLRun's calls."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, InvalidArgumentError, NotFoundError
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts import (
    Absence,
    AlertConfig,
    AlertCriteria,
    AlertNotification,
    AlertTemplate,
    AlertTrigger,
    EventEntities,
    EventKind,
    StatusChange,
    Threshold,
    alert_pass,
    delete_alert_config,
    delete_alert_template,
    get_alert_config,
    get_alert_template,
    list_activations,
    list_alert_templates,
    list_alerts_configs,
    reset_alert_config,
    store_alert_config,
    store_alert_template,
)
from mlrun_like.projects.secrets import provider_of
from mlrun_like.specs.notification import Notification
from mlrun_like.tracking.connect import open_store

from .conftest import Inbox, Make, Tell

JOB = {"kind": "job", "project": "p", "ids": ["*"]}
NOTES = [Notification("console")]


def fields(**given: Any) -> dict[str, Any]:
    """An alert that is right, with changes."""
    return {
        "project": "p",
        "name": "a",
        "summary": "s",
        "severity": "low",
        "trigger": {"events": ["failed"]},
        "entities": JOB,
        "notifications": NOTES,
        **given,
    }


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"name": "under_score"}, "letters, digits and dashes"),
    ({"summary": ""}, "no summary"),
    ({"summary": "{{ 1 / 0 }}"}, "cannot be worked out"),
    ({"severity": "urgent"}, "low, medium, high"),
    ({"severity": None}, "severity"),
    ({"trigger": None}, "no trigger"),
    ({"trigger": {}}, "exactly one"),
    ({"trigger": {"events": ["failed"], "absence": {"events": ["failed"]}}}, "exactly one"),
    ({"trigger": {"events": ["exploded"]}}, "unknown"),
    ({"trigger": {"events": ["data-drift-detected"]}}, "model-endpoint-result"),
    ({"trigger": {"prometheus_alert": "up == 0"}}, "prometheus_alert"),
    ({"trigger": {"event": ["failed"]}}, "no field 'event'"),
    ({"entities": None}, "no entities"),
    ({"entities": {**JOB, "ids": []}}, "one id"),
    ({"entities": {**JOB, "ids": ["a", "b"]}}, "one id"),
    ({"entities": {**JOB, "ids": "ab"}}, "one id"),
    ({"entities": {**JOB, "kind": "cat"}}, "entity kind"),
    ({"entities": {**JOB, "project": "other"}}, "of project 'other'"),
    ({"criteria": {"count": 0}}, "1 to 100"),
    ({"criteria": {"count": 101}}, "1 to 100"),
    ({"criteria": {"count": True}}, "1 to 100"),
    ({"criteria": {"count": 1, "period": "soon"}}, "'soon' is not a time"),
    ({"reset_policy": "never"}, "reset_policy"),
    ({"notifications": []}, "nobody is told"),
    ({"notifications": [Notification("pigeon")]}, "pigeon"),
    ({"notifications": ["slack"]}, "not a notification"),
    ({"notifications": [{"notification": NOTES[0], "cooldown_period": "x"}]}, "cooldown_period"),
    ({"group": "often"}, "group"),
    ({"resolve_after": "late"}, "resolve_after"),
    ({"actions": [{"name": "x"}]}, "no action"),
    ({"actions": [{"kind": "explode"}]}, "unknown"),
    ({"colour": "red"}, "no field 'colour'"),
    ({"trigger": {"threshold": {"metric": "x", "operator": ">", "value": 1}}}, "happens to"),
    ({"trigger": {"change": {"to": []}}}, "exactly one|no status"),
    ({"trigger": {"absence": {"events": ["failed"], "within": "0s"}}}, "longer than 0"),
]


@pytest.mark.parametrize(("given", "said"), WRONG)
def test_what_is_wrong_is_named(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgumentError) as found:
        store_alert_config(given.get("name", "a"), fields(**given))

    assert re.search(said, str(found.value))
    assert open_store().alert_documents("p", "config") == {}


@pytest.mark.parametrize(
    "rule",
    [
        Threshold("", ">", 1),
        Threshold("m", "=>", 1),
        Threshold("m", ">", float("nan")),
        Threshold("m", ">", float("inf")),
        Threshold("m", ">", 1, recover=2),
        Threshold("m", "<", 1, recover=0),
        Threshold("m", "==", 1, recover=0),
        Threshold("m", ">", 1, duration="x"),
        Threshold("m", ">", True),
    ],
)
def test_thresholds_that_make_no_sense(rule: Threshold) -> None:
    entities = EventEntities("model-endpoint-result", "p", ["*"])
    with pytest.raises(InvalidArgumentError):
        store_alert_config("a", fields(trigger=AlertTrigger(threshold=rule), entities=entities))


def test_an_alert_comes_back_as_it_was_stored() -> None:
    stored = store_alert_config(
        "a",
        fields(
            trigger=AlertTrigger(change=StatusChange(to=["error"])),
            criteria=AlertCriteria(3, "1h"),
            notifications=[
                AlertNotification(Notification("slack", params={"webhook": "http://x"}), "10m"),
                {"kind": "webhook", "when": ["now"], "condition": "failed", "params": {"url": "u"}},
                {"kind": "webhook", "params": {"url": "v"}},
            ],
            actions=[{"kind": "call", "function": "f"}],
        ),
    )
    found = get_alert_config("a", "p")
    assert found.to_dict() == stored.to_dict()
    assert [n.notification.name for n in found.notifications] == ["slack", "webhook-2", "webhook-3"]
    assert found.notifications[0].cooldown_period == "10m"
    assert (found.id, found.count, found.state) == (1, 0, "inactive")
    assert [item.name for item in list_alerts_configs("p")] == ["a"]
    assert AlertConfig.from_dict(found.to_dict()).to_dict() == found.to_dict()


def test_names_must_agree_and_unknown_ones_are_told() -> None:
    with pytest.raises(InvalidArgumentError, match="named 'a' inside"):
        store_alert_config("b", fields())
    with pytest.raises(InvalidArgumentError, match="not of 'q'"):
        store_alert_config("a", fields(), "q")
    store_alert_config("drift", fields(name="drift"))
    with pytest.raises(NotFoundError, match="drift"):
        get_alert_config("drifd", "p")
    with pytest.raises(NotFoundError):
        reset_alert_config("drifd", "p")
    assert not delete_alert_config("drifd", "p")


def test_a_change_keeps_id_creation_and_count(
    make: Make, tell: Tell, time: clock.SimulatedClock
) -> None:
    first = make("a", reset_policy="manual")
    tell()
    alert_pass("p")
    assert (get_alert_config("a", "p").state, get_alert_config("a", "p").count) == ("active", 1)
    time.advance(60)
    second = make("a", severity="high", reset_policy="manual")
    assert (second.id, second.created, second.count) == (first.id, first.created, 1)
    assert second.state == "active"  # who is told what has changed, not when
    assert second.updated != first.updated
    third = make("a", criteria={"count": 2}, reset_policy="manual")
    assert (third.state, third.count) == ("inactive", 1)
    assert make("b").id == 2
    assert delete_alert_config("a", "p")
    assert make("a").id == 3


def test_there_are_only_so_many() -> None:
    config.alerts_max_allowed = 2
    for name in ("a", "b"):
        store_alert_config(name, fields(name=name))
    with pytest.raises(ConflictError, match="2 alerts"):
        store_alert_config("c", fields(name="c"))
    store_alert_config("b", fields(name="b", severity="high"))


def test_secret_values_go_to_the_projects_secrets(home: Path, inbox: Inbox, tell: Tell) -> None:
    note = Notification("slack", secret_params={"webhook": inbox.url + "?key=s3cr3t-value"})
    stored = store_alert_config("a", fields(notifications=[note]))
    name = "mlrun-like.alerts.a.slack.webhook"
    assert stored.to_dict()["notifications"][0]["notification"]["secret_params"] == {
        "webhook": {"secret": name}
    }
    tell()
    assert alert_pass("p").delivered.sent == 1
    assert inbox.seen[0][0] == "/hook?key=s3cr3t-value"
    store = open_store()
    store.close()
    for path in home.glob("store.db*"):
        assert b"s3cr3t-value" not in path.read_bytes()
    delete_alert_config("a", "p")
    assert name not in provider_of().read("p")


def test_templates_give_what_is_not_given() -> None:
    names = [item.template_name for item in list_alert_templates()]
    assert names[:3] == ["JobFailed", "DataDriftDetected", "DataDriftSuspected"]
    alert = AlertConfig("p", "a", "DataDriftDetected", severity="low", notifications=NOTES)
    assert alert.summary == "Model data drift has been detected"
    assert alert.severity == "low"
    alert.with_entities(EventEntities("model-endpoint-result", "p", ["*"]))
    assert store_alert_config("a", alert).to_dict()["trigger"] == {
        "events": ["data-drift-detected"]
    }
    with pytest.raises(NotFoundError, match="JobFailed"):
        AlertConfig("p", "a", "JobFailedd")


def test_templates_of_ones_own() -> None:
    mine = AlertTemplate(
        "Quiet", summary="s", severity="low", trigger=AlertTrigger(absence=Absence(["failed"]))
    )
    store_alert_template(mine)
    assert get_alert_template("Quiet").to_dict() == mine.to_dict()
    assert list_alert_templates()[-1].template_name == "Quiet"
    for act in (store_alert_template, lambda item: delete_alert_template(item.template_name)):
        with pytest.raises(ConflictError, match="platform"):
            act(get_alert_template("JobFailed"))
    delete_alert_template("Quiet")
    with pytest.raises(NotFoundError):
        delete_alert_template("Quiet")


def test_a_template_is_not_changed_by_its_alerts() -> None:
    before = get_alert_template("NoRequests").to_dict()
    alert = AlertConfig("p", "a", "NoRequests", notifications=NOTES)
    alert.with_entities(EventEntities("endpoint", "p", ["*"]))
    assert alert.trigger is not None
    assert alert.trigger.absence is not None
    alert.trigger.absence.within = "5m"
    store_alert_config("a", alert)
    assert get_alert_template("NoRequests").to_dict() == before


def test_parts_are_checked_where_they_are_given() -> None:
    alert = AlertConfig(**fields())
    with pytest.raises(InvalidArgumentError, match="must be a list"):
        alert.with_notifications("slack")  # type: ignore[arg-type]
    with pytest.raises(InvalidArgumentError, match="EventEntities"):
        alert.with_entities("job")  # type: ignore[arg-type]
    alert.with_notifications([Notification("slack", params={"webhook": "x"})])
    assert [item.notification.kind for item in alert.notifications] == ["console", "slack"]
    assert str(EventKind.FAILED) == "failed"
    with pytest.raises(InvalidArgumentError, match="mapping"):
        AlertConfig.from_dict([])  # type: ignore[arg-type]


def test_deleting_ends_the_incidents(make: Make, tell: Tell) -> None:
    make("a")
    tell()
    alert_pass("p")
    delete_alert_config("a", "p")
    (found,) = list_activations("p")
    assert (found.state, found.resolution) == ("resolved", "the alert was deleted")
