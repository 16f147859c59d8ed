"""What outlasts a process, a token or a project: guesses, streams, files, answers, cookies."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from mlrun_like.api.access.accounts import add_user
from mlrun_like.api.access.control import AccessControl
from mlrun_like.api.access.limits import Limits
from mlrun_like.api.access.members import remove_member, set_member
from mlrun_like.api.access.oidc import Provider
from mlrun_like.api.access.origin import Proxies
from mlrun_like.api.access.tokens import make_token, revoke_token
from mlrun_like.api.http import streams
from mlrun_like.api.options import ServiceOptions
from mlrun_like.api.routing import store_of
from mlrun_like.artifacts.service_root import RootStore
from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError
from mlrun_like.tracking.store import SqlStore
from mlrun_like.tracking.task_abilities import BackgroundTask
from tests.api.client import TestClient
from tests.api.people import PASSWORD, person, stranger

P = "/api/v1/projects/fraud"


@pytest.fixture
def service_options(home: Path) -> ServiceOptions:
    config.service_auth_cache = 0.0
    return ServiceOptions(store=f"sqlite:///{home}/store.db", auth="required")


@pytest.fixture(autouse=True)
def _fresh(service: TestClient, store: SqlStore) -> None:
    config.dbpath = store.url


def _log_in(client: TestClient, password: str) -> int:
    body = {"user": "anna", "password": password}
    return int(client.post("/api/v1/session", json=body).status_code)


def test_guesses_count_in_all_processes_and_after_a_restart(
    service: TestClient, store: SqlStore
) -> None:
    add_user(store, "anna", password=PASSWORD)
    access = service.app.state.access  # type: ignore[attr-defined]
    said = []
    for _ in range(10):
        access.limits = Limits(0.0, 0.0)  # another process, which knows nothing
        said.append(_log_in(service, "wrong wrong wrong"))
    assert said == [401] * 8 + [429] * 2
    assert _log_in(service, PASSWORD) == 429
    with pytest.MonkeyPatch.context() as patch:
        now = time.time()
        patch.setattr(time, "time", lambda: now + 100)
        assert _log_in(service, PASSWORD) == 200


def _scope(service: TestClient, token: str, path: str) -> Request:
    """A request as a stream sees it that was admitted."""
    app: Any = service.app
    route = next(one for one in app.routes if getattr(one, "path", "") == path)
    headers = [(b"authorization", f"Bearer {token}".encode()), (b"host", b"x")]
    scope = {
        "type": "http", "method": "GET", "path": path, "headers": headers, "query_string": b"",
        "path_params": {"project": "fraud", "uid": "u"}, "app": service.app,
        "client": ("127.0.0.1", 1), "server": ("x", 80), "scheme": "http",
        "mlrun_like.route": route,
    }  # fmt: skip
    return Request(scope)


@pytest.mark.parametrize("how", ["revoked", "no member", "disabled"])
def test_a_stream_ends_when_its_reader_may_no_more(
    service: TestClient, store: SqlStore, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(streams, "AGAIN", 0.0)
    user = add_user(store, "anna")
    for name in ("anna", add_user(store, "bob").name):
        set_member(store, "fraud", name, "admin")
    token = make_token(store, user, "t")
    request = _scope(
        service, token.text, f"{P.replace('fraud', '{project}')}/runs/{{uid}}/log/follow"
    )
    assert store_of(request) is store

    async def endless() -> AsyncIterator[streams.Event]:
        while True:
            yield streams.Event({"text": "secret"}, "log")

    async def read() -> bytes:
        answer: Any = streams.event_stream(request, endless())
        body = answer.body_iterator
        seen = b""
        async for number, piece in _numbered(body):
            seen += piece
            if number == 5:
                if how == "revoked":
                    revoke_token(store, token.row.token_id)
                elif how == "no member":
                    remove_member(store, "fraud", "anna")
                else:
                    store.change_user(user._replace(disabled=True))
                seen = b""
            assert number < 20, "the stream goes on"
        return seen

    last = asyncio.run(read())
    assert b"event: error" in last and last.count(b"secret") <= 1


async def _numbered(pieces: Any) -> AsyncIterator[tuple[int, bytes]]:
    number = 0
    async for piece in pieces:
        yield number, piece
        number += 1


def test_files_of_a_project_that_was_deleted_are_not_its_successors(
    service: TestClient, store: SqlStore
) -> None:
    anna, eve = person(service, "admin", "fraud"), person(service)
    store.store_project({"metadata": {"name": "fraud"}, "spec": {}, "status": {}})
    assert anna.put(f"{P}/files/models/a.bin", content=b"ours").status_code == 201
    assert RootStore().read("fraud/models/a.bin") == b"ours"
    store.delete_project("fraud")  # by a tool that knows nothing of files
    made = eve.post("/api/v1/projects", json={"metadata": {"name": "fraud"}})
    assert made.status_code == 409, made.text
    call = {"project": {"metadata": {"name": "fraud"}, "spec": {}}}
    assert eve.post("/api/v1/store/store_project", json=call).status_code == 409
    assert eve.get(f"{P}/files/models/a.bin").status_code == 404


@pytest.mark.parametrize("by", ["route", "protocol"])
def test_who_deletes_a_project_deletes_its_files(
    service: TestClient, store: SqlStore, by: str
) -> None:
    anna, eve = person(service, "admin", "fraud"), person(service)
    store.store_project({"metadata": {"name": "fraud"}, "spec": {}, "status": {}})
    assert anna.put(f"{P}/files/a.bin", content=b"ours").status_code == 201
    if by == "route":
        answer = anna.delete(f"{P}?deletion-strategy=cascade")
        assert answer.status_code == 202, answer.text
        end = time.monotonic() + 20
        while anna.get(answer.headers["location"]).json()["status"]["state"] != "succeeded":
            assert time.monotonic() < end
            time.sleep(0.02)
    else:
        answer = anna.post("/api/v1/store/delete_project", json={"name": "fraud"})
        assert answer.status_code == 200, answer.text
    assert eve.post("/api/v1/projects", json={"metadata": {"name": "fraud"}}).status_code < 300
    assert eve.get(f"{P}/files").text.count("a.bin") == 0


def test_an_answer_is_not_replayed_to_a_token_that_may_less(
    service: TestClient, store: SqlStore
) -> None:
    user = add_user(store, "anna")
    for project in ("fraud", "other"):
        set_member(store, project, "anna", "developer")
    store.store_run({"metadata": {"name": "r", "uid": "u", "project": "other"}, "status": {}})
    wide, narrow = stranger(service), stranger(service)
    wide.headers["authorization"] = f"Bearer {make_token(store, user, 'a').text}"
    few = make_token(store, user, "b", scopes=["read", "project:fraud"]).text
    narrow.headers["authorization"] = f"Bearer {few}"
    body, headers = {"project": "other", "uid": "u"}, {"idempotency-key": "one"}
    first = wide.post("/api/v1/store/read_run", json=body, headers=headers)
    assert first.status_code == 200, first.text
    again = wide.post("/api/v1/store/read_run", json=body, headers=headers)
    assert again.headers["idempotency-replayed"] == "true"
    assert narrow.post("/api/v1/store/read_run", json=body, headers=headers).status_code == 404


def test_a_token_for_a_project_is_told_of_no_other_task(
    service: TestClient, store: SqlStore
) -> None:
    user = add_user(store, "anna")
    token = make_token(store, user, "b", scopes=["write", "project:fraud"]).text
    set_member(store, "fraud", "anna", "developer")
    store.store_task(BackgroundTask("t1", "delete-project", "other", asked_by="anna"))
    client = stranger(service)
    client.headers["authorization"] = f"Bearer {token}"
    assert client.get("/api/v1/background-tasks/t1").status_code == 404
    assert client.post("/api/v1/background-tasks/t1/cancel").status_code == 404
    assert client.get("/api/v1/background-tasks").json()["background_tasks"] == []


def test_cookies_are_safe_behind_a_proxy_that_nobody_named(home: Path, store: SqlStore) -> None:
    options = ServiceOptions(store=store.url, auth="required", url="https://ml.example.org/")
    control = AccessControl(options, store)

    def https(host: bytes, proxies: Proxies = control.proxies) -> bool:
        scope = {
            "type": "http", "headers": [(b"host", host)], "client": ("10.0.0.1", 1),
            "scheme": "http", "server": ("10.0.0.2", 80), "path": "/", "query_string": b"",
        }  # fmt: skip
        return proxies.origin(Request(scope)).https

    assert https(b"ml.example.org") and https(b"ML.example.org")
    assert not https(b"10.0.0.2") and not https(b"ml.example.org", Proxies("", "http://ml.x"))


def test_a_provider_names_web_addresses_only(monkeypatch: pytest.MonkeyPatch) -> None:
    provider = Provider("http://localhost:1", "id", "", "openid")
    found = {"issuer": "http://localhost:1", "authorization_endpoint": "https://a/",
             "token_endpoint": "https://a/", "jwks_uri": "file://localhost/etc/passwd"}  # fmt: skip
    monkeypatch.setattr(provider, "_ask", lambda *_: found)
    with pytest.raises(ConfigError, match="jwks_uri"):
        provider.begin("https://x/", "/")
