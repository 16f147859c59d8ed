"""Looks for personal data in columns: by the form of values, and by the columns' names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timezone
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.monitoring.validation.personal_kinds import KINDS, PersonalKind, mask
from mlrun_like.monitoring.validation.personal_names import (
    known_first_name,
    looks_like_name,
    words_of,
)

__all__ = ["LONGEST", "PersonalData", "scan_column", "scan_values"]

LONGEST = 4096
"""Characters of a value that are looked at."""

_EXAMPLES = 3
_COLUMN = {name: re.compile(kind.column) for name, kind in KINDS.items() if kind.column}
_INSIDE = {name: re.compile(kind.inside) for name, kind in KINDS.items() if kind.inside}
_NOT_PEOPLE = re.compile(
    r"_(id|ids|key|hash|uuid|guid|code|count|verified|domain|flag|valid|opt_in|type|sent|status"
    r"|length|score|version|provider)_$"
)
_DATE = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ].{0,30})?|(\d{1,2})[./-](\d{1,2})[./-](\d{4})"
)
_CALLED = ("_name_", "_names_", "_person_", "_author_", "_contact_", "_customer_")
_STREET = re.compile(r"(?=.*\d)(?=.*[^\W\d_]{3}).{6,}")


@dataclass(frozen=True)
class PersonalData:
    """Personal data in a column.

    Args:
        column: The column.
        kind: What it is; see `personal_kinds.KINDS`.
        count: How many of the values that were looked at.
        share: The same as a share of those values.
        confidence: How sure it is, 0 to 1.
        evidence: "values", "column name" or "values and column name".
        examples: Some of them, masked.
    """

    column: str
    kind: str
    count: int
    share: float
    confidence: float
    evidence: str
    examples: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As plain data."""
        return {**asdict(self), "examples": list(self.examples)}


def scan_values(column: str, values: Iterable[Any]) -> list[PersonalData]:
    """What personal data some values are.

    Args:
        column: The column's name, which is evidence as well.
        values: Some or all of its values; missing ones are passed over.

    >>> [found.kind for found in scan_values("contact", ["ann@example.org", "bob@example.org"])]
    ['email']
    >>> scan_values("price", [12.5, 13.0])
    []
    """
    given = list(values)
    try:
        array = pa.array(given)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        array = pa.array([None if value is None else str(value) for value in given])
    return scan_column(column, array)


