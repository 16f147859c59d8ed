"""What a service with login does for people who have no rights on its machine: nothing on it.

Alerts, schedules, monitoring and messages are written by developers of projects, and carried out
with the rights of the service. None of them may run code there, read its environment or files, or
call what only it can reach.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.api.access.caller import Caller
from mlrun_like.api.access.roles import LEAST, OF_RUNS
from mlrun_like.api.access.tokens import check_scopes
from mlrun_like.api.app import create_app
from mlrun_like.api.execution.identity import as_project
from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config
from mlrun_like.errors import AccessDeniedError, InvalidArgumentError
from mlrun_like.functions import strangers
from mlrun_like.functions.creators import new_function
from mlrun_like.monitoring.actions import claims
from mlrun_like.monitoring.actions.execute import carry_out, execute
from mlrun_like.monitoring.applications.loading import make_application
from mlrun_like.notifications.inside import address_for
from mlrun_like.notifications.sending import Subject, deliver
from mlrun_like.runs.entry import build_payload
from mlrun_like.runs.job import Job
from mlrun_like.runs.secrets import resolve_sources
from mlrun_like.runtimes.kubernetes.runtime import KubernetesRuntime
from mlrun_like.schedules.sources import look
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.notification import Notification
from mlrun_like.specs.run import RunDoc, RunMetadata
from mlrun_like.specs.trigger import read_trigger
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.people import person

P = "/api/v1/projects/fraud"
FLOWS = "tests.monitoring.actions.flows"
INCIDENT = {"id": "a1", "project": "fraud", "name": "drift", "time": 1000.0}


@pytest.fixture
def service_options(home: Path) -> ServiceOptions:
    return ServiceOptions(store=f"sqlite:///{home}/store.db", auth="required", port=8123)


@pytest.fixture
def guarded() -> Iterator[None]:
    config.guarded = True
    yield
    close_stores()


class _Inbox(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.seen: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook"


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        self.server.seen.append(str(self.headers.get("Authorization")))  # type: ignore[attr-defined]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def inbox() -> Iterator[_Inbox]:
    server = _Inbox()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _notes() -> bool:
    return config.path("notes.txt").exists()


@pytest.mark.parametrize(
    "action",
    [
        {"kind": "call", "handler": f"{FLOWS}:shout"},
        {"kind": "call", "handler": "subprocess:Popen", "arguments": {"executable": "/bin/sh"}},
        {"kind": "call", "function": "db://fraud/train"},
        {"kind": "call", "function": "db://other/train"},
        {"kind": "call", "function": "/etc/passwd"},
        {"kind": "call", "function": "http://169.254.169.254/latest"},
        {"kind": "pipeline", "pipeline": f"{FLOWS}:retrain", "where": "here"},
        {"kind": "pipeline", "pipeline": f"{FLOWS}:retrain"},
        {"kind": "pipeline", "workflow": "main"},
    ],
)
def test_an_alert_runs_no_code_here(guarded: None, action: dict[str, Any]) -> None:
    function = {"kind": "process", "metadata": {"name": "train", "project": "fraud"}, "spec": {}}
    open_store().store_function(function)
    told = execute(action, INCIDENT)
    assert told["state"] == "refused" and not _notes(), told


def test_nor_does_a_record_that_was_written_beside_it(guarded: None) -> None:
    store = claims.action_store(None)
    for number, where in enumerate(("here", "process"), 1):
        action = {"kind": "pipeline", "pipeline": f"{FLOWS}:retrain", "where": where}
        record = claims.ActionRecord(
            "fraud", f"c{number}", 1, "a1", "drift", action, "u" * 32, 1000.0, "", (), {}
        )
        claimed = claims.claim_number(store, record)
        assert claimed is not None
        done = carry_out(store, claimed)
        assert done.state == "failed" and "own machine" in done.reason and not _notes()


def test_a_rollback_stays_in_its_project(guarded: None) -> None:
    told = execute({"kind": "rollback", "function": "db://other/f"}, INCIDENT)
    assert told["state"] == "failed" and "another project" in told["reason"], told


@pytest.mark.parametrize("target", ["db://fraud/app", "/tmp/app.py:App", "os.path", "m.n:App"])
def test_monitoring_loads_no_code_of_a_project(guarded: None, target: str) -> None:
    with pytest.raises(AccessDeniedError, match="own machine"):
        make_application(target, "", {}, "here")
    assert make_application("DataDrift", "", {}, "here")


def test_variables_of_the_service_are_no_secrets_of_a_project(
    guarded: None, inbox: _Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLRUN_LIKE_SECRET_OF_IT", "wren-77")
    config.notification_hosts = "127.0.0.0/8"
    note = Notification(
        "webhook",
        params={"url": inbox.url},
        secret_params={"headers": {"secret": "MLRUN_LIKE_SECRET_OF_IT"}},
    )
    told = deliver(note, Subject("x"), {})
    assert told["status"] == "error" and "wren-77" not in str(told) and inbox.seen == []
    for kind, source in (("env", "MLRUN_LIKE_SECRET_OF_IT"), ("file", "/etc/environment")):
        with pytest.raises(AccessDeniedError):
            resolve_sources([{"kind": kind, "source": source}])


def test_messages_go_to_public_addresses_only(guarded: None, inbox: _Inbox) -> None:
    note = Notification("webhook", params={"url": inbox.url})
    told = deliver(note, Subject("x"), {})
    assert told["status"] == "error" and "not a public address" in told["reason"]
    assert not told["again"] and inbox.seen == []
    port = inbox.server_address[1]
    mail = {
        "server_host": "localhost", "server_port": port, "sender_address": "a@b.org",
        "email_addresses": "c@d.org",
    }  # fmt: skip
    assert "not a public" in deliver(Notification("mail", params=mail), Subject("x"), {})["reason"]
    for allowed in ("127.0.0.1", "127.0.0.0/8", "*"):
        config.notification_hosts = allowed
        assert deliver(note, Subject("x"), {})["status"] == "sent"
    config.notification_hosts, config.guarded = "", False
    assert deliver(note, Subject("x"), {})["status"] == "sent"


@pytest.mark.parametrize(
    "host",
    ["127.1", "2130706433", "0x7f000001", "[::1]", "::ffff:169.254.169.254", "169.254.169.254",
     "10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "0.0.0.0", "localhost"],
)  # fmt: skip
def test_no_form_of_an_inner_address_is_called(guarded: None, host: str) -> None:
    with pytest.raises(AccessDeniedError):
        address_for(host, 80)


def test_a_developer_cannot_make_the_service_call_its_own_network(
    service: TestClient, store: SqlStore, inbox: _Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.dbpath = store.url
    monkeypatch.setenv("MLRUN_LIKE_CANARY", "wren-78")
    anna = person(service, "developer", "fraud")
    notes = [
        {"notification": {"kind": "webhook", "name": "a", "message": "m", "params": {
            "url": inbox.url}}},
        {"notification": {"kind": "webhook", "name": "b", "message": "m", "params": {
            "url": "https://hooks.example.org/{{x}}"},
            "secret_params": {"headers": {"secret": "MLRUN_LIKE_CANARY"}}}},
    ]  # fmt: skip
    alert = {
        "summary": "s", "severity": "high", "trigger": {"events": ["failed"]},
        "entities": {"kind": "job", "project": "fraud", "ids": ["*"]}, "notifications": notes,
        "criteria": {"count": 1, "period": "1h"},
    }  # fmt: skip
    answer = anna.put(f"{P}/alerts/leak", json=alert)
    assert answer.status_code == 200, answer.text
    told = anna.post(f"{P}/alerts/leak/test")
    assert [row["status"] for row in told.json()["notifications"]] == ["error", "error"]
    assert "not a public address" in told.text and "no secret" in told.text
    assert inbox.seen == [] and "wren-78" not in told.text


def test_only_a_service_with_login_is_guarded(home: Path) -> None:
    for auth, execution, wanted in (
        ("required", "auto", True),
        ("required", "off", True),
        ("required", "process", False),
        ("auto", "auto", False),
    ):
        config.service_execution = execution
        options = ServiceOptions(store=f"sqlite:///{home}/store.db", auth=auth)
        with TestClient(create_app(options)):
            assert config.guarded is wanted
        assert config.guarded is False
    close_stores()


@pytest.mark.parametrize(
    "source",
    ["/etc", "file:///etc", "http://169.254.169.254/x", "service://other/x", "relative",
     "service://fraud/../other"],
)  # fmt: skip
def test_a_trigger_looks_at_nothing_of_the_service(guarded: None, source: str) -> None:
    trigger = read_trigger({"kind": "data", "source": source, "interval": 60})
    with pytest.raises(AccessDeniedError):
        look(trigger, {}, open_store(), ("fraud", "t"))


def test_nothing_of_a_run_is_built_or_read_here(
    guarded: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strangers, "choose_runtime", lambda *_: (KubernetesRuntime(), []))
    check = strangers.check_for_strangers
    function = new_function("train", kind="job", image="python:3.11", project="fraud")
    function.spec.build.requirements = ["numpy"]
    check(function, {})
    for spec in (
        {"inputs": {"x": "/etc/passwd"}},
        {"inputs": {"x": "file:///etc/passwd"}},
        {"secret_sources": [{"kind": "env", "source": "HOME"}]},
        {"secret_sources": [{"kind": "project", "source": "other"}]},
    ):
        with pytest.raises(AccessDeniedError):
            check(function, spec)
    check(function, {"secret_sources": [{"kind": "project", "source": "fraud"}]})
    platform = {"inputs": {"x": "v3io:///projects/x.csv", "y": "https://host/data/y.csv"}}
    check(function, platform)
    for mapped in ({"v3io_root": "/mnt"}, {"url_map": "https://host/data/=/mnt"}):
        with config.override(**mapped), pytest.raises(AccessDeniedError, match="own machine"):
            check(function, platform)
    function.spec.image = ""
    with pytest.raises(AccessDeniedError, match="built"):
        check(function, {})


def test_no_way_leads_to_a_run_on_this_machine(guarded: None) -> None:
    function = new_function("train", kind="process", project="fraud", command="train.py")
    with pytest.raises(AccessDeniedError, match="own machine"):
        function.run()


def test_inputs_of_other_projects_are_not_looked_for(
    service: TestClient, store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    config.dbpath = store.url
    monkeypatch.setattr(strangers, "choose_runtime", lambda *_: (KubernetesRuntime(), []))
    function = {"metadata": {"name": "train", "project": "fraud"}, "kind": "job", "spec": {}}
    store.store_function(function)
    anna = person(service, "developer", "fraud")
    body = {"function": "train", "inputs": {"x": "store://artifacts/other/table"}}
    answer = anna.post(f"{P}/submit", json=body)
    assert answer.status_code == 404 and "no artifact" in answer.text


def test_the_leader_is_not_deposed_by_a_project_of_that_name(
    service: TestClient, as_user: Callable[..., TestClient]
) -> None:
    for project in ("leader", "backup"):
        client = as_user("admin", project)
        for method in ("claim_leases", "release_leases"):
            arguments: dict[str, Any] = {"names": [f"service/{project}"], "owner": "me"}
            if method == "claim_leases":
                arguments["seconds"] = 3600.0
            answer = client.post(f"/api/v1/store/{method}", json=arguments)
            assert answer.status_code == 403, answer.text


def test_the_token_of_a_run_records_and_does_nothing_else(
    service: TestClient, store: SqlStore, as_user: Callable[..., TestClient]
) -> None:
    job = as_user("admin", "fraud", scopes=("run", "project:fraud"))
    run = {"metadata": {"name": "r", "uid": "u1", "project": "fraud"}, "status": {}, "spec": {}}
    assert job.post(f"{P}/runs", json=run).status_code in (200, 201, 405)
    operation = ["log", {"project": "fraud", "uid": "u1", "token": "t", "data": "eA=="}]
    answer = job.post("/api/v1/store/operations", json={"operations": [operation], "batch": "b"})
    assert answer.status_code == 200, answer.text
    assert job.get(f"{P}/runs").status_code == 200
    assert job.post(f"{P}/secrets/values").status_code == 200
    assert job.get("/api/v1/projects/other/runs").status_code == 404
    for method, path, body in (
        ("POST", f"{P}/submit", {"function": "train"}),
        ("POST", f"{P}/secrets", {"secrets": {"A": "b"}}),
        ("PUT", f"{P}/members/bob", {"role": "admin"}),
        ("PUT", f"{P}/alerts/x", {}),
        ("POST", f"{P}/schedules", {}),
        ("DELETE", P, None),
        ("DELETE", f"{P}/runs/u1", None),
        ("POST", "/api/v1/tokens", {"name": "t"}),
        ("GET", "/api/v1/tokens", None),
        ("POST", "/api/v1/session/password", {"password": "a", "new": "b"}),
        ("POST", "/api/v1/projects", {"metadata": {"name": "mine"}}),
        ("GET", f"{P}/members", None),
        ("GET", f"{P}/secrets", None),
    ):
        answer = job.request(method, path, json=body)
        assert answer.status_code in (403, 404), (method, path, answer.text)
    for method, arguments in (
        ("delete_runs", {"query": {"project": "fraud"}}),
        ("delete_project", {"name": "fraud"}),
        ("store_schedule", {"schedule": {"project": "fraud", "name": "s"}, "next_time": None}),
        ("delete_artifacts", {"query": {"project": "fraud"}}),
    ):
        answer = job.post(f"/api/v1/store/{method}", json=arguments)
        assert answer.status_code == 403, (method, answer.text)


def test_scopes_are_limits_wherever_they_stand() -> None:
    with pytest.raises(InvalidArgumentError, match="one project"):
        check_scopes(["run"])
    both = Caller("u", roles={"a": "admin"}, scopes=frozenset({"metrics", "project:a"}))
    assert not both.may("a", "run", "delete") and not both.may("a", "run", "read")
    alone = Caller("u", roles={"a": "admin"}, scopes=frozenset({"project:a"}))
    assert alone.may("a", "run", "delete")
    run = Caller("u", roles={"a": "viewer"}, scopes=frozenset({"run", "project:a"}))
    assert run.may("a", "run", "read") and not run.may("a", "run", "update")
    assert run.visible == frozenset({"a"})
    assert {"store", "session", *LEAST} >= set(OF_RUNS)


def test_a_schedule_has_an_account_of_its_project(service: TestClient, store: SqlStore) -> None:
    function = FunctionDoc.from_dict({"kind": "job", "metadata": {"name": "f"}, "spec": {}}, "")

    def payload() -> dict[str, Any]:
        run = RunDoc(metadata=RunMetadata(name="r", uid="u", project="fraud"))
        return build_payload(Job(function, run, store))

    config.dbpath = store.url
    with pytest.raises(AccessDeniedError, match="database"):
        payload()
    with as_project(store, "fraud", "https://ml.example.org"):
        sent = payload()
    assert sent["store"] == "https://ml.example.org" and "dbpath" not in sent["settings"]
    assert "guarded" not in sent["settings"] and "sqlite" not in str(sent)
    (token,) = store.list_tokens("")
    assert token.scopes == "project:fraud run" and token.revoked is not None
    with contextlib.suppress(AccessDeniedError), as_project(store, "fraud", "http://x"):
        pass
    assert [row.name for row in store.list_users("service")] == ["schedules.fraud"]
    assert [row.role for row in store.list_members("fraud")] == ["developer"]
