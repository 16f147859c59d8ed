"""How the tool gets an image: when, from a registry without TLS, with which login."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, InvalidArgumentError, MissingFileError
from mlrun_like.images.auth import find_credentials
from mlrun_like.images.connection import is_local
from mlrun_like.images.reference import ImageName
from mlrun_like.runtimes.container.objects import object_folder, write_files
from mlrun_like.specs.function import FunctionDoc

__all__ = ["pull_options"]

_POLICIES = {"always": "always", "ifnotpresent": "missing", "never": "never", "": "missing"}
_LOGINS = (".dockerconfigjson", "config.json")
_FILE = "logins.json"


def pull_options(tool: str, doc: FunctionDoc, image: str, folder: Path) -> list[str]:
    """The options for a function's image.

    Args:
        tool: `podman` or `docker`.
        doc: The function: its pull policy and secret.
        image: Its image's whole name.
        folder: Private folder for a file with a login; never mounted.

    Raises:
        InvalidArgumentError: if the policy is not known.
        MissingFileError: if the pull secret is not on this machine.
        EngineError: if the tool cannot use it.
    """
    policy, secret = doc.spec.image_pull_policy, doc.spec.image_pull_secret
    if policy.lower() not in _POLICIES:
        raise InvalidArgumentError(
            f"image_pull_policy {policy!r} is not known",
            where="spec.image_pull_policy",
            fix="use Always, IfNotPresent or Never",
        )
    options = ["--pull", _POLICIES[policy.lower()]]
    if tool == "docker":
        if secret:
            raise EngineError(
                f"docker cannot take the image pull secret {secret!r} for one run",
                where="spec.image_pull_secret",
                fix="docker login, or use podman",
            )
        return options
    name = ImageName.parse(image)
    if is_local(name.registry) or name.registry in _words(config.insecure_registries):
        options.append("--tls-verify=false")
    logins = _secret_file(secret) if secret else _login(name)
    if logins:
        write_files(folder, {_FILE: logins})
        options += ["--authfile", str(folder / _FILE)]
    return options


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _secret_file(secret: str) -> bytes:
    folder = object_folder("secret", secret)
    for key in _LOGINS:
        if (folder / key).is_file():
            return (folder / key).read_bytes()
    raise MissingFileError(
        f"the image pull secret {secret!r} is not on this machine",
        where="spec.image_pull_secret",
        fix=f"mkdir -p {folder} && cp ~/.docker/config.json {folder}/{_LOGINS[0]}",
    )


def _login(name: ImageName) -> bytes:
    """The login of the setting `registry_auth`; the tool knows its own."""
    login = find_credentials(name.registry, name.repository) if config.registry_auth else None
    if login is None or not login.user:
        return b""
    word = base64.b64encode(f"{login.user}:{login.password}".encode()).decode()
    return json.dumps({"auths": {name.registry: {"auth": word}}}).encode()
