"""Users of a service in a test."""

from __future__ import annotations

import itertools

from mlrun_like.api.access.accounts import add_user
from mlrun_like.api.access.members import set_member
from mlrun_like.api.access.tokens import make_token
from tests.api.client import TestClient

__all__ = ["PASSWORD", "person", "stranger"]

PASSWORD = "correct horse battery"
_NUMBERS = itertools.count(1)


def person(
    service: TestClient,
    role: str = "",
    project: str = "",
    *,
    scopes: tuple[str, ...] = (),
    name: str = "",
) -> TestClient:
    """A client of a new user with a role in a project, by a token."""
    store = service.app.state.service.store  # type: ignore[attr-defined]
    user = add_user(store, name or f"user{next(_NUMBERS)}", is_admin=role == "server")
    if role not in ("", "server"):
        set_member(store, project, user.name, role)
    token = make_token(store, user, "test", scopes=scopes)
    client = stranger(service)
    client.headers["authorization"] = f"Bearer {token.text}"
    return client


def stranger(service: TestClient) -> TestClient:
    """A client without token or cookie."""
    return TestClient(service.app, base_url=str(service.base_url), raise_server_exceptions=False)
