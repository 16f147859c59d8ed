"""The contract suite's fixtures: every test runs once for each kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.tracking.connect import close_stores
from tests.contract.kinds import ROWS, Place, Row
from tests.contract.stage import Stage


@pytest.fixture(
    scope="session",
    params=[
        pytest.param(row, id=row.name, marks=[pytest.mark.slow] if row.slow else []) for row in ROWS
    ],
)
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """A kind whose engine runs; it stops when the last test of the kind is over."""
    row: Row = request.param
    folder = tmp_path_factory.mktemp(row.name)
    home = tmp_path_factory.mktemp("home")
    with config.override(home=str(home)), row.start(folder) as ready:
        yield ready


@pytest.fixture
def stage(
    place: Place, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stage]:
    """Runs at the place, recorded in a store of the test's own; relative paths are the test's."""
    monkeypatch.chdir(tmp_path)
    with config.override(**place.settings):
        stage = Stage(place, tmp_path)
        try:
            yield stage
        finally:
            stage.close()
            close_stores()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """An ability that a kind's row says it lacks is a strict xfail."""
    for item in items:
        if not isinstance(item, pytest.Function) or not hasattr(item, "callspec"):
            continue
        row = item.callspec.params.get("place")
        reason = row.lacks.get(item.originalname[5:]) if isinstance(row, Row) else None
        if reason:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))
