"""A feature vector with its feature sets: columns, keys and joins; all mistakes at once."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.feature_store.definitions.feature_text import FeatureText, parse_feature
from mlrun_like.feature_store.definitions.resolved import (
    JoinKey,
    ResolvedSet,
    ResolvedVector,
)
from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet
    from mlrun_like.feature_store.definitions.feature_vector import FeatureVector

__all__ = ["JoinKey", "ResolvedSet", "ResolvedVector", "resolve_vector"]

_log = logging.getLogger(__name__)
_RECORDS = "mlrun_like.feature_store.definitions.records"


@dataclass
class _Work:
    problems: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    sets: dict[str, FeatureSet | None] = field(default_factory=dict)
    columns: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """Names in the vector -> the set and column they stand for."""
    label: tuple[str, str, str] = ("", "", "")
    """The label's set, column, and name."""


def resolve_vector(
    vector: FeatureVector, store: Any = None, *, with_label: bool = True
) -> ResolvedVector:
    """Find the feature sets of a vector and what it takes of them.

    Args:
        vector: The vector.
        store: Where the sets are recorded (None: the configured store), or the sets themselves by
            name.
        with_label: Whether the label belongs to it.

    Raises:
        InvalidArgumentError: naming every mistake.
        NotFoundError: if all that is wrong is that feature sets do not exist.
    """
    work = _Work()
    find = _finder(vector, store)
    texts = [parsed for text in vector.spec.features if (parsed := _parse(text, work)) is not None]
    label = vector.spec.label_feature
    parsed_label = _parse(label, work) if label and with_label else None
    for text in [*texts, *([parsed_label] if parsed_label else [])]:
        _load(text, find, work)
    if parsed_label is not None:
        work.label = (parsed_label.key, parsed_label.feature, parsed_label.column)
    for text in texts:
        _take(text, work)
    if parsed_label is not None:
        _take_label(parsed_label, work)
    ordered = _ordered(vector, find, work)
    found = _linked(vector, ordered, work)
    _complain(vector, work)
    keys = dict.fromkeys(name for item in found for name in item.entities)
    return ResolvedVector(vector, tuple(found), work.label[2], tuple(keys), tuple(work.names))


def _finder(vector: FeatureVector, store: Any) -> Callable[[FeatureText], FeatureSet]:
    if isinstance(store, Mapping):
        given: Mapping[str, FeatureSet] = store

        def from_mapping(text: FeatureText) -> FeatureSet:
            found = given.get(text.key) or given.get(text.feature_set)
            if found is None:
                raise NotFoundError(
                    f"there is no feature set {text.key!r}.{nearest(text.key, given)}"
                )
            return found

        return from_mapping
    get = resolve(f"{_RECORDS}:get_feature_set")

    def from_records(text: FeatureText) -> FeatureSet:
        found: FeatureSet = get(text.key, project=vector.project, store=store)
        return found

    return from_records


def _parse(text: str, work: _Work) -> FeatureText | None:
    try:
        return parse_feature(text)
    except InvalidArgumentError as exc:
        work.problems.append(exc.what)
        return None


def _load(text: FeatureText, find: Callable[[FeatureText], FeatureSet], work: _Work) -> None:
    if text.key in work.sets:
        return
    try:
        work.sets[text.key] = find(text)
    except NotFoundError as exc:
        work.sets[text.key] = None
        work.missing.append(exc.what)
    except InvalidArgumentError as exc:
        work.sets[text.key] = None
        work.problems.append(exc.what)


def _take(text: FeatureText, work: _Work) -> None:
    found = work.sets[text.key]
    if found is None:
        return
    names = list(found.spec.features.keys())
    if text.feature != "*":
        known = [*names, *found.spec.entities.keys(), found.spec.timestamp_key or ""]
        if text.feature in known and text.feature:
            _add(text.key, text.feature, text.column, work)
        else:
            fix = "" if names else " It has no features yet: ingest or preview it first."
            work.problems.append(
                f"feature {text.feature} not found in feature set {text.key}."
                f"{nearest(text.feature, names)}{fix}"
            )
        return
    for name in names:
        if name != found.spec.timestamp_key and (text.key, name) != work.label[:2]:
            _add(text.key, name, f"{text.alias}_{name}" if text.alias else name, work)


def _add(key: str, column: str, name: str, work: _Work) -> None:
    origin = f"{key}.{column}"
    if work.names.get(name) == origin:
        return  # asked for twice
    if name in work.names:
        other = f"{name}_{key}"
        _log.warning(
            "feature %s: the name %r is taken by %s, it becomes %r; choose another by 'as'",
            origin, name, work.names[name], other,
        )  # fmt: skip
        name = other
        if name in work.names:
            work.problems.append(
                f"feature name/alias {name} already specified, use another alias "
                "(feature-set.name [as alias])"
            )
            return
    work.names[name] = origin
    work.columns.setdefault(key, []).append((column, name))


