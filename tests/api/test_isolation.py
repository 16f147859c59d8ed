"""Two projects with things of the same names: nothing of one is told to a member of the other."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.api.access.accounts import add_user
from mlrun_like.api.access.members import set_member
from mlrun_like.api.access.tokens import make_token
from mlrun_like.tracking.base import ArtifactQuery, RunQuery
from mlrun_like.tracking.connect import close_stores
from mlrun_like.tracking.remote.protocol import METHODS, wire_of
from tests.api.access.asking import Answer, ask
from tests.api.fuzzed import Fuzzed, fuzzed_service
from tests.api.pages.filled import PROJECT

pytestmark = pytest.mark.slow
MARK = "kestrel-4711"
"""Stands in the records of the project, and in no request."""
OURS = "ours"
_PROJECTS = ("", "*", PROJECT, OURS, f"{OURS}/../{PROJECT}", f" {PROJECT}")
_NAMES = ("trainer", "nightly", "customers")
_QUERIES = ("", "?project=*", f"?project={PROJECT}", f"?q={MARK[:3]}")
_FILTERS = ("project", "projects", "query", "chosen")


class World:
    """A project full of marked things, another one with the same names, a member of each."""

    def __init__(self, service: Fuzzed) -> None:
        self.service = service
        store = service.store
        for project in ("fraud", "empty"):
            store.delete_project(project)
        _copy(service)
        self.members = {}
        for name, project in (("theirs", PROJECT), ("outsider", OURS)):
            user = add_user(store, name)
            set_member(store, project, name, "admin")
            token = make_token(store, user, "t").text
            self.members[name] = {"authorization": f"Bearer {token}"}

    def ask(self, who: str, requests: Sequence[tuple[str, str, bytes]]) -> list[Answer]:
        async def all_of_them() -> list[Answer]:
            headers = {**self.members[who], "accept-encoding": "identity"}
            return [
                await ask(self.service.app, method, path, headers, body)
                for method, path, body in requests
            ]

        return asyncio.run(all_of_them())


def _copy(service: Fuzzed) -> None:
    """The same names in our project; then a mark in all that theirs holds."""
    store = service.store
    for project, mark in ((OURS, ""), (PROJECT, MARK)):
        document = {**store.read_project(PROJECT), "status": {"state": "online"}}
        document["metadata"] = {**document["metadata"], "name": project, "labels": {"m": mark}}
        document["spec"] = {**document["spec"], "description": mark}
        store.store_project(document)
        for run in store.list_runs(RunQuery(project=PROJECT)):
            run = copy.deepcopy(run)
            run["metadata"] |= {"project": project}
            run["metadata"]["labels"] = {**run["metadata"].get("labels", {}), "mark": mark}
            run["spec"]["parameters"] = {"mark": mark}
            run["status"] |= {"results": {"mark": mark}, "error": mark, "artifact_uris": {}}
            store.store_run(run)
            store.append_log(project, run["metadata"]["uid"], f"{mark}\n".encode())
        for artifact in store.list_artifacts(ArtifactQuery(project=PROJECT)):
            artifact = copy.deepcopy(artifact)
            artifact["metadata"] |= {"project": project, "labels": {"mark": mark}}
            artifact["spec"] |= {"target_path": f"s3://{mark or 'ours'}/x"}
            store.store_artifact(artifact)
        for function in store.list_functions(PROJECT):
            function = copy.deepcopy(function)
            function["metadata"] |= {"project": project, "hash": ""}
            function["spec"]["description"] = mark
            store.store_function(function, tag="latest")
        for row in store.list_schedules(PROJECT):
            document = {**row, "project": project, "name": row["name"], "labels": {"mark": mark}}
            store.store_schedule(document, None)
        for kind in ("feature-set", "feature-vector"):
            for row in store.list_documents(kind, PROJECT):
                row = copy.deepcopy(row)
                row["metadata"] |= {"project": project, "labels": {"mark": mark}}
                store.store_document(kind, row)
    store.flush()


@pytest.fixture
def world(home: Path) -> Iterator[World]:
    """Made once for each test."""
    yield World(fuzzed_service(home))
    close_stores()


def _gets(world: World, project: str) -> list[tuple[str, str, bytes]]:
    """GET of each route, with names of things that are there."""
    names = world.service.names
    found = set()
    for route in world.service.routes:
        if "GET" not in (route.methods or ()):
            continue
        for at in range(2):
            path = re.sub(
                r"\{([^}]+)\}",
                lambda part, at=at: _nth(names.get(part[1]) or ["x"], at),  # type: ignore[misc]
                route.path.replace("{project}", project),
            )
            for query in (
                "",
                "?project=*",
                f"?project={PROJECT}",
                f"?q={MARK[:3]}",
                "?format=full",
            ):
                found.add(("GET", path + query, b""))
    return sorted(found)


def _nth(items: Sequence[str], at: int) -> str:
    return re.sub(r"[^\w./@-]", "x", items[at % len(items)])


def _calls() -> list[tuple[str, str, bytes]]:
    """Every reading method of the store, for all, theirs and ours, and mixed in each place."""
    found: list[tuple[str, str, bytes]] = []
    for row in METHODS.values():
        if row.kind != "read":
            continue
        for project, name in itertools.product(_PROJECTS, _NAMES):
            given = {
                key: value
                for key, parameter in wire_of(row.name, True).signature.parameters.items()
                if key != "self" and (parameter.default is parameter.empty or key in _FILTERS)
                for value in _values(key, project, project if row.where == ("name",) else name)
            }
            body = json.dumps(given).encode()
            if ("POST", f"/api/v1/store/{row.name}", body) not in found[-len(_NAMES) :]:
                found.append(("POST", f"/api/v1/store/{row.name}", body))
        for mixed in ([OURS, PROJECT], [PROJECT], ["*"], [OURS, ""]):
            query = {"query": {"project": OURS, "projects": mixed}}
            found.append(("POST", f"/api/v1/store/{row.name}", json.dumps(query).encode()))
    return found


def _values(key: str, project: str, name: str) -> Iterator[Any]:
    """What an argument is given; nothing of one that is not known here."""
    known: dict[str, Any] = {
        "project": project, "projects": [project], "query": {"project": project}, "chosen": {},
        "name": name, "key": "churn-model", "uid": "run-done", "endpoint": "e0", "uids": ["e0"],
        "kind": "feature-vector" if name == "nightly" else "feature-set",
        **dict.fromkeys(("since", "start", "now", "after", "offset"), 0), "end": 9e9, "limit": 100,
    }  # fmt: skip
    if key in known:
        yield known[key]


def test_nothing_is_told_to_a_member_of_another_project(world: World) -> None:
    requests = [*_gets(world, OURS), *_gets(world, PROJECT), *_calls()]
    told = [
        (request, answer.status)
        for request, answer in zip(requests, world.ask("outsider", requests), strict=True)
        if MARK.encode() in answer.body
        or any(MARK in value for value in answer.headers.values())
        or (answer.status < 400 and f'"project":"{PROJECT}"'.encode() in answer.body)
    ]
    assert not told, told[:10]


def test_it_would_be_seen(world: World) -> None:
    requests = [*_gets(world, PROJECT), *_calls()]
    seen = {
        request[1].partition("?")[0]
        for request, answer in zip(requests, world.ask("theirs", requests), strict=True)
        if MARK.encode() in answer.body
    }
    assert len([path for path in seen if path.startswith("/api/v1/projects/")]) > 15, sorted(seen)
    assert len([path for path in seen if path.startswith("/api/v1/store/")]) > 8, sorted(seen)
    assert {"/", "/api/v1/runs", "/api/v1/artifacts"} & seen


def test_errors_and_etags_are_those_of_what_is_not_there(world: World) -> None:
    """A project that exists and one that does not are told apart by nothing."""
    paths = [
        route.path
        for route in world.service.routes
        if "{project}" in route.path and "GET" in (route.methods or ())
    ]
    asked = [
        ("GET", re.sub(r"\{[^}]+\}", "train", path.replace("{project}", project)), b"")
        for path, project in itertools.product(paths, (PROJECT, "nobodys"))
    ]
    answers = world.ask("outsider", asked)
    hidden = re.compile(rb"[0-9a-f]{16}|nobodys|" + PROJECT.encode())
    for place in range(0, len(asked), 2):
        real, none = answers[place], answers[place + 1]
        assert real.status == none.status, asked[place]
        assert hidden.sub(b"", real.body) == hidden.sub(b"", none.body), asked[place]
        assert ("etag" in real.headers) == ("etag" in none.headers), asked[place]
