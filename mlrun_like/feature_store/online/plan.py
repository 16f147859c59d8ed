"""What one feature vector needs, worked out before the first request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.definitions.feature_text import parse_feature
from mlrun_like.feature_store.online.parts import SetPart
from mlrun_like.feature_store.online.places import online_place
from mlrun_like.feature_store.online.store import OnlineStore, open_online
from mlrun_like.feature_store.online.table import layouts_of

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.resolving import ResolvedSet, ResolvedVector

__all__ = ["VectorPlan", "plan_vector"]


@dataclass(frozen=True)
class VectorPlan:
    """A vector as its service needs it.

    Args:
        parts: Its sets, those whose keys come from others behind these.
        stores: The stores that were opened.
        names: The names of the values, as the parts give them.
        order: The place of each of the vector's columns among these.
        columns: The vector's columns; the label only if it is one of the features too.
        label: The label's name among the columns; empty: it is none of them.
        entities: What a request must have, with value types.
    """

    parts: tuple[SetPart, ...]
    stores: tuple[OnlineStore, ...]
    names: tuple[str, ...]
    order: tuple[int, ...]
    columns: tuple[str, ...]
    label: str
    entities: Mapping[str, str | None]


def plan_vector(
    resolved: ResolvedVector,
    entity_keys: Sequence[str] | None = None,
    options: Mapping[str, Any] | None = None,
) -> VectorPlan:
    """Find where each column of a vector is.

    Args:
        resolved: The vector with its sets, without the label: what is to be predicted is not read.
        entity_keys: The entities that requests have; by default those that no other set gives.
        options: Options of the stores.

    Raises:
        InvalidArgumentError: if a set has no online target, or `entity_keys` are not enough.
    """
    links = _links(resolved, entity_keys)
    ordered = _ordered(_needed(resolved.sets, links), links)
    place = {item.name: number for number, item in enumerate(ordered)}
    stores: dict[str, OnlineStore] = {}
    parts, names = [], []
    entities: dict[str, str | None] = {}
    for item in ordered:
        keys, types = [], []
        for entity in item.entities:
            owner, column = links[item.name, entity]
            kind = item.feature_set.spec.entities[entity].value_type
            if not owner:
                entities[column] = entities.get(column) or kind
            keys.append((place[owner] if owner else -1, column))
            types.append(kind)
        where = online_place(item.feature_set)
        if where.url not in stores:
            stores[where.url] = open_online(where.url, **(options or {}))
        columns = [column for column, _ in item.columns]
        layouts, needs = _windows(item, columns)
        parts.append(
            SetPart(
                item.name, stores[where.url], where.namespace, tuple(keys), tuple(types),
                tuple(columns), item.ttl_millis, layouts, needs,
            )
        )  # fmt: skip
        names += [name for _, name in item.columns]
    given = dict.fromkeys([*(entity_keys or ()), *resolved.index_keys])
    return VectorPlan(
        tuple(parts),
        tuple(stores.values()),
        tuple(names),
        tuple(names.index(name) for name in resolved.columns),
        resolved.columns,
        _label(resolved),
        {name: entities[name] for name in [*given, *entities] if name in entities},
    )


def _links(
    resolved: ResolvedVector, entity_keys: Sequence[str] | None
) -> dict[tuple[str, str], tuple[str, str]]:
    """Where each entity of each set comes from: a set and its column; no set: the request."""
    given = None if entity_keys is None else set(entity_keys)
    known = set(resolved.index_keys)
    for name in given or ():
        if name not in known:
            raise InvalidArgumentError(
                f"entity_keys has {name!r}, which is no entity of the vector."
                f"{nearest(str(name), known)}",
                where=f"feature vector {resolved.vector.metadata.name!r}",
                fix=f"its entities: {', '.join(resolved.index_keys)}",
            )
    found: dict[tuple[str, str], tuple[str, str]] = {}
    for item in resolved.sets:
        before = {key.entity: key for key in item.keys}
        for entity in item.entities:
            if given is not None and entity in given:
                found[item.name, entity] = ("", entity)
                continue
            link = before.get(entity)
            if link is not None and link.column == link.entity:  # the owner has the same entity
                found[item.name, entity] = found.get((link.owner, link.column), ("", entity))
            elif link is not None:
                found[item.name, entity] = (link.owner, link.column)
            elif given is None:
                found[item.name, entity] = ("", entity)
            else:
                found[item.name, entity] = _related(resolved, item.name, entity)
    return found


def _related(resolved: ResolvedVector, name: str, entity: str) -> tuple[str, str]:
    for item in resolved.sets:
        if item.name == name:
            continue
        relations = {
            **item.feature_set.spec.relations,
            **resolved.vector.spec.relations.get(item.feature_set.name, {}),
            **resolved.vector.spec.relations.get(item.name, {}),
        }
        for column, other in relations.items():
            if other.name == entity:
                return item.name, column
    raise InvalidArgumentError(
        f"entity_keys must have {entity!r}: no other feature set gives it",
        where=f"feature set {name!r} of feature vector {resolved.vector.metadata.name!r}",
        fix="add it, or declare a relation: FeatureVector(..., relations=...)",
    )


def _label(resolved: ResolvedVector) -> str:
    text = resolved.vector.spec.label_feature
    if not text:
        return ""
    wanted = parse_feature(text)
    columns = next((dict(item.columns) for item in resolved.sets if item.name == wanted.key), {})
    return columns.get(wanted.feature, "")


def _needed(
    sets: Sequence[ResolvedSet], links: Mapping[tuple[str, str], tuple[str, str]]
) -> list[ResolvedSet]:
    """Sets that give columns, or keys of such sets; others only join rows offline."""
    by_name = {item.name: item for item in sets}
    wanted = [item.name for item in sets if item.columns]
    for name in wanted:  # which grows
        owners = [links[name, entity][0] for entity in by_name[name].entities]
        wanted += [owner for owner in owners if owner and owner not in wanted]
    return [item for item in sets if item.name in wanted]


def _ordered(
    sets: Sequence[ResolvedSet], links: Mapping[tuple[str, str], tuple[str, str]]
) -> list[ResolvedSet]:
    """Sets so that those which give keys come first."""
    left, made = list(sets), list[Any]()
    while left:
        ready = {item.name for item in made}
        first = next(
            (
                item
                for item in left
                if all(links[item.name, entity][0] in {"", *ready} for entity in item.entities)
            ),
            None,
        )
        if first is None:
            raise InvalidArgumentError(
                "the keys of feature sets depend on each other in a circle: "
                f"{', '.join(item.name for item in left)}",
                fix="give entity_keys=[...] with the entity to begin with",
            )
        left.remove(first)
        made.append(first)
    return made


def _windows(item: ResolvedSet, columns: Sequence[str]) -> tuple[list[Any], list[str]]:
    """Layouts of the windows that columns come from, and these columns."""
    layouts, needs = [], []
    for layout in layouts_of(item.feature_set):
        wanted = [name for name in layout.columns() if name in columns]
        if wanted:
            layouts.append(layout)
            needs += wanted
    return layouts, needs
