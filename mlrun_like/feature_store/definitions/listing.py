"""Feature sets and vectors, features and entities: lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.definitions.document import Definition
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.features import Entity, Feature
from mlrun_like.feature_store.definitions.saving import document_store, record_kind

__all__ = [
    "ListedEntity",
    "ListedFeature",
    "list_definitions",
    "list_entities",
    "list_feature_sets",
    "list_feature_vectors",
    "list_features",
]

_D = TypeVar("_D", bound=Definition)
Labels = Mapping[str, "str | None"] | Sequence[str] | None


class ListedFeature(NamedTuple):
    """A feature and the feature set it belongs to."""

    feature: Feature
    feature_set: FeatureSet


class ListedEntity(NamedTuple):
    """An entity and the feature set it belongs to."""

    entity: Entity
    feature_set: FeatureSet


def list_definitions(
    cls: type[_D],
    project: str | None,
    name: str | None,
    tag: str | None,
    labels: Labels,
    store: Any,
) -> list[_D]:
    """Definitions of a class; arguments as for `list_feature_sets`."""
    wanted = project if project is not None else str(config.default_project)
    rows = document_store(store).list_documents(
        record_kind(cls), wanted, name or "", tag or "", _labels(labels)
    )
    return [cls.from_dict(row) for row in rows]


def list_feature_sets(
    project: str | None = None,
    name: str | None = None,
    tag: str | None = None,
    state: str | None = None,
    entities: Iterable[str] | None = None,
    features: Iterable[str] | None = None,
    labels: Labels = None,
    store: Any = None,
) -> list[FeatureSet]:
    """Feature sets.

    Args:
        project: Their project; None: the default one, `"*"`: all.
        name: Their name; `"~part"`: it contains that.
        tag: Their tag; None: the latest versions, `"*"`: all tags.
        state: What `status.state` says.
        entities: Entities of which they have one.
        features: Features of which they have one.
        labels: Labels that they have: `{"owner": "me", "stage": None}` (None: any value), or
            `["owner=me", "stage"]`.
        store: Where they are recorded; None: the configured store.
    """
    found = list_definitions(FeatureSet, project, name, tag, labels, store)
    wanted, columns = _names(entities, "entities"), _names(features, "features")
    return [
        item
        for item in found
        if (state is None or item.status.state == state)
        and (not wanted or any(entity in item.spec.entities for entity in wanted))
        and (not columns or any(column in item.spec.features for column in columns))
    ]


def list_feature_vectors(
    project: str | None = None,
    name: str | None = None,
    tag: str | None = None,
    state: str | None = None,
    labels: Labels = None,
    store: Any = None,
) -> list[FeatureVector]:
    """Feature vectors; arguments as for `list_feature_sets`."""
    found = list_definitions(FeatureVector, project, name, tag, labels, store)
    return [item for item in found if state is None or item.status.state == state]


def list_features(
    project: str | None = None,
    name: str | None = None,
    tag: str | None = None,
    entities: Iterable[str] | None = None,
    labels: Labels = None,
    store: Any = None,
) -> list[ListedFeature]:
    """Features, each with its feature set.

    Args:
        project: As for `list_feature_sets`.
        name: The name of the features; `"~part"`: it contains that.
        tag: As for `list_feature_sets`.
        entities: Only of sets with one of these entities.
        labels: Labels that the features have.
        store: As for `list_feature_sets`.
    """
    sets = list_feature_sets(project, None, tag, entities=entities, store=store)
    wanted = _labels(labels)
    return [
        ListedFeature(feature, item)
        for item in sets
        for feature in item.spec.features
        if _matches(feature.name, name) and _has(feature.labels, wanted)
    ]


def list_entities(
    project: str | None = None,
    name: str | None = None,
    tag: str | None = None,
    labels: Labels = None,
    store: Any = None,
) -> list[ListedEntity]:
    """Entities, each with its feature set; arguments as for `list_features`."""
    wanted = _labels(labels)
    return [
        ListedEntity(entity, item)
        for item in list_feature_sets(project, None, tag, store=store)
        for entity in item.spec.entities
        if _matches(entity.name, name) and _has(entity.labels, wanted)
    ]


def _matches(text: str, wanted: str | None) -> bool:
    if not wanted:
        return True
    if wanted.startswith("~"):
        return wanted[1:].lower() in text.lower()
    return text == wanted


def _has(held: Mapping[str, str], wanted: Mapping[str, str | None]) -> bool:
    return all(
        key in held and (value is None or held[key] == value) for key, value in wanted.items()
    )


def _labels(labels: Labels) -> dict[str, str | None]:
    if not labels:
        return {}
    if isinstance(labels, Mapping):
        return dict(labels)
    items = [labels] if isinstance(labels, str) else labels
    pairs = [str(item).partition("=") for item in items]
    return {key: value if mark else None for key, mark, value in pairs}


def _names(names: Iterable[str] | None, what: str) -> list[str]:
    if isinstance(names, str):
        raise InvalidArgumentError(f"{what} must be a list, not {names!r:.60}", fix=f'["{names}"]')
    return list(names or ())
