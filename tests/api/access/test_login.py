"""Logins of browsers and programs: sessions, cookies, forms, guesses."""

from __future__ import annotations

import hashlib
import logging
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from mlrun_like.api.access.accounts import UserChange, add_user, change_user
from mlrun_like.api.access.sessions import SESSION_COOKIE, purge
from mlrun_like.api.app import create_app
from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config
from mlrun_like.gateway.http.hashes import check_hash
from mlrun_like.tracking.connect import close_stores
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.people import PASSWORD, person, stranger

Form = dict[str, str]


@pytest.fixture
def service_options(home: Path) -> ServiceOptions:
    return ServiceOptions(store=f"sqlite:///{home}/store.db", auth="required")


@pytest.fixture
def anna(store: SqlStore) -> str:
    return add_user(store, "anna", password=PASSWORD).user_id


def _log_in(client: TestClient, name: str = "anna", password: str = PASSWORD) -> str:
    """The session's text for writes."""
    answer = client.post("/api/v1/session", json={"user": name, "password": password})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["csrf_token"])


def test_without_login_nothing_is_told(service: TestClient) -> None:
    answer = service.get("/api/v1/session")
    assert answer.status_code == 401
    assert answer.json()["detail"]["code"] == "unauthorized"
    assert answer.headers["www-authenticate"] == "Bearer"
    assert service.get("/healthz").status_code == 200


def test_a_login_gives_a_cookie_done_right(service: TestClient, anna: str) -> None:
    answer = service.post("/api/v1/session", json={"user": "anna", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    for word in ("HttpOnly", "Path=/", "SameSite=lax"):
        assert word in cookie
    assert "Domain" not in cookie and "Secure" not in cookie  # http
    assert "no-store" in answer.headers["cache-control"]
    assert service.get("/api/v1/session").json()["user"] == "anna"


def test_over_https_the_cookie_is_tied_to_the_host(service: TestClient, anna: str) -> None:
    client = TestClient(service.app, base_url="https://ml.example.com")
    answer = client.post("/api/v1/session", json={"user": "anna", "password": PASSWORD})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"__Host-{SESSION_COOKIE}=") and "Secure" in cookie
    # the name without the prefix, which a neighbour could set, counts for nothing there
    secret = client.cookies[f"__Host-{SESSION_COOKIE}"]
    other = TestClient(service.app, base_url="https://ml.example.com")
    other.cookies.set(SESSION_COOKIE, secret)
    assert other.get("/api/v1/session").status_code == 401


def test_a_session_that_was_there_before_the_login_is_not_taken(
    service: TestClient, store: SqlStore, anna: str
) -> None:
    """Session fixation: what an attacker has put into the browser is worth nothing."""
    service.cookies.set(SESSION_COOKIE, "x" * 43)
    given = {"user": "anna", "password": PASSWORD}
    answer = service.post("/api/v1/session", json=given)
    first = answer.cookies[SESSION_COOKIE]
    assert first != "x" * 43
    fixed = stranger(service)
    fixed.cookies.set(SESSION_COOKIE, "x" * 43)
    assert fixed.get("/api/v1/session").status_code == 401
    service.cookies.clear()
    service.cookies.set(SESSION_COOKIE, first)
    _log_in(service)
    assert len(store.list_sessions(anna)) == 1  # the one before has ended


def test_the_cookie_is_kept_as_a_hash_only(service: TestClient, store: SqlStore, anna: str) -> None:
    _log_in(service)
    secret = service.cookies[SESSION_COOKIE]
    (row,) = store.list_sessions(anna)
    assert row.session_id == hashlib.sha256(secret.encode()).hexdigest()


def test_writes_with_a_cookie_need_the_sessions_text(service: TestClient, anna: str) -> None:
    token = _log_in(service)
    body = {"name": "t"}
    assert service.post("/api/v1/tokens", json=body).status_code == 403
    wrong = {"x-csrf-token": "0" * 64}
    assert service.post("/api/v1/tokens", json=body, headers=wrong).status_code == 403
    right = {"x-csrf-token": token}
    assert service.post("/api/v1/tokens", json=body, headers=right).status_code == 201
    # another user's text does not do either
    boss = person(service, "server").get("/api/v1/session").json()["csrf_token"]
    assert boss == ""


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"referer": "https://evil.example/x"},
        {"origin": "http://127.0.0.1:8080.evil.example"},
    ],
)
def test_pages_of_other_sites_write_nothing(service: TestClient, anna: str, headers: Form) -> None:
    token = _log_in(service)
    given = {**headers, "x-csrf-token": token}
    assert service.post("/api/v1/tokens", json={"name": "t"}, headers=given).status_code == 403
    form = {"name": "anna", "password": PASSWORD}
    assert stranger(service).post("/login", data=form, headers=headers).status_code == 403


