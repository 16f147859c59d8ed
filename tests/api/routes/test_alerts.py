"""Alerts, incidents, silences and events over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlrun_like.monitoring.alerts.evaluate import evaluate
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient

P = "/api/v1/projects/fraud"
ALERTS, INCIDENTS, SILENCES = f"{P}/alerts", f"{P}/alert-activations", f"{P}/alert-silences"


def alert(name: str = "broken", **more: Any) -> dict[str, Any]:
    """An alert of failed jobs."""
    return {
        "project": "fraud",
        "name": name,
        "summary": "{{entity}} failed",
        "severity": "high",
        "entities": {"kind": "job", "project": "fraud", "ids": ["*"]},
        "trigger": {"events": ["failed"]},
        "criteria": {"count": 1, "period": "1h"},
        "reset_policy": "manual",
        "notifications": [
            {
                "notification": {
                    "kind": "console",
                    "name": "log",
                    "message": "failed",
                    "severity": "info",
                    "when": ["completed"],
                }
            }
        ],
        **more,
    }


def event(**more: Any) -> dict[str, Any]:
    """A job that failed."""
    entity = {"kind": "job", "project": "fraud", "ids": ["train"]}
    return {"kind": "failed", "entity": entity, "value_dict": {}, **more}


def test_an_alert_goes_off_is_looked_after_and_ends(
    service: TestClient, store: SqlStore, as_user: Callable[..., TestClient]
) -> None:
    answer = service.put(f"{ALERTS}/broken", json=alert())
    assert answer.status_code == 200, answer.text
    assert answer.json()["state"] == "inactive"
    assert service.put(f"{ALERTS}/broken", json=answer.json()).status_code == 200
    assert service.post(f"{P}/events/failed", json=event()).json()["id"]
    evaluate("fraud", store=store)
    rows = service.get(INCIDENTS, params={"state": "open"}).json()["activations"]
    assert [row["name"] for row in rows] == ["broken"] and rows[0]["entity_id"] == "train"
    one = f"{INCIDENTS}/{rows[0]['number']}"
    shown = service.get(ALERTS, params={"severity": "high"}).json()["alerts"]
    assert shown[0]["state"] == "active" and shown[0]["open_incidents"] == 1
    developer = as_user("developer", "fraud", name="ann")
    found = developer.post(f"{one}/acknowledge", json={"note": "I look"}).json()
    assert found["state"] == "acknowledged" and found["acknowledged_by"] == "ann"
    assert service.post(f"{one}/notes", json={"note": "the disk was full"}).status_code == 200
    assert service.post(f"{one}/notes", json={}).status_code == 422
    lines = [line["kind"] for line in service.get(one).json()["time_line"]]
    assert lines[-2:] == ["acknowledged", "note"] and "opened" in lines
    viewer = as_user("viewer", "fraud")
    assert viewer.post(f"{one}/resolve").status_code == 403
    assert service.post(f"{one}/resolve").json()["state"] == "resolved"
    assert service.post(f"{one}/acknowledge").status_code == 409
    assert service.get(INCIDENTS, params={"state": "resolved"}).json()["activations"]
    assert service.post(f"{ALERTS}/broken/reset").json()["state"] == "inactive"
    told = service.post(f"{ALERTS}/broken/test").json()["notifications"]
    assert told[0]["name"] == "log" and told[0]["status"] == "sent"
    assert viewer.get("/api/v1/alerts").json()["alerts"][0]["name"] == "broken"
    stranger = as_user("viewer", "other")
    assert stranger.get("/api/v1/alerts").json()["alerts"] == []
    assert stranger.get("/api/v1/alert-activations").json()["activations"] == []
    assert stranger.get(one).status_code == 404
    happened = service.get(f"{P}/happenings", params={"kind": "failed"}).json()["events"]
    assert len(happened) == 1
    assert service.delete(f"{ALERTS}/broken").status_code == 204
    assert service.get(f"{ALERTS}/broken").status_code == 404
    assert service.delete(f"{ALERTS}/broken").status_code == 404


def test_secret_values_are_never_shown(service: TestClient) -> None:
    note = {
        "kind": "webhook", "name": "hook", "message": "x", "severity": "info",
        "when": ["completed"], "params": {"url": "http://127.0.0.1:9"},
        "secret_params": {"token": "hunter2"},
    }  # fmt: skip
    answer = service.put(f"{ALERTS}/broken", json=alert(notifications=[{"notification": note}]))
    assert answer.status_code == 200, answer.text
    for text in (answer.text, service.get(f"{ALERTS}/broken").text, service.get(ALERTS).text):
        assert "hunter2" not in text and "hook" in text


def test_silences(service: TestClient) -> None:
    body = {"matchers": {"name": "brok*"}, "duration": "2h", "note": "release"}
    answer = service.post(SILENCES, json=body)
    assert answer.status_code == 201 and answer.json()["state"] == "active"
    assert [row["note"] for row in service.get(SILENCES).json()["silences"]] == ["release"]
    assert service.delete(f"{SILENCES}/{answer.json()['id']}").status_code == 204
    assert service.get(SILENCES).json()["silences"] == []
    assert service.get(SILENCES, params={"ended": "true"}).json()["silences"]
    assert service.delete(f"{SILENCES}/none").status_code == 404
    bad: list[Any] = [
        {},
        [],
        {"matchers": {"name": "x"}},
        {"matchers": {"odd": "x"}, "duration": 5},
        {"matchers": {"name": 5}, "duration": 5},
        {"matchers": [1], "duration": 5},
        {"matchers": {"name": "x"}, "duration": -5},
        {"matchers": {"name": "x"}, "duration": "soon"},
        {"matchers": {"name": "x"}, "duration": [1]},
        {"matchers": {"name": "x"}, "end": "never"},
        {"matchers": {"name": "x"}, "end": {"a": 1}},
        {"matchers": {"name": "x"}, "start": [1], "duration": 5},
    ]
    for given in bad:
        answer = service.post(SILENCES, json=given)
        assert answer.status_code in (400, 422), (given, answer.text)


def test_what_is_no_alert_event_or_incident_is_refused(service: TestClient) -> None:
    bad: list[Any] = [
        {},
        [],
        alert(name="other"),
        alert(project="other"),
        alert(severity="awful"),
        alert(trigger={"events": ["odd"]}),
        alert(trigger={"events": []}),
        alert(trigger=5),
        alert(criteria={"count": 1000}),
        alert(criteria={"count": "x"}),
        alert(notifications=[]),
        alert(notifications=[5]),
        alert(entities={"kind": "job", "project": "fraud", "ids": []}),
        alert(entities={"kind": "odd", "project": "fraud", "ids": ["*"]}),
        alert(unknown=5),
    ]
    for given in bad:
        answer = service.put(f"{ALERTS}/broken", json=given)
        assert answer.status_code in (400, 422), (given, answer.text)
    assert service.put(f"{ALERTS}/a b", json=alert(name="a b")).status_code in (400, 422)
    wrong = {"kind": "model-endpoint-result", "project": "fraud", "ids": ["x"]}
    theirs = {"kind": "job", "project": "theirs", "ids": ["x"]}
    for name, given in (
        ("odd", event()),
        ("failed", event(entity=wrong)),
        ("failed", event(entity=theirs)),
        ("failed", event(entity=5)),
        ("failed", event(timestamp="never")),
        ("failed", {}),
        ("failed", [1]),
    ):
        answer = service.post(f"{P}/events/{name}", json=given)
        assert answer.status_code in (400, 422), (given, answer.text)
    for number in ("0", "x", "-1", "9" * 30, "1.5"):
        assert service.get(f"{INCIDENTS}/{number}").status_code == 404
    assert service.get(INCIDENTS, params={"state": "odd"}).status_code == 400
    assert service.get(INCIDENTS, params={"since": "never"}).status_code == 400
    assert service.get(f"{P}/happenings", params={"limit": "-1"}).status_code == 400


def test_templates_are_for_all_and_of_the_server(
    service: TestClient, as_user: Callable[..., TestClient]
) -> None:
    place = "/api/v1/alert-templates"
    names = [row["template_name"] for row in service.get(place).json()["templates"]]
    assert "JobFailed" in names
    body = {"template_name": "Mine", "severity": "low", "trigger": {"events": ["failed"]}}
    developer = as_user("developer", "fraud")
    assert developer.get(f"{place}/JobFailed").status_code == 200
    assert developer.put(f"{place}/Mine", json=body).status_code == 403
    answer = service.put(f"{place}/Mine", json=body)
    assert answer.status_code == 200, answer.text
    assert (
        service.put(f"{place}/JobFailed", json={**body, "template_name": "JobFailed"}).status_code
        == 409
    )
    assert service.put(f"{place}/Other", json=body).status_code == 422
    assert service.delete(f"{place}/Mine").status_code == 204
    assert service.get(f"{place}/Mine").status_code == 404
