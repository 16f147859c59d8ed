"""Thousands of hostile requests: no fault of the service, nothing of its inside is told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.tracking.connect import close_stores
from tests.api.fuzzed import Fuzzed, fuzzed_service
from tests.api.fuzzing import Fuzzer, fuzz

pytestmark = pytest.mark.slow
_COUNT = 1500


@pytest.fixture
def fuzzed(home: Path) -> Iterator[Fuzzed]:
    """A filled service that starts no runs."""
    yield fuzzed_service(home)
    close_stores()


@pytest.mark.parametrize("role", ["developer", "server"])
def test_nothing_that_is_sent_makes_a_fault(fuzzed: Fuzzed, role: str) -> None:
    seed = 20  # `bench/service/fuzz.py` goes on with others
    requests = iter(Fuzzer(seed, fuzzed.routes, fuzzed.names))
    found = asyncio.run(fuzz(fuzzed.app, requests, _COUNT, fuzzed.tokens[role], fuzzed.places))
    assert not found, f"python bench/service/fuzz.py --seed {seed}: {found[:5]}"


def test_the_fuzzer_is_let_in_and_sees_faults(fuzzed: Fuzzed) -> None:
    """It would find something: many of its requests are taken, and a fault is told."""
    requests = Fuzzer(1, fuzzed.routes, fuzzed.names)
    statuses: list[int] = []

    async def seen() -> None:
        for _ in range(300):
            sent = requests.request()
            found = await fuzz(
                fuzzed.app, iter([sent]), 1, fuzzed.tokens["developer"], ["detail", "html", "{"]
            )
            statuses.append(400 if found else 200)

    asyncio.run(seen())
    assert 30 < statuses.count(200) < 270
    project = next(route for route in fuzzed.routes if route.path.endswith("/api/v1/projects"))

    def broken() -> None:
        raise ZeroDivisionError("inside")

    project.dependant.call = broken
    found = asyncio.run(
        fuzz(fuzzed.app, iter(Fuzzer(2, [project], fuzzed.names)), 40, fuzzed.tokens["server"], [])
    )
    assert any("500" in problem for problem, _, _ in found)
