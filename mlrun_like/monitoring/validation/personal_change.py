"""What is written instead of personal data, and how texts are cut around it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.monitoring.validation.personal_kinds import mask
from mlrun_like.monitoring.validation.personal_text import KIND_ENTITIES, Span

__all__ = ["OPERATORS", "anonymiser", "mask_entity", "pieces_of"]

OPERATORS = ("replace", "redact", "mask", "hash", "keep")
"""What can be done with a value."""

_KINDS = {entity: kind for kind, entity in KIND_ENTITIES.items()}


def anonymiser(operators: Mapping[str, Any]) -> Callable[[str, str], str]:
    """What becomes of a value that is an entity: a function of both.

    Args:
        operators: `{"EMAIL": ["mask", {"masking_char": "#"}], "DEFAULT": "redact"}`, with replace
            (`new_value`), redact, mask (`masking_char`, `chars_to_mask`, `from_end`), hash
            (`hash_type`) or keep; what is not named becomes `<ENTITY>`.

    Raises:
        InvalidArgumentError: for an unknown operator, or options that cannot be used.

    >>> change = anonymiser({"PHONE": ["mask", {"chars_to_mask": 4, "from_end": True}]})
    >>> change("PHONE", "212-555-0187"), change("EMAIL", "ann@example.org")
    ('212-555-****', '<EMAIL>')
    """
    made: dict[str, tuple[str, dict[str, Any]]] = {}
    for entity, given in operators.items():
        name, *rest = [given] if isinstance(given, str) else list(given)
        options: dict[str, Any] = {**rest[0]} if rest and isinstance(rest[0], Mapping) else {}
        if name not in OPERATORS:
            raise InvalidArgumentError(
                f"there is no operator {name!r:.40} for {entity}.{nearest(str(name), OPERATORS)}",
                where="operators of personal data",
                fix=f"use: {', '.join(OPERATORS)}",
            )
        kind = options.get("hash_type", "sha256")
        if name == "hash" and kind not in hashlib.algorithms_guaranteed - {
            "shake_128",
            "shake_256",
        }:
            raise InvalidArgumentError(f"hash_type is {kind!r:.40}", fix="sha256 or sha512")
        made[entity] = (name, options)

    def change(entity: str, value: str) -> str:
        name, options = made.get(entity, made.get("DEFAULT", ("replace", {})))
        if name == "keep":
            return value
        if name == "redact":
            return ""
        if name == "hash":
            return hashlib.new(options.get("hash_type", "sha256"), value.encode()).hexdigest()
        if name == "mask":
            count = min(int(options.get("chars_to_mask", len(value))), len(value))
            sign = str(options.get("masking_char", "*"))[:1] or "*"
            if options.get("from_end"):
                return value[: len(value) - count] + sign * count
            return sign * count + value[count:]
        return str(options.get("new_value", f"<{entity}>"))

    return change


def mask_entity(value: str, entity: str) -> str:
    """A value of which nobody can be told; see `personal_kinds.mask`.

    >>> mask_entity("4111 1111 1111 1111", "CREDIT_CARD"), mask_entity("hunter22", "PASSWORD")
    ('**** **** **** 1111', 'h*******')
    """
    return mask(value, _KINDS.get(entity, entity.lower()))


def pieces_of(
    words: str, start: int, end: int, spans: Sequence[Span]
) -> list[tuple[str, Span | None]]:
    """A part of a text in pieces: what is between finds (with None), and each find.

    >>> pieces_of("to ann", 0, 6, [Span("PERSON", 3, 6, 1, "")])[0]
    ('to ', None)
    """
    found: list[tuple[str, Span | None]] = []
    for one in spans:
        if start <= one.start < end:
            found += [(words[start : one.start], None), (words[one.start : one.end], one)]
            start = one.end
    return [*found, (words[start:end], None)]
