"""The pages that an application has beside the graph: health, metrics, documentation."""

from __future__ import annotations

from collections.abc import Callable
from importlib.resources import files
from typing import TYPE_CHECKING

from mlrun_like.registry import resolve
from mlrun_like.serving.event import Response
from mlrun_like.serving.web.openapi import openapi_document

if TYPE_CHECKING:
    from mlrun_like.serving.server import GraphServer
    from mlrun_like.serving.web.options import WebOptions
    from mlrun_like.serving.web.request import RawHeaders

__all__ = ["OPEN", "pages_of", "wants_html"]

Page = Callable[["GraphServer", "WebOptions"], Response]


def _live(server: GraphServer, options: WebOptions) -> Response:
    return Response({"status": "ok"})


def _ready(server: GraphServer, options: WebOptions) -> Response:
    return Response({"status": "ok"}) if server.ready else Response({"status": "not ready"}, 503)


def _v2_live(server: GraphServer, options: WebOptions) -> Response:
    return Response({"live": True})


def _v2_ready(server: GraphServer, options: WebOptions) -> Response:
    ready = server.is_ready()
    return Response({"ready": ready}, 200 if ready else 503)


def _metrics(server: GraphServer, options: WebOptions) -> Response:
    render = resolve("mlrun_like.serving.observe.metrics:render")
    return Response(render(server), content_type="text/plain; version=0.0.4; charset=utf-8")


def _openapi(server: GraphServer, options: WebOptions) -> Response:
    return Response(openapi_document(server.graph, server.plan, token=bool(options.token)))


def _docs(server: GraphServer, options: WebOptions) -> Response:
    page = files("mlrun_like.serving.web").joinpath("page.html").read_bytes()
    headers = {
        "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; "
        "script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-cache",
    }
    return Response(page, headers=headers, content_type="text/html; charset=utf-8")


OPEN = frozenset({_live, _ready, _v2_live, _v2_ready, _docs})
"""Pages that need no token: orchestrators have none, and the page to try the graph asks for it."""

_ALWAYS: dict[str, Page] = {
    "/healthz": _live,
    "/readyz": _ready,
    "/v2/health/live": _v2_live,
    "/v2/health/ready": _v2_ready,
}
_OPTIONAL: dict[str, Page] = {
    "/metrics": _metrics,
    "/openapi.json": _openapi,
    "/docs": _docs,
}


def pages_of(*, optional: bool) -> dict[str, Page]:
    """Pages by path."""
    return {**_ALWAYS, **_OPTIONAL} if optional else dict(_ALWAYS)


def wants_html(headers: RawHeaders) -> bool:
    """Whether a person's browser asks, rather than a program."""
    return any(name == b"accept" and b"text/html" in value for name, value in headers)
