"""Deliveries: hostile receivers, retries over time, kills, secrets, actions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from mlrun_like.configuration import config
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts import (
    alert_pass,
    get_activation,
    list_activations,
    time_line,
)
from mlrun_like.monitoring.alerts import deliver as deliver_module
from mlrun_like.monitoring.alerts.deliver import deliver
from mlrun_like.monitoring.alerts.evaluate import evaluate
from mlrun_like.monitoring.alerts.sources import begin
from mlrun_like.monitoring.alerts.trying import try_notifications
from mlrun_like.registry import resolve
from mlrun_like.specs.notification import Notification
from mlrun_like.tracking.connect import open_store

from .conftest import Inbox, Make, Tell


def lines(number: int = 1, kind: str = "notification") -> list[dict[str, Any]]:
    """Lines of one kind of an incident."""
    return [line for line in time_line(number, "p") if line["kind"] == kind]


@pytest.mark.parametrize("answer", [500, 429, "garbage"])
def test_a_receiver_in_trouble_gets_it_later(
    make: Make, tell: Tell, inbox: Inbox, time: clock.SimulatedClock, answer: Any
) -> None:
    make()
    inbox.answers = [answer] * 3
    tell()
    assert alert_pass("p").delivered.again == 1
    pauses = []
    while not inbox.seen:
        before = clock.now()
        (letter,) = open_store().alert_letters("p", state="waiting")
        assert deliver("p").sent == 0  # not before its time
        time.set(letter.due)
        deliver("p")
        pauses.append(letter.due - before)
    assert pauses == [15.0, 30.0, 60.0]
    assert [line["status"] for line in lines()] == ["error", "sent"]
    assert lines()[1]["attempts"] == 4
    assert get_activation(1, "p").notifications[0]["status"] == "sent"


@pytest.mark.parametrize(("answer", "said"), [(404, "404"), ("redirect", "307")])
def test_a_refusal_is_final_and_visible(
    make: Make, tell: Tell, inbox: Inbox, answer: Any, said: str
) -> None:
    make()
    inbox.answers = [answer]
    tell()
    assert alert_pass("p").delivered.failed == 1
    (line,) = lines()
    assert (line["status"], line["final"]) == ("error", True)
    assert said in line["reason"]
    (told,) = get_activation(1, "p").notifications
    assert (told["status"], said in told["err"]) == ("failed", True)
    assert inbox.seen == []


def test_it_is_given_up_some_day(
    make: Make, tell: Tell, inbox: Inbox, time: clock.SimulatedClock
) -> None:
    config.alerts_attempts = 3
    make()
    inbox.answers = [500] * 9
    tell()
    alert_pass("p")
    for _ in range(4):
        time.advance(3600)
        deliver("p")
    assert [line.get("final", False) for line in lines()] == [False, True]
    assert lines()[1]["attempts"] == 3
    assert len(inbox.answers) == 6


def test_nobody_is_there(make: Make, tell: Tell) -> None:
    note = Notification("webhook", params={"url": "http://127.0.0.1:9/x"})
    make(notifications=[note])
    tell()
    assert alert_pass("p").delivered.again == 1
    assert "cannot be reached" in lines()[0]["reason"]


def test_one_slow_receiver_holds_back_only_itself(make: Make, tell: Tell, inbox: Inbox) -> None:
    hooks = [Notification("webhook", name=f"n{i}", params={"url": inbox.url}) for i in range(4)]
    make(notifications=hooks)
    inbox.answers = ["slow"]
    tell()
    evaluate("p")
    thread = threading.Thread(target=deliver, args=("p",))
    thread.start()
    while len(inbox.seen) < 3:
        thread.join(0.02)
    assert thread.is_alive()
    assert deliver("p").sent == 0  # it is on its way already
    inbox.release.set()
    thread.join()
    assert len(set(inbox.keys())) == 4


def test_a_pass_ends_however_many_receivers_hang(
    make: Make, tell: Tell, inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    make(notifications=[Notification("webhook", params={"url": inbox.url})])
    tell()
    evaluate("p")
    with monkeypatch.context() as patch:
        patch.setattr(deliver_module, "_BUDGET", 0.0)  # as if others had taken all the time
        assert vars(deliver("p")) == {"sent": 0, "again": 0, "failed": 0}
    assert deliver("p").sent == 1 and len(inbox.seen) == 1


def test_secrets_are_read_when_it_is_sent_and_never_shown(
    make: Make, tell: Tell, inbox: Inbox, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    base = inbox.url.removesuffix("/hook")
    note = Notification(
        "git",
        params={"repo": "o/n", "issue": 7, "server": base},
        secret_params={"token": {"secret": "MY_TOKEN"}},
    )
    make(notifications=[note])
    tell()
    alert_pass("p")
    assert "no secret 'MY_TOKEN'" in lines()[0]["reason"]
    monkeypatch.setenv("MY_TOKEN", "wery-s3cret")
    inbox.answers = [401]
    tell()
    alert_pass("p")
    assert "wery-s3cret" not in json.dumps(time_line(1, "p"))
    assert "***" in lines()[1]["reason"]
    tell()
    alert_pass("p")
    assert inbox.seen[0][1]["Authorization"] == "token wery-s3cret"
    body = inbox.seen[0][2]["body"]
    assert body.startswith("**medium**: alert: train\n\n- alert: alert\n- project: p\n")
    store = open_store()
    store.close()
    for path in home.glob("store.db*"):
        assert b"wery-s3cret" not in path.read_bytes()


def test_teams_gets_a_card(make: Make, tell: Tell, inbox: Inbox) -> None:
    hook = inbox.url
    params = {"link": "https://example.org/runs", "link_title": "Runs"}
    make(
        severity="high",
        notifications=[Notification("msteams", params=params, secret_params={"webhook": hook})],
    )
    tell()
    assert alert_pass("p").delivered.sent == 1
    (attachment,) = inbox.seen[0][2]["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attachment["content"]
    assert (card["type"], card["version"]) == ("AdaptiveCard", "1.4")
    title, text, facts = card["body"]
    assert (title["text"], title["color"]) == ("[high] msteams", "attention")
    assert text["text"] == "alert: train"
    assert {"title": "alert", "value": "alert"} in facts["facts"]
    assert card["actions"][0]["url"] == "https://example.org/runs"


def test_a_message_of_its_own_is_filled(make: Make, tell: Tell, inbox: Inbox) -> None:
    note = Notification(
        "webhook",
        message="{{severity}}: {{entity}} says {{event.error | upper}}",
        params={"url": inbox.url},
    )
    make(notifications=[note])
    tell(error="boom")
    alert_pass("p")
    assert inbox.texts() == ["medium: train says BOOM"]


def test_a_bad_letter_stops_no_other(make: Make, tell: Tell, inbox: Inbox) -> None:
    bad = Notification("webhook", name="bad", message="{{ 1 / entity }}", params={"url": inbox.url})
    good = Notification("webhook", name="good", params={"url": inbox.url})
    make(notifications=[bad, good])
    tell()
    report = alert_pass("p").delivered
    assert (report.sent, report.failed) == (1, 1)


def test_testing_an_alert_opens_no_incident(make: Make, inbox: Inbox) -> None:
    make()
    inbox.answers = [404]
    assert [item["status"] for item in try_notifications("alert", "p")] == ["error"]
    assert [item["status"] for item in try_notifications("alert", "p")] == ["sent"]
    assert inbox.texts() == ["Test of alert alert"]
    assert list_activations("p") == []


class Action:
    """An executor whose answers are given."""

    answers: ClassVar[list[Any]] = []
    seen: ClassVar[list[tuple[Any, Any]]] = []

    @classmethod
    def execute(cls, action: Any, activation: Any, store: Any) -> dict[str, Any]:
        cls.seen.append((action, activation))
        answer = cls.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return dict(answer)


@pytest.fixture
def action(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Action]]:
    monkeypatch.setattr(deliver_module, "_EXECUTE", f"{__name__}:Action.execute")
    monkeypatch.setattr(deliver_module, "resolve", _resolve)
    Action.answers, Action.seen = [], []
    yield Action


def _resolve(path: str) -> Any:
    return Action.execute if path.endswith("Action.execute") else resolve(path)


def test_an_action_is_followed_to_its_end(
    make: Make, tell: Tell, time: clock.SimulatedClock, action: type[Action]
) -> None:
    make(actions=[{"kind": "pipeline", "workflow": "retrain"}])
    action.answers = [
        {"state": "running", "uid": "u1", "links": {"workflow": "w"}},
        {"state": "running", "uid": "u1"},
        {"state": "completed", "uid": "u1"},
    ]
    tell()
    alert_pass("p")
    told = action.seen[0][1]
    assert told["id"] == 1
    assert told["events"][0]["kind"] == "failed"
    for _ in range(4):
        time.advance(30)
        deliver("p")
    assert [line["state"] for line in lines(1, "action")] == ["running", "completed"]
    assert len(action.seen) == 3


def test_an_action_that_fails_is_not_tried_again(
    make: Make, tell: Tell, time: clock.SimulatedClock, action: type[Action]
) -> None:
    make(actions=[{"kind": "call", "function": "f"}], notifications=[])
    action.answers = [RuntimeError("boom"), {"state": "refused", "reason": "cooling down"}]
    tell()
    assert alert_pass("p").delivered.failed == 1
    tell()
    assert alert_pass("p").delivered.sent == 1
    time.advance(9999)
    deliver("p")
    said = lines(1, "action")
    assert [line.get("reason") for line in said] == ["RuntimeError: boom", "cooling down"]


CHILD = """
    import os, signal, sys
    from mlrun_like.configuration import config
    config.home = sys.argv[1]
    from mlrun_like.monitoring import clock
    from mlrun_like.monitoring.alerts import passing
    from mlrun_like.tracking.alerts import SqlAlerts

    def killed(*args, **named):
        os.kill(os.getpid(), signal.SIGKILL)

    where = sys.argv[2]
    if where == "before the decision":
        real = SqlAlerts.commit_alerts
        SqlAlerts.commit_alerts = killed
    elif where == "inside the decision":
        import mlrun_like.tracking.alerts as module
        module.insert_happenings = killed
    elif where == "before it is sent":
        import mlrun_like.notifications.chat as chat
        chat.send_json = killed
    elif where == "after it was sent":
        SqlAlerts.settle_letter = killed
    with clock.simulated(float(sys.argv[3])):
        passing.alert_pass("p")
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("where", "sent"),
    [
        ("before the decision", 1),
        ("inside the decision", 1),
        ("before it is sent", 1),
        ("after it was sent", 2),
    ],
)
def test_a_kill_loses_nothing_and_decides_nothing_twice(
    where: str, sent: int, make: Make, tell: Tell, inbox: Inbox, home: Path,
    time: clock.SimulatedClock,
) -> None:  # fmt: skip
    make()
    tell()
    alert_pass("q")  # its sources have begun: the child's first commit is the decision
    begin("p", open_store())
    open_store().close()
    command = [sys.executable, "-c", textwrap.dedent(CHILD), str(home), where, str(clock.now())]
    done = subprocess.run(command, check=False, timeout=120, env={**os.environ})
    assert done.returncode == -signal.SIGKILL
    alert_pass("p")
    time.advance(200)  # the lease of the killed one is over
    alert_pass("p")
    (found,) = list_activations("p")
    assert (found.firings, found.number_of_events) == (1, 1)
    assert len(inbox.seen) == sent
    assert len(set(inbox.keys())) == 1
    assert lines()[-1]["status"] == "sent"
