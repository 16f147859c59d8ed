"""Every example of a body with each of its parts replaced by what nobody expects there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.tracking.connect import close_stores
from tests.api.client import TestClient
from tests.api.fuzzed import Fuzzed, fuzzed_service

pytestmark = pytest.mark.slow
_WRONG: tuple[Any, ...] = (None, [], {}, [None], "", "x", -1, 1.5, True, 10**400)
_SECRET = ("/session", "/users", "/tokens")
"""What costs a password's digest each time, or ends the caller's own session."""


@pytest.fixture
def fuzzed(home: Path) -> Iterator[Fuzzed]:
    """A filled service."""
    yield fuzzed_service(home)
    close_stores()


def _mutated(value: Any) -> Iterator[Any]:
    """The value with one part after the other replaced."""
    yield from _WRONG
    if isinstance(value, dict):
        for key, inner in value.items():
            yield {other: one for other, one in value.items() if other != key}
            for made in _mutated(inner):
                yield {**value, key: made}
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            for made in _mutated(inner):
                yield [*value[:at], made, *value[at + 1 :]]


def test_no_part_of_a_body_breaks_the_service(fuzzed: Fuzzed) -> None:
    wrong, sent = set(), 0
    with TestClient(
        fuzzed.app, headers=fuzzed.tokens["server"], raise_server_exceptions=False
    ) as client:
        for path, operations in fuzzed.app.openapi()["paths"].items():
            for method, operation in operations.items():
                body = operation.get("requestBody", {}).get("content", {}).get("application/json")
                examples = (body or {}).get("schema", {}).get("examples", ())
                if any(part in path for part in _SECRET):
                    continue
                address = path
                for row in operation.get("parameters", ()):
                    if row["in"] == "path":
                        address = address.replace(f"{{{row['name']}}}", str(row["example"]))
                for example in examples:
                    for made in _mutated(example):
                        answer = client.request(
                            method,
                            address,
                            content=json.dumps(made),
                            headers={"content-type": "application/json"},
                        )
                        sent += 1
                        if answer.status_code >= 500:
                            wrong.add(f"{method} {path}: {str(made)[:200]}")
    assert not wrong, f"{len(wrong)} of {sent}:\n" + "\n".join(sorted(wrong)[:40])
    assert sent > 2000
