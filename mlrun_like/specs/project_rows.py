"""The functions of a project's document by name, as MLRun's specs have them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Protocol

__all__ = ["FunctionRows"]


class _HasFunctions(Protocol):
    functions: list[dict[str, Any]]


class FunctionRows(MutableMapping[str, Any]):
    """A view of the rows: `name`, or `name:tag` of those that have one.

    Args:
        spec: What the rows are in.
    """

    def __init__(self, spec: _HasFunctions) -> None:
        self._spec = spec

    def __getitem__(self, key: str) -> dict[str, Any]:
        for row in self._spec.functions:
            if _key(row) == key:
                return row
        raise KeyError(key)

    def __setitem__(self, key: str, row: Mapping[str, Any]) -> None:
        kept = [each for each in self._spec.functions if _key(each) != key]
        self._spec.functions = [*kept, {"name": key.partition(":")[0], **row}]

    def __delitem__(self, key: str) -> None:
        self._spec.functions.remove(self[key])

    def __iter__(self) -> Iterator[str]:
        return iter([_key(row) for row in self._spec.functions])

    def __len__(self) -> int:
        return len(self._spec.functions)

    def __repr__(self) -> str:
        return repr(dict(self))


def _key(row: Mapping[str, Any]) -> str:
    name, tag = str(row.get("name") or ""), str(row.get("tag") or "")
    return f"{name}:{tag}" if tag else name
