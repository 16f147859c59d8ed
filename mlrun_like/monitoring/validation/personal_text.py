"""Looks for personal data within running text: by form, check digits, and the words before it.

A number that is only digits means little; after "SSN" or "IMEI" it means much. So each form has a
score of its own, and a higher one where one of its words stands shortly before.
"""
# ruff: noqa: E501 - a pattern stands on one line

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from mlrun_like.monitoring.validation import personal_checks as checks
from mlrun_like.monitoring.validation.personal_kinds import KINDS
from mlrun_like.monitoring.validation.personal_names import known_first_name

__all__ = ["ENTITIES", "KIND_ENTITIES", "Span", "find_personal", "without_overlaps"]

_BEFORE = 48
"""Characters before a find in which its words are looked for."""


class Span(NamedTuple):
    """Something personal in a text.

    Args:
        entity: What it is; see `ENTITIES`.
        start: Where it begins.
        end: Behind its last character.
        score: How sure it is, 0 to 1.
        why: What told it.
    """

    entity: str
    start: int
    end: int
    score: float
    why: str


class _Form(NamedTuple):
    entity: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None
    score: float
    words: re.Pattern[str] | None = None
    with_words: float = 0.0


def _form(
    entity: str,
    pattern: str,
    check: Callable[[str], bool] | None,
    score: float,
    words: str = "",
    with_words: float = 0.0,
) -> _Form:
    near = re.compile(rf"(?i)\b(?:{words})") if words else None
    return _Form(entity, re.compile(pattern), check, score, near, with_words)


def _digits(text: str) -> str:
    return "".join(sign for sign in text if sign.isdigit())


def _is_routing(text: str) -> bool:
    """A routing number of the ABA: its check digit has the weights 3, 7, 1."""
    total = sum(int(one) * weight for one, weight in zip(text, (3, 7, 1) * 3, strict=True))
    return total % 10 == 0 and text[:2] <= "80" and len(set(text)) > 1


def _is_imei(text: str) -> bool:
    """15 digits with Luhn's check."""
    total = 0
    for place, sign in enumerate(reversed(_digits(text))):
        number = int(sign) * (1 + place % 2)
        total += number - 9 * (number > 9)
    return total % 10 == 0 and len(set(text)) > 2


def _is_itin(text: str) -> bool:
    group = int(_digits(text)[3:5])
    return 50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99


_FREE, _END = r"(?<![\w-])", r"(?![\w-])"
_DAY = r"(?:\d{4}-\d{1,2}-\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2} [A-Z][a-z]{2,8} \d{4}|[A-Z][a-z]{2,8} \d{1,2}, \d{4})"
_FORMS = (
    _form("EMAIL", KINDS["email"].inside, checks.is_email, 0.95),
    _form("CREDIT_CARD", rf"{_FREE}[3-6]\d{{3}}[ -]?\d{{4,6}}[ -]?\d{{4,5}}(?:[ -]?\d{{1,7}})?{_END}",
          checks.is_card, 0.9, "card|visa|mastercard|amex|payment", 0.98),
    _form("IBAN_CODE", KINDS["iban"].inside, checks.is_iban, 0.98),
    _form("SSN", rf"{_FREE}\d{{3}}-\d{{2}}-\d{{4}}{_END}", checks.is_ssn, 0.85, "ssn|social sec", 0.98),
    _form("SSN", rf"{_FREE}\d{{9}}{_END}", None, 0.05, "ssn|social sec", 0.8),
    _form("US_ITIN", rf"{_FREE}9\d{{2}}-\d{{2}}-\d{{4}}{_END}", _is_itin, 0.8, "itin|taxpayer", 0.95),
    _form("IP_ADDRESS", r"(?<![\w.:])(?:\d{1,3}\.){3}\d{1,3}(?![\w.]*\w)", checks.is_ip, 0.85),
    _form("IP_ADDRESS", r"(?<![\w.:])[0-9a-fA-F]{0,4}(?::[0-9a-fA-F]{0,4}){2,7}(?![\w:])",
          lambda text: len(text) > 6 and checks.is_ip(text), 0.85),
    _form("MAC_ADDRESS", rf"{_FREE}(?:[0-9A-Fa-f]{{2}}[:-]){{5}}[0-9A-Fa-f]{{2}}{_END}", None, 0.95),
    _form("PHONE", r"(?<![\w+])" + KINDS["phone"].inside, checks.is_phone, 0.8,
          "phone|call|tel|mobile|cell|fax|whatsapp", 0.95),
    _form("PHONE", r"(?<![\w+-])(?:\(\d{3}\) ?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\w-])", None, 0.7,
          "phone|call|tel|mobile|cell|fax|whatsapp|reached", 0.95),
    _form("PHONE", rf"{_FREE}\d{{10,13}}{_END}", None, 0.05, "phone|call|tel|mobile|cell|fax", 0.7),
    _form("IMEI", rf"{_FREE}\d{{15}}{_END}", _is_imei, 0.3, "imei|device", 0.95),
    _form("ROUTING_NUMBER", rf"{_FREE}\d{{9}}{_END}", _is_routing, 0.2, "routing|aba", 0.95),
    _form("SWIFT_CODE", rf"{_FREE}[A-Z]{{6}}[A-Z0-9]{{2}}(?:[A-Z0-9]{{3}})?{_END}", None, 0.05,
          "swift|bic", 0.9),
    _form("US_BANK_NUMBER", rf"{_FREE}\d{{8,17}}{_END}", None, 0.05, "account|acct|bank", 0.6),
    _form("US_PASSPORT", rf"{_FREE}[A-Z]?\d{{8,9}}{_END}", None, 0.05, "passport", 0.85),
    _form("UK_NINO", r"\b[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b", checks.is_nino, 0.85),
    _form("ES_DNI", rf"{_FREE}[XYZ\d]\d{{7}}-?[A-Z]{_END}", checks.is_spanish_id, 0.75,
          "dni|nie|nif", 0.95),
    _form("IT_FISCAL_CODE", r"\b[A-Z]{6}[0-9A-Z]{10}\b", checks.is_fiscal_code, 0.95),
    _form("BR_CPF", KINDS["br_cpf"].inside, checks.is_cpf, 0.95),
    _form("IN_AADHAAR", rf"{_FREE}[2-9]\d{{3}}[ -]\d{{4}}[ -]\d{{4}}{_END}", checks.is_aadhaar, 0.6,
          "aadhaar|aadhar|uidai", 0.98),
    _form("CN_ID", rf"{_FREE}[1-9]\d{{16}}[\dX]{_END}", checks.is_chinese_id, 0.9),
    _form("PASSWORD", r"(?i)\b(?:password|passwd|passphrase|pwd) {0,3}(?:is|:|=) {0,3}(?P<value>[^\s,;]{4,64})",
          None, 0.8),
    _form("SECRET", r"\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_\w{36,80}|xox[abprs]-[\w-]{10,80}|sk-[\w-]{20,80}"
          r"|eyJ[\w-]{8,2000}\.eyJ[\w-]{8,4000}\.[\w-]{8,2000})", None, 0.95),
    _form("BIRTH_DATE", rf"\b{_DAY}(?!\d)", None, 0.1, r"born|birth|dob|d\.o\.b", 0.85),
    _form("AGE", r"(?i)\b(?P<value>\d{1,3})[ -]years?[ -]old\b|\baged (?P<more>\d{1,3})\b", None, 0.6),
    _form("PERSON", r"\b(?:Mr|Mrs|Ms|Dr|Prof|Herr|Frau|Mme|Sr|Sra)\.? (?P<value>[A-Z][\w'\u2019-]{1,30}(?: [A-Z][\w'\u2019-]{1,30}){0,2})",
          None, 0.75),
    _form("PERSON", r"\b(?!(?:Dear|Hello|Hi|Hallo|Thanks|From|To|Call|Ask|The)\b)[^\W\d_a-z][\w'\u2019-]{1,30}(?: [A-Z]\.)?(?: (?:van|von|der|de|da|del|di|bin|al)){0,2}(?: [^\W\d_a-z][\w'\u2019-]{1,30}){1,2}",
          known_first_name, 0.65, "name|dear|from|by", 0.8),
)  # fmt: skip

