"""Which columns hold the keys of each set, and in which order sets can be joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.resolving import ResolvedSet, ResolvedVector

__all__ = ["Linked", "link", "relations"]


@dataclass(frozen=True)
class Linked:
    """One set in join order.

    Args:
        item: The set.
        keys: For each of its entities the column of what is joined before that holds it; empty
            for the set with which the joins begin.
    """

    item: ResolvedSet
    keys: tuple[str, ...] = ()


def link(vector: ResolvedVector, rows: Sequence[str] | None) -> list[Linked]:
    """Put the sets of a vector into an order in which each finds its keys.

    A key is found among the entity rows' columns, the entities of sets before it, and by the
    relations of sets before it. The order of the join graph stays as it is; without one the order
    of the features stays as far as keys allow.

    Args:
        vector: The vector.
        rows: The columns of the entity rows; None: there are none.

    Raises:
        InvalidArgumentError: if a set finds no keys.
    """
    fixed = any(item.join for item in vector.sets)
    if rows is not None:
        found = _chain(vector, [], set(rows), list(vector.sets), fixed)
        if found is None:
            _complain(vector, rows)
        return found or []
    heads = vector.sets[:1] if fixed else vector.sets
    for head in heads:
        rest = [item for item in vector.sets if item is not head]
        found = _chain(vector, [Linked(head)], set(head.entities), rest, fixed)
        if found is not None:
            return found
    _complain(vector, None)
    return []


def _chain(
    vector: ResolvedVector,
    before: list[Linked],
    known: set[str],
    rest: list[ResolvedSet],
    fixed: bool,
) -> list[Linked] | None:
    done, known, rest = list(before), set(known), list(rest)
    while rest:
        for item in rest[:1] if fixed else rest:
            keys = _keys(vector, item, done, known)
            if keys is not None:
                done.append(Linked(item, keys))
                known.update(item.entities)
                rest.remove(item)
                break
        else:
            return None
    return done


def _keys(
    vector: ResolvedVector, item: ResolvedSet, before: list[Linked], known: set[str]
) -> tuple[str, ...] | None:
    keys = []
    for entity in item.entities:
        column = entity if entity in known else _related(vector, entity, before)
        if column is None:
            return None
        keys.append(column)
    return tuple(keys)


def _related(vector: ResolvedVector, entity: str, before: list[Linked]) -> str | None:
    for one in before:
        for column, other in relations(vector, one.item).items():
            if other == entity:
                return column
    return None


def relations(vector: ResolvedVector, item: ResolvedSet) -> dict[str, str]:
    """Columns of a set -> the entity of other sets that they hold."""
    spec = item.feature_set.spec
    name = str(item.feature_set.metadata.name)
    own = vector.vector.spec.relations.get(item.name) or vector.vector.spec.relations.get(name)
    given = own if own else spec.relations
    return {column: str(entity.name) for column, entity in given.items()}


def _complain(vector: ResolvedVector, rows: Sequence[str] | None) -> None:
    names = ", ".join(f"{item.name} ({', '.join(item.entities)})" for item in vector.sets)
    given = "" if rows is None else f" and the entity rows ({', '.join(map(str, rows))})"
    raise InvalidArgumentError(
        f"the feature sets {names}{given} cannot be joined: some entities are nowhere else",
        where=f"feature vector {vector.vector.metadata.name!r}",
        fix="add the entities to entity_rows, or say relations={'set': {'column': 'entity'}}",
    )
