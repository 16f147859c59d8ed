"""The kinds of personal data: how values and columns of each look."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.monitoring.validation import personal_checks as checks

__all__ = ["GROUPS", "KINDS", "PersonalKind", "check_kinds", "mask"]

Check = Callable[[str], bool]


@dataclass(frozen=True)
class PersonalKind:
    """How one kind of personal data is found.

    Args:
        name: Its name in reports and policies.
        shape: A pattern (RE2) of whole values that are worth the check; empty: by name only.
        check: Decides on a value of that shape.
        column: A pattern of the words of column names that mean it; empty: names say nothing.
        least: Share of the values that must be it when the name says nothing.
        inside: A pattern of it within longer text; empty: not looked for there.
        loose: A looser pattern of values, used when the column's name says it; empty: the same.
    """

    name: str
    shape: str
    check: Check | None = None
    column: str = ""
    least: float = 0.6
    inside: str = ""
    loose: str = ""


_PHONE_WORDS = r"_(tele)?(phone|mobile|cell|cellphone|telephone|tel|fax|whatsapp|msisdn)_"
_ID_WORDS = r"_(national|personal|identity|tax|government|citizen)_(id|number|no|code)_"

KINDS: Mapping[str, PersonalKind] = {
    kind.name: kind
    for kind in (
        PersonalKind(
            "email", r"[^\s@]{1,64}@[^\s@]{3,190}", checks.is_email,
            r"_e?_?mails?(_address)?_", 0.05, r"[\w.+%-]{1,64}@(?:[\w-]{1,63}\.)+[A-Za-z]{2,24}",
        ),
        PersonalKind(
            "iban", r"[A-Za-z]{2}[0-9]{2}[A-Za-z0-9 ]{11,38}", checks.is_iban, r"_iban_", 0.3,
            r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b",
        ),
        PersonalKind(
            "card", r"[0-9][0-9 -]{11,22}[0-9]", checks.is_card,
            r"_((credit|debit|payment|bank)_)?card(_?(number|no|num))?_|_pan_", 0.6,
            r"\b[3-6][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}[ -]?[0-9]{1,7}\b",
        ),
        PersonalKind(
            "us_ssn", r"[0-9]{3}-[0-9]{2}-[0-9]{4}", checks.is_ssn,
            r"_(ssn|social_security(_(number|no))?)_", 0.5, r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b",
            r"[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4}",
        ),
        PersonalKind(
            "uk_nino", r"[A-Za-z]{2} ?[0-9]{2} ?[0-9]{2} ?[0-9]{2} ?[A-Da-d]", checks.is_nino,
            r"_(nino|national_insurance(_(number|no))?)_", 0.7,
        ),
        PersonalKind(
            "es_dni", r"[XYZxyz0-9][0-9]{7}-?[A-Za-z]", checks.is_spanish_id,
            r"_(dni|nie|nif)_", 0.7,
        ),
        PersonalKind(
            "fr_nir", r"[12][0-9AB ]{14,22}", checks.is_french_nir, r"_(nir|insee|secu)_", 0.7
        ),
        PersonalKind(
            "it_fiscal_code", r"[A-Za-z]{6}[0-9A-Za-z]{10}", checks.is_fiscal_code,
            r"_(codice_fiscale|fiscal_code)_", 0.5,
        ),
        PersonalKind(
            "br_cpf", r"[0-9]{3}\.?[0-9]{3}\.?[0-9]{3}-?[0-9]{2}", checks.is_cpf, r"_cpf_", 0.6,
            r"\b[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}\b",
        ),
        PersonalKind(
            "in_aadhaar", r"[2-9][0-9]{3}[ -]?[0-9]{4}[ -]?[0-9]{4}", checks.is_aadhaar,
            r"_(aadhaar|aadhar|uidai)_", 0.8,
        ),
        PersonalKind(
            "cn_id", r"[1-9][0-9]{16}[0-9Xx]", checks.is_chinese_id, _ID_WORDS, 0.6
        ),
        PersonalKind(
            "phone", r"[+(0-9][0-9 ()./-]{7,22}[0-9]", checks.is_phone, _PHONE_WORDS, 0.6,
            r"\+[1-9][0-9]{0,2}[ .-]?\(?[0-9]{1,4}\)?(?:[ .-]?[0-9]{2,4}){2,4}\b",
            r"[+(]?[0-9][0-9 ()./-]{5,22}[0-9](?: ?(?:x|ext\.?) ?[0-9]{1,5})?",
        ),
        PersonalKind(
            "ip", r"[0-9a-fA-F:.]{3,45}", checks.is_ip, r"_ip(v[46])?(_?addr(ess)?)?_", 0.7
        ),
        PersonalKind("passport", "", None, r"_passport(_(number|no|id))?_"),
        PersonalKind(
            "address", "", None,
            r"_((street|home|postal|mailing|billing|shipping|delivery)_)?address_"
            r"|_(street|street_name|address_line(_?[12])?)_",
        ),
        PersonalKind(
            "name", "", None,
            r"_(first|last|middle|given|family|full|maiden|birth)_?names?_"
            r"|_(surname|forename|fname|lname|fullname)_"
            r"|_(customer|client|employee|patient|person|user|contact|holder|cardholder|owner|author"
            r"|driver|passenger|student|teacher|doctor|guest|member|manager|applicant|borrower"
            r"|recipient|sender)_names?_",
        ),
        PersonalKind(
            "birth_date", "", None,
            r"_(dob|birth_?dates?|birthdays?|date_of_birth|born(_(on|at|date))?)_",
        ),
    )
}  # fmt: skip
"""The kinds by name. `name` and `birth_date` are decided by the column's name with its values."""

