"""In whose name runs on engines speak to the service, when no caller waits for them.

A schedule belongs to its project, and goes on when its maker has left. So its runs have the token
of a service account of the project, `schedules.<project>`: a developer there and nowhere else.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

from mlrun_like.api.access.accounts import add_user
from mlrun_like.api.access.members import set_member
from mlrun_like.api.access.tokens import make_token, revoke_token, run_scopes
from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, MLRunLikeError
from mlrun_like.runs.job import Way, jobs_go
from mlrun_like.tracking.access_abilities import UserRow
from mlrun_like.tracking.store import SqlStore

__all__ = ["as_project", "reached_at", "schedules_account"]

_WEEK = 7 * 86_400.0
_ANY = ("0.0.0.0", "::", "")


def reached_at(options: ServiceOptions) -> str:
    """Where runs elsewhere reach the service; empty: nowhere, as it listens on loopback.

    >>> reached_at(ServiceOptions(url="https://ml.example.org/")), reached_at(ServiceOptions())
    ('https://ml.example.org', '')
    """
    if options.url:
        return options.url.rstrip("/")
    if options.loopback or not options.port:
        return ""
    host = socket.gethostname() if options.host in _ANY else options.host
    shown = f"[{host}]" if ":" in host else host
    return f"{'https' if options.tls_cert else 'http'}://{shown}:{options.port}"


@contextlib.contextmanager
def as_project(store: SqlStore, project: str, address: str) -> Iterator[None]:
    """Runs that are started in this block, in this thread, reach the service as their project.

    Args:
        store: Where users are.
        project: The project.
        address: The service's; empty: nothing changes.

    Raises:
        ConflictError: if a person has the account's name.
    """
    if not config.guarded or not address:
        yield
        return
    account = schedules_account(store, project)
    token = make_token(
        store, account, f"run in {project}", scopes=run_scopes(project), seconds=_WEEK
    )
    try:
        with jobs_go(Way(address, token.text)):
            yield
    finally:
        with contextlib.suppress(MLRunLikeError):  # it ends by itself
            revoke_token(store, token.row.token_id)


def schedules_account(store: SqlStore, project: str) -> UserRow:
    """The account in whose name the schedules of a project run; made when it is missing.

    Raises:
        ConflictError: if a person has its name.
    """
    name = f"schedules.{project}"
    account = store.find_user(name=name)
    if account is None:
        with contextlib.suppress(ConflictError):  # another process was first
            add_user(store, name, kind="service")
        account = store.find_user(name=name)
    if account is None or account.kind != "service" or account.disabled:
        raise ConflictError(
            f"the account {name!r} of the project's schedules cannot be used",
            fix="it is disabled, or a person's: mlrun-like service user list",
        )
    if not any(row.project == project for row in store.list_members(user_id=account.user_id)):
        set_member(store, project, name, "developer")
    return account
