"""The whole API as its own documentation describes it; what does not fit it is in `test_fuzz`."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.result import Ok

from mlrun_like.tracking.connect import close_stores
from tests.api.access.asking import Answer
from tests.api.fuzzed import Fuzzed, fuzzed_service
from tests.api.fuzzing import wrong
from tests.api.pages.filled import PROJECT

pytestmark = [
    pytest.mark.slow,
    # threads of the service draw the length of their pauses while a request is being made up
    pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies"),
]
_EXAMPLES = 1
_SEED = 20
_STREAMS = ("/events", "/follow")
"""Answers that do not end."""


@pytest.fixture
def fuzzed(home: Path) -> Iterator[Fuzzed]:
    """A filled service that starts no runs."""
    yield fuzzed_service(home)
    close_stores()


def _asked(operation: Any, token: dict[str, str], mode: GenerationMode) -> list[str]:
    """Requests to one operation; those that were answered wrongly."""
    found: list[str] = []

    @seed(_SEED)
    @settings(max_examples=_EXAMPLES, deadline=None, database=None,
              phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy(mode))
    def ask(case: Any) -> None:
        if "project" in case.path_parameters:
            case.path_parameters["project"] = PROJECT
        got = case.call(headers=token, base_url="http://127.0.0.1:8080")
        given = (case.path_parameters, case.query, case.headers, case.body)
        asked = f"{case.method} {case.path} {given}"
        # texts are drawn from all modules that are imported, the one with the hints too
        problem = wrong(Answer(got.status_code, {}, got.content), sent=asked)
        if problem:
            found.append(f"{asked}: {problem}: {got.text[:400]}")

    ask()
    return found


def test_the_documented_api_has_no_fault(fuzzed: Fuzzed) -> None:
    chance = random.Random(_SEED)
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", fuzzed.app)
    found: list[str] = []
    asked: set[str] = set()
    for listed in schema.get_all_operations():
        assert isinstance(listed, Ok)
        operation = listed.ok()
        if operation.method == "get" and operation.path.endswith(_STREAMS):
            continue
        asked.add(operation.label)
        token = fuzzed.tokens[chance.choice(("developer", "server"))]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            # what takes nothing can be given nothing wrong
            with contextlib.suppress(Unsatisfiable):
                found += _asked(operation, token, mode)
    assert not found, found[:5]
    assert len(asked) > 200
