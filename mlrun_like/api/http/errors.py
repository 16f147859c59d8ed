"""Every error as the same body, whoever raised it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from mlrun_like.api.http.answers import json_answer
from mlrun_like.api.http.methods import methods_of
from mlrun_like.errors import MLRunLikeError, RateLimitError, StoreUnavailableError

__all__ = ["ERROR_ANSWERS", "PageOfProblem", "error_answer", "error_body", "take_errors"]

PageOfProblem = Callable[[Request, int, dict[str, Any], dict[str, str]], Response]
_PLACE = re.compile(r",? ?\b(?:in )?(?:sqlite|postgresql|postgres)(?:\+\w+)?://[^\s,;]*")
_log = logging.getLogger(__name__)
_CODES = {
    400: "invalid_argument",
    401: "unauthorized",
    403: "access_denied",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    414: "too_large",
    415: "invalid_argument",
    422: "invalid_argument",
    429: "rate_limit",
    431: "too_large",
    503: "overloaded",
}
_EXAMPLE = {
    "detail": {
        "reason": "there is no run 'abc'",
        "code": "not_found",
        "what": "there is no run 'abc'",
        "where": "project 'default'",
        "fix": "",
    },
    "request_id": "0f6c1d2e3a4b5c6d",
}
ERROR_ANSWERS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "What is wrong, where, and how to fix it.",
        "content": {"application/json": {"example": _EXAMPLE}},
    },
}
"""The errors that any route may answer, for the documentation."""


def error_body(
    what: str, code: str, *, where: str = "", fix: str = "", request_id: str = ""
) -> dict[str, Any]:
    """The body of an error.

    >>> error_body("no such run", "not_found")["detail"]["code"]
    'not_found'
    """
    detail = {"reason": what, "code": code, "what": what, "where": where, "fix": fix}
    return {"detail": detail, "request_id": request_id}


def error_answer(request: Request, error: Exception) -> Response:
    """The answer to a request that raised this."""
    request_id = request.scope.get("mlrun_like.request_id", "")
    headers: dict[str, str] = {}
    if isinstance(error, MLRunLikeError):
        status = error.status
        if isinstance(error, RateLimitError):
            headers["retry-after"] = str(max(1, round(error.retry_after)))
        if status == 401:
            headers["www-authenticate"] = "Bearer"
        what = error.what
        if isinstance(error, StoreUnavailableError) and _PLACE.search(error.where):
            _log.warning("request %s: %s", request_id, error)
            what = "the service cannot reach its store"
        body = error_body(
            _public(what),
            error.code,
            where=_public(error.where),
            fix=_public(error.fix),
            request_id=request_id,
        )
    elif isinstance(error, RequestValidationError):
        status = 422
        body = error_body(_sentence(error), "invalid_argument", request_id=request_id)
    elif isinstance(error, HTTPException):
        status = error.status_code
        headers.update(error.headers or {})
        code = _CODES.get(status, "error" if status < 500 else "internal")
        body = error_body(str(error.detail), code, request_id=request_id)
    else:
        _log.error("request %s failed", request_id, exc_info=error)
        status = 500
        body = error_body(
            "the service made a mistake",
            "internal",
            fix=f"look for request {request_id} in the service's log",
            request_id=request_id,
        )
    page = _page_for(request)
    if page is not None:
        return page(request, status, body, headers)
    return json_answer(body, status, headers)


def _public(text: str) -> str:
    """Without the address of the service's own store, which is nobody's business."""
    return _PLACE.sub("", text) if "://" in text else text


def _page_for(request: Request) -> PageOfProblem | None:
    """Who makes pages of errors, for people with a browser."""
    if request.scope["path"].startswith("/api/") or "app" not in request.scope:
        return None
    if "text/html" not in request.headers.get("accept", ""):
        return None
    found: PageOfProblem | None = getattr(request.app.state, "problem_page", None)
    return found


async def _answer(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code == 405:
        allow = ", ".join(methods_of(request))
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"allow": allow})
        what = f"{request.method} is not possible here"
        error = HTTPException(405, what, headers={"allow": allow})
    return error_answer(request, error)


def take_errors(app: FastAPI) -> None:
    """Let an app answer all errors with the one body."""
    for kind in (MLRunLikeError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _answer)


def _sentence(error: RequestValidationError) -> str:
    parts = []
    for item in error.errors()[:5]:
        place = ".".join(str(part) for part in item.get("loc", ()))
        parts.append(f"{place}: {item.get('msg', '')}")
    return "; ".join(parts) or "the request cannot be read"
