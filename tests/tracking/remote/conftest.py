"""Services of tests: over a socket of this process, or as processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.tracking.remote.store import RemoteStore
from tests.services import Services, Started


@pytest.fixture
def remote(services: Services, home: Path) -> Iterator[RemoteStore]:
    """An empty store behind a service."""
    store = RemoteStore.at(services.new(f"sqlite:///{home / 'service.db'}"))
    yield store
    store.close()


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Started]:
    """A service that is a process, not started yet."""
    found = Started(tmp_path / "service", f"sqlite:///{tmp_path}/service/store.db")
    try:
        yield found
    finally:
        found.kill()
