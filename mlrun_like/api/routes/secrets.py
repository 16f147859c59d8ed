"""Secrets of projects: written and listed by name, never shown; values are for jobs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Body
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.access.audit import audit
from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.paging import paged
from mlrun_like.api.routes.bodies import document_in
from mlrun_like.api.routing import Needs, Routes, caller_of, store_of
from mlrun_like.api.secrets.vault import INTERNAL, names_data, secrets_of, set_secrets
from mlrun_like.errors import AccessDeniedError, InvalidArgumentError

__all__ = ["ROUTES"]

ROUTES = Routes("secrets", prefix="/projects/{project}")
_GIVEN = {"secrets": {"API_TOKEN": "a value", "OLD": None}}
_NAMES = {"name": "API_TOKEN", "updated": 1760000000.0, "updated_by": "anna"}
Given = Annotated[Any, Body(examples=[_GIVEN])]
_SECRET = {"cache-control": "no-store"}


@ROUTES.get(
    "/secrets",
    needs=Needs("secret", "read"),
    summary="List secrets without their values",
    examples={"secrets": [_NAMES], "pagination": {"page-token": None, "page-size": 100}},
)
def list_secrets(request: Request, project: str) -> Response:
    """Names of the secrets of a project, and who set them when."""
    shown, pagination = paged(
        names_data(store_of(request), project),
        request,
        key=lambda row: str(row["name"]),
        sorts={"updated": lambda row: row["updated"]},
    )
    return json_answer({"secrets": shown, "pagination": pagination})


@ROUTES.get(
    "/secret-keys",
    needs=Needs("secret", "read"),
    summary="List the names of secrets",
    examples={"provider": "service", "secret_keys": ["API_TOKEN"]},
)
def secret_keys(request: Request, project: str) -> Response:
    """The names only, in MLRun's form."""
    names = [row["name"] for row in names_data(store_of(request), project)]
    return json_answer({"provider": "service", "secret_keys": names})


@ROUTES.post(
    "/secrets",
    needs=Needs("secret", "create"),
    summary="Set secrets",
    status_code=201,
    examples={"secret_keys": ["API_TOKEN"]},
)
def post_secrets(request: Request, project: str, body: Given) -> Response:
    """Add or replace secrets; others stay. MLRun's form."""
    return _set(request, project, body, "create", 201)


@ROUTES.put(
    "/secrets",
    needs=Needs("secret", "update"),
    summary="Change secrets",
    examples={"secret_keys": ["API_TOKEN"]},
)
def put_secrets(request: Request, project: str, body: Given) -> Response:
    """Add or replace secrets, and remove those whose value is null; others stay."""
    return _set(request, project, body, "update", 200)


@ROUTES.delete(
    "/secrets",
    needs=Needs("secret", "delete"),
    summary="Delete secrets",
    status_code=204,
)
def delete_secrets(request: Request, project: str) -> Response:
    """Delete the secrets named by `secret` (repeated); without it all of the project."""
    store = store_of(request)
    asked = request.query_params.getlist("secret")
    held = {row.name for row in store.list_secrets(project) if not row.name.startswith(INTERNAL)}
    gone = sorted(held & set(asked)) if asked else sorted(held)
    store.put_secrets(project, [], gone)
    audit(request, "delete", "secret", project, ", ".join(gone)[:300], status=204)
    return Response(status_code=204)


@ROUTES.post(
    "/secrets/values",
    needs=Needs("secret", "run"),
    summary="Read the values, for a job",
    examples={"secrets": {"API_TOKEN": "a value"}},
)
def secret_values(request: Request, project: str) -> Response:
    """The values, for the token of a job: one with the scope `secrets`, or a service account's.

    People's sessions and tokens are refused, whatever their role is. Without login every program
    of this machine is a job, but no browser is.
    """
    caller = caller_of(request)
    browser = "sec-fetch-site" in request.headers or "origin" in request.headers
    program = caller.kind == "service" or (caller.kind == "local" and not browser)
    job = not {"secrets", "run"}.isdisjoint(caller.scopes)
    if not job and not program:
        raise AccessDeniedError(
            "the values of secrets are for jobs only",
            where=f"project {project!r}",
            fix="use a token with the scope secrets: mlrun-like service token create --scope "
            f"secrets --scope write --scope project:{project}",
        )
    values = dict(secrets_of(store_of(request), project))
    audit(request, "run", "secret", project, ", ".join(sorted(values))[:300])
    return json_answer({"secrets": values}, headers=_SECRET)


def _set(request: Request, project: str, body: Any, action: str, status: int) -> Response:
    values = document_in(body, "secrets").get("secrets")
    if not isinstance(values, dict):
        raise InvalidArgumentError('secrets are missing: {"secrets": {"NAME": "value"}}')
    store = store_of(request)
    set_secrets(store, project, values, caller_of(request).name)
    names = ", ".join(sorted(values))[:300]
    audit(request, action, "secret", project, names, status=status)
    return json_answer(
        {"secret_keys": [row["name"] for row in names_data(store, project)]}, status, _SECRET
    )
