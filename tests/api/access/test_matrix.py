"""Every route times every kind of caller: who gets in, and who learns nothing.

`expectations.txt` has a line for each route: the method, the path, and the least that it takes:

open       nobody need be logged in
reader     anybody who is logged in, also by a token that may only read
member     the same, by a token that may write
account    the same, by a token that is not limited to projects
viewer, developer, admin   that role in the project of the path
server     administrators of the service

A route without a line, or a line without a route, fails. Look at a new line before you add it.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.api.access.accounts import add_user
from mlrun_like.api.access.members import set_member
from mlrun_like.api.access.roles import LEAST, rank
from mlrun_like.api.access.tokens import make_token
from mlrun_like.api.app import create_app
from mlrun_like.api.guarding import GuardedRoute
from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config
from mlrun_like.tracking.connect import close_stores
from mlrun_like.tracking.store import SqlStore
from tests.api.access.asking import Answer, ask

_FILE = Path(__file__).with_name("expectations.txt")
_LEVELS = ("open", "reader", "member", "account", "viewer", "developer", "admin", "server")
_FOR_JOBS = ("POST", "/api/v1/projects/{project}/secrets/values")
_NUMBERS = ("GET", "/metrics")
_BY_SETTING = ("POST", "/api/v1/projects/{project}/feature-sets/{name}/ingest")
"""A setting keeps code off the service's own machine, whoever asks."""
Route = tuple[str, str]


def _expected() -> dict[Route, str]:
    rows: dict[Route, str] = {}
    for line in _FILE.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            method, path, level = line.split()
            assert level in _LEVELS, line
            rows[method, path] = level
    return rows


def _routes(app: Any) -> dict[Route, GuardedRoute]:
    return {
        (method, route.path): route
        for route in app.router.routes
        if isinstance(route, GuardedRoute)
        for method in route.methods or ()
    }


class World:
    """A service with two projects and one caller of each kind."""

    def __init__(self, store: SqlStore, app: Any) -> None:
        self.app = app
        self.tokens: dict[str, str] = {"nobody": ""}
        boss = add_user(store, "boss", is_admin=True)
        self.tokens["server"] = make_token(store, boss, "t").text
        for name in ("norole", "viewer", "developer", "admin"):
            user = add_user(store, name)
            if name != "norole":
                set_member(store, "p1", name, name)
            self.tokens[name] = make_token(store, user, "t").text
            if name == "admin":
                set_member(store, "p2", name, "admin")
                self.tokens["reading"] = make_token(store, user, "t", scopes=["read"]).text
                self.tokens["elsewhere"] = make_token(
                    store, user, "t", scopes=["write", "project:p2"]
                ).text
        for name in ("p1", "p2"):
            store.store_project({"metadata": {"name": name}, "spec": {}, "status": {}})

    async def ask(self, who: str, method: str, path: str, project: str = "p1") -> Answer:
        address = re.sub(r"\{[^}]+\}", "7", path.replace("{project}", project))
        # what is really there is not changed: the handler is never reached where it could be
        headers = {"if-match": '"another"'} if method in ("PUT", "PATCH", "DELETE") else {}
        if self.tokens[who]:
            headers["authorization"] = f"Bearer {self.tokens[who]}"
        return await ask(self.app, method, address, headers)


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    config.service_rate_limit = config.service_rate_limit_address = 0.0
    config.service_auth_cache = 600.0
    options = ServiceOptions(store=f"sqlite:///{home}/store.db", auth="required")
    app = create_app(options)
    yield World(app.state.service.store, app)
    close_stores()


def _verdict(who: str, level: str, route: Route) -> str:
    """What a caller shall get: `in`, `login` (401), `hidden` (404, no such project), `no` (403)."""
    if level == "open":
        return "in"
    if who == "nobody":
        return "login"
    if who == "server":
        return "in"
    if rank(level):
        if who == "norole" or who == "elsewhere":
            return "hidden"
        if who == "reading":
            return "scope"
        return "in" if rank(who) >= rank(level) else "no"
    if level == "server":
        return "no"
    if who == "reading":
        return "in" if level == "reader" else "no"
    return "no" if who == "elsewhere" and level == "account" else "in"


