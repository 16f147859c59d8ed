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
from tests.api.fuzzed import Fuzzed, fuzzed_service
from tests.api.fuzzing import HINTS
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
    wrong: list[str] = []

    @seed(_SEED)
    @settings(max_examples=_EXAMPLES, deadline=None, database=None,
              phases=[Phase.generate], suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(case=operation.as_strategy(mode))
    def ask(case: Any) -> None:
        if "project" in case.path_parameters:
            case.path_parameters["project"] = PROJECT
        answer = case.call(headers=token, base_url="http://127.0.0.1:8080")
        text = answer.text if answer.status_code >= 400 else ""
        if answer.status_code >= 500 or any(hint in text for hint in HINTS):
            wrong.append(f"{case.method} {case.formatted_path} {case.query} {case.body}: {text}")

    ask()
    return wrong


def test_the_documented_api_has_no_fault(fuzzed: Fuzzed) -> None:
    chance = random.Random(_SEED)
    schema = schemathesis.openapi.from_asgi("/api/v1/openapi.json", fuzzed.app)
    wrong: list[str] = []
    asked: set[str] = set()
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.method == "get" and operation.path.endswith(_STREAMS):
            continue
        asked.add(operation.label)
        token = fuzzed.tokens[chance.choice(("developer", "server"))]
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            # what takes nothing can be given nothing wrong
            with contextlib.suppress(Unsatisfiable):
                wrong += _asked(operation, token, mode)
    assert not wrong, wrong[:5]
    assert len(asked) > 200
