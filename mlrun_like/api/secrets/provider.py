"""The provider `service`: secrets that the service of the team keeps.

On a client it asks the service (`dbpath` is its address). Values come back for jobs only: for
tokens with the scope `secrets`, and for service accounts. On the service's own machine it reads
them from the store.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import HTTPRedirectHandler, HTTPSHandler, Request, build_opener

from mlrun_like.configuration import config
from mlrun_like.errors import (
    AccessDeniedError,
    ConflictError,
    InvalidArgumentError,
    NotFoundError,
    StoreUnavailableError,
    UnauthorizedError,
)
from mlrun_like.names import check_project
from mlrun_like.projects.secrets import SecretProvider, Secrets
from mlrun_like.registry import require
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.remote.credentials import service_address
from mlrun_like.tracking.remote.trust import service_tls

__all__ = ["ServiceSecrets"]

_TIMEOUT = 30.0
_MOST = 4 << 20
_ERRORS = {401: UnauthorizedError, 403: AccessDeniedError, 404: NotFoundError}


class _NoRedirect(HTTPRedirectHandler):
    """A token goes to the address that was set, nowhere else."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


class ServiceSecrets(SecretProvider):
    """See SecretProvider."""

    def read(self, project: str) -> Mapping[str, str]:
        """All secrets of a project, for a job; without the right to see values: none.

        Raises:
            StoreUnavailableError: if the service cannot be reached.
        """
        check_project(project)
        base, token = service_address()
        if not base:
            found: Mapping[str, str] = _vault().secrets_of(open_store(), project)
            return found
        path = f"/projects/{quote(project, safe='')}/secrets/values"
        try:
            answer = _ask(base, token, "POST", path, {})
        except (AccessDeniedError, NotFoundError):
            # a person's own program: it works with what it has in its environment
            return Secrets({})
        values = answer.get("secrets")
        return Secrets(values if isinstance(values, dict) else {})

    def write(self, project: str, values: Mapping[str, str | None]) -> None:
        """See SecretProvider. Needs the role admin.

        Raises:
            AccessDeniedError: if the caller is none.
        """
        check_project(project)
        base, token = service_address()
        if not base:
            _vault().set_secrets(open_store(), project, values)
            return
        path = f"/projects/{quote(project, safe='')}/secrets"
        _ask(base, token, "PUT", path, {"secrets": dict(values)})


def _vault() -> Any:
    require("cryptography", extra="service", feature="secrets of the service")
    return import_module("mlrun_like.api.secrets.vault")


def _ask(base: str, token: str, method: str, path: str, body: Any) -> dict[str, Any]:
    headers = {"content-type": "application/json", "accept": "application/json"}
    if token:
        headers["authorization"] = token
    data = json.dumps(body).encode()
    # the address is the setting's, http or https
    request = Request(f"{base}/api/v1{path}", data, headers, method=method)
    try:
        opener = build_opener(_NoRedirect, HTTPSHandler(context=service_tls()))
        with opener.open(request, timeout=_timeout()) as answer:
            text = answer.read(_MOST)
    except HTTPError as exc:
        raise _error(exc, base) from None
    except (URLError, OSError) as exc:
        raise StoreUnavailableError(
            f"the service cannot be reached: {type(exc).__name__}",
            where=base,
            fix="start it: mlrun-like service start",
        ) from exc
    try:
        found = json.loads(text) if text else {}
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise StoreUnavailableError("what answers is no service of ours", where=base)
    return found


def _timeout() -> float:
    return min(_TIMEOUT, float(config.remote_timeout) or _TIMEOUT)


def _error(exc: HTTPError, base: str) -> Exception:
    try:
        detail = json.loads(exc.read(1 << 16))["detail"]
        what, fix = str(detail["reason"]), str(detail.get("fix", ""))
    except (ValueError, KeyError, TypeError, OSError):
        what, fix = f"the service answers {exc.code}", ""
    if exc.code >= 500 or exc.code == 429:
        return StoreUnavailableError(what, where=base, fix=fix)
    if exc.code == 409:
        return ConflictError(what, where=base, fix=fix)
    return _ERRORS.get(exc.code, InvalidArgumentError)(what, where=base, fix=fix)
