"""The tables of a set's or vector's columns and of their statistics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.drawing.markup import Html
from mlrun_like.drawing.page import table
from mlrun_like.feature_store.definitions.document import Definition
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.features import Feature
from mlrun_like.feature_store.views.histogram import histogram

__all__ = ["schema_table", "statistics_table"]

_ORDER = ("count", "mean", "std", "min", "25%", "50%", "75%", "max", "unique", "top", "freq")
_MOST = 500


def schema_table(definition: Definition) -> Html:
    """The columns with role, type, description, validator."""
    rows: list[tuple[Any, ...]] = []
    if isinstance(definition, FeatureSet):
        spec = definition.spec
        rows += [
            (entity.name, "entity", entity.value_type, "", entity.description)
            for entity in spec.entities
        ]
        if spec.timestamp_key and spec.timestamp_key not in spec.features:
            rows.append((spec.timestamp_key, "time", "datetime", "", ""))
        rows += [
            (f.name, _role(f, definition), f.value_type, _rule(f), f.description)
            for f in spec.features
        ]
        return table(("column", "role", "type", "rule", "description"), _cut(rows), is_bare=True)
    if isinstance(definition, FeatureVector):
        known = definition.status.features
        label = definition.status.label_column
        rows = [
            (f.name, "label" if f.name == label else "feature", f.value_type, f.origin)
            for f in known
        ] or [(text, "feature", "", "") for text in definition.spec.features]
        return table(("column", "role", "type", "origin"), _cut(rows), is_bare=True)
    return Html()


def _role(feature: Feature, feature_set: FeatureSet) -> str:
    spec = feature_set.spec
    if feature.name == spec.timestamp_key:
        return "time"
    if feature.name == spec.label_column:
        return "label"
    return "aggregate" if feature.aggregate else "feature"


def _rule(feature: Feature) -> str:
    validator = feature.validator
    if validator is None:
        return ""
    document = validator.to_dict()
    kind = document.pop("kind", "") or "type"
    return f"{kind} " + ", ".join(f"{key}={value}" for key, value in document.items())


def statistics_table(definition: Definition) -> Html:
    """The statistics that were measured last, with histograms."""
    stats = definition.status.stats
    rows = [(name, values) for name, values in stats.items() if isinstance(values, Mapping)]
    found = {key for _, values in rows for key in values}
    header = [key for key in _ORDER if key in found]
    header += sorted(str(key) for key in found - {*_ORDER, "hist"})[:10]
    lines = [
        (name, histogram(values.get("hist")), *(values.get(key) for key in header))
        for name, values in rows
    ]
    return table(("column", "histogram", *header), _cut(lines), is_bare=True)


def _cut(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """A page with thousands of rows is of no use, and slow."""
    if len(rows) <= _MOST:
        return rows
    return [*rows[:_MOST], (f"… and {len(rows) - _MOST} more",)]
