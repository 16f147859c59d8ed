"""Answers reshaped by method and path: BodyMappings, APIHandlerConfig, ResultHandler."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from http import HTTPMethod
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from mlrun_like.compat.adapted.failures.classes import MLRunUnprocessableEntityError
from mlrun_like.compat.adapted.serving.jsonpath import parsed, value_at
from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "APIHandlerConfig",
    "BodyMappings",
    "EndpointConfig",
    "EndpointMatch",
    "ResultHandler",
]


class BodyMappings:
    """Which values of a body go where: `add_mapping("$.result.value", "answer")`.

    >>> mappings = BodyMappings()
    >>> mappings.add_mapping("$.a.b", "c")
    >>> mappings.mappings
    [{'source_path': '$.a.b', 'destination_path': 'c', 'mandatory': False}]
    """

    def __init__(self) -> None:
        self._rows: dict[str, dict[str, Any]] = {}  # by source

    @property
    def mappings(self) -> list[dict[str, Any]]:
        """The mappings as plain data; may be assigned to."""
        return [{"source_path": source, **row} for source, row in self._rows.items()]

    @mappings.setter
    def mappings(self, rows: Iterable[Mapping[str, Any]] | None) -> None:
        self._rows = {}
        for row in rows or ():
            for name in ("source_path", "destination_path"):
                if name not in row:
                    raise InvalidArgumentError(f"Each body mapping must include '{name}'")
            self.add_mapping(
                row["source_path"], row["destination_path"], bool(row.get("mandatory"))
            )

    def add_mapping(self, source_path: str, destination_path: str, mandatory: bool = False) -> None:
        """Add a mapping; one of the same source or destination is replaced.

        Args:
            source_path: JSONPath of the value, such as `$.items[0].name` or `$.items[*]`.
            destination_path: The field where it is put.
            mandatory: Whether a body without it is refused.

        Raises:
            InvalidArgumentError: if a path is empty, or the first is no JSONPath.
        """
        for name, value in (("source_path", source_path), ("destination_path", destination_path)):
            if not value:
                raise InvalidArgumentError(f"{name} must be a non-empty string")
        try:
            parsed(source_path)
        except InvalidArgumentError as exc:
            raise InvalidArgumentError(
                f"Invalid JSON path expression for parameter '{destination_path}': "
                f"'{source_path}'. Error: {exc.what}"
            ) from exc
        self.remove_mapping(destination_path)
        self._rows[source_path] = {"destination_path": destination_path, "mandatory": mandatory}

    def remove_mapping(self, destination_path: str) -> None:
        """Remove the mapping to a field, if there is one."""
        self._rows = {
            source: row
            for source, row in self._rows.items()
            if row["destination_path"] != destination_path
        }

    def to_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As plain data."""
        return {"mappings": self.mappings}

    @classmethod
    def from_dict(cls, struct: Mapping[str, Any], *args: Any, **kwargs: Any) -> BodyMappings:
        """Read what `to_dict` writes."""
        made = cls()
        made.mappings = struct.get("mappings")
        return made

    def apply(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The values of a body by destination; None for those that are missing.

        Raises:
            MLRunUnprocessableEntityError: if a mandatory one is.
        """
        return {
            row["destination_path"]: value_at(body, source, row)
            for source, row in self._rows.items()
        }


class EndpointConfig:
    """What happens to requests of a method and path.

    Args:
        path: A path, with `{name}` for a part, or with `*` at its end.
        http_method: The method.
        action: Whether it is allowed: "allow" or "forbid".
        description: For people.
        input_body_mappings: What the graph gets of the body.
        output_body_mappings: What the caller gets of the answer.

    Raises:
        InvalidArgumentError: if the method or the path is wrong.
    """

    def __init__(
        self,
        path: str = "",
        http_method: Any = "POST",
        action: Any = "allow",
        description: str | None = None,
        input_body_mappings: BodyMappings | None = None,
        output_body_mappings: BodyMappings | None = None,
    ) -> None:
        self.path = path if path.startswith("/") else f"/{path}"
        if "*" in self.path[:-1]:
            raise InvalidArgumentError(
                f"Invalid endpoint path '{self.path}': wildcard '*' must be at the end of the path"
            )
        self.http_method = _method(http_method)
        self.action = action
        self.description = description
        self.input_body_mappings = input_body_mappings
        self.output_body_mappings = output_body_mappings
        names = re.sub(r"\\\{([^}]+)\\\}", r"(?P<\1>[^/]+)", re.escape(self.path.rstrip("*")))
        self.pattern = re.compile(names if self.path.endswith("*") else f"{names}$")

    def get_endpoint_key(self) -> str:
        """`METHOD:path`."""
        return f"{self.http_method.value}:{self.path}"

    def to_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As plain data."""
        action = getattr(self.action, "value", self.action)
        found = {"path": self.path, "http_method": self.http_method.value, "action": action}
        found["description"] = self.description
        for name in ("input_body_mappings", "output_body_mappings"):
            mappings = getattr(self, name)
            found[name] = mappings.to_dict() if mappings is not None else None
        return {key: value for key, value in found.items() if value is not None}

    @property
    def rank(self) -> tuple[int, int]:
        """How special the path is: a plain one most, `*` least."""
        kind = 0 if self.path.endswith("*") else 1 if "{" in self.path else 2
        return kind, len(self.path)


class EndpointMatch(NamedTuple):
    """An endpoint that a request belongs to, and the parts of its path."""

    endpoint: EndpointConfig
    path_params: Mapping[str, str]


class APIHandlerConfig:
    """The endpoints of a server.

    Args:
        enabled: Whether they count.
        endpoints: Endpoints by key, or their form as data.
        include_url_info: Whether steps get the path and the method as arguments, too.
    """

    def __init__(
        self,
        enabled: bool = True,
        endpoints: Mapping[str, Any] | None = None,
        include_url_info: bool = False,
    ) -> None:
        self.enabled = enabled
        self.include_url_info = include_url_info
        self.endpoints: dict[str, EndpointConfig] = {
            key: given if isinstance(given, EndpointConfig) else _endpoint(given)
            for key, given in (endpoints or {}).items()
        }

    def to_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As plain data."""
        return {
            "enabled": self.enabled,
            "endpoints": {key: found.to_dict() for key, found in self.endpoints.items()},
            "include_url_info": self.include_url_info,
        }

    @classmethod
    def from_dict(cls, struct: Mapping[str, Any], *args: Any, **kwargs: Any) -> APIHandlerConfig:
        """Read what `to_dict` writes."""
        known = ("enabled", "endpoints", "include_url_info")
        return cls(**{name: struct[name] for name in known if struct.get(name) is not None})

    def add_endpoint_handler(
        self,
        path: str,
        http_method: Any = "POST",
        action: Any = "allow",
        description: str | None = None,
        input_body_mappings: BodyMappings | None = None,
        output_body_mappings: BodyMappings | None = None,
    ) -> None:
        """Add an endpoint; arguments as for `EndpointConfig`."""
        made = EndpointConfig(
            path, http_method, action, description, input_body_mappings, output_body_mappings
        )
        self.endpoints[made.get_endpoint_key()] = made

    def remove_endpoint_handler(self, path: str, http_method: Any = "POST") -> None:
        """Remove an endpoint, if it is there."""
        self.endpoints.pop(EndpointConfig(path, http_method).get_endpoint_key(), None)

    def get_endpoint_config(self, method: Any, path: str) -> EndpointConfig | None:
        """The endpoint that was added with this method and path, or None."""
        return self.endpoints.get(EndpointConfig(path, method).get_endpoint_key())

    def matches(self, method: HTTPMethod, path: str) -> list[EndpointMatch]:
        """The endpoints of a request, the most special first."""
        found: list[EndpointMatch] = []
        for endpoint in sorted(self.endpoints.values(), key=lambda e: e.rank, reverse=True):
            match = endpoint.pattern.match(path) if endpoint.http_method is method else None
            exact = any(item.endpoint.rank[0] == 2 for item in found)
            if match and not (exact and endpoint.rank[0] == 1):
                parts = {name: unquote(value) for name, value in match.groupdict().items()}
                found.append(EndpointMatch(endpoint, parts))
        return found


class ResultHandler:
    """Gives answers the form that the configuration wants.

    Args:
        config: The endpoints.
    """

    def __init__(self, config: APIHandlerConfig) -> None:
        self._config = config

    def apply(self, method: Any, path: str, response: Any) -> Any:
        """The answer in its form, or as it is if no endpoint has mappings of answers.

        Raises:
            MLRunUnprocessableEntityError: if a mandatory value is missing.
        """
        try:
            known = _method(method)
        except InvalidArgumentError:
            return response
        merged = BodyMappings()
        for match in reversed(self._config.matches(known, urlsplit(path).path or "/")):
            mappings = match.endpoint.output_body_mappings
            for row in mappings.mappings if mappings is not None else ():
                merged.add_mapping(**row)
        rows = merged.mappings
        if not rows:
            return response
        if isinstance(response, dict):
            return merged.apply(response)
        if any(row["mandatory"] for row in rows):
            raise MLRunUnprocessableEntityError(
                "Mandatory output body mappings configured but output body is not a dict "
                f"(got {type(response).__name__})"
            )
        return response


def _endpoint(given: Mapping[str, Any]) -> EndpointConfig:
    values = dict(given)
    for name in ("path", "http_method"):
        if name not in values:
            raise InvalidArgumentError(f"an endpoint needs {name!r}")
    for name in ("input_body_mappings", "output_body_mappings"):
        if isinstance(values.get(name), Mapping):
            values[name] = BodyMappings.from_dict(values[name])
    return EndpointConfig(**values)


def _method(method: Any) -> HTTPMethod:
    try:
        return method if isinstance(method, HTTPMethod) else HTTPMethod(method.upper())
    except (ValueError, AttributeError) as exc:
        known = ", ".join(item.value for item in HTTPMethod)
        raise InvalidArgumentError(
            f"Invalid HTTP method string '{method}'. Valid values are: {known}"
        ) from exc
