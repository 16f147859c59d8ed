"""Who may call through an API gateway."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "APIGatewayAuthenticator",
    "AccessKeyAuth",
    "BasicAuth",
    "IguazioAuth",
    "NoneAuth",
    "authenticator_of",
]

_KEY = "V3IO_ACCESS_KEY"


class APIGatewayAuthenticator:
    """One way to say who may call.

    >>> NoneAuth().to_dict(), BasicAuth("anna", "secret").to_dict()
    ({'authentication_mode': 'none'}, {'authentication_mode': 'basicAuth'})
    """

    authentication_mode = "none"

    def to_dict(self, **ignored: Any) -> dict[str, str]:
        """Which way; no secrets."""
        return {"authentication_mode": self.authentication_mode}

    def to_nuclio(self) -> dict[str, Any] | None:
        """What Nuclio is told besides the mode."""
        return None

    def callers(self) -> dict[str, str]:
        """Names of callers and their secrets, for the gateway of this machine.

        Raises:
            InvalidArgumentError: if they are not known.
        """
        return {}

    def header(self, credentials: Sequence[str] | None) -> str:
        """What a request has in `Authorization`; empty: nothing.

        Raises:
            InvalidArgumentError: if credentials are wanted and not known.
        """
        return _basic(credentials) if credentials else ""

    @classmethod
    def from_scheme(cls, api_gateway_spec: Any) -> APIGatewayAuthenticator:
        """The way that a record of Nuclio has; passwords are not in it."""
        mode = getattr(api_gateway_spec, "authenticationMode", "none")
        return authenticator_of(str(mode or "none"))


class NoneAuth(APIGatewayAuthenticator):
    """Everybody may."""


class BasicAuth(APIGatewayAuthenticator):
    """Who knows a user name and a password.

    Args:
        username: The user.
        password: The password; only a hash of it is kept on this machine.
    """

    authentication_mode = "basicAuth"

    def __init__(self, username: str | None = None, password: str | None = None) -> None:
        self._username, self._password = username, password

    def to_nuclio(self) -> dict[str, Any] | None:
        """User and password, if both are known."""
        if not self._username or not self._password:
            return None
        return {"basicAuth": {"username": self._username, "password": self._password}}

    def callers(self) -> dict[str, str]:
        """The one user."""
        if not self._username or not self._password:
            raise InvalidArgumentError(
                "basic authentication needs a user and a password",
                fix='gateway.with_basic_auth("anna", password)',
            )
        return {self._username: self._password}

    def header(self, credentials: Sequence[str] | None) -> str:
        """The credentials, encoded."""
        if not credentials:
            raise InvalidArgumentError(
                "API Gateway invocation requires authentication. Please pass credentials",
                fix='gateway.invoke(credentials=("anna", password))',
            )
        return _basic(credentials)


class AccessKeyAuth(APIGatewayAuthenticator):
    """Who has the platform's access key; on this machine the one of V3IO_ACCESS_KEY."""

    authentication_mode = "accessKey"

    def callers(self) -> dict[str, str]:
        """The one who has the key."""
        return {"access-key": self._key()}

    def header(self, credentials: Sequence[str] | None) -> str:
        """The key as a token, or the credentials' second part."""
        return f"Bearer {credentials[1] if credentials else self._key()}"

    def _key(self) -> str:
        found = environment(_KEY) or ""
        if not found:
            raise InvalidArgumentError(
                f"API Gateway invocation requires authentication. Please set {_KEY} env var",
                fix=f"export {_KEY}=<a long random text>, or gateway.with_basic_auth(user, word)",
            )
        return found


class IguazioAuth(APIGatewayAuthenticator):
    """Who is signed in to Iguazio's platform; not on this machine."""

    authentication_mode = "iguazio"

    def callers(self) -> dict[str, str]:
        """Refused: nobody is."""
        raise InvalidArgumentError(
            "authentication by Iguazio's platform is not for the gateway of this machine",
            fix="gateway.with_basic_auth(user, password)",
        )


_KINDS: Mapping[str, type[APIGatewayAuthenticator]] = {
    kind.authentication_mode: kind for kind in (NoneAuth, BasicAuth, AccessKeyAuth, IguazioAuth)
}


def authenticator_of(mode: str) -> APIGatewayAuthenticator:
    """The one of a mode as Nuclio writes it.

    Raises:
        InvalidArgumentError: if there is no such mode.

    >>> authenticator_of("basicAuth").authentication_mode
    'basicAuth'
    """
    if mode not in _KINDS:
        raise InvalidArgumentError(
            f"Authentication mode `{mode!s:.60}` is not supported",
            fix=f"modes: {', '.join(_KINDS)}",
        )
    return _KINDS[mode]()


def _basic(credentials: Sequence[str]) -> str:
    if isinstance(credentials, str) or len(credentials) != 2:
        raise InvalidArgumentError("credentials are a user and a password", fix='("anna", "word")')
    pair = f"{credentials[0]}:{credentials[1]}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"