def test_the_form_logs_in_and_goes_on(service: TestClient, anna: str) -> None:
    form = {"name": "anna", "password": PASSWORD, "next": "/projects/a?x=1"}
    answer = service.post("/login", data=form, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/projects/a?x=1")
    answer = service.post("/logout", data={}, follow_redirects=False)
    assert answer.status_code == 303
    assert service.get("/api/v1/session").status_code == 401


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\tevil",
        "javascript:alert(1)",
        "/x\r\nset-cookie: a=b",
        "///evil.example",
        "/%0d%0a/../\\evil",
    ],
)
def test_a_login_leads_nowhere_else(service: TestClient, anna: str, target: str) -> None:
    form = {"name": "anna", "password": PASSWORD, "next": target}
    answer = service.post("/login", data=form, follow_redirects=False)
    assert answer.status_code == 303
    assert answer.headers["location"] in ("/", target if target.startswith("/%0d") else "/")
    assert not urlsplit(answer.headers["location"]).netloc


def test_wrong_names_and_wrong_passwords_look_the_same(
    service: TestClient, store: SqlStore, anna: str
) -> None:
    add_user(store, "ci", kind="service")
    add_user(store, "single", email="s@example.com")
    locked = add_user(store, "locked", password=PASSWORD)
    change_user(store, locked.name, UserChange(disabled=True))
    answers = {}
    for name, password in (
        ("anna", "wrong password"),
        ("nobody", PASSWORD),
        ("ci", ""),
        ("single", ""),
        ("locked", PASSWORD),
        ("a\x00b", "x"),
        ("", ""),
    ):
        data = {"name": name, "password": password}
        answer = service.post("/login", data=data, follow_redirects=False)
        answers[name] = (answer.status_code, answer.headers["location"], len(answer.cookies))
    assert set(answers.values()) == {(303, "/login?failed=1&next=%2F", 0)}