def scan_column(column: str, values: pa.Array) -> list[PersonalData]:
    """The same of an Arrow array."""
    words = words_of(column)
    hints = {name for name, pattern in _COLUMN.items() if pattern.search(words)}
    if _NOT_PEOPLE.search(words):
        hints -= {"email", "phone", "name", "address", "birth_date", "card", "ip"}
    kind = values.type
    if pa.types.is_dictionary(kind):
        values, kind = values.dictionary_decode(), kind.value_type
    if pa.types.is_temporal(kind):
        return _births(column, values.drop_null()) if "birth_date" in hints else []
    whole = pa.types.is_integer(kind)
    if not (whole or pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        return []
    texts = pc.utf8_trim_whitespace(pc.utf8_slice_codeunits(values.cast(pa.string()), 0, LONGEST))
    texts = texts.filter(pc.not_equal(texts, "")).drop_null()
    if not len(texts):
        return []
    found = [one for name in KINDS if (one := _whole(column, KINDS[name], texts, name in hints))]
    if not whole:
        if not found:
            found = _inside(column, texts, hints)
        if not found:
            found = _by_name(column, words, texts.to_pylist(), hints)
    best = sorted(found, key=lambda one: -one.confidence)
    # A value is one thing: of kinds that claim the same values the surest stays.
    return [
        one for place, one in enumerate(best) if place == 0 or one.share + best[0].share <= 1.05
    ]


def _found(column: str, kind: str, hits: Sequence[str], total: int, hint: bool) -> PersonalData:
    share = len(hits) / total
    sure = min(0.99, (0.6 if hint else 0.5) + 0.4 * share)
    return PersonalData(
        column,
        kind,
        len(hits),
        round(share, 6),
        round(sure, 3),
        "values and column name" if hint else "values",
        tuple(dict.fromkeys(mask(text, kind) for text in hits[: _EXAMPLES * 3]))[:_EXAMPLES],
    )


def _whole(column: str, kind: PersonalKind, texts: Any, hint: bool) -> PersonalData | None:
    if not kind.shape or kind.check is None:
        return None
    shape = f"^(?:{kind.loose if hint and kind.loose else kind.shape})$"
    shaped = texts.filter(pc.match_substring_regex(texts, shape)).to_pylist()
    if not shaped:
        return None
    loose = hint and kind.name == "phone"  # there, digits alone are a phone number
    hits = shaped if loose else [text for text in shaped if kind.check(text)]
    least = 0.2 * kind.least if hint else kind.least
    if not hits or len(hits) < least * len(texts):
        return None
    if not hint and kind.name == "phone" and len(set(hits)) * 20 < len(hits):
        return None  # a few values again and again are codes
    return _found(column, kind.name, hits, len(texts), hint)


def _inside(column: str, texts: Any, hints: set[str]) -> list[PersonalData]:
    found = []
    for name, pattern in _INSIDE.items():
        check = KINDS[name].check
        some = texts.filter(pc.match_substring_regex(texts, pattern.pattern)).to_pylist()
        shaped = [match[0] for text in some for match in pattern.finditer(text)]
        hits = [text for text in shaped if check is not None and check(text)]
        # Numbers pass a check digit by chance one time in ten.
        if hits and (name == "email" or len(hits) * 2 >= len(shaped)):
            found.append(_found(column, name, hits[: len(some)], len(texts), name in hints))
    return found


def _by_name(column: str, words: str, values: list[str], hints: set[str]) -> list[PersonalData]:
    total = len(values)
    known = [text for text in values if known_first_name(text)]
    formed = [text for text in values if looks_like_name(text)]
    several = [text for text in known if " " in text]
    if "name" in hints and len(formed) >= 0.5 * total:
        return [_found(column, "name", formed, total, True)]
    called = words in (
        "_name_",
        "_names_",
        "_person_",
        "_author_",
        "_contact_",
        "_who_",
        "_customer_",
    )
    least = 0.2 if called else 0.3
    enough = len(several) >= least * total or len(known) >= (0.2 if called else 0.6) * total
    if enough and (called or len({text.lower() for text in known}) > 1):
        return [_found(column, "name", known, total, called)]
    if "birth_date" in hints:
        born = [text for text in values if _plausible_birth(text)]
        if len(born) >= 0.5 * total:
            return [_found(column, "birth_date", born, total, True)]
    if "address" in hints:
        streets = [text for text in values if _STREET.match(text)]
        if len(streets) >= 0.3 * total:
            return [_found(column, "address", streets, total, True)]
    if "passport" in hints:
        papers = [text for text in values if re.fullmatch(r"[A-Za-z]{0,3}[0-9]{6,9}", text)]
        if len(papers) >= 0.5 * total:
            return [_found(column, "passport", papers, total, True)]
    return []


def _plausible_birth(text: str) -> bool:
    match = _DATE.fullmatch(text)
    if match is None:
        return False
    return 1890 <= int(match[1] or match[6]) <= datetime.now(timezone.utc).year


def _births(column: str, values: Any) -> list[PersonalData]:
    if not len(values) or not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        return []
    years = pc.year(values)
    born = values.filter(
        pc.and_(pc.greater_equal(years, 1890), pc.less_equal(years, date.today().year))
    )
    if len(born) < 0.5 * len(values):
        return []
    texts = [str(value)[:10] for value in born.slice(0, 9).to_pylist()]
    found = _found(column, "birth_date", texts, len(texts), True)
    return [replace(found, count=len(born), share=round(len(born) / len(values), 6))]
