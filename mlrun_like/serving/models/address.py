"""What a URL path addresses: a server, the list of models, or an operation of a model.

V2 inference protocol: https://kserve.github.io/website/latest/modelserving/data_plane/v2_protocol/
V1: `/v1/models/NAME:predict`. SageMaker: `/ping` and `/invocations`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

__all__ = ["Address", "locate"]

_LONG = 200


class Address(NamedTuple):
    """What a path means.

    Args:
        model: The model's key, `name` or `name:version`; empty: the path names none.
        operation: The operation; empty: the path names none.
        scope: `server`, `models` (the list) or `model`.
        dialect: `v1`, `sagemaker`, or empty: the V2 protocol.
    """

    model: str = ""
    operation: str = ""
    scope: str = "model"
    dialect: str = ""


def locate(path: str, models: str = "/v2/models", health: str = "/v2/health") -> Address | None:
    """What `path` addresses, or None: it has none of the protocols' forms.

    Args:
        path: The URL's path.
        models: What paths of models start with.
        health: What paths of the server's health start with.

    >>> locate("/v2/models/net/versions/3/infer")
    Address(model='net:3', operation='infer', scope='model', dialect='')
    >>> locate("/v1/models/net:predict").operation
    'predict'
    """
    return _locate(path, models, health) if len(path) > _LONG else _remembered(path, models, health)


def _locate(path: str, models: str, health: str) -> Address | None:
    bare = path.rstrip("/")
    if bare in ("", "/v2"):
        return Address(scope="model" if not bare else "server")
    if bare == "/ping":
        return Address(operation="ready", scope="server", dialect="sagemaker")
    if bare == "/invocations":
        return Address(dialect="sagemaker")
    if bare == health or bare.startswith(health + "/"):
        return Address(operation=bare[len(health) + 1 :], scope="server")
    if bare == models or bare.startswith(models + "/"):
        return _model([part for part in bare[len(models) :].split("/") if part], models)
    if bare == "/v1/models" or bare.startswith("/v1/models/"):
        return _model(bare[len("/v1/models/") :].split("/") if bare != "/v1/models" else [], "/v1")
    return None


def _model(parts: list[str], prefix: str) -> Address:
    """The parts after the prefix: NAME[/versions/VERSION][/OPERATION]."""
    dialect = ""
    if prefix.startswith("/v1") and parts:
        parts = list(parts)
        parts[-1], colon, operation = parts[-1].partition(":")
        if colon:
            dialect = "v1"
            parts.append(operation)
    if not parts:
        return Address(scope="models")
    name, rest = parts[0], parts[1:]
    if len(rest) > 1 and rest[0] == "versions":
        name, rest = f"{name}:{rest[1]}", rest[2:]
    return Address(name, "/".join(rest), dialect=dialect)


_remembered = lru_cache(maxsize=256)(_locate)
