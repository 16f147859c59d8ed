"""The store of what has no bytes: an item may stand there, but reading it is an error."""

from __future__ import annotations

from typing import Any

from mlrun_like.artifacts.stores import FileStore
from mlrun_like.errors import InvalidArgumentError

__all__ = ["NowhereStore"]


class NowhereStore(FileStore):
    """No place.

    Args:
        why: What whoever uses it is told.
    """

    kind = "file"

    def __init__(self, why: str) -> None:
        super().__init__("")
        self._why = why

    def _refuse(self, *arguments: Any, **options: Any) -> Any:
        raise InvalidArgumentError(self._why)

    read = write = open = stat = list = delete = _refuse