ENTITIES: tuple[str, ...] = tuple(dict.fromkeys(form.entity for form in _FORMS))
"""What can be found without a language model."""

KIND_ENTITIES = {
    "email": "EMAIL", "iban": "IBAN_CODE", "card": "CREDIT_CARD", "us_ssn": "SSN", "ip": "IP_ADDRESS",
    "phone": "PHONE", "name": "PERSON", "birth_date": "BIRTH_DATE", "passport": "US_PASSPORT",
    "address": "LOCATION",
}  # fmt: skip
"""What the kinds of columns are called here; others by their names in capitals."""


def find_personal(text: str, entities: Collection[str] = ()) -> list[Span]:
    """All that a text holds, by place; where finds overlap, the surest stays.

    Args:
        text: Any text.
        entities: Only these; empty: all of `ENTITIES`.

    >>> [(one.entity, one.score) for one in find_personal("Call 212-555-0187, ann@example.org")]
    [('PHONE', 0.95), ('EMAIL', 0.95)]
    >>> find_personal("order 4111 1111 1111 1112 of 12 items")
    []
    """
    return [one for one in without_overlaps(_all(text, entities)) if one.score >= 0.1]


def _all(text: str, entities: Collection[str]) -> Iterable[Span]:
    for form in _FORMS:
        if entities and form.entity not in entities:
            continue
        for match in form.pattern.finditer(text):
            group = next((name for name, value in match.groupdict().items() if value), "")
            start, end = match.span(group) if group else match.span()
            if start == end or (form.check is not None and not form.check(match[group or 0])):
                continue
            before = text[max(0, start - _BEFORE) : start]
            said = form.words.search(before) if form.words is not None else None
            score = form.with_words if said else form.score
            why = "form and check digits" if form.check is not None else "form"
            yield Span(form.entity, start, end, score, f"{why}, after {said[0]!r}" if said else why)


def without_overlaps(spans: Iterable[Span]) -> list[Span]:
    """The surest of those that overlap, then the longest; by place.

    >>> without_overlaps([Span("A", 0, 5, 0.5, ""), Span("B", 3, 9, 0.9, "")])[0].entity
    'B'
    """
    kept: list[Span] = []
    taken: set[int] = set()
    for one in sorted(spans, key=lambda span: (-span.score, span.start - span.end, span.start)):
        if taken.isdisjoint(range(one.start, one.end)):
            kept.append(one)
            taken.update(range(one.start, one.end))
    return sorted(kept, key=lambda span: span.start)
