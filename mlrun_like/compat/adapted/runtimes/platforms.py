"""`mlrun.platforms`: the paths, volumes and names of Iguazio's platform."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "add_or_refresh_credentials",
    "is_iguazio_endpoint",
    "is_iguazio_session",
    "is_iguazio_session_cookie",
    "min_iguazio_versions",
    "parse_path",
    "sanitize_username",
    "split_path",
    "v3io_to_vol",
]

_SCHEMES = {"s3": "s3", "v3ios": "https", "v3io": "http", "redis": "redis", "rediss": "rediss"}
F = TypeVar("F", bound=Callable[..., Any])


def split_path(mntpath: str = "") -> tuple[str, str]:
    """The container and the path in it.

    >>> split_path("/users/ann/data")
    ('users', '/ann/data')
    """
    container, slash, rest = mntpath.removeprefix("/").partition("/")
    return container, f"{slash}{rest}"


def parse_path(url: str, suffix: str = "/") -> tuple[str | None, str]:
    """The endpoint and the path of a URL.

    Raises:
        InvalidArgumentError: if it has another scheme than those of v3io, redis, s3 and `ds`.

    >>> parse_path("v3io://host:8080/projects/x")
    ('http://host:8080', 'projects/x/')
    """
    found = urlsplit(url)
    endpoint = None
    if found.netloc:
        scheme = {**_SCHEMES, "ds": "ds"}.get(found.scheme.lower())
        if scheme is None:
            raise InvalidArgumentError(f"url must start with v3io/v3ios/redis/rediss, got {url}")
        endpoint = f"{scheme}://{found.netloc}"
    return endpoint, found.path.strip("/") + suffix


def v3io_to_vol(
    name: str, remote: str = "~/", access_key: str = "", user: str = "", secret: str | None = None
) -> dict[str, Any]:
    """A folder of the platform as the volume of a pod.

    Raises:
        InvalidArgumentError: if `~/` is meant and nobody says whose.
    """
    user = user or environment("V3IO_USERNAME") or ""
    options = {"accessKey": access_key or environment("V3IO_ACCESS_KEY")}
    if user:
        options["dirsToCreate"] = f'[{{"name": "users//{user}", "permissions": 488}}]'
    if remote.startswith("~/"):
        if not user:
            raise InvalidArgumentError('user name/env must be specified when using "~" in path')
        remote = f"users/{user}{remote[1:]}".rstrip("/")
    if remote:
        options["container"], options["subPath"] = split_path(remote)
    volume: dict[str, Any] = {"driver": "v3io/fuse", "options": options}
    if secret:
        volume["secretRef"] = {"name": secret}
    return {"flexVolume": volume, "name": name}


def is_iguazio_endpoint(endpoint_url: str) -> bool:
    """Whether an address is one of the platform."""
    return ".default-tenant." in endpoint_url


def is_iguazio_session(value: str) -> bool:
    """Whether a text is a key of the platform."""
    return (
        len(value) > 20 and "-" in value and not (value.startswith("eyJ") and value.count(".") == 2)
    )


def is_iguazio_session_cookie(session_cookie: str) -> bool:
    """Whether a cookie is one of the platform."""
    text = session_cookie.strip()
    return bool(text) and (text.startswith(("j%3A", "j:")) or is_iguazio_session(text))


def add_or_refresh_credentials(
    api_url: str, username: str = "", password: str = "", token: str = ""
) -> tuple[str, str, str]:
    """The user, password and token to show at an address."""
    del api_url
    token = token or environment("V3IO_ACCESS_KEY") or ""
    return username, password, token


def sanitize_username(username: str) -> str:
    """A user's name that a cluster takes."""
    return username.replace("_", "-")


def min_iguazio_versions(*versions: str) -> Callable[[F], F]:
    """Marks functions that need the platform; here they are called as they are."""
    del versions
    return lambda function: function
