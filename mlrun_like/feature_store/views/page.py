"""A feature set or vector as a part of a notebook's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.drawing.page import Html, element, fold, joined, paragraph, table
from mlrun_like.errors import MLRunLikeError
from mlrun_like.feature_store.definitions.document import Definition
from mlrun_like.feature_store.definitions.feature_set import FeatureSet
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.views.columns import schema_table, statistics_table
from mlrun_like.feature_store.views.lineage import lineage_of

__all__ = ["definition_html"]


def definition_html(definition: Definition, store: Any = None) -> Html:
    """Schema, statistics with histograms, targets and lineage as HTML; safe for any content.

    Args:
        definition: The feature set or vector.
        store: Where runs are recorded; None: the configured store.
    """
    parts = [
        paragraph(element("b", f"{definition.noun} {definition.fullname}")),
        _table(("", ""), [(name, value) for name, value in _facts(definition) if value]),
        fold("schema", schema_table(definition), is_open=True),
        fold("statistics", statistics_table(definition), is_open=True),
        fold("targets", _targets(definition), is_open=True),
        fold("aggregations", _aggregations(definition)),
        fold("lineage", _lineage(definition, store)),
    ]
    return element("div", joined(parts))


def _table(header: Sequence[str], rows: Sequence[Sequence[Any]]) -> Html:
    """Notebooks have not the pages' style sheet."""
    return table(header, rows, is_bare=True)


def _facts(definition: Definition) -> list[tuple[str, Any]]:
    metadata, spec, status = definition.metadata, definition.spec, definition.status
    rows = [
        ("description", spec.description),
        ("labels", ", ".join(f"{k}={v}" for k, v in metadata.labels.items())),
        ("owner", spec.owner),
        ("version", metadata.uid[:12]),
        ("updated", metadata.updated),
        ("state", status.state),
    ]
    if isinstance(definition, FeatureSet):
        own = definition.spec
        rows += [
            ("engine", own.engine),
            ("ttl", own.ttl),
            ("steps", " → ".join(step.name for step in own.graph.steps)),
        ]
    if isinstance(definition, FeatureVector):
        rows += [("features", ", ".join(definition.spec.features))]
        rows += [("label", definition.spec.label_feature), ("query", definition.spec.query)]
    return rows


def _targets(definition: Definition) -> Html:
    rows = [
        (target.name, target.kind, target.path, target.status, target.rows, target.size,
         target.last_written)
        for target in definition.status.targets
    ]  # fmt: skip
    return _table(("target", "kind", "path", "state", "rows", "bytes", "last written"), rows)


def _aggregations(definition: Definition) -> Html:
    if not isinstance(definition, FeatureSet):
        return Html()
    rows = [
        (
            item["name"],
            item["column"],
            ", ".join(str(getattr(op, "name", op)) for op in item["operations"]),
            ", ".join(item["windows"]),
            item["period"],
        )
        for item in definition.aggregations()
    ]
    return _table(("name", "column", "operations", "windows", "period"), rows)


def _lineage(definition: Definition, store: Any) -> Html:
    if not definition.metadata.uid:
        return Html()
    try:
        return _table(("relation", "what"), lineage_of(definition, store).rows())
    except MLRunLikeError as exc:  # the page does not need the store
        return paragraph(exc.what)
