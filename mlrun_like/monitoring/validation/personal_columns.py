"""Columns of texts without personal data: what a column is, and what is in its cells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

from mlrun_like.monitoring.validation.personal_change import mask_entity, pieces_of
from mlrun_like.monitoring.validation.personal_kinds import KINDS
from mlrun_like.monitoring.validation.personal_scan import scan_values
from mlrun_like.monitoring.validation.personal_text import KIND_ENTITIES, Span

__all__ = ["AnonymousColumns"]

_SCANNED, _TRIED, _MOSTLY, _SHORT = 10_000, 500, 0.5, 9


class AnonymousColumns:
    """Columns of a table: what each is, told by its first values, and what is in single cells.

    Args:
        find: What is in a text.
        change: What is written instead; see `anonymiser`.
        entities: Only these; empty: all.
        least: Findings that are less sure are passed over.

    >>> from mlrun_like.monitoring.validation.personal_text import find_personal
    >>> columns = AnonymousColumns(find_personal, lambda entity, value: f"<{entity}>")
    >>> columns.changed("note", ["write to ann@example.org", "nothing", None])
    ['write to <EMAIL>', 'nothing', None]
    >>> [(row["column"], row["entity_type"], row["count"]) for row in columns.rows()]
    [('note', 'EMAIL', 1)]
    """

    def __init__(
        self,
        find: Callable[[str], Sequence[Span]],
        change: Callable[[str, str], str],
        entities: Collection[str] = (),
        least: float = 0.5,
    ) -> None:
        self._find, self._change = find, change
        self._entities, self._least = entities, least
        self._kinds: dict[str, tuple[str, float, str]] = {}
        self._counts: Counter[tuple[str, str]] = Counter()
        self._examples: dict[tuple[str, str], str] = {}

    def is_personal(self, column: str) -> bool:
        """Whether all of its values are."""
        return bool(self._kinds[column][0])

    def changed(self, column: str, values: list[Any]) -> list[Any]:
        """The values as they are to be written."""
        if column not in self._kinds:
            self._kinds[column] = self._kind(column, values)
        known: dict[str, tuple[str, list[str]]] = {}
        for one in filter(None, values):
            if one not in known:
                known[one] = self._cell(column, one)
            for entity in known[one][1]:
                self._counts[column, entity] += 1
        return [known[one][0] if one else one for one in values]

    def _kind(self, column: str, values: list[Any]) -> tuple[str, float, str]:
        known = [value for value in values[:_SCANNED] if value]
        for one in scan_values(column, known):
            entity = KIND_ENTITIES.get(one.kind, one.kind.upper())
            asked = not self._entities or entity in self._entities
            if one.share < _MOSTLY or one.confidence < self._least or not asked:
                continue
            # in "write to ann@example.org" the address is a part of the value only
            if not KINDS[one.kind].inside or self._are_whole(entity, known[:_TRIED]):
                return entity, one.confidence, f"the column's {one.evidence}"
        return "", 0.0, ""

    def _are_whole(self, entity: str, values: list[str]) -> bool:
        longer = 0
        for value in values:
            spans = [one for one in self._find(value) if one.entity == entity]
            longer += any(one.end - one.start < len(value.strip()) for one in spans)
        return longer < (1 - _MOSTLY) * len(values)

    def _cell(self, column: str, value: str) -> tuple[str, list[str]]:
        entity = self._kinds[column][0]
        if entity:
            self._examples.setdefault((column, entity), mask_entity(value, entity))
            return self._change(entity, value), [entity]
        if value.isdigit() and len(value) < _SHORT:
            return value, []
        spans = self._find(value)
        for one in spans:
            example = mask_entity(value[one.start : one.end], one.entity)
            self._examples.setdefault((column, one.entity), example)
        parts = pieces_of(value, 0, len(value), spans)
        copy = "".join(self._change(span.entity, words) if span else words for words, span in parts)
        return copy, [one.entity for one in spans]

    def rows(self) -> list[dict[str, Any]]:
        """All that was found, by column and entity; examples are masked."""
        found = []
        for (column, entity), count in self._counts.most_common():
            _, score, why = self._kinds[column]
            found.append(
                {
                    "entity_type": entity,
                    "column": column,
                    "count": count,
                    "score": score or None,
                    "example": self._examples[column, entity],
                    "analysis_explanation": {"textual_explanation": why or "within cells"},
                }
            )
        return found
