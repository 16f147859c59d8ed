"""Aliases shared by all layers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Union

__all__ = ["Document", "Handler", "Json"]

Json = Union[None, bool, int, float, str, "list[Json]", "dict[str, Json]"]
"""A value that survives JSON unchanged."""

Document = dict[str, Any]
"""A run, function or artifact as plain data (`kind`, `metadata`, `spec`, `status`)."""

Handler = Callable[..., Any]
"""A user's function."""
