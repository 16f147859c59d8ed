"""A function's environment variables in a pod; values that look secret go into a Secret."""

from __future__ import annotations

import re
from typing import Any

from mlrun_like.specs.function import FunctionDoc

__all__ = ["environment_of", "looks_secret", "secret_values"]

_SECRET = re.compile(
    r"(?:^|[_.-])(?:SECRETS?|PASSW(?:OR)?D|PASSPHRASE|TOKEN|CREDENTIALS?|ACCESS_?KEY(?:_ID)?"
    r"|API_?KEY|PRIVATE_?KEY|ACCOUNT_?KEY|AUTH|CONNECTION_STRING)(?:$|[_.-])",
    re.IGNORECASE,
)
_LOGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/@\s:]*:[^/@\s]+@", re.IGNORECASE)


def looks_secret(name: str, value: str) -> bool:
    """Whether a variable must not stand readable in a manifest.

    >>> looks_secret("AWS_SECRET_ACCESS_KEY", "x"), looks_secret("LEVEL", "3")
    (True, False)
    >>> looks_secret("DB", "postgresql://me:pass@host/db")
    True
    """
    return bool(value) and bool(_SECRET.search(name) or _LOGIN.search(value))


def secret_values(document: FunctionDoc) -> dict[str, str]:
    """The function's own variables that go into a Secret, by name."""
    return {
        row["name"]: str(row["value"])
        for row in _rows(document)
        if row.get("value") is not None and looks_secret(row["name"], str(row["value"]))
    }


def environment_of(document: FunctionDoc, secret: str) -> list[dict[str, Any]]:
    """The variables in the form of a container's `env`.

    Args:
        document: The function.
        secret: Name of the Secret that holds `secret_values`.
    """
    found = []
    for row in _rows(document):
        name, source = row["name"], row.get("valueFrom", row.get("value_from"))
        value = "" if row.get("value") is None else str(row["value"])
        if row.get("value") is None and source:
            found.append({"name": name, "valueFrom": _camel(source)})
        elif looks_secret(name, value):
            found.append(
                {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": name}}}
            )
        else:
            found.append({"name": name, "value": value})
    return found


def _rows(document: FunctionDoc) -> list[dict[str, Any]]:
    """Each name once, the last one wins."""
    return list({row["name"]: row for row in document.spec.env if row.get("name")}.values())


def _camel(value: Any) -> Any:
    """Keys as they go over the wire: older documents have Python's names."""
    if not isinstance(value, dict):
        return value
    return {
        re.sub(r"_([a-z])", lambda found: found[1].upper(), str(key)): _camel(item)
        for key, item in value.items()
        if item is not None
    }
