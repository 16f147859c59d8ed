"""The one way to declare a route: path, handler, and what a caller needs for it.

A module of routes makes one `Routes` and declares handlers with it; `create_app` takes the table of
modules. A route that was not declared here is refused when the app is made, so none can be left
without a check of access.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from mlrun_like.api.guarding import GuardedRoute, Needs
from mlrun_like.api.http.errors import ERROR_ANSWERS
from mlrun_like.api.state import caller_of, options_of, state_of, store_of
from mlrun_like.errors import FunctionError

__all__ = [
    "API",
    "GuardedRoute",
    "Needs",
    "Routes",
    "caller_of",
    "options_of",
    "state_of",
    "store_of",
]

API = "/api/v1"
"""Where the JSON API begins; `Routes` puts it before every path that is no page."""

_Handler = TypeVar("_Handler", bound=Callable[..., Any])


@dataclass(frozen=True)
class _Declared:
    path: str
    endpoint: Callable[..., Any]
    methods: tuple[str, ...]
    needs: Needs
    extra: Mapping[str, Any]


class Routes:
    """The routes of one module.

    Args:
        tag: The noun under which the documentation shows them.
        prefix: What all paths begin with, after `/api/v1`.
        page: Whether these are pages: not below `/api/v1`, and not in the documentation.

    >>> from starlette.responses import Response
    >>> ROUTES = Routes("greetings", prefix="/projects/{project}/greetings")
    >>> @ROUTES.get("", needs=Needs("run", "read"), summary="Greet")
    ... def greet(project: str) -> Response: ...
    """

    def __init__(self, tag: str, *, prefix: str = "", page: bool = False) -> None:
        self.tag = tag
        self.prefix = prefix if page else API + prefix
        self.page = page
        self._declared: list[_Declared] = []
        self._made: list[GuardedRoute] = []

    def get(
        self, path: str, *, needs: Needs, summary: str, **more: Any
    ) -> Callable[[_Handler], _Handler]:
        """Declare who answers GET and HEAD.

        Args:
            path: What follows the prefix.
            needs: What a caller needs.
            summary: For the documentation.
            more: `examples` (a body for the documentation), `responses`, `name`, `max_body` (bytes;
                0: the handler has its own limits), `timeout` (seconds; 0: any), and FastAPI's.
        """
        return self._declare(path, ("GET",), needs, summary, more)

    def post(
        self, path: str, *, needs: Needs, summary: str, **more: Any
    ) -> Callable[[_Handler], _Handler]:
        """Declare who answers POST."""
        return self._declare(path, ("POST",), needs, summary, more)

    def put(
        self, path: str, *, needs: Needs, summary: str, **more: Any
    ) -> Callable[[_Handler], _Handler]:
        """Declare who answers PUT."""
        return self._declare(path, ("PUT",), needs, summary, more)

    def patch(
        self, path: str, *, needs: Needs, summary: str, **more: Any
    ) -> Callable[[_Handler], _Handler]:
        """Declare who answers PATCH."""
        return self._declare(path, ("PATCH",), needs, summary, more)

    def delete(
        self, path: str, *, needs: Needs, summary: str, **more: Any
    ) -> Callable[[_Handler], _Handler]:
        """Declare who answers DELETE."""
        return self._declare(path, ("DELETE",), needs, summary, more)

    def made(self) -> Sequence[GuardedRoute]:
        """The routes, as an app takes them; made once, as they know nothing of an app."""
        for row in self._declared[len(self._made) :]:
            self._made.append(_route(self, row))
        return tuple(self._made)

    def _declare(
        self, path: str, methods: tuple[str, ...], needs: Needs, summary: str, more: dict[str, Any]
    ) -> Callable[[_Handler], _Handler]:
        full = self.prefix + path
        if needs.scope == "project" and "{project" not in full:
            raise FunctionError(
                f"{methods[0]} {full} has no {{project}} in its path",
                fix="add it, or say scope='visible', 'server', 'self' or 'open'",
            )

        def declare(handler: _Handler) -> _Handler:
            extra = {"summary": summary, **more}
            self._declared.append(_Declared(full, handler, methods, needs, extra))
            return handler

        return declare


def _route(routes: Routes, row: _Declared) -> GuardedRoute:
    extra = dict(row.extra)
    examples = extra.pop("examples", None)
    operation = dict(extra.pop("openapi_extra", {}))
    operation["x-needs"] = f"{row.needs.resource}:{row.needs.action}:{row.needs.scope}"
    responses = dict(extra.pop("responses", None) or {})
    if examples is not None:
        ok: dict[str, Any] = responses.setdefault(extra.get("status_code", 200), {})
        content = ok.setdefault("content", {}).setdefault("application/json", {})
        content["example"] = examples
    max_body, timeout = extra.pop("max_body", None), extra.pop("timeout", None)
    extra.setdefault("include_in_schema", not routes.page)
    name = extra.pop("name", "") or row.endpoint.__name__
    route = GuardedRoute(
        row.path,
        row.endpoint,
        methods=list(row.methods),
        tags=[routes.tag],
        name=name,
        operation_id=f"{routes.tag}_{name}_{row.methods[0].lower()}".replace("-", "_"),
        responses={**ERROR_ANSWERS, **responses},
        response_model=None,
        strict_content_type=False,  # MLRun's clients send JSON without saying so
        openapi_extra=operation,
        **extra,
    )
    route.needs = row.needs
    route.max_body = max_body
    route.timeout = 0.0 if timeout is None and max_body is not None else timeout
    return route
