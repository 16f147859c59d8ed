"""Roles of AWS: the keys that a role lends for an hour, and whether a machine has keys at all."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import Any

from mlrun_like import registry
from mlrun_like.errors import InvalidArgumentError

__all__ = ["assume_role", "has_default_credentials"]

_EARLY = timedelta(minutes=5)
_lent: dict[tuple[str, str | None, str | None], tuple[datetime, dict[str, str]]] = {}
"""By role, key and secret: who knows a key alone gets nothing of what was lent to it."""
_lock = threading.Lock()


def assume_role(role: str, key: str | None = None, secret: str | None = None) -> dict[str, str]:
    """The keys of a role, as s3fs names them: `key`, `secret` and `token`.

    They are asked for once, and again when they are about to expire.

    Args:
        role: Its ARN.
        key: The access key that may take the role; None: what the machine has.
        secret: Its secret.

    Raises:
        InvalidArgumentError: if the role is not given to that key.
    """
    now = datetime.now(timezone.utc)
    with _lock:
        until, keys = _lent.get((role, key, secret), (now, {}))
        if until - _EARLY > now:
            return dict(keys)
    found = _ask(role, key, secret)
    made = {
        "key": found["AccessKeyId"],
        "secret": found["SecretAccessKey"],
        "token": found["SessionToken"],
    }
    with _lock:
        _lent[(role, key, secret)] = (found.get("Expiration") or now, made)
    return dict(made)


def _session() -> Any:
    return registry.require("botocore.session", extra="s3", feature="keys of AWS").Session()


def _ask(role: str, key: str | None, secret: str | None) -> dict[str, Any]:
    session = _session()
    region = session.get_config_variable("region") or "us-east-1"
    try:
        client = session.create_client(
            "sts", region_name=region, aws_access_key_id=key, aws_secret_access_key=secret
        )
        answer = client.assume_role(RoleArn=role, RoleSessionName="mlrun-like")
        found: dict[str, Any] = answer["Credentials"]
    except Exception as exc:
        # the boundary to a foreign client: it has an error tree of its own
        raise InvalidArgumentError(
            f"the role {role!r:.200} cannot be assumed: {type(exc).__name__}",
            fix="check MLRUN_AWS_ROLE_ARN and that the access key may take this role",
        ) from exc
    return found


def has_default_credentials() -> bool:
    """Whether AWS' own search (variables, files, the machine's role) finds an access key."""
    try:
        found = _session().get_credentials()
    except Exception:  # noqa: BLE001  a foreign client's search that breaks has found nothing
        return False
    return bool(found is not None and found.access_key)