def _take_label(text: FeatureText, work: _Work) -> None:
    if text.feature == "*":
        work.problems.append("label_feature must be one feature, not '*'")
        return
    for column, name in work.columns.get(text.key, ()):
        if column == text.feature:  # it is a feature too
            work.label = (text.key, column, name)
            return
    _take(text, work)
    taken = [name for column, name in work.columns.get(text.key, ()) if column == text.feature]
    if taken:
        work.label = (text.key, text.feature, taken[-1])


def _ordered(
    vector: FeatureVector, find: Callable[[FeatureText], FeatureSet], work: _Work
) -> list[tuple[str, str, bool]]:
    """Sets in join order, with how each joins those before it."""
    graph = vector.spec.join_graph
    if graph is None or not len(graph.steps):
        return [(key, "", False) for key in work.sets]
    work.problems += graph.check()
    ordered = []
    for number, step in enumerate(graph.steps):
        wanted = step.right_feature_set_name
        key = next((k for k in work.sets if k == wanted), "") or next(
            (k for k in work.sets if parse_feature(f"{k}.x").feature_set == wanted), wanted
        )
        if key not in work.sets:  # it only links others
            text = _parse(f"{key}.*", work)
            if text is None:
                continue
            _load(text, find, work)
        ordered.append((key, step.join_type if number else "", bool(step.asof_join)))
    left_out = [key for key in work.sets if key not in [item[0] for item in ordered]]
    if left_out:
        work.problems.append(
            f"the join graph does not have all feature sets: {', '.join(left_out)} "
            f"{'is' if len(left_out) == 1 else 'are'} left out"
        )
    return ordered


def _linked(
    vector: FeatureVector, ordered: list[tuple[str, str, bool]], work: _Work
) -> list[ResolvedSet]:
    found: list[ResolvedSet] = []
    for key, join, asof in ordered:
        item = work.sets[key]
        if item is None:
            continue
        entities = tuple(item.spec.entities.keys())
        if not entities:
            work.problems.append(f"feature set {key} has no entities")
        keys = [link for name in entities if (link := _link(vector, name, found)) is not None]
        for link in keys:
            _check_types(key, item, link, found, work)
        linked = {link.entity for link in keys}
        found.append(
            ResolvedSet(
                name=key,
                feature_set=item,
                columns=tuple(work.columns.get(key, ())),
                entities=entities,
                timestamp_key=item.spec.timestamp_key or "",
                ttl_millis=item.spec.ttl_millis,
                label=work.label[2] if work.label[0] == key else "",
                join=join,
                asof=asof,
                keys=tuple(keys),
                unmatched=tuple(name for name in entities if found and name not in linked),
            )
        )
    return found


def _link(vector: FeatureVector, entity: str, before: list[ResolvedSet]) -> JoinKey | None:
    """The column of a set before that holds an entity: its own entity, else by a relation."""
    for item in before:
        if entity in item.entities:
            return JoinKey(entity, entity, item.name)
    for item in before:
        relations = {
            **item.feature_set.spec.relations,
            **vector.spec.relations.get(item.feature_set.name, {}),
            **vector.spec.relations.get(item.name, {}),
        }
        for column, other in relations.items():
            if other.name == entity:
                return JoinKey(entity, column, item.name)
    return None


def _check_types(
    key: str, right: FeatureSet, link: JoinKey, before: list[ResolvedSet], work: _Work
) -> None:
    left = next(item.feature_set for item in before if item.name == link.owner)
    known = left.spec.entities.get(link.column) or left.spec.features.get(link.column)
    mine = right.spec.entities[link.entity].value_type
    theirs = known.value_type if known is not None else None
    if mine and theirs and _family(mine) != _family(theirs):
        work.problems.append(
            f"entity {link.entity} of feature set {key} is of type {mine}, column {link.column} "
            f"of {link.owner} of type {theirs}: they cannot be joined"
        )
    if known is None and left.spec.features and link.column != left.spec.timestamp_key:
        work.problems.append(
            f"the relation's column {link.column} not found in feature set {link.owner}"
        )


def _family(value_type: str) -> str:
    return "number" if value_type.startswith(("int", "uint", "float", "bfloat")) else value_type


def _complain(vector: FeatureVector, work: _Work) -> None:
    problems = [*work.problems, *work.missing]
    if not problems:
        return
    where = f"feature vector {vector.name!r}"
    kind = InvalidArgumentError if work.problems else NotFoundError
    raise kind("; ".join(problems), where=where)
