"""Which columns hold the entities of other feature sets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import SpecError
from mlrun_like.feature_store.definitions.features import Entity, make_entity

__all__ = ["check_relations", "check_vector_relations"]

_FORM = '{"column": "entity"} or {"column": Entity("entity")}'


def check_relations(relations: Any, where: str) -> dict[str, Entity]:
    """Columns of a set -> the entity of another set that they hold.

    >>> check_relations({"manager_id": "person"}, "x")["manager_id"].name
    'person'

    Raises:
        SpecError: if it has another form.
    """
    if relations is None:
        return {}
    if not isinstance(relations, Mapping):
        raise SpecError(
            f"relations must be a mapping, not {relations!r:.80}", where=where, fix=_FORM
        )
    found: dict[str, Entity] = {}
    for column, entity in relations.items():
        if not isinstance(column, str) or not column:
            raise SpecError(f"{column!r:.60} is no column", where=where, fix=_FORM)
        made = make_entity(entity)
        if not made.name:
            raise SpecError(f"column {column!r} has no entity", where=where, fix=_FORM)
        found[column] = made
    return found


def check_vector_relations(relations: Any) -> dict[str, dict[str, Entity]]:
    """Relations that only a vector has, by the feature set that has the columns.

    Raises:
        SpecError: if it has another form.
    """
    where = "relations of the feature vector"
    if relations is None:
        return {}
    if not isinstance(relations, Mapping):
        raise SpecError(
            f"relations must be a mapping, not {relations!r:.80}",
            where=where,
            fix='{"feature-set": {"column": "entity"}}',
        )
    return {str(name): check_relations(item, where) for name, item in relations.items()}
