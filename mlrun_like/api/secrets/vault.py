"""Set, list and delete secrets of projects; read them for runs."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from typing import Any

from mlrun_like.api.secrets.keys import keyring
from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.names import check_project
from mlrun_like.projects.secrets import Secrets
from mlrun_like.tracking.access_abilities import SecretRow, SecretStore

__all__ = ["INTERNAL", "check_secret_name", "names_data", "secrets_of", "set_secrets"]

INTERNAL = "mlrun."
"""Names that begin so belong to the service itself and are not listed (as MLRun has it)."""

_NAME = re.compile(r"[A-Za-z0-9_](?:[-A-Za-z0-9_.]{0,252})?\Z")
_LARGEST = 1 << 20
_MOST = 1000


def check_secret_name(name: str) -> str:
    """`name` if it may name a secret, else InvalidArgumentError."""
    if not isinstance(name, str) or not _NAME.match(name) or name.startswith(INTERNAL):
        raise InvalidArgumentError(
            f"secret name {str(name)[:80]!r} is not allowed",
            fix="letters, digits and _ . -, at most 253, such as 'API_TOKEN'",
        )
    return name


def set_secrets(
    store: SecretStore, project: str, values: Mapping[str, str | None], by: str = ""
) -> None:
    """Add or replace secrets; None removes one. Others stay. All or nothing.

    Raises:
        InvalidArgumentError: if a name or value cannot be. The message has no value.
    """
    check_project(project)
    ring = keyring()
    now = time.time()
    rows, gone, size = [], [], 0
    for name, value in values.items():
        check_secret_name(name)
        if value is None:
            gone.append(name)
            continue
        if not isinstance(value, str):
            raise InvalidArgumentError(
                f"the value of secret {name!r} is no text", fix="send texts only"
            )
        try:
            size += len(value.encode("utf-8"))
        except UnicodeEncodeError:
            raise InvalidArgumentError(
                f"the value of secret {name!r} holds half of a character"
            ) from None
        # sealed with its place: nobody who writes the database can put it under another name
        sealed = ring.seal(json.dumps([project, name, value]))
        rows.append(SecretRow(project, name, sealed, ring.name, now, by))
    if size > _LARGEST or len(values) > _MOST:
        raise InvalidArgumentError(
            "these are too many secrets at once", fix=f"at most {_MOST}, 1 MiB together"
        )
    store.put_secrets(project, rows, gone)


def secrets_of(store: SecretStore, project: str) -> Secrets:
    """All secrets of a project: for runs, never for an answer to people.

    Raises:
        ConflictError: if a key is missing, or a row was tampered with.
    """
    rows = store.list_secrets(project)
    if not rows:
        return Secrets({})
    ring = keyring()
    return Secrets({row.name: _opened(ring.open(row.value, row.key), row) for row in rows})


def names_data(store: SecretStore, project: str) -> list[dict[str, Any]]:
    """Names and times of the secrets of a project, as the API shows them."""
    return [
        {"name": row.name, "updated": row.updated, "updated_by": row.updated_by}
        for row in store.list_secrets(project)
        if not row.name.startswith(INTERNAL)
    ]


def _opened(text: str, row: SecretRow) -> str:
    project, name, value = json.loads(text)
    if (project, name) != (row.project, row.name):
        raise ConflictError(
            f"the secret {row.name!r} was sealed for another place",
            where=f"project {row.project!r}",
            fix="set it anew, and look who can write the database",
        )
    return str(value)
