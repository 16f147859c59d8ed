"""Every route of projects' resources with hostile names, queries and bodies: no fault of ours."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from mlrun_like.api.routing import GuardedRoute
from tests.api.client import TestClient

pytestmark = pytest.mark.slow

AREAS = (
    *("projects", "pipelines", "schedules", "feature_sets", "feature_vectors", "endpoints"),
    *("monitoring", "alerts", "incidents", "gateway", "gateway_trying", "hub", "grafana"),
)
NAMES = (
    "%00",
    "..",
    "%2e%2e%2fx",
    "%ff%fe",
    "a%0d%0ab",
    "x" * 3000,
    "*",
    "'; DROP TABLE runs;--",
    "-1",
)
BODIES: tuple[Any, ...] = (
    None, [], {}, 5, "x", True, {"a": {}}, {"metadata": {"name": "\x00"}}, {"metadata": []},
    {"metadata": {"name": 10**30}}, {"spec": None, "metadata": None}, {"name": {"$ne": 1}},
    {"shares": [{"version": 10**30}]}, {"targets": [{"target": {"a": 1}}]},
    {"entities": [[]]}, {"source": {"metadata": {"name": "a"}, "spec": {"path": 10**30}}},
)  # fmt: skip
QUERIES = (
    "page-size=-1", "page-token=AAAA", "sort=;", "limit=1e999", "name=%00", "label=%00=%00",
    "since=99999999999999999999", "start=nan", "state=%F0%9F%92%A9", "tag=%2e%2e", "uid=%27",
    "days=99999999999", "rows=-5", "type=%00", "name=~%25%5F",
)  # fmt: skip


def routes(area: str) -> Iterator[GuardedRoute]:
    """The routes of a module."""
    yield from importlib.import_module(f"mlrun_like.api.routes.{area}").ROUTES.made()


def filled(path: str, name: str) -> str:
    """A path with a project that is there, and this name for all else."""
    path = path.replace("{project}", "p")
    return re.sub(r"\{[a-z_]+\}", lambda _: name, path)


@pytest.mark.parametrize("area", AREAS)
def test_nothing_that_is_sent_makes_a_fault(service: TestClient, area: str) -> None:
    headers = {"content-type": "application/json"}
    bad = []
    for route in routes(area):
        if "/follow" in route.path:
            continue  # a stream
        for method in sorted((route.methods or set()) - {"HEAD"}):
            tries = [(filled(route.path, name), b"{}") for name in NAMES]
            tries += [(f"{filled(route.path, 'x')}?{query}", b"{}") for query in QUERIES]
            if method != "GET":
                tries = tries[:4]
                tries += [(filled(route.path, "x"), json.dumps(body).encode()) for body in BODIES]
                tries += [
                    (filled(route.path, "x"), b"\xff{"),
                    (filled(route.path, "x"), b"[" * 9999),
                ]
            for path, data in tries:
                content = data if method != "GET" else None
                answer = service.request(method, path, content=content, headers=headers)
                if answer.status_code >= 500 or "Traceback" in answer.text:
                    bad.append((method, path[:120], (content or b"")[:60], answer.text[:300]))
    assert not bad, bad[:10]
