"""Notifications, sent to real servers: what arrives, what is recorded, what fails."""

from __future__ import annotations

import json
import logging
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError, RunError
from mlrun_like.notifications import Notification
from mlrun_like.notifications import sending as sending_module
from mlrun_like.notifications.sending import Subject, deliver, send
from mlrun_like.notifications.template import fill, holds
from mlrun_like.specs.notification import read_notifications
from mlrun_like.tracking.connect import open_store

RUN: dict[str, Any] = {
    "metadata": {"name": "train", "uid": "a" * 32},
    "status": {"state": "completed", "results": {"auc": 0.91, "a|b": "x\ny"}},
}


class Inbox(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[tuple[str, str, dict[str, str], Any]] = []
        self.answers: list[int] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        inbox = self.server
        assert isinstance(inbox, Inbox)
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        inbox.seen.append((self.command, self.path, dict(self.headers), body))
        code = inbox.answers.pop(0) if inbox.answers else 200
        self.send_response(code)
        self.end_headers()
        self.wfile.write(f"told {self.headers.get('Authorization')}".encode())

    do_PUT = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    monkeypatch.setattr(sending_module, "_PAUSE", 0.01)
    for name in ("GITHUB_REPOSITORY", "GITHUB_REF", "GIT_TOKEN", "GITHUB_TOKEN", "GITLAB_CI"):
        monkeypatch.delenv(name, raising=False)
    with Inbox() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@ml.function(returns=["auc"])
def train(fail: bool = False) -> float:
    if fail:
        raise ValueError("boom")
    return 0.91


def test_slack_gets_text_and_runs(inbox: Inbox) -> None:
    note = Notification("slack", message="auc {{ run.status.results.auc }}", severity="warning")
    told = send(note, [RUN], {})
    assert told["status"] == "error"
    assert "no webhook" in told["reason"]
    note = Notification("slack", params={"webhook": inbox.url + "/hook"}, message="auc")
    assert send(note, [RUN], {})["status"] == "sent"
    ((_, path, _, body),) = inbox.seen
    assert path == "/hook"
    assert body["text"] == "[info] auc"
    assert "*train* completed" in body["blocks"][1]["text"]["text"]


def test_teams_gets_a_card_that_is_small_enough(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MSTEAMS_WEBHOOK", raising=False)
    assert "no webhook" in send(Notification("msteams"), [RUN], {})["reason"]
    monkeypatch.setenv("MSTEAMS_WEBHOOK", inbox.url + "/teams")
    long = {**RUN, "status": {"state": "error", "error": "x" * 100_000}}
    note = Notification("msteams", message="y" * 100_000, params={"link": "javascript:x"})
    assert send(note, [RUN, *[long] * 60], {})["status"] == "sent"
    ((_, path, _, body),) = inbox.seen
    assert path == "/teams"
    card = body["attachments"][0]["content"]
    assert len(json.dumps(body)) < 28_000
    assert card["body"][2]["facts"][0]["title"] == "train"
    assert "actions" not in card


@pytest.mark.parametrize("answer", [b"", b"\x00\x01\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_an_answer_that_is_no_http_may_be_better_later(answer: bytes) -> None:
    class Garbage(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.wfile.write(answer)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Garbage) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        outcome = deliver(Notification("webhook", params={"url": url}), Subject("x"), {})
        server.shutdown()
        thread.join()
    assert (outcome["status"], outcome["again"], outcome["attempts"]) == ("error", True, 1)


@pytest.mark.parametrize("headers", [{"X-Mine": "1"}, '{"X-Mine": "1"}'])  # a secret is a text
def test_webhook_sends_runs_or_a_body_of_its_own(inbox: Inbox, headers: Any) -> None:
    params: dict[str, Any] = {"url": inbox.url, "method": "put", "headers": headers}
    assert send(Notification("webhook", params=params), [RUN], {})["status"] == "sent"
    method, _, received, body = inbox.seen[-1]
    assert (method, received["X-Mine"]) == ("PUT", "1")
    assert body["message"] == "train: completed"
    assert body["runs"] == [RUN]
    own = {"text": "{{ run.metadata.name }}!", "all": "{{ runs }}", "n": 1, "l": ["{{ severity }}"]}
    send(Notification("webhook", params={"url": inbox.url, "override_body": own}), [RUN], {})
    assert inbox.seen[-1][3] == {"text": "train!", "all": [RUN], "n": 1, "l": ["info"]}


def test_git_comments_on_github_and_gitlab(inbox: Inbox) -> None:
    params: dict[str, Any] = {"repo": "org/name", "issue": 7, "server": inbox.url}
    note = Notification("git", params=params, secret_params={"token": {"secret": "MY_TOKEN"}})
    assert send(note, [RUN], {"MY_TOKEN": "s3cr3t"})["status"] == "sent"
    _, path, headers, body = inbox.seen[-1]
    assert path == "/repos/org/name/issues/7/comments"
    assert headers["Authorization"] == "token s3cr3t"
    assert "| train | completed |" in body["body"]
    assert "a\\|b=x y" in body["body"]
    params = {"repo": "org/name", "merge_request": 3, "server": inbox.url, "gitlab": True}
    note = Notification("git", params=params, secret_params={"token": "s3cr3t"})
    assert send(note, [RUN], {})["status"] == "sent"
    _, path, headers, _ = inbox.seen[-1]
    assert path == "/api/v4/projects/org%2Fname/merge_requests/3/notes"
    assert {k.lower(): v for k, v in headers.items()}["private-token"] == "s3cr3t"


def test_in_ci_git_needs_no_params(inbox: Inbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REPOSITORY", "org/name")
    monkeypatch.setenv("GITHUB_REF", "refs/pull/12/merge")
    monkeypatch.setenv("GITHUB_TOKEN", "t0ken")
    monkeypatch.setenv("GITHUB_API_URL", inbox.url)
    assert send(Notification("git"), [RUN], {})["status"] == "sent"
    assert inbox.seen[-1][1] == "/repos/org/name/issues/12/comments"


def test_retries_a_busy_server_and_not_a_refusal(inbox: Inbox) -> None:
    inbox.answers = [503, 429]
    note = Notification("webhook", params={"url": inbox.url})
    told = send(note, [RUN], {})
    assert (told["status"], told["attempts"]) == ("sent", 3)
    inbox.answers = [500, 500, 500]
    told = send(note, [RUN], {})
    assert (told["status"], told["attempts"]) == ("error", 3)
    assert "500" in told["reason"]
    inbox.answers = [404]
    told = send(note, [RUN], {})
    assert (told["status"], told["attempts"]) == ("error", 1)


def test_secrets_are_in_no_record_and_no_log(
    inbox: Inbox, caplog: pytest.LogCaptureFixture
) -> None:
    inbox.answers = [401]
    secret = "wery-s3cret"
    note = Notification(
        "git",
        params={"repo": "o/n", "issue": 1, "server": inbox.url},
        secret_params={"token": secret},
    )
    with caplog.at_level(logging.DEBUG):
        run = train.run(notifications=[note])
    assert run.status.notifications["git"]["status"] == "error"
    assert "***" in run.status.notifications["git"]["reason"]
    stored = open_store().read_run("default", run.metadata.uid)
    assert stored["spec"]["notifications"][0]["secret_params"] == {"token": "***"}
    assert stored["status"]["notifications"]["git"]["attempts"] == 1
    assert secret not in json.dumps(stored) + caplog.text + repr(note)


def test_a_run_tells_when_it_starts_fails_and_completes(inbox: Inbox) -> None:
    notes = [
        {"kind": "webhook", "name": state, "when": [state], "params": {"url": inbox.url}}
        for state in ("running", "completed", "error")
    ]
    with pytest.raises(RunError):
        train.run(params={"fail": True}, notifications=notes)
    assert [item[3]["name"] for item in inbox.seen] == ["running", "error"]
    assert inbox.seen[1][3]["message"] == "train: error: ValueError: boom"
    run = train.run(notifications=notes)
    assert set(run.status.notifications) == {"running", "completed"}
    stored = open_store().read_run("default", run.metadata.uid)
    assert stored["status"]["notifications"]["completed"]["status"] == "sent"
    assert stored["status"]["state"] == "completed"


def test_condition_decides(inbox: Inbox) -> None:
    note = Notification(
        "webhook",
        params={"url": inbox.url},
        condition="{{ (run.status.results.auc | float) < 0.9 }}",
    )
    run = train.run(notifications=[note])
    assert run.status.notifications["webhook"]["status"] == "skipped"
    assert inbox.seen == []


def test_console_and_ipython_print(capsys: pytest.CaptureFixture[str]) -> None:
    for kind in ("console", "ipython"):
        assert send(Notification(kind), [RUN], {})["status"] == "sent"
        out = capsys.readouterr().out
        assert out.startswith("[info] train: completed\n  train  completed  aaaaaaaa  auc=0.91")


@pytest.mark.parametrize(
    ("kind", "params", "said"),
    [
        ("no-such", {}, "unknown notification 'no-such'"),
        ("webhook", {}, "it has no url"),
        ("webhook", {"url": "ftp://x"}, "http:// or https://"),
        ("webhook", {"url": "http://["}, "cannot be used"),
        ("webhook", {"url": "http://127.0.0.1:1"}, "cannot be reached"),
        ("webhook", {"url": {"secret": "NO_SUCH"}}, "no secret 'NO_SUCH'"),
        ("webhook", {"url": "***", "headers": 3}, "headers must map"),
        ("webhook", {"url": "***", "headers": "{"}, "headers must map"),
        ("webhook", {"url": "***", "headers": "[" * 9999}, "headers must map"),
        ("webhook", {"url": "http://h", "headers": {"a\nb": "c"}}, "cannot be"),
        ("git", {"repo": "o/n"}, "it has no issue"),
        ("mail", {"server_host": "h"}, "it has no sender_address"),
        ("mail", {"server_host": "h", "sender_address": "a@b"}, "it has no email_addresses"),
        (
            "mail",
            {"server_host": "h", "sender_address": "a@b\nBcc: x", "email_addresses": "c@d"},
            "cannot be used",
        ),
    ],
)
def test_a_notification_that_cannot_be_sent_says_why(
    kind: str, params: dict[str, Any], said: str, inbox: Inbox
) -> None:
    told = send(Notification(kind, params=params), [RUN], {})
    assert told["status"] == "error"
    assert said in told["reason"]


class Mailbox(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Smtp)
        self.letters: list[str] = []
        self.refuse = ""


class _Smtp(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        box = self.server
        assert isinstance(box, Mailbox)
        self.wfile.write(b"220 ready\r\n")
        while line := self.rfile.readline():
            word = line[:4].upper().strip()
            if word == b"RCPT" and box.refuse:
                self.wfile.write(box.refuse.encode() + b"\r\n")
            elif word == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (text := self.rfile.readline()) != b".\r\n":
                    lines.append(text.decode())
                box.letters.append("".join(lines))
                self.wfile.write(b"250 kept\r\n")
            elif word == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                self.wfile.write(b"250 fine\r\n")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with Mailbox() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_mail_is_sent_by_smtp(mailbox: Mailbox) -> None:
    params: dict[str, Any] = {
        "server_host": "127.0.0.1",
        "server_port": mailbox.server_address[1],
        "sender_address": "ann@example.org",
        "email_addresses": "bob@example.org, eve@example.org",
    }
    note = Notification("mail", message="auc {{run.status.results.auc}}", params=params)
    assert send(note, [RUN], {})["status"] == "sent"
    (letter,) = mailbox.letters
    assert "Subject: [info] auc 0.91" in letter
    assert "To: bob@example.org, eve@example.org" in letter
    assert "<td>train</td>" in letter
    mailbox.refuse = "550 nobody here"
    told = send(note, [RUN], {})
    assert (told["status"], told["attempts"]) == ("error", 1)
    assert "refused bob@example.org" in told["reason"]


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain", "plain"),
        ("{{ run['status'].state }}/{{runs[0].metadata.name}}", "completed/train"),
        ("{{ run.no.such.key }}|{{ nothing }}", "|"),
        ("{{ (run.status.results.auc * 100) | round }}%", "91%"),
        ("{{ 'a' in run.metadata.name and not false }}", "True"),
        ("{{ run.metadata.name | upper }}", "TRAIN"),
        ("{{ 1 if 2 else 3 }}", None),
        ("{{ run.__class__ }}", ""),
        ("{{ ().__class__ }}", None),
        ("{{ run.keys() }}", None),
        ("{{ open('x') }}", None),
        ("{{ 9 ** 9 ** 9 }}", None),
        ("{{ 'a' * 999999999 }}", None),
        ("{{ 1 / 0 }}", None),
        ("{{ " + "(" * 5000 + " }}", None),
        ("{{ }}", None),
        ("{{ run", "{{ run"),
    ],
)
def test_templates(text: str, filled: str | None) -> None:
    values = {"run": RUN, "runs": [RUN]}
    if filled is None:
        with pytest.raises(InvalidArgumentError, match="cannot be worked out"):
            fill(text, values)
    else:
        assert fill(text, values) == filled


def test_conditions() -> None:
    assert holds("", {})
    assert holds("true", {})
    assert not holds("{{ run.status.results.auc > 0.95 }}", {"run": RUN})
    assert not holds("{{ missing }}", {})


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("slack", "must be a list"),
        ([3], "is not a notification"),
        ([{"kind": "slack", "wen": ["error"]}], "no option 'wen'"),
        ([{"kind": "slack", "when": ["failed"]}], "not sent when 'failed'"),
        ([{"kind": "slack", "severity": "loud"}], "severity 'loud'"),
        ([{"name": "x"}], "needs a kind"),
        ([{"kind": "slack", "params": 3}], "must map names"),
        ([{"kind": 3}], "must be a text"),
        ([{"kind": "slack"}, {"kind": "slack"}], "two notifications are named 'slack'"),
    ],
)
def test_what_cannot_be_a_notification_is_refused(value: Any, said: str) -> None:
    with pytest.raises(InvalidArgumentError, match=said):
        read_notifications(value)
    with pytest.raises(InvalidArgumentError, match=said):
        train.run(notifications=value)


def test_a_scheduled_run_has_no_secret_values(tmp_path: Any) -> None:
    file = tmp_path / "work.py"
    file.write_text("def work():\n    pass\n")
    work = ml.code_to_function("work", filename=file, kind="process", handler="work")
    note = Notification("slack", secret_params={"webhook": "https://x"})
    with pytest.raises(InvalidArgumentError, match="never stored"):
        work.run(schedule="0 4 * * *", notifications=[note])
    note = Notification("slack", secret_params={"webhook": {"secret": "HOOK"}})
    run = work.run(schedule="0 4 * * *", notifications=[note])
    assert run.spec.notifications[0]["secret_params"] == {"webhook": {"secret": "HOOK"}}
