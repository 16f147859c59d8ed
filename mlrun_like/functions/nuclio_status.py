"""Where a function is deployed, and its state."""

from __future__ import annotations

from typing import Any

__all__ = ["NuclioStatus"]


class NuclioStatus:
    """A deployed function's state and addresses, as attributes of `fn.status`.

    `state`, `nuclio_name`, `address`, `internal_invocation_urls`, `external_invocation_urls`,
    `container_image`; attributes that are not set are empty.
    """

    def __init__(self, data: dict[str, Any]) -> None:
        object.__setattr__(self, "_data", data)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        data: dict[str, Any] = object.__getattribute__(self, "_data")
        return data.get(name, [] if name.endswith("_urls") else "")

    def __setattr__(self, name: str, value: Any) -> None:
        self._data[name] = value

    def to_dict(self) -> dict[str, Any]:
        """The status as plain data."""
        return {key: value for key, value in self._data.items() if not key.startswith("_")}

    def __repr__(self) -> str:
        return f"NuclioStatus({self.to_dict()!r})"
