"""Logins for registries: our setting, docker's and podman's files, and their helper programs."""

from __future__ import annotations

import base64
import binascii
import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mlrun_like.configuration import config, environment
from mlrun_like.errors import BuildError, ConfigError
from mlrun_like.images.reference import DOCKER_HUB

__all__ = ["Credentials", "auth_files", "find_credentials"]

_HUB_KEY = "https://index.docker.io/v1/"
_HELPER = re.compile(r"[A-Za-z0-9._-]+")
_HELPER_SECONDS = 15
_MAX_FILE = 1 << 20


class Credentials(NamedTuple):
    """A login: user and password, or a token that stands for them.

    Args:
        user: User name.
        password: Password or access token.
        identity: Refresh token for the registry's token server, instead of a password.
        bearer: Token sent to the registry as it is.
        origin: Where it was found, for messages; never the secret.
    """

    user: str = ""
    password: str = ""
    identity: str = ""
    bearer: str = ""
    origin: str = ""

    def __repr__(self) -> str:
        return f"Credentials(user={self.user!r}, origin={self.origin!r})"


def auth_files() -> list[Path]:
    """The files of docker and podman with logins, in the order they are asked."""
    home = Path.home()
    named = environment("REGISTRY_AUTH_FILE")
    runtime = environment("XDG_RUNTIME_DIR")
    docker = environment("DOCKER_CONFIG")
    found = [
        Path(named) if named else None,
        Path(runtime, "containers", "auth.json") if runtime else None,
        home / ".config" / "containers" / "auth.json",
        Path(docker, "config.json") if docker else home / ".docker" / "config.json",
    ]
    return [path for path in found if path is not None]


def find_credentials(registry: str, repository: str = "") -> Credentials | None:
    """The login for a registry; None if nobody knows one.

    Asked in turn: the setting `registry_auth`, then each of `auth_files()`.

    Args:
        registry: Host and port, such as `"docker.io"`.
        repository: A file may have a login for part of a registry, as `host/team`.

    Raises:
        ConfigError: if the setting cannot be read.
        BuildError: if a helper program fails.
    """
    setting = config.registry_auth.strip()
    if setting:
        found = _from_setting(setting, registry, repository)
        if found is not None:
            return found
    for path in auth_files():
        document = _read(path)
        if document is not None:
            found = _from_document(document, registry, repository, str(path))
            if found is not None:
                return found
    return None


def _from_setting(text: str, registry: str, repository: str) -> Credentials | None:
    origin = "setting registry_auth"
    if text.startswith("{"):
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as exc:
            raise ConfigError(
                "setting 'registry_auth' begins like JSON and is none",
                where=origin,
                fix="give the text of a docker config.json, or HOST=user:password",
            ) from exc
        return _from_document(document, registry, repository, origin)
    default = config.docker_registry.partition("://")[2] or config.docker_registry
    for word in text.split():
        host, mark, login = word.partition("=")
        # A password may hold '=' as well, but a host holds no user.
        if not mark or (":" in host and not host.rpartition(":")[2].isdecimal()):
            host, login = default.partition("/")[0], word
        user, colon, password = login.partition(":")
        if not colon:
            raise ConfigError(
                "setting 'registry_auth' holds a login without ':'",
                where=origin,
                fix="write user:password or HOST=user:password",
            )
        if host == registry:
            return Credentials(user, password, origin=origin)
    return None


def _read(path: Path) -> dict[str, Any] | None:
    """A file of logins; one that is missing or broken has none, as for docker."""
    try:
        with path.open("rb") as file:
            document = json.loads(file.read(_MAX_FILE))
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _keys(registry: str, repository: str) -> list[str]:
    """Names under which a login may stand, the most exact first."""
    parts = repository.split("/") if repository else []
    paths = ["/".join([registry, *parts[:count]]) for count in range(len(parts), -1, -1)]
    keys = [*paths, f"https://{registry}", f"http://{registry}", f"https://{registry}/v1/"]
    return [*keys, _HUB_KEY, "index.docker.io"] if registry == DOCKER_HUB else keys


def _from_document(
    document: Any, registry: str, repository: str, origin: str
) -> Credentials | None:
    if not isinstance(document, Mapping):
        return None
    helpers, auths = document.get("credHelpers"), document.get("auths")
    server = _HUB_KEY if registry == DOCKER_HUB else registry
    for key in (*_keys(registry, "")[:1], server):
        helper = helpers.get(key) if isinstance(helpers, Mapping) else None
        if isinstance(helper, str):
            return _from_helper(helper, key, origin)
    for key in _keys(registry, repository):
        item = auths.get(key) if isinstance(auths, Mapping) else None
        found = _from_item(item, f"{origin} ({key})") if isinstance(item, Mapping) else None
        if found is not None:
            return found
    store = document.get("credsStore")
    return _from_helper(store, server, origin) if isinstance(store, str) and store else None


def _from_item(item: Mapping[str, Any], origin: str) -> Credentials | None:
    texts = {key: value for key, value in item.items() if isinstance(value, str)}
    user, password = texts.get("username", ""), texts.get("password", "")
    if texts.get("auth"):
        try:
            plain = base64.b64decode(texts["auth"], validate=True).decode()
        except (binascii.Error, ValueError) as exc:
            raise BuildError(
                "a registry login is not readable: its 'auth' is no base64 text",
                where=origin,
                fix="log in again with 'podman login' or 'docker login'",
            ) from exc
        user, _, password = plain.rstrip("\0").partition(":")
    found = Credentials(
        user, password, texts.get("identitytoken", ""), texts.get("registrytoken", ""), origin
    )
    return found if any(found[:4]) else None


def _from_helper(helper: str, server: str, origin: str) -> Credentials | None:
    """Ask `docker-credential-<helper>` (protocol of docker's credential helpers)."""
    program = f"docker-credential-{helper}"
    where = f"{origin}, helper {program}"
    if not _HELPER.fullmatch(helper):
        raise BuildError(f"{helper!r} is not the name of a credential helper", where=origin)
    try:
        done = subprocess.run(
            [program, "get"],
            input=server.encode(),
            capture_output=True,
            timeout=_HELPER_SECONDS,
            check=False,
        )
    except FileNotFoundError as exc:
        raise BuildError(
            f"the login for {server} is kept by {program}, which is not installed",
            where=where,
            fix=f"install {program}, or set MLRUN_LIKE_REGISTRY_AUTH={server}=user:password",
        ) from exc
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise BuildError(f"the credential helper does not answer: {exc}", where=where) from exc
    if done.returncode:
        said = (done.stdout + done.stderr).decode(errors="replace").strip()
        if "credentials not found" in said.lower():
            return None
        raise BuildError(
            f"the credential helper failed: {said[:300] or f'exit code {done.returncode}'}",
            where=where,
            fix=f"log in again to {server}",
        )
    try:
        answer = json.loads(done.stdout)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (ValueError, KeyError, TypeError) as exc:
        raise BuildError("the credential helper answers no JSON", where=where) from exc
    if user == "<token>":
        return Credentials(identity=secret, origin=where)
    return Credentials(user, secret, origin=where)
