"""Where keys come from: the caller's secrets, the environment, then the run's project secrets.

Keys are handed to the client library and nowhere else: never put into URLs, records or messages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from mlrun_like.artifacts.aws_roles import assume_role
from mlrun_like.artifacts.stores import Secrets
from mlrun_like.configuration import environment
from mlrun_like.errors import InvalidArgumentError

__all__ = ["credential", "storage_options"]


def credential(name: str, secrets: Secrets = None) -> str | None:
    """A secret by name: from `secrets`, else the variable, else `MLRUN_K8S_SECRET__<name>`.

    >>> credential("AWS_ACCESS_KEY_ID", {"AWS_ACCESS_KEY_ID": "k"})
    'k'
    """
    if secrets is not None:
        value = secrets.get(name) if isinstance(secrets, Mapping) else secrets(name)
        if value:
            return value
    return environment(name) or environment(f"MLRUN_K8S_SECRET__{name}")


def storage_options(scheme: str, secrets: Secrets = None) -> dict[str, Any]:
    """The options that fsspec's file system for `scheme` is opened with."""
    maker = _MAKERS.get(scheme)
    return maker(secrets) if maker is not None else {}


def _named(secrets: Secrets, names: Mapping[str, str]) -> dict[str, Any]:
    found = {option: credential(name, secrets) for option, name in names.items()}
    return {option: value for option, value in found.items() if value}


def _s3(secrets: Secrets) -> dict[str, Any]:
    options = _named(
        secrets,
        {
            "key": "AWS_ACCESS_KEY_ID",
            "secret": "AWS_SECRET_ACCESS_KEY",
            "token": "AWS_SESSION_TOKEN",
            "endpoint_url": "S3_ENDPOINT_URL",
            "profile": "AWS_PROFILE",
        },
    )
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"):
        if not options.get("endpoint_url") and (url := credential(name, secrets)):
            options["endpoint_url"] = url
    if role := credential("MLRUN_AWS_ROLE_ARN", secrets):
        options.update(assume_role(role, options.get("key"), options.get("secret")))
    if "key" in options:
        options.pop("profile", None)
    if (credential("S3_NON_ANONYMOUS", secrets) or "true").lower() in ("false", "0", "no"):
        options["anon"] = True
    return options


def _gcs(secrets: Secrets) -> dict[str, Any]:
    text = credential("GCP_CREDENTIALS", secrets)
    if text:
        try:
            return {"token": json.loads(text)}
        except ValueError:
            raise InvalidArgumentError(
                "GCP_CREDENTIALS is not JSON (its value is not shown)",
                fix="set it to the text of the service account's key file",
            ) from None
    return _named(secrets, {"token": "GOOGLE_APPLICATION_CREDENTIALS"})


def _azure(secrets: Secrets) -> dict[str, Any]:
    principal = ("client_id", "client_secret", "tenant_id")
    storage = ("connection_string", "account_name", "account_key", "sas_token", *principal)
    found = _named(secrets, {name: f"AZURE_STORAGE_{name.upper()}" for name in storage})
    # a datastore profile names them as the client does
    own = secrets if isinstance(secrets, Mapping) else {}
    profile = {name: own[name] for name in (*storage, "credential") if own.get(name)}
    plain = _named(secrets, {name: f"AZURE_{name.upper()}" for name in principal})
    return {**plain, **found, **profile}


def _v3io(secrets: Secrets) -> dict[str, Any]:
    return _named(secrets, {"v3io_api": "V3IO_API", "v3io_access_key": "V3IO_ACCESS_KEY"})


def _dbfs(secrets: Secrets) -> dict[str, Any]:
    return _named(secrets, {"instance": "DATABRICKS_HOST", "token": "DATABRICKS_TOKEN"})


def _oss(secrets: Secrets) -> dict[str, Any]:
    return _named(
        secrets,
        {
            "key": "ALIBABA_ACCESS_KEY_ID",
            "secret": "ALIBABA_SECRET_ACCESS_KEY",
            "endpoint": "ALIBABA_ENDPOINT_URL",
        },
    )


_MAKERS: Mapping[str, Callable[[Secrets], dict[str, Any]]] = MappingProxyType(
    {
        **dict.fromkeys(("s3", "s3a"), _s3),
        **dict.fromkeys(("gs", "gcs"), _gcs),
        **dict.fromkeys(("az", "abfs", "abfss", "wasb", "wasbs"), _azure),
        **dict.fromkeys(("v3io", "v3ios"), _v3io),
        "dbfs": _dbfs,
        "oss": _oss,
    }
)
