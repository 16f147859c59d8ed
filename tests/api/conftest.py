"""The service in a test: in this process, or as a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mlrun_like.api.app import create_app
from mlrun_like.api.options import ServiceOptions
from mlrun_like.tracking.connect import close_stores
from mlrun_like.tracking.store import SqlStore
from tests.api.client import TestClient
from tests.api.people import person
from tests.api.process.live import LiveService
from tests.servers import Postgres, postgres_server


@pytest.fixture
def service_options(home: Path) -> ServiceOptions:
    """How the service of a test runs; override it in a module for other options."""
    return ServiceOptions(store=f"sqlite:///{home}/store.db")


@pytest.fixture
def service(service_options: ServiceOptions) -> Iterator[TestClient]:
    """A client of an app in this process, with a store of its own (the fixture `store`).

    Nobody need log in.
    """
    app = create_app(service_options)
    with TestClient(app, base_url="http://127.0.0.1:8080", raise_server_exceptions=False) as client:
        yield client
    close_stores()


@pytest.fixture
def store(service: TestClient) -> SqlStore:
    """The store of `service`."""
    opened: SqlStore = service.app.state.service.store  # type: ignore[attr-defined]
    return opened


@pytest.fixture
def as_user(service: TestClient) -> Callable[..., TestClient]:
    """`as_user(role, project)`: a client of a new user with that role there, by a token.

    Role `""`: a user without any; `server`: an administrator of the service. `scopes=("read",)`
    limits the token, `name="anna"` names the user.
    """

    def make(
        role: str = "", project: str = "", scopes: tuple[str, ...] = (), name: str = ""
    ) -> TestClient:
        return person(service, role, project, scopes=scopes, name=name)

    return make


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL server for the session."""
    with postgres_server() as server:
        yield server


@pytest.fixture(scope="module")
def live_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """A real service in processes of its own, on a port; nobody need log in."""
    found = LiveService(tmp_path_factory.mktemp("live_service") / "home")
    try:
        yield found.start()
    finally:
        found.stop()