GROUPS: Mapping[str, frozenset[str]] = {
    "all": frozenset(KINDS),
    "national_id": frozenset(
        ("us_ssn", "uk_nino", "es_dni", "fr_nir", "it_fiscal_code", "br_cpf", "in_aadhaar", "cn_id")
    ),
    "financial": frozenset(("card", "iban")),
    "contact": frozenset(("email", "phone", "address")),
}
"""Names that stand for several kinds in policies."""

_KEEP = re.compile(r"\w", re.ASCII)


def check_kinds(names: Iterable[str] | str, where: str) -> frozenset[str]:
    """The kinds that names of kinds and groups mean.

    Raises:
        InvalidArgumentError: for a name that is neither.

    >>> sorted(check_kinds(["financial"], "policy"))
    ['card', 'iban']
    """
    found: set[str] = set()
    for name in [names] if isinstance(names, str) else names:
        if name not in KINDS and name not in GROUPS:
            known = [*KINDS, *GROUPS]
            raise InvalidArgumentError(
                f"there is no kind of personal data {name!r:.60}.{nearest(str(name), known)}",
                where=where,
                fix=f"kinds: {', '.join(known)}",
            )
        found |= GROUPS.get(name, {name})
    return frozenset(found)


def mask(value: object, kind: str = "") -> str:
    """A value of which nobody can be told, its form still visible.

    >>> mask("ann@example.org", "email"), mask("4111 1111 1111 1111", "card")
    ('a**@e******.org', '**** **** **** 1111')
    >>> mask("Maria Garcia", "name"), mask("+44 20 7946 0958", "phone")
    ('M**** G*****', '+** ** **** **58')
    """
    text = str(value)[:80]
    if kind == "email" and "@" in text:
        user, _, host = text.partition("@")
        name, dot, end = host.rpartition(".")
        return f"{_first(user)}@{_first(name)}{dot}{end}"
    kept = {"card": 4, "iban": 4, "phone": 2, "us_ssn": 2}.get(kind, 0)
    if kept:
        head, tail = text[:-kept], text[-kept:]
        return _KEEP.sub("*", head) + tail if len(_KEEP.findall(head)) >= kept else "*" * len(text)
    return " ".join(_first(word) for word in text.split(" "))


def _first(word: str) -> str:
    return word[:1] + re.sub(r"[^\s]", "*", word[1:]) if len(word) > 1 else "*" * len(word)
