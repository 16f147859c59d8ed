"""Personal data in texts by forms, by a language model of spaCy, or by both."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.monitoring.validation.personal_text import (
    ENTITIES,
    Span,
    find_personal,
    without_overlaps,
)
from mlrun_like.registry import require

__all__ = ["finder"]

_NER = {"PERSON": "PERSON", "PER": "PERSON", "GPE": "LOCATION", "LOC": "LOCATION",
        "FAC": "LOCATION", "ORG": "ORGANIZATION", "NORP": "NRP", "DATE": "DATE_TIME",
        "TIME": "DATE_TIME", "MONEY": "CURRENCY"}  # fmt: skip
_NER_SCORE = 0.85


def finder(
    model: str = "pattern", entities: Collection[str] = (), least: float = 0.5
) -> Callable[[str], list[Span]]:
    """What finds personal data in a text: forms, a language model, or both.

    Args:
        model: "pattern"; "spacy" or "spacy:<model>"; "whole" or "whole:<model>" for both.
        entities: Only these; empty: all.
        least: Finds that are less sure are passed over.

    Raises:
        InvalidArgumentError: for an unknown model, or an entity that it does not find.
        MissingDependencyError: if spaCy is needed and not there.

    >>> [one.entity for one in finder(entities=["EMAIL"])("ann@example.org, 212-555-0187")]
    ['EMAIL']
    """
    kind, _, name = model.partition(":")
    if kind not in ("pattern", "spacy", "whole"):
        raise InvalidArgumentError(
            f"model is {model!r:.60}.{nearest(kind, ('pattern', 'spacy', 'whole'))}",
            where="personal data",
            fix="pattern, spacy[:<model>] or whole[:<model>]",
        )
    known = sorted({*(ENTITIES if kind != "spacy" else ()),
                    *(_NER.values() if kind != "pattern" else ())})  # fmt: skip
    for one in entities:
        if one not in known:
            near = nearest(str(one), known)
            also = " A language model finds it: model='whole'." if one in _NER.values() else ""
            raise InvalidArgumentError(
                f"{model!r} does not find {one!r:.60}.{also}{near}",
                where="personal data: entities",
                fix=f"it finds: {', '.join(known)}",
            )
    language: Any = None
    if kind != "pattern":
        spacy = require("spacy", feature=f"model={model!r}")
        try:
            language = spacy.load(name or "en_core_web_sm")
        except OSError as exc:
            raise InvalidArgumentError(
                f"spaCy has no model {name or 'en_core_web_sm'!r}: {str(exc)[:120]}",
                fix=f"python -m spacy download {name or 'en_core_web_sm'}",
            ) from exc

    def find(words: str) -> list[Span]:
        spans = find_personal(words, entities) if kind != "spacy" else []
        if language is not None:
            language.max_length = max(language.max_length, len(words) + 1)
            for one in language(words).ents:
                entity = _NER.get(one.label_, "")
                if entity and (not entities or entity in entities):
                    why = f"language model: {one.label_}"
                    spans.append(Span(entity, one.start_char, one.end_char, _NER_SCORE, why))
        return [one for one in without_overlaps(spans) if one.score >= least]

    return find
