"""What an API gateway is, and changing it before it is stored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.runtimes.nuclio.api_gateway_auth import (
    AccessKeyAuth,
    APIGatewayAuthenticator,
    BasicAuth,
    IguazioAuth,
)
from mlrun_like.runtimes.nuclio.api_gateway_spec import (
    APIGatewayMetadata,
    APIGatewaySpec,
    APIGatewayStatus,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["APIGatewayFields"]

_NGINX = "nginx.ingress.kubernetes.io/"


class APIGatewayFields:
    """Name, project, functions and the rest, with MLRun's names."""

    status: APIGatewayStatus

    def __init__(
        self, metadata: Any, spec: Any, status: APIGatewayStatus | Mapping[str, Any] | None = None
    ) -> None:
        if isinstance(metadata, Mapping):
            metadata = APIGatewayMetadata.from_dict(metadata)
        if isinstance(spec, Mapping):
            spec = APIGatewaySpec.from_dict(spec)
        self.metadata: APIGatewayMetadata = metadata
        self.spec: APIGatewaySpec = spec
        if isinstance(status, Mapping):
            status = APIGatewayStatus(status.get("state"), str(status.get("address") or ""))
        self.status = status or APIGatewayStatus()

    def __repr__(self) -> str:
        return f"APIGateway({self.project}/{self.name}, {', '.join(self.spec.functions)})"

    @property
    def name(self) -> str:
        """Its name."""
        return self.metadata.name

    @name.setter
    def name(self, value: str) -> None:
        self.metadata.name = value

    @property
    def project(self) -> str:
        """Its project."""
        return self.spec.project or ""

    @project.setter
    def project(self, value: str) -> None:
        self.spec.project = value

    @property
    def description(self) -> str:
        """What it is for."""
        return self.spec.description

    @description.setter
    def description(self, value: str) -> None:
        self.spec.description = value

    @property
    def host(self) -> str:
        """Its host name, or its address on this machine."""
        return self.spec.host or self.status.address

    @host.setter
    def host(self, value: str) -> None:
        self.spec.host = value

    @property
    def path(self) -> str:
        """The path below which it answers."""
        return self.spec.path

    @path.setter
    def path(self, value: str) -> None:
        self.spec.path = value

    @property
    def authentication(self) -> APIGatewayAuthenticator:
        """Who may call."""
        return self.spec.authentication

    @authentication.setter
    def authentication(self, value: APIGatewayAuthenticator) -> None:
        self.spec.authentication = value

    @property
    def invoke_url(self) -> str:
        """Where it answers; empty: it is not stored."""
        host = self.status.address or self.spec.host or ""
        if host and not host.startswith("http"):
            host = f"https://{host}"
        return host and f"{host.rstrip('/')}/{(self.spec.path or '').strip('/')}".rstrip("/")

    # Changing ----------------------------------------------------------------------------------

    def with_basic_auth(self, username: str, password: str) -> None:
        """Let only who knows a user name and a password call."""
        self.spec.authentication = BasicAuth(username, password)

    def with_access_key_auth(self) -> None:
        """Let only who has the access key (V3IO_ACCESS_KEY) call."""
        self.spec.authentication = AccessKeyAuth()

    def with_iguazio_auth(self) -> None:
        """Let only who is signed in to Iguazio's platform call; in Nuclio there."""
        self.spec.authentication = IguazioAuth()

    def with_canary(self, functions: Sequence[Any], canary: Sequence[int]) -> None:
        """Share the requests between two functions.

        Args:
            functions: Both.
            canary: Percent for each, 100 together.

        Raises:
            InvalidArgumentError: if they do not fit together.
        """
        if len(functions) != 2:
            raise InvalidArgumentError(
                f"Gateway with canary can be created only with two functions, "
                f"the number of functions passed is {len(functions)}"
            )
        self.spec.validate(self.spec.project, functions, canary)

    def with_ports(self, ports: Sequence[int]) -> None:
        """Lead to these ports of the functions; in Nuclio."""
        self.spec.validate(self.spec.project, self.spec.functions, ports=ports)

    def with_force_ssl_redirect(self) -> None:
        """Send callers from HTTP to HTTPS; in Nuclio."""
        self.metadata.annotations[f"{_NGINX}force-ssl-redirect"] = "true"

    def with_gateway_timeout(self, gateway_timeout: int) -> None:
        """Let a request take so many seconds; in Nuclio."""
        for step in ("connect", "read", "send") if gateway_timeout else ():
            name = f"{_NGINX}proxy-{step}-timeout"
            self.metadata.annotations[name] = str(gateway_timeout)

    def with_annotations(self, annotations: Mapping[str, Any]) -> Self:
        """Add annotations; gives the gateway."""
        self.metadata.annotations.update({key: str(value) for key, value in annotations.items()})
        return self
