"""A service with the routes of the store's protocol only: it is made in a moment."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from mlrun_like.api.app import create_app
from mlrun_like.api.options import ServiceOptions
from mlrun_like.tracking.connect import close_stores
from tests.api.client import TestClient
from tests.services import RPC


@pytest.fixture
def service(service_options: ServiceOptions) -> Iterator[TestClient]:
    """A client of an app in this process; nobody need log in."""
    app = create_app(service_options, RPC)
    with TestClient(app, base_url="http://127.0.0.1:8080", raise_server_exceptions=False) as client:
        yield client
    close_stores()