def _wrong(verdict: str, route: Route, answer: Answer, unknown: str) -> str:
    status, code = answer.status, answer.detail.get("code", "")
    what = str(answer.detail.get("what", ""))
    if status == 0 or (status >= 500 and status != 503):
        return f"answered {status}"
    if verdict == "in":
        outside = what.startswith(("nobody is logged in", "there is no project 'p1'"))
        refused = status == 403 and route not in (_FOR_JOBS, _NUMBERS, _BY_SETTING)
        return f"got {status} {what}" if outside or refused else ""
    if verdict == "login":
        page = status == 303 and answer.headers.get("location", "").startswith("/login")
        return "" if page or (status, code) == (401, "unauthorized") else f"got {status} {what}"
    if verdict == "hidden":
        return "" if status == 404 and what == unknown else f"got {status} {what}"
    return "" if (status, code) == (403, "access_denied") else f"got {status} {what}"


def test_every_route_has_an_expectation(world: World) -> None:
    expected, found = _expected(), _routes(world.app)
    missing = sorted(set(found) - set(expected))
    assert not missing, f"say in {_FILE.name} who may: {missing}"
    stale = sorted(set(expected) - set(found))
    assert not stale, f"remove from {_FILE.name}: {stale}"


def test_what_routes_need_is_in_the_table_of_roles(world: World) -> None:
    for (method, path), route in _routes(world.app).items():
        needs = route.needs
        if needs.scope == "project":
            assert needs.action in LEAST.get(needs.resource, {}), (method, path, needs)


def test_reading_is_never_a_route_that_changes(world: World) -> None:
    """A role that reads gets in by GET, or by a POST that only asks; those are listed here."""
    asking = {
        "/api/v1/projects/{project}/feature-vectors/{name}/get",
        "/projects/{project}/features/vectors/{name}/lookup",
        "/api/v1/store/operations",
        "/api/v1/store/{method}",
        # a cookie with colours; and one whose form says the project, which the handler checks
        "/account/theme",
        "/hub/{source}/{name}/use",
    }
    for (method, path), level in _expected().items():
        if level in ("viewer", "reader") and method != "GET":
            assert path in asking or "/grafana-proxy/" in path, (method, path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "who",
    ["nobody", "norole", "viewer", "developer", "admin", "server", "reading", "elsewhere"],
)
def test_the_matrix(world: World, who: str) -> None:
    expected = _expected()
    chosen = os.environ.get("MATRIX_ROUTE", "")

    async def run() -> list[str]:
        found = []
        routes = _routes(world.app)
        for route, level in expected.items():
            if chosen and chosen not in route[1]:
                continue
            verdict = _verdict(who, level, route)
            answer = await world.ask(who, *route)
            if verdict == "scope":
                # pages that ask before they change something are no reading
                verdict = "in" if routes[route].needs.action == "read" else "no"
            wrong = _wrong(verdict, route, answer, "there is no project 'p1'")
            if wrong:
                found.append(f"{' '.join(route)} [{level}] for {who}: wanted {verdict}, {wrong}")
        return found

    wrong = asyncio.run(run())
    assert not wrong, "\n" + "\n".join(wrong)


@pytest.mark.slow
def test_a_hidden_project_answers_like_none(world: World) -> None:
    """Same status, same words, same headers: nobody can tell whether there is such a project."""

    async def run() -> None:
        for (method, path), level in _expected().items():
            if not rank(level):
                continue
            there = await world.ask("norole", method, path, "p2")
            nowhere = await world.ask("norole", method, path, "p9")
            assert there.status == nowhere.status == 404, (method, path)
            same = there.detail["what"].replace("p2", "?") == nowhere.detail["what"].replace(
                "p9", "?"
            )
            assert same, (method, path)
            assert set(there.headers) == set(nowhere.headers), (method, path)

    asyncio.run(run())
