"""Context: secrets, parameters and tables that the steps of a flow share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import NotFoundError, nearest

__all__ = ["Context"]


class Context:
    """What steps may ask for, without a server.

    Args:
        initial_secrets: Secrets by name.
        initial_parameters: Parameters by name.
        initial_tables: Tables by path or name.

    >>> Context(initial_parameters={"limit": 3}).get_param("limit", 1)
    3
    """

    def __init__(
        self,
        initial_secrets: Mapping[str, str] | None = None,
        initial_parameters: Mapping[str, Any] | None = None,
        initial_tables: Mapping[str, Any] | None = None,
    ) -> None:
        self._secrets = dict(initial_secrets or {})
        self._parameters = dict(initial_parameters or {})
        self._tables = dict(initial_tables or {})

    def get_param(self, key: str, default: Any = None) -> Any:
        """The parameter `key`, else `default`."""
        return self._parameters.get(key, default)

    def set_param(self, key: str, value: Any) -> None:
        """Set a parameter."""
        self._parameters[key] = value

    def get_secret(self, key: str) -> str | None:
        """The secret `key`, else None."""
        return self._secrets.get(key)

    def set_secret(self, key: str, secret: str) -> None:
        """Set a secret."""
        self._secrets[key] = secret

    def get_table(self, key: str) -> Any:
        """The table `key`.

        Raises:
            NotFoundError: if there is none.
        """
        if key not in self._tables:
            raise NotFoundError(
                f"the context has no table {key!r}.{nearest(key, self._tables)}",
                fix="Context(initial_tables={...})",
            )
        return self._tables[key]

    def set_table(self, key: str, table: Any) -> None:
        """Set a table."""
        self._tables[key] = table
