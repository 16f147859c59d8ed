"""What is said of an API gateway: its name, its functions, their shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runtimes.nuclio.api_gateway_auth import (
    APIGatewayAuthenticator,
    NoneAuth,
    authenticator_of,
)

__all__ = ["APIGatewayMetadata", "APIGatewaySpec", "APIGatewayStatus"]

_KINDS = ("remote", "nuclio", "serving", "application")


class _Plain:
    """Attributes as plain data; what is empty is left out."""

    _dict_fields: tuple[str, ...] = ()

    def to_dict(self, fields: Any = None, exclude: Any = None, strip: bool = False) -> Any:
        """As plain data."""
        del strip
        names = [name for name in fields or self._dict_fields if name not in (exclude or ())]
        found = {name: getattr(self, name, None) for name in names}
        return {
            name: value.to_dict() if hasattr(value, "to_dict") else value
            for name, value in found.items()
            if value is not None and value != {}
        }

    @classmethod
    def from_dict(cls, struct: Mapping[str, Any]) -> Any:
        """From plain data; names that are not known are left out."""
        return cls(**{name: struct[name] for name in cls._dict_fields if name in struct})


class APIGatewayMetadata(_Plain):
    """Who an API gateway is.

    Args:
        name: Its name, unique in its project.
        namespace: Of Kubernetes.
        labels: Of Kubernetes.
        annotations: Of Kubernetes.
        creation_timestamp: When it was made.

    Raises:
        InvalidArgumentError: if it has no name.
    """

    _dict_fields = ("name", "namespace", "labels", "annotations", "creation_timestamp")

    def __init__(
        self,
        name: str,
        namespace: str | None = None,
        labels: Mapping[str, str] | None = None,
        annotations: Mapping[str, str] | None = None,
        creation_timestamp: str | None = None,
    ) -> None:
        if not name:
            raise InvalidArgumentError("API Gateway name cannot be empty")
        self.name, self.namespace, self.creation_timestamp = name, namespace, creation_timestamp
        self.labels, self.annotations = dict(labels or {}), dict(annotations or {})


class APIGatewaySpec(_Plain):
    """Where an API gateway leads to.

    Args:
        functions: One function or two: functions that are deployed, or their names or URIs.
        project: Its project, which is theirs too.
        description: What it is for.
        host: A host name of its own.
        path: It answers below this path.
        authentication: Who may call.
        canary: Percent of the requests for each function, such as `[80, 20]`.
        ports: A port for each function, instead of its usual one; for Nuclio.

    Raises:
        InvalidArgumentError: if they do not fit together.
    """

    _dict_fields = ("functions", "project", "name", "description", "host", "path",
                    "authentication", "canary", "ports")  # fmt: skip

    def __init__(
        self,
        functions: Any,
        project: str | None = None,
        description: str = "",
        host: str | None = None,
        path: str = "/",
        authentication: APIGatewayAuthenticator | None = None,
        canary: Sequence[int] | None = None,
        ports: Sequence[int] | None = None,
    ) -> None:
        self.project, self.description, self.host = project, description, host
        self.path = f"/{path}" if path and not path.startswith("/") else path
        self.authentication = authentication or NoneAuth()
        self.functions: list[str] = []
        self.canary = list(canary) if canary else None
        self.ports = list(ports) if ports else None
        self.validate(project, functions, canary, ports)

    @classmethod
    def from_dict(cls, struct: Mapping[str, Any]) -> APIGatewaySpec:
        """From plain data."""
        known = {name: struct[name] for name in cls._dict_fields if name in struct}
        known.pop("name", None)
        given = known.get("authentication")
        if isinstance(given, Mapping):
            known["authentication"] = authenticator_of(str(given.get("authentication_mode")))
        return cls(**known)

    def validate(
        self,
        project: str | None,
        functions: Any,
        canary: Sequence[int] | None = None,
        ports: Sequence[int] | None = None,
    ) -> None:
        """Take other functions, shares or ports.

        Raises:
            InvalidArgumentError: if they do not fit together.
        """
        self.functions = _uris(functions, project or "")
        if canary:
            if len(canary) != len(self.functions):
                raise InvalidArgumentError("Function and canary lists lengths do not match")
            if not all(0 <= share <= 100 for share in canary):
                raise InvalidArgumentError(
                    "The percentage value must be in the range from 0 to 100"
                )
            if sum(canary) != 100:
                raise InvalidArgumentError(
                    "The sum of canary function percents should be equal to 100"
                )
            self.canary = list(canary)
        if ports:
            if len(ports) != len(self.functions):
                raise InvalidArgumentError("Function and port lists lengths do not match")
            self.ports = list(ports)


class APIGatewayStatus(_Plain):
    """How an API gateway does.

    Args:
        state: `ready`, `waitingForProvisioning` (its functions are not deployed), `error`, or
            empty: it is not stored.
        address: Its URL, if that is not its host.
    """

    _dict_fields = ("state", "address")

    def __init__(self, state: Any = None, address: str = "") -> None:
        self.state, self.address = str(state or ""), address


def _uris(functions: Any, project: str) -> list[str]:
    rows = list(functions) if isinstance(functions, (list, tuple)) else [functions]
    if not 1 <= len(rows) <= 2:
        raise InvalidArgumentError(
            f"Gateway can be created from one or two functions, "
            f"the number of functions passed is {len(rows)}"
        )
    return [_uri(row, project) for row in rows]


def _uri(function: Any, project: str) -> str:
    if isinstance(function, str):
        owner, slash, name = function.rpartition("/")
        if slash and owner != project:
            raise InvalidArgumentError(
                "Function doesn't belong to passed project",
                where=f"function {function!r:.100}, project {project!r:.100}",
            )
        return f"{project}/{name}"
    meta = getattr(function, "metadata", None)
    name = str(getattr(meta, "name", "") or getattr(function, "name", "") or function)
    if str(getattr(function, "kind", "")).partition(":")[0] not in _KINDS:
        raise InvalidArgumentError(
            f"Input function {name:.100} is not a Nuclio function",
            fix=f"kinds: {', '.join(_KINDS)}",
        )
    if (getattr(meta, "project", "") or project) != project:
        raise InvalidArgumentError(f"input function {name:.100} does not belong to this project")
    tag = str(getattr(meta, "tag", "") or "")
    return f"{project}/{name}{':' + tag if tag else ''}"
