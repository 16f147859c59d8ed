"""Requests checked and reshaped by method and path, as an APIHandlerConfig says."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from http import HTTPMethod
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from mlrun_like.compat.adapted.failures.classes import (
    MLRunInternalServerError,
    MLRunMethodNotAllowedError,
    MLRunUnprocessableEntityError,
)
from mlrun_like.compat.adapted.serving.endpoints import (
    APIHandlerConfig,
    BodyMappings,
    EndpointMatch,
    ResultHandler,
)
from mlrun_like.errors import (
    AccessDeniedError,
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
    StepError,
)

__all__ = ["APIHandlerStep", "Admission", "RequestContext", "admission"]


class RequestContext(dict[str, Any]):
    """What a request says by its body's mappings, its query and its path; steps get it as keyword
    arguments after the body.

    Args:
        original_body: The body as it came.
        path_params: Parts of the path.
        query_params: Of the query.
        body_params: Of the body.
        url_params: The path and method themselves; they replace others of their names.

    Raises:
        InvalidArgumentError: if two of them have the same name.
    """

    def __init__(
        self,
        original_body: Any = None,
        path_params: Mapping[str, Any] | None = None,
        query_params: Mapping[str, Any] | None = None,
        body_params: Mapping[str, Any] | None = None,
        url_params: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.original_body = original_body
        origin: dict[str, list[str]] = {}
        given = {"body_map": body_params, "query": query_params, "path": path_params}
        for source, values in given.items():
            for name, value in (values or {}).items():
                origin.setdefault(name, []).append(source)
                self[name] = value
        twice = [f"{k} (from {' + '.join(v)})" for k, v in origin.items() if len(v) > 1]
        if twice:
            raise InvalidArgumentError(
                f"Parameter name conflict detected: {', '.join(twice)}. Parameters must be unique "
                "across path, query, and body_map.",
                fix="rename one of them",
            )
        self.update(url_params or {})


class APIHandlerStep:
    """Lets the requests through that the endpoints allow, with what they ask for.

    Args:
        config: The endpoints, or their form as data.
        name: MLRun's; the step's name.
        context: MLRun's; not used.
        older: Further arguments of MLRun's steps; not used.
    """

    def __init__(
        self, config: Any = None, name: str | None = None, context: Any = None, **older: Any
    ) -> None:
        if not isinstance(config, APIHandlerConfig):
            config = APIHandlerConfig.from_dict(config or {})
        self.config: APIHandlerConfig = config
        self.name, self.context = name or "api-handler", context

    def do(self, event: Any) -> Any:
        """The event, its body as the endpoint wants it.

        Raises:
            InvalidArgumentError: if the event has no path, or no method that exists.
            NotFoundError: if no endpoint has this path.
            MLRunMethodNotAllowedError: if one has it, with another method.
            AccessDeniedError: if the endpoint is forbidden.
            MLRunUnprocessableEntityError: if the body has not what it must.
        """
        if getattr(event, "path", None) is None:
            raise InvalidArgumentError("Request path not found in request context")
        method, parts = _method_of(event), urlsplit(event.path)
        path = parts.path or "/"
        matches = self.config.matches(method, path)
        if not matches:
            raise self._unknown(method, path)
        first = matches[0]
        action = getattr(first.endpoint.action, "value", first.endpoint.action)
        if action == "forbid":
            raise AccessDeniedError(f"Access forbidden to {method.value} {path}")
        if action != "allow":
            raise MLRunInternalServerError(f"Unknown action: {action}")
        body = _mapped(matches, event.body)
        query = _query(parts.query, event)
        url: dict[str, Any] = {}
        if self.config.include_url_info:
            url = {"mlrun_request_path": unquote(path), "mlrun_request_method": method.value}
        if body or query or url or first.path_params:
            event.body = RequestContext(event.body, first.path_params, query, body, url)
        return event

    def _unknown(self, method: HTTPMethod, path: str) -> MLRunLikeError:
        if any(self.config.matches(other, path) for other in HTTPMethod if other is not method):
            return MLRunMethodNotAllowedError(f"Method not allowed: {method.value} {unquote(path)}")
        return NotFoundError(f"Endpoint not found: {method.value} {unquote(path)}")


class Admission:
    """What a server asks about the endpoints: whether a request may pass, and its answer's form.

    Args:
        config: The endpoints.
    """

    def __init__(self, config: APIHandlerConfig) -> None:
        self._config = config
        self._step, self._results = APIHandlerStep(config), ResultHandler(config)

    def admit(self, event: Any) -> None:
        """Let an event pass, with its body as its endpoint wants it.

        Raises:
            StepError: with the status of the answer, if it may not.
        """
        if self._config.enabled:
            try:
                self._step.do(event)
            except MLRunLikeError as exc:
                raise _failed(exc) from exc

    def reshape(self, method: str, path: str, body: Any) -> Any:
        """An answer in the form that its endpoint says.

        Raises:
            StepError: if it has not what it must.
        """
        if not self._config.enabled:
            return body
        try:
            return self._results.apply(method, path, body)
        except MLRunUnprocessableEntityError as exc:
            raise _failed(exc) from exc

    @staticmethod
    def spread(function: Callable[..., Any]) -> Callable[..., Any]:
        """A step's call that takes what a request says as keyword arguments."""

        @functools.wraps(function)
        def call(body: Any, *args: Any, **kwargs: Any) -> Any:
            if isinstance(body, RequestContext):
                return function(body.original_body, *args, **{**body, **kwargs})
            return function(body, *args, **kwargs)

        return call


def admission(config: Any) -> Admission:
    """What a server admits requests and reshapes answers by.

    Args:
        config: An APIHandlerConfig, or its form as data.
    """
    return Admission(APIHandlerStep(config).config)


def _failed(exc: MLRunLikeError) -> StepError:
    return StepError(f"failed ({exc.status}): {exc.what}", status=exc.status)


def _method_of(event: Any) -> HTTPMethod:
    method = getattr(event, "method", None)
    if method is None:
        raise InvalidArgumentError("HTTP method not found in request context")
    try:
        return method if isinstance(method, HTTPMethod) else HTTPMethod(str(method).upper())
    except ValueError as exc:
        raise InvalidArgumentError(f"Unsupported HTTP method: {method!s:.40}") from exc


def _mapped(matches: list[EndpointMatch], body: Any) -> dict[str, Any]:
    """What the mappings of all endpoints find in a body; those of the most special one count."""
    merged = BodyMappings()
    for match in reversed(matches):
        mappings = match.endpoint.input_body_mappings
        for row in mappings.mappings if mappings is not None else ():
            merged.add_mapping(**row)
    rows = merged.mappings
    if rows and isinstance(body, Mapping):
        return merged.apply(body)
    if any(row["mandatory"] for row in rows):
        raise MLRunUnprocessableEntityError(
            "Mandatory input body mappings configured but input body is not a dict "
            f"(got {type(body).__name__})"
        )
    return {}


def _query(text: str, event: Any) -> dict[str, Any]:
    """The parameters of a query: a text, or a list if there are several of a name."""
    kept = getattr(event, "query_string", None)  # ours has it beside the path
    found: Any = parse_qs(text or _text(kept), keep_blank_values=True)
    fields = getattr(event, "fields", None)  # Nuclio's
    if not found and isinstance(fields, Mapping):
        found = fields
    return {
        name: values[0] if isinstance(values, list) and len(values) == 1 else values
        for name, values in found.items()
    }


def _text(query: Any) -> str:
    return query.decode("utf-8", "replace") if isinstance(query, bytes) else ""
