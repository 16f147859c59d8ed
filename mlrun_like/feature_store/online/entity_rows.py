"""What callers ask for: rows of entities, as dictionaries or lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError, nearest

__all__ = ["entity_rows_of"]


def entity_rows_of(rows: Any, entities: Sequence[str], where: str) -> list[Mapping[str, Any]]:
    """Rows as dictionaries that have all entities.

    Args:
        rows: Dictionaries, or lists with the entities' values in order; or one dictionary.
        entities: Their names.
        where: Who asks, for messages.

    Raises:
        InvalidTypeError: if they are neither.
        InvalidArgumentError: if one lacks an entity.

    >>> entity_rows_of([[1, "x"], {"a": 2, "b": "y"}], ["a", "b"], "doc")
    [{'a': 1, 'b': 'x'}, {'a': 2, 'b': 'y'}]
    """
    if isinstance(rows, Mapping):
        rows = [rows]
    if not isinstance(rows, (list, tuple)):
        raise InvalidTypeError(
            f"input data is of type {type(rows).__name__}, not a list of lists or dictionaries",
            where=where,
            fix=f"such as get([{_example(entities)}])",
        )
    if not rows:
        raise InvalidTypeError(
            "there are no entities to look up",
            where=where,
            fix=f"such as get([{_example(entities)}])",
        )
    return [_row(row, entities, where) for row in rows]


def _row(row: Any, entities: Sequence[str], where: str) -> Mapping[str, Any]:
    if isinstance(row, Mapping):
        for name in entities:
            if name not in row:
                raise _lacks(row, name, entities, where)
        return row
    if not isinstance(row, (list, tuple)):
        raise InvalidTypeError(
            f"{row!r:.80} is a {type(row).__name__}, neither a dictionary nor a list",
            where=where,
            fix=f"such as get([{_example(entities)}])",
        )
    if len(row) != len(entities):
        raise InvalidArgumentError(
            f"{row!r:.80} must have the same size as the entities: {len(entities)}",
            where=where,
            fix=f"values of {', '.join(entities)}, in this order",
        )
    return dict(zip(entities, row, strict=True))


def _lacks(
    row: Mapping[str, Any], name: str, entities: Sequence[str], where: str
) -> InvalidArgumentError:
    unknown = [str(key) for key in row if key not in entities]
    close = next((key for key in unknown if nearest(key, [name])), "")
    return InvalidArgumentError(
        f"an entity row has no {name!r}: {row!r:.120}."
        f"{f' {close!r} is no entity of the vector.' if close else ''}",
        where=where,
        fix=f"send {_example(entities)}; None for an entity that is not known",
    )


def _example(entities: Sequence[str]) -> str:
    return "{" + ", ".join(f'"{name}": ...' for name in entities) + "}"
