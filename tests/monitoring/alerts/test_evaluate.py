"""Judging: when an alert goes off, what is held back, how incidents begin, go on and end."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import NotFoundError, StateError
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts import (
    Absence,
    AlertCriteria,
    AlertNotification,
    AlertTrigger,
    StatusChange,
    Threshold,
    acknowledge,
    add_note,
    alert_pass,
    end_silence,
    get_activation,
    get_alert_config,
    list_activations,
    list_silences,
    reset_alert_config,
    resolve_activation,
    silence,
    time_line,
)
from mlrun_like.monitoring.alerts.evaluate import evaluate
from mlrun_like.specs.notification import Notification
from mlrun_like.tracking.alert_abilities import AlertChange, Happening
from mlrun_like.tracking.connect import open_store

from .conftest import START, Inbox, Make, Tell

RESULT = "model-endpoint-result"


def result(value: float, at: float, name: str = "drift", status: int = 0, uid: str = "e1") -> None:
    """A result of the application `app` for an endpoint."""
    entity = f"{uid}.app.result.{name}"
    body = {"endpoint": uid, "application": "app", "name": name, "status": status}
    key = f"{entity}/{at}/{value}"
    row = Happening(key, "p", "result", RESULT, entity, START + at, value, body)
    open_store().append_happenings([row])


def states(name: str = "") -> list[str]:
    """The states of incidents, oldest first."""
    return [item.state for item in reversed(list_activations("p", name))]


def kinds(number: int = 1) -> list[str]:
    """The kinds of lines of an incident."""
    return [line["kind"] for line in time_line(number, "p")]


def test_an_event_sets_it_off_and_another_ends_it(
    make: Make, tell: Tell, inbox: Inbox, time: clock.SimulatedClock
) -> None:
    make(notify_recovery=True)
    make("other", ids=["predict"])
    tell(error="boom")
    report = alert_pass("p")
    assert (report.judged.events, report.judged.firings, report.delivered.sent) == (1, 1, 1)
    assert inbox.texts() == ["alert: train"]
    body = inbox.seen[0][2]
    assert body["severity"] == "medium"
    assert body["alert"]["event_kind"] == "failed"
    assert (body["id"], body["value"]) == ("train", {"error": "boom"})
    time.advance(120)
    tell("run-completed")
    alert_pass("p")
    (found,) = list_activations("p")
    assert (found.state, found.resolution) == ("resolved", "run completed")
    assert inbox.texts()[1].startswith("Over after 2 min: alert: train")
    assert kinds() == ["event", "opened", "notification", "resolved", "notification"]
    assert evaluate("p").events == 0


def test_so_many_events_in_a_period(make: Make, tell: Tell, time: clock.SimulatedClock) -> None:
    make(criteria=AlertCriteria(3, "10m"))
    for pause in (0, 400, 400):
        time.advance(pause)
        tell()
    assert alert_pass("p").judged.firings == 0  # the first is out of the period
    time.advance(100)
    tell(entity="other")
    assert alert_pass("p").judged.firings == 1  # all entities count together
    tell()
    assert alert_pass("p").judged.firings == 0  # and from the start again
    assert list_activations("p")[0].number_of_events == 3


def test_events_are_counted_for_each_entity_if_wanted(make: Make, tell: Tell) -> None:
    make(criteria=AlertCriteria(2, per_entity=True))
    for entity in ("a", "b", "c", "b"):
        tell(entity=entity)
    alert_pass("p")
    assert [item.entity_id for item in list_activations("p")] == ["b"]


def test_a_manual_alert_waits_for_its_reset(make: Make, tell: Tell, inbox: Inbox) -> None:
    make(reset_policy="manual")
    for _ in range(3):
        tell()
    tell("run-completed")
    alert_pass("p")
    assert len(inbox.seen) == 1
    assert states() == ["open"]
    assert kinds()[-2:] == ["recovered", "notification"]
    assert get_alert_config("alert", "p").state == "active"
    reset_alert_config("alert", "p")
    assert states() == ["resolved"]
    tell()
    alert_pass("p")
    assert len(inbox.seen) == 2
    assert get_alert_config("alert", "p").count == 2


def test_each_firing_is_told_unless_deduplicated(make: Make, tell: Tell, inbox: Inbox) -> None:
    make("each")
    make("once", deduplicate=True)
    for _ in range(3):
        tell()
        alert_pass("p")
    assert sorted(inbox.texts()) == ["each: train"] * 3 + ["once: train"]
    assert [item.firings for item in list_activations("p")] == [3, 3]


def test_a_notification_cools_down(
    make: Make, tell: Tell, inbox: Inbox, time: clock.SimulatedClock
) -> None:
    hook = Notification("webhook", name="hook", params={"url": inbox.url})
    make(notifications=[AlertNotification(hook, "10m")])
    for _ in range(5):
        tell()
        alert_pass("p")
        time.advance(240)
    assert len(inbox.seen) == 2  # at 0 and at 12 minutes
    assert kinds().count("suppressed") == 1 or "suppressed" in kinds()


def test_a_pattern_and_a_uid_name_entities(make: Make, tell: Tell) -> None:
    make("pattern", ids=["train-*"])
    make("uid", ids=["abc"])
    tell(entity="train-a", uid="abc")
    tell(entity="other", uid="def")
    alert_pass("p")
    assert sorted(item.name for item in list_activations("p")) == ["pattern", "uid"]


def test_a_threshold_has_a_duration_and_hysteresis(make: Make, time: clock.SimulatedClock) -> None:
    rule = Threshold("app.drift", ">", 0.5, duration="10m", recover=0.3)
    make(trigger=AlertTrigger(threshold=rule), entity=RESULT)
    series = [(0, 0.6), (300, 0.4), (600, 0.7), (900, 0.8), (1200, 0.9), (1500, 0.4), (1800, 0.2)]
    fired = []
    for at, value in series:
        result(value, at)
        result(99.0, at, name="another")
        evaluate("p")
        fired.append(states())
    assert fired == [[], [], [], [], ["open"], ["open"], ["resolved"]]
    (found,) = list_activations("p")
    assert found.reason == "drift is 0.9, > 0.5 for 10 min"
    assert found.activation_time.timestamp() == START + 1200


def test_catching_up_judges_as_it_would_have_been(make: Make) -> None:
    rule = Threshold("drift", ">=", 0.5, duration="10m")
    make(trigger=AlertTrigger(threshold=rule), entity=RESULT)
    for at, value in [(0, 0.5), (300, 0.5), (700, 0.6), (800, 0.1), (750, 9.0), (900, 0.5)]:
        result(value, at)
    evaluate("p")
    assert states() == ["resolved"]  # the late one of 750 changed nothing
    assert evaluate("p").events == 0


@pytest.mark.parametrize(
    ("sign", "value", "fires"),
    [("<", 0.4, True), ("<", 0.5, False), ("<=", 0.5, True), ("==", 0.5, True), ("!=", 0.5, False)],
)
def test_operators(make: Make, sign: str, value: float, fires: bool) -> None:
    make(trigger=AlertTrigger(threshold=Threshold("*.drift", sign, 0.5)), entity=RESULT)
    result(value, 0)
    result(float("nan"), 1)  # no number: nothing is known
    evaluate("p")
    assert bool(states()) is fires


def test_silence_where_something_should_happen(
    make: Make, tell: Tell, time: clock.SimulatedClock
) -> None:
    rule = AlertTrigger(absence=Absence(["endpoint-requests"], "15m"))
    make("all", trigger=rule, entity="endpoint")
    make("one", trigger=rule, entity="endpoint", ids=["never-asked"])
    tell("endpoint-requests", "e1", "endpoint")
    evaluate("p")
    time.advance(901)
    tell("endpoint-requests", "e2", "endpoint")
    evaluate("p")
    found = {item.name: item for item in list_activations("p")}
    assert {name: item.entity_id for name, item in found.items()} == {
        "all": "e1", "one": "never-asked",
    }  # fmt: skip
    assert found["all"].reason == "no endpoint requests for 15 min"
    assert found["all"].activation_time.timestamp() == START + 900
    time.advance(100)
    tell("endpoint-requests", "e1", "endpoint")
    evaluate("p")
    assert states("all") == ["resolved"]
    assert evaluate("p").firings == 0


def test_a_status_that_changes(make: Make, tell: Tell, time: clock.SimulatedClock) -> None:
    make("any", trigger=AlertTrigger(change=StatusChange(to=["error"])))
    make("from", trigger=AlertTrigger(change=StatusChange(["error"], before=["completed"])))
    for kind, status in [
        ("failed", "error"), ("failed", "error"), ("run-completed", "completed"),
        ("failed", "error"),
    ]:  # fmt: skip
        time.advance(1)
        tell(kind, status=status)
    evaluate("p")
    assert states("any") == ["resolved", "open"]
    assert states("from") == ["open"]


def test_a_results_status(make: Make) -> None:
    rule = AlertTrigger(change=StatusChange(to=["detected"]))
    make(trigger=rule, entity=RESULT, ids=["e1.*"])
    for at, status in enumerate([0, 1, 2, 2, 0]):
        result(0.1, at, status=status)
        result(0.1, at, status=2, uid="e2")
    evaluate("p")
    (found,) = list_activations("p")
    assert (found.state, found.reason) == ("resolved", "potential_detection became detected")


def test_drift_ends_when_the_result_shows_none(
    make: Make, tell: Tell, time: clock.SimulatedClock
) -> None:
    make(trigger=AlertTrigger(events=["data-drift-detected"]), entity=RESULT)
    tell("data_drift_detected", "e1.app.result.drift", RESULT)
    result(0.6, 1, status=2)
    evaluate("p")
    assert states() == ["open"]
    result(0.1, 2, status=0)
    evaluate("p")
    assert states() == ["resolved"]


def test_counted_events_end_when_it_is_quiet(
    make: Make, tell: Tell, time: clock.SimulatedClock
) -> None:
    make(resolve_after="1h")
    make("never", resolve_after="-1")
    tell()
    evaluate("p")
    time.advance(3700)
    assert evaluate("p").ended == 1
    assert states("alert") == ["resolved"]
    assert states("never") == ["open"]


def test_a_group_is_told_of_once(
    make: Make, tell: Tell, inbox: Inbox, time: clock.SimulatedClock
) -> None:
    make(group="5m", summary="{{name}} broke")
    for entity in ("a", "b", "c", "a"):
        tell(entity=entity)
        alert_pass("p")
        time.advance(60)
    assert inbox.seen == []
    time.advance(60)
    alert_pass("p")
    assert inbox.texts() == ["alert broke (3 entities: a, b, c)"]
    (found,) = list_activations("p")
    assert (found.entity_id, found.firings, found.entities) == ("*", 4, ["a", "b", "c"])
    for entity in ("a", "b"):
        tell("run-completed", entity)
    evaluate("p")
    assert states() == ["open"]
    tell("run-completed", "c")
    evaluate("p")
    assert states() == ["resolved"]


def test_a_silence_hides_and_what_is_open_is_told_after_it(
    make: Make, tell: Tell, inbox: Inbox, time: clock.SimulatedClock
) -> None:
    make()
    make("loud", severity="high")
    key = silence({"name": "al*", "severity": "medium"}, "1h", who="ann", project="p")
    tell()
    alert_pass("p")
    assert inbox.texts() == ["loud: train"]
    said = [line for line in time_line(1, "p") if line["kind"] == "suppressed"]
    assert [line["reason"] for line in said] == [f"silence {key} of ann"]
    time.advance(1800)
    alert_pass("p")
    assert len(inbox.seen) == 1
    time.advance(1801)
    alert_pass("p")
    assert inbox.texts() == ["loud: train", "alert: train"]
    assert list_silences("p") == []
    assert [item["state"] for item in list_silences("p", ended=True)] == ["ended"]


def test_a_silence_can_be_ended_and_must_be_meaningful(time: clock.SimulatedClock) -> None:
    key = silence("x", end=START + 60, project="p")
    later = silence("x", "1h", start=START + 60, project="p")
    assert {s["id"]: s["state"] for s in list_silences("p")} == {key: "active", later: "pending"}
    end_silence(key, "p")
    assert [s["id"] for s in list_silences("p")] == [later]
    with pytest.raises(NotFoundError):
        end_silence("nope", "p")
    wrong: list[tuple[Any, dict[str, Any]]] = [
        ({}, {"duration": "1h"}),
        ({"nam": "x"}, {"duration": "1h"}),
        ({"name": ""}, {"duration": "1h"}),
        ("x", {}),
        ("x", {"duration": "1h", "end": START + 9}),
        ("x", {"duration": "-1"}),
        ("x", {"duration": "soon"}),
        ("x", {"end": START - 1}),
        ("x", {"end": "yesterday"}),
    ]
    for matchers, times in wrong:
        with pytest.raises(ValueError):
            silence(matchers, **times, project="p")


def test_an_acknowledged_incident_is_quiet(make: Make, tell: Tell, inbox: Inbox) -> None:
    make()
    tell()
    alert_pass("p")
    found = acknowledge(1, "ann", "looking", "p")
    assert (found.state, found.acknowledged_by) == ("acknowledged", "ann")
    tell()
    alert_pass("p")
    assert len(inbox.seen) == 1
    add_note(1, "bob", "hm", "p")
    assert resolve_activation(1, "ann", "fixed", "p").resolution == "ended by ann"
    assert kinds()[-5:] == ["acknowledged", "fired", "suppressed", "note", "resolved"]
    with pytest.raises(StateError):
        acknowledge(1, "ann", project="p")
    with pytest.raises(NotFoundError):
        acknowledge(2, "ann", project="p")
    with pytest.raises(ValueError):
        acknowledge(1, "", project="p")
    tell()
    alert_pass("p")
    assert states() == ["resolved", "open"]


@pytest.mark.slow
def test_a_storm_is_bounded_and_its_rest_is_one_message(
    make: Make, inbox: Inbox, time: clock.SimulatedClock
) -> None:
    config.alerts_per_hour = 3
    make()
    rows = [
        Happening(f"x{n}", "p", "failed", "job", f"job-{n}", START + n / 1000) for n in range(1200)
    ]
    open_store().append_happenings(rows)
    alert_pass("p")
    assert len(inbox.seen) == 3
    found = list_activations("p")
    assert len(found) == 1001
    assert (found[0].entity_id, found[0].firings) == ("*", 200)
    time.advance(3601)
    alert_pass("p")
    assert inbox.texts()[3:] == [
        "1197 notifications and actions of project p were held back in one hour: alert x 1197"
    ]
    assert get_alert_config("alert", "p").count == 1200
    assert len(time_line(found[0].id, "p")) < 60


def test_a_project_has_a_limit_too(make: Make, tell: Tell, inbox: Inbox) -> None:
    config.alerts_project_per_hour = 2
    for name in ("a", "b", "c"):
        make(name)
    tell()
    alert_pass("p")
    assert len(inbox.seen) == 2


def test_one_broken_alert_stops_no_other(make: Make, tell: Tell, inbox: Inbox) -> None:
    make("maths", summary="{{ value + 1 }}")
    make("newer")
    make("fine")
    store = open_store()
    odd = {**store.alert_documents("p", "config")["newer"], "later": 1}
    store.commit_alerts("p", AlertChange(documents={("config", "newer"): odd}))
    tell()
    alert_pass("p")
    assert sorted(inbox.texts())[0] == "fine: train"
    assert inbox.texts()[0 if inbox.texts()[1] == "fine: train" else 1].startswith("maths: train")


def test_disabled_means_only_recorded(make: Make, tell: Tell) -> None:
    make()
    config.alerts_mode = "disabled"
    tell()
    assert evaluate("p").events == 0
    config.alerts_mode = "enabled"
    assert evaluate("p").events == 1


@pytest.mark.slow
def test_many_judges_decide_once(make: Make, tell: Tell, inbox: Inbox) -> None:
    make()
    for number in range(20):
        tell(entity=f"job-{number}")
    errors: list[Exception] = []

    def judge() -> None:
        try:
            alert_pass("p")
        except Exception as exc:  # noqa: BLE001 - whatever it is, the test tells
            errors.append(exc)

    threads = [threading.Thread(target=judge) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(item.entity_id for item in list_activations("p")) == sorted(
        f"job-{n}" for n in range(20)
    )
    alert_pass("p")
    assert len(set(inbox.keys())) == len(inbox.keys()) == 20


def test_filters_of_incidents(make: Make, tell: Tell, time: clock.SimulatedClock) -> None:
    make("low", severity="low")
    make("high", severity="high", ids=["b"])
    tell(entity="a")
    evaluate("p")
    time.advance(100)
    tell(entity="b")
    evaluate("p")

    def found(**given: Any) -> list[int]:
        return [item.id for item in list_activations("p", **given)]

    assert found() == [3, 2, 1] or sorted(found()) == [1, 2, 3]
    assert found(entity="a") == [1]
    assert len(found(name="high")) == len(found(severity="high")) == 1
    assert found(until=START + 50) == [1]
    assert len(found(since="2023-11-14T22:14:00+00:00")) == 2
    assert len(found(limit=2)) == 2
    assert found(state=["resolved"]) == []
    assert list_activations("*", state="open")[0].project == "p"
    with pytest.raises(NotFoundError):
        get_activation(9, "p")
    with pytest.raises(NotFoundError):
        time_line(0, "p")
