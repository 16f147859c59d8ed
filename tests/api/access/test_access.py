"""Tokens, who must log in, where requests come from, and what one project shows of another."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mlrun_like.api.access.accounts import UserChange, add_user, change_user, delete_user
from mlrun_like.api.access.caller import Caller
from mlrun_like.api.access.decide import allowed
from mlrun_like.api.access.limits import Limits
from mlrun_like.api.access.members import remove_member, set_member
from mlrun_like.api.access.mode import check_start, login_needed
from mlrun_like.api.access.origin import Proxies
from mlrun_like.api.access.showing import settings_data
from mlrun_like.api.access.tokens import make_token
from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError, ConflictError, InvalidArgumentError, RateLimitError
from mlrun_like.tracking.access_abilities import MemberRow
from mlrun_like.tracking.connect import close_stores
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.people import person, stranger

_AsUser = Callable[..., TestClient]
ME = "/api/v1/session"


@pytest.fixture
def service_options(home: Path) -> ServiceOptions:
    return ServiceOptions(store=f"sqlite:///{home}/store.db", auth="required")


@pytest.fixture(autouse=True)
def _closed(home: Path) -> Iterator[None]:
    yield
    close_stores()


def _bearer(text: str) -> dict[str, str]:
    return {"authorization": f"Bearer {text}"}


def test_a_token_is_sent_in_several_ways_and_works_until_it_is_revoked(
    service: TestClient, store: SqlStore
) -> None:
    user = add_user(store, "anna")
    made = make_token(store, user, "t")
    pair = base64.b64encode(f"anna:{made.text}".encode()).decode()
    for headers in (
        _bearer(made.text),
        {"authorization": f"Basic {pair}"},
        {"x-v3io-session-key": made.text},
    ):
        assert service.get(ME, headers=headers).json()["user"] == "anna"
    found = store.find_token(made.row.token_id)
    assert found is not None and found[0].used is not None
    assert made.text.split("_", 2)[2] not in found[0].hash
    boss = person(service, "server")
    path = f"/api/v1/users/anna/tokens/{made.row.token_id}"
    assert person(service).delete(f"/api/v1/tokens/{made.row.token_id}").status_code == 404
    assert boss.delete(path).status_code == 204
    assert service.get(ME, headers=_bearer(made.text)).status_code == 401


@pytest.mark.parametrize(
    "header",
    ["Bearer", "Bearer ", "Bearer x", "Bearer mlt_", "Basic !!!", "Basic", "Digest a=b", "x",
     "Bearer mlt_0123456789abcdef_" + "x" * 43, "Bearer " + "a" * 5000, "Bearer mlt_\x00_x"],
)  # fmt: skip
def test_a_header_that_is_no_token_lets_nobody_in(service: TestClient, header: str) -> None:
    raw = [(b"authorization", header.encode())]
    assert service.get(ME, headers=raw).status_code in (401, 431)


def test_tokens_end(service: TestClient, store: SqlStore) -> None:
    user = add_user(store, "anna")
    made = make_token(store, user, "t", seconds=0.01)
    time.sleep(0.02)
    assert service.get(ME, headers=_bearer(made.text)).status_code == 401
    kept = make_token(store, user, "t", seconds=0)
    assert kept.row.expires is None
    change_user(store, "anna", UserChange(disabled=True))
    assert service.get(ME, headers=_bearer(kept.text)).status_code == 401
    change_user(store, "anna", UserChange(disabled=False))
    delete_user(store, "anna")
    service.app.state.access.forget()  # type: ignore[attr-defined]
    assert service.get(ME, headers=_bearer(kept.text)).status_code == 401


def test_limited_tokens_make_no_others(service: TestClient, as_user: _AsUser) -> None:
    for scopes in (("write",), ("project:a",), ("read",), ("metrics",)):
        client = as_user("server", scopes=scopes)
        for path in ("/api/v1/tokens", "/api/v1/users/boss/tokens"):
            assert client.post(path, json={"name": "t"}).status_code in (403, 404)
    boss = as_user("server", name="boss")
    made = boss.post("/api/v1/tokens", json={"name": "t", "scopes": ["read"], "days": 1})
    assert made.status_code == 201 and "no-store" in made.headers["cache-control"]
    listed = boss.get("/api/v1/tokens").text
    assert made.json()["token"].split("_", 2)[2] not in listed


@pytest.mark.parametrize(
    "body",
    [{}, {"name": ""}, {"name": "x" * 201}, {"name": "t", "scopes": ["root"]},
     {"name": "t", "scopes": "read"}, {"name": "t", "scopes": [7]}, {"name": "t", "days": -1},
     {"name": "t", "days": "x"}, {"name": "t", "days": 1e300}, {"name": "t", "days": True},
     {"name": "t", "scopes": ["project:../x"]}, {"name": "t", "scopes": ["secrets"]}, [], 7],
)  # fmt: skip
def test_tokens_that_cannot_be(as_user: _AsUser, body: object) -> None:
    assert as_user().post("/api/v1/tokens", json=body).status_code in (400, 422)


def test_scopes_bound_what_roles_give() -> None:
    roles = {"a": "admin", "b": "viewer"}
    reading = Caller("u", roles=roles, scopes=frozenset({"read"}))
    assert allowed(reading, "a", "run", "read") and not allowed(reading, "a", "run", "create")
    only = Caller("u", is_admin=True, scopes=frozenset({"write", "project:a"}))
    assert allowed(only, "a", "run", "create") and not allowed(only, "b", "run", "read")
    assert only.visible == frozenset({"a"}) and not allowed(only, "", "user", "read")
    numbers = Caller("u", is_admin=True, scopes=frozenset({"metrics"}))
    assert numbers.visible == frozenset() and not allowed(numbers, "a", "run", "read")
    assert numbers.within("read", "", "metrics")
    nobody = Caller("", roles=roles)
    assert not allowed(nobody, "a", "run", "read")
    king = Caller("u", roles={"a": "king"})
    assert not allowed(king, "a", "run", "read") and king.visible == frozenset()
    assert not allowed(Caller("u", roles=roles), "a", "no such thing", "read")


def test_users_that_cannot_be(as_user: _AsUser) -> None:
    boss = as_user("server", name="boss")
    bodies: tuple[Any, ...] = (
        {"name": "a b"},
        {"name": ""},
        {"name": "x", "email": "none"},
        {"name": "x", "password": "short"},
        {"name": "x", "kind": "king"},
        {"name": "x", "kind": "service", "password": "long enough to be one"},
        {"name": "x", "is_admin": "yes"},
        {"name": "a\x00b"},
        {"name": 7},
        [],
    )
    for body in bodies:
        assert boss.post("/api/v1/users", json=body).status_code in (400, 422), body
    assert boss.post("/api/v1/users", json={"name": "x"}).status_code == 201
    assert boss.post("/api/v1/users", json={"name": "x"}).status_code == 409
    for change in ({"disabled": True}, {"is_admin": False}):
        assert boss.patch("/api/v1/users/boss", json=change).status_code == 409
    assert boss.delete("/api/v1/users/boss").status_code == 409


def test_a_project_keeps_an_admin(store: SqlStore) -> None:
    add_user(store, "anna")
    add_user(store, "ben")
    set_member(store, "p", "anna", "admin")
    with pytest.raises(ConflictError, match="no admin"):
        set_member(store, "p", "anna", "viewer")
    with pytest.raises(ConflictError, match="no admin"):
        remove_member(store, "p", "anna")
    set_member(store, "p", "ben", "admin")
    remove_member(store, "p", "anna")


def test_a_project_is_claimed_once_and_only_if_it_is_empty(store: SqlStore) -> None:
    def claim(project: str, user: str) -> bool:
        return store.claim_project(MemberRow(project, user, "manual", "admin", 0.0))

    assert claim("new", "u1") and not claim("new", "u2") and not claim("new", "u1")
    run = {"metadata": {"project": "old", "uid": "1" * 32, "name": "x"}, "spec": {}, "status": {}}
    store.store_run(run)
    assert not claim("old", "u1")
    store.store_project({"metadata": {"name": "doc"}, "spec": {}, "status": {}})
    assert not claim("doc", "u1")
    store.delete_project("new")
    assert store.list_members("new") == [] and claim("new", "u2")


# whether one must log in


@pytest.mark.parametrize(
    ("options", "users", "needed"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"auth": "none"}, True, False),
        ({"auth": "required"}, False, True),
        ({"host": "::1"}, False, False),
        ({"host": "0.0.0.0"}, True, True),
        ({"url": "https://ml.example.com"}, True, True),
        ({"host": "0.0.0.0", "auth": "none", "insecure": True}, False, False),
    ],
)
def test_who_must_log_in(options: dict[str, Any], users: bool, needed: bool) -> None:
    assert login_needed(ServiceOptions(**options), users) is needed


@pytest.mark.parametrize(
    "options",
    [
        {"host": "0.0.0.0"},
        {"host": "10.0.0.7"},
        {"host": "::"},
        {"host": "ml.example.com"},
        {"host": "0.0.0.0", "auth": "none"},
        {"url": "https://ml.example.com", "auth": "none"},
        {"auth": "required"},
        {"auth": "maybe"},
    ],
)
def test_what_would_be_open_to_all_does_not_start(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError) as caught:
        check_start(ServiceOptions(**options), False, False)
    assert caught.value.fix
    if options.get("auth") in (None, "required"):
        assert check_start(ServiceOptions(**options), False, True)


# where requests come from


class _Peer:
    def __init__(self, address: str, **headers: str) -> None:
        from starlette.datastructures import URL, Headers

        self.client = SimpleNamespace(host=address)
        self.headers = Headers({name.replace("_", "-"): text for name, text in headers.items()})
        self.url = URL("http://x/")


def test_headers_of_proxies_count_from_proxies_only() -> None:
    mine = Proxies("10.0.0.0/8, 127.0.0.1")

    def origin(address: str, **headers: str) -> Any:
        return mine.origin(_Peer(address, host="h", **headers))  # type: ignore[arg-type]

    found = origin("10.0.0.1", x_forwarded_for="6.6.6.6, 1.2.3.4, 10.0.0.9")
    assert found.address == "1.2.3.4"  # what the caller wrote itself, 6.6.6.6, does not count
    assert origin("1.2.3.4", x_forwarded_for="6.6.6.6", x_forwarded_proto="https").https is False
    assert origin("1.2.3.4", x_forwarded_for="6.6.6.6").address == "1.2.3.4"
    assert origin("::ffff:10.0.0.1", x_forwarded_for="1.2.3.4").address == "1.2.3.4"
    assert origin("10.0.0.1", x_forwarded_for="nonsense").address == "10.0.0.1"
    found = origin("10.0.0.1", x_forwarded_proto="https", x_forwarded_host="ml.example.com")
    assert found.url == "https://ml.example.com"
    with pytest.raises(ConfigError, match="no network"):
        Proxies("here")


def test_without_login_other_names_and_proxies_are_refused(home: Path) -> None:
    from mlrun_like.api.app import create_app

    app = create_app(ServiceOptions(store=f"sqlite:///{home}/store.db"))
    here = TestClient(app, base_url="http://localhost:8080")
    assert here.get(ME).json()["kind"] == "local"
    rebound = TestClient(app, base_url="http://evil.example:8080")
    assert rebound.get(ME).status_code == 400
    assert here.get(ME, headers={"x-forwarded-for": "1.2.3.4"}).status_code == 403
    crossed = {"origin": "https://evil.example", "content-type": "text/plain"}
    answer = here.post("/api/v1/users", content=b"{}", headers=crossed)
    assert answer.status_code == 403
    assert rebound.get("/healthz").status_code == 200


def test_names_of_the_service(service: TestClient, store: SqlStore, home: Path) -> None:
    from mlrun_like.api.app import create_app

    config.service_hosts = "ml.example.com"
    app = create_app(ServiceOptions(store=f"sqlite:///{home}/store.db", auth="required"))
    assert TestClient(app, base_url="http://ml.example.com:80").get(ME).status_code == 401
    assert TestClient(app, base_url="http://evil.example").get(ME).status_code == 400


# limits


def test_who_asks_too_often_must_wait() -> None:
    limits = Limits(10.0, 5.0)
    for _ in range(40):
        limits.caller("t1")
    with pytest.raises(RateLimitError) as caught:
        limits.caller("t1")
    assert caught.value.retry_after > 0
    limits.caller("t2")
    for number in range(100_000):
        limits.address(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(limits._addresses._left) <= 20_001
    Limits(0.0, 0.0).caller("x")


def test_an_address_without_login_is_limited(service: TestClient) -> None:
    access = service.app.state.access  # type: ignore[attr-defined]
    access.limits = Limits(0.0, 1.0)
    codes = [service.get(ME).status_code for _ in range(6)]
    assert codes[0] == 401 and codes[-1] == 429
    assert person(service).get(ME).status_code == 200


# what one project shows of another


def test_two_projects_with_the_same_names_do_not_mix(
    service: TestClient, store: SqlStore, as_user: _AsUser
) -> None:
    for project in ("mine", "theirs"):
        store.store_project({"metadata": {"name": project}, "spec": {}, "status": {}})
        store.store_run(
            {
                "metadata": {"project": project, "uid": "a" * 32, "name": "train"},
                "spec": {"parameters": {"canary": f"canary-{project}"}},
                "status": {"state": "completed", "start_time": "2026-01-01T00:00:00Z"},
            }
        )
    anna = as_user("viewer", "mine")
    pages = (
        *("/api/v1/runs", "/api/v1/projects", "/api/v1/project-summaries", "/api/v1/artifacts"),
        *("/api/v1/search?text=canary", "/api/v1/search?text=theirs", "/api/v1/background-tasks"),
        *("/api/v1/runs?project=*", "/api/v1/schedules", "/api/v1/model-endpoints"),
        *("/api/v1/projects/mine/runs", "/", "/api/v1/pipelines", "/api/v1/alerts"),
    )
    for path in pages:
        answer = anna.get(path)
        assert answer.status_code in (200, 400), (path, answer.text)
        told = answer.text.replace("text=theirs", "").replace('"text":"theirs"', "")
        assert "canary-theirs" not in told, path
        if "text=theirs" not in path:
            assert "theirs" not in told, path
    assert len(anna.get("/api/v1/runs").json()["runs"]) == 1
    hidden = anna.get(f"/api/v1/projects/theirs/runs/{'a' * 32}")
    nowhere = anna.get(f"/api/v1/projects/nowhere/runs/{'a' * 32}")
    assert hidden.status_code == nowhere.status_code == 404
    assert "etag" not in hidden.headers
    mine = anna.get(f"/api/v1/projects/mine/runs/{'a' * 32}")
    headers = {"if-none-match": mine.headers["etag"]}
    path = f"/api/v1/projects/theirs/runs/{'a' * 32}"
    assert anna.get(path, headers=headers).status_code == 404


def test_the_audit_log_says_who_did_what(service: TestClient, as_user: _AsUser) -> None:
    admin, viewer = as_user("admin", "p", name="anna"), as_user("viewer", "p", name="ben")
    assert viewer.put("/api/v1/projects/p/members/ben", json={"role": "admin"}).status_code == 403
    assert admin.put("/api/v1/projects/p/members/ben", json={"role": "developer"}).is_success
    assert stranger(service).post("/api/v1/tokens", json={}).status_code == 401
    boss = as_user("server", name="boss")
    lines = boss.get("/api/v1/audit").json()["lines"]
    told = [(row["user"], row["action"], row["resource"], row["status"]) for row in lines]
    assert told == [
        ("", "create", "token", 401),
        ("anna", "update", "member", 200),
        ("ben", "update", "member", 403),
    ]
    assert lines[1]["detail"] == {"role": "developer"} and lines[1]["name"] == "ben"
    assert lines[1]["address"] and lines[1]["request_id"]
    first = boss.get("/api/v1/audit?page-size=2").json()
    token = first["pagination"]["page-token"]
    rest = boss.get(f"/api/v1/audit?page-size=2&page-token={token}").json()
    assert [row["number"] for row in first["lines"] + rest["lines"]] == [3, 2, 1]
    assert rest["pagination"]["page-token"] is None
    for query in ("user=anna", "action=update&text=BEN", "project=p", "since=2026-01-01"):
        assert boss.get(f"/api/v1/audit?{query}").json()["lines"]
    assert boss.get("/api/v1/audit?until=2020-01-01").json()["lines"] == []
    for query in ("page-token=x", "since=never", "page-size=0"):
        assert boss.get(f"/api/v1/audit?{query}").status_code == 400
    assert len(admin.get("/api/v1/projects/p/audit").json()["lines"]) == 2


def test_settings_without_their_secrets(as_user: _AsUser) -> None:
    config.oidc_client_secret = config.service_secret_keys = config.token = "canary-1"
    config.dbpath = "postgresql://anna:canary-2@db/x"
    rows = {row["name"]: row for row in settings_data()}
    assert "canary" not in str(rows)
    assert rows["oidc_client_secret"]["value"] == "***"
    assert rows["dbpath"]["value"] == "postgresql://anna:***@db/x"
    assert "canary" not in as_user("server").get("/api/v1/settings?page-size=1000").text


def test_names_of_users_are_checked() -> None:
    for name in ("", "a b", "é", "x" * 200, "-a", "a\n", None, 7):
        with pytest.raises(InvalidArgumentError):
            add_user(None, name)  # type: ignore[arg-type]