def test_unknown_names_take_a_hash_too(
    service: TestClient, store: SqlStore, anna: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No user enumeration by time: each try computes one hash of a password."""
    seen: list[str] = []

    def counted(given: str, secret: bytes) -> bool:
        seen.append(given.partition(":")[0])
        return check_hash(given, secret)

    monkeypatch.setattr("mlrun_like.api.access.accounts.check_hash", counted)
    for name in ("anna", "nobody", ""):
        service.post("/api/v1/session", json={"user": name, "password": "wrong"})
    assert seen == ["scrypt", "scrypt", "scrypt"]


def test_who_guesses_must_wait(service: TestClient, anna: str) -> None:
    codes = []
    for number in range(12):
        answer = service.post("/api/v1/session", json={"user": "anna", "password": f"no {number}"})
        codes.append(answer.status_code)
    assert codes[0] == 401 and codes[-1] == 429
    assert int(answer.headers["retry-after"]) >= 1
    # the form says so, too; and others are not locked out
    form = {"name": "anna", "password": PASSWORD}
    answer = service.post("/login", data=form, follow_redirects=False)
    assert "failed=often" in answer.headers["location"]
    other = person(service)
    assert other.get("/api/v1/session").status_code == 200


def test_sessions_end_when_idle_and_after_their_time(
    service: TestClient, store: SqlStore, anna: str
) -> None:
    config.service_auth_cache = 0.0
    for setting in ("service_session_idle", "service_session_max"):
        with config.override(service_auth_cache=0.0):
            _log_in(service)
            service.app.state.access._recent.seconds = 0.0  # type: ignore[attr-defined]
            service.app.state.access.forget()  # type: ignore[attr-defined]
            assert service.get("/api/v1/session").status_code == 200
            with config.override(**{setting: 0.0}):
                assert service.get("/api/v1/session").status_code == 401
            assert store.list_sessions(anna) == []
    _log_in(service)
    assert purge(store) == 0
    with config.override(service_session_max=0.0):
        assert purge(store) == 1


def test_log_out_everywhere(service: TestClient, store: SqlStore, anna: str) -> None:
    there = stranger(service)
    _log_in(there)
    token = _log_in(service)
    assert len(service.get("/api/v1/sessions").json()["sessions"]) == 2
    answer = service.delete("/api/v1/session?everywhere=true", headers={"x-csrf-token": token})
    assert answer.json() == {"sessions": 2}
    for client in (service, there):
        assert client.get("/api/v1/session").status_code == 401


def test_a_new_password_ends_the_other_sessions(service: TestClient, anna: str) -> None:
    there = stranger(service)
    _log_in(there)
    token = _log_in(service)
    headers = {"x-csrf-token": token}
    new = "another long password"
    wrong = {"password": "not it at all", "new": new}
    answer = service.post("/api/v1/session/password", json=wrong, headers=headers)
    assert answer.status_code == 401
    short = {"password": PASSWORD, "new": "short"}
    answer = service.post("/api/v1/session/password", json=short, headers=headers)
    assert answer.status_code == 400
    right = {"password": PASSWORD, "new": new}
    answer = service.post("/api/v1/session/password", json=right, headers=headers)
    assert answer.status_code == 204
    assert service.get("/api/v1/session").status_code == 200
    assert there.get("/api/v1/session").status_code == 401
    _log_in(there, password=new)


def test_disabled_users_are_out_at_once(service: TestClient, store: SqlStore, anna: str) -> None:
    _log_in(service)
    boss = person(service, "server")
    assert boss.patch("/api/v1/users/anna", json={"disabled": True}).status_code == 200
    assert service.get("/api/v1/session").status_code == 401


def test_a_program_logs_in_through_the_browser(service: TestClient, anna: str) -> None:
    token = _log_in(service)
    verifier, state = "v" * 43, "s" * 43
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = urlsafe_b64encode(digest).rstrip(b"=").decode()
    query = {"port": "45678", "state": state, "challenge": challenge, "name": "<b>laptop</b>"}
    page = service.get("/login/cli", params=query)
    assert page.status_code == 200 and "<b>laptop" not in page.text and token in page.text
    assert "form-action 'self' http://127.0.0.1:45678" in page.headers["content-security-policy"]
    assert service.post("/login/cli", data=query, follow_redirects=False).status_code == 403
    answer = service.post("/login/cli", data={**query, "csrf_token": token}, follow_redirects=False)
    back = urlsplit(answer.headers["location"])
    assert (answer.status_code, back.netloc) == (303, "127.0.0.1:45678")
    code = parse_qs(back.query)["code"][0]
    assert parse_qs(back.query)["state"] == [state]
    program = stranger(service)
    wrong = {"code": code, "verifier": "w" * 43}
    assert program.post("/api/v1/session/code", json=wrong).status_code == 401
    # a code is good for one try
    right = {"code": code, "verifier": verifier}
    assert program.post("/api/v1/session/code", json=right).status_code == 401
    answer = service.post("/login/cli", data={**query, "csrf_token": token}, follow_redirects=False)
    code = parse_qs(urlsplit(answer.headers["location"]).query)["code"][0]
    made = program.post("/api/v1/session/code", json={"code": code, "verifier": verifier})
    assert made.status_code == 201 and made.json()["user"] == "anna"


@pytest.mark.parametrize(
    "port", ["80", "0", "99999", "x", "8080@evil", "\uff18\uff10\uff18\uff10", "-1", ""]
)
def test_programs_on_strange_ports_get_nothing(service: TestClient, anna: str, port: str) -> None:
    _log_in(service)
    query = {"port": port, "state": "s" * 43, "challenge": "c" * 43}
    assert service.get("/login/cli", params=query).status_code == 400


def test_secrets_are_in_no_log(
    service: TestClient, anna: str, caplog: pytest.LogCaptureFixture, home: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    token = _log_in(service)
    made = service.post(
        "/api/v1/tokens", json={"name": "t"}, headers={"x-csrf-token": token}
    ).json()["token"]
    service.get("/api/v1/session", headers={"authorization": f"Bearer {made}"})
    service.post("/api/v1/session", json={"user": "anna", "password": "canary-password"})
    service.post("/login", data={"name": "anna", "password": "canary-password"})
    secret = service.cookies[SESSION_COOKIE]
    canaries = (made, made.split("_", 2)[2], secret, "canary-password", PASSWORD, token)
    kept = [caplog.text.encode()]
    kept += [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    for canary in canaries:
        assert not any(canary.encode() in text for text in kept), canary


def test_pages_cannot_be_framed(service: TestClient, anna: str) -> None:
    _log_in(service)
    answer = service.get("/login/cli", params={"port": "1"}, headers={"accept": "text/html"})
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers.get("x-frame-options", "DENY") == "DENY"
    assert re.search("nosniff", answer.headers["x-content-type-options"])


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    close_stores()


def test_the_app_is_made_again_with_its_users(home: Path) -> None:
    """Sessions and tokens outlive a restart, and are good in every process."""
    options = ServiceOptions(store=f"sqlite:///{home}/store.db", auth="required")
    first, second = create_app(options), create_app(options)
    add_user(first.state.service.store, "anna", password=PASSWORD)
    one = TestClient(first, base_url="http://127.0.0.1:8080")
    two = TestClient(second, base_url="http://127.0.0.1:8080")
    _log_in(one)
    two.cookies.set(SESSION_COOKIE, one.cookies[SESSION_COOKIE])
    assert two.get("/api/v1/session").json()["user"] == "anna"
