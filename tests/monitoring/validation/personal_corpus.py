"""Columns with and without personal data, seeded: name, values, and the kind that they are."""

from __future__ import annotations

import hashlib
import random
import re
import uuid
from datetime import date, datetime, timedelta
from typing import Any

__all__ = ["CLEAN", "PERSONAL"]

_random = random.Random(7)
N = 200
_FIRST = ["Ann", "Maria", "Juan", "Priya", "Wei", "Omar", "Olga", "Kofi", "Emma", "Lukas", "Sarah"]
_LAST = ["O'Neil", "Garcia", "Patel", "Zhang", "Haddad", "Ivanova", "Mensah", "Jones", "Müller"]


def _digits(count: int) -> str:
    return "".join(_random.choice("0123456789") for _ in range(count))


def _many(make: Any) -> list[Any]:
    return [make() for _ in range(N)]


def _luhn(start: str, length: int) -> str:
    body = start + _digits(length - len(start) - 1)
    for check in "0123456789":
        total = 0
        for place, digit in enumerate(reversed(body + check)):
            number = int(digit) * (1 + place % 2)
            total += number - 9 if number > 9 else number
        if total % 10 == 0:
            return body + check
    raise RuntimeError


def _iban() -> str:
    body = "DE00" + _digits(18)
    number = int("".join(str(int(c, 36)) for c in body[4:] + body[:4]))
    return f"DE{98 - number % 97:02d}{body[4:]}"


def _dni() -> str:
    number = _digits(8)
    return number + "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def _cpf() -> str:
    digits = _digits(9)
    for length in (9, 10):
        total = sum(int(digits[i]) * (length + 1 - i) for i in range(length))
        digits += str(total * 10 % 11 % 10)
    return f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"


def _email() -> str:
    return f"{_random.choice(_FIRST).lower()}.{_digits(3)}@example{_digits(1)}.org"


def _name() -> str:
    return f"{_random.choice(_FIRST)} {_random.choice(_LAST)}"


def _phone() -> str:
    return f"+44 20 7{_digits(3)} {_digits(4)}"


def _us_phone() -> str:
    return f"({_random.randint(201, 989)}) {_random.randint(200, 999)}-{_digits(4)}"


def _ssn() -> str:
    return f"{_random.randint(100, 665)}-{_random.randint(10, 99)}-{_random.randint(1000, 9999)}"


def _ipv4() -> str:
    return ".".join(str(_random.randint(1, 254)) for _ in range(4))


def _day(first: int, last: int) -> date:
    return date(_random.randint(first, last), _random.randint(1, 12), _random.randint(1, 28))


def _time() -> datetime:
    return datetime(2024, 1, 1) + timedelta(seconds=_random.randint(0, 10**7))


def _words() -> str:
    some = ["the", "item", "was", "late", "box", "broken", "again", "please", "refund", "it"]
    return " ".join(_random.choice(some) for _ in range(9))


PERSONAL: list[tuple[str, list[Any], str]] = [
    ("email", _many(_email), "email"),
    ("col_7", _many(_email), "email"),
    ("customerEmail", [None, *_many(_email)], "email"),
    ("comment", [*_many(_words), "write to bob.ray@example.com today"], "email"),
    ("phone", _many(_phone), "phone"),
    ("x1", _many(_phone), "phone"),
    ("x2", _many(_us_phone), "phone"),
    ("mobile", _many(lambda: "7" + _digits(9)), "phone"),
    ("phoneNumber", _many(lambda: int("7" + _digits(9))), "phone"),
    ("card_number", _many(lambda: _luhn("4", 16)), "card"),
    ("payload", _many(lambda: _luhn("54", 16)), "card"),
    ("c", _many(lambda: "-".join(re.findall("....", _luhn("4", 16)))), "card"),
    ("pan", _many(lambda: int(_luhn("4", 16))), "card"),
    ("amex", _many(lambda: _luhn("37", 15)), "card"),
    ("note", [*_many(_words), *[f"paid with {_luhn('4', 16)} now" for _ in range(5)]], "card"),
    ("iban", _many(_iban), "iban"),
    ("account", _many(_iban), "iban"),
    ("ssn", _many(_ssn), "us_ssn"),
    ("field", _many(_ssn), "us_ssn"),
    ("ssn", _many(lambda: _ssn().replace("-", "")), "us_ssn"),
    ("dni", _many(_dni), "es_dni"),
    ("k9", _many(_dni), "es_dni"),
    ("documento", _many(_cpf), "br_cpf"),
    ("nino", _many(lambda: f"AB{_digits(6)}C"), "uk_nino"),
    ("client_ip", _many(_ipv4), "ip"),
    ("host", _many(_ipv4), "ip"),
    ("source", _many(lambda: f"2001:db8::{_digits(4)}:{_digits(3)}"), "ip"),
    ("name", _many(_name), "name"),
    ("a", _many(_name), "name"),
    ("first_name", _many(lambda: _random.choice(_FIRST)), "name"),
    ("surname", _many(lambda: _random.choice(_LAST)), "name"),
    ("Full Name", _many(_name), "name"),
    ("dob", _many(lambda: _day(1940, 2005).isoformat()), "birth_date"),
    ("date_of_birth", _many(lambda: _day(1940, 2005)), "birth_date"),
    ("birthDate", _many(lambda: datetime(1980, 1, _random.randint(1, 28))), "birth_date"),
    ("home_address", _many(lambda: f"{_random.randint(1, 99)} High Street, Leeds"), "address"),
    ("passport_number", _many(lambda: "C" + _digits(8)), "passport"),
]

CLEAN: list[tuple[str, list[Any]]] = [
    ("id", list(range(N))),
    ("customer_id", _many(lambda: int(_digits(9)))),
    ("order_id", _many(lambda: _digits(10))),
    ("account_number", _many(lambda: _digits(12))),
    ("transaction", _many(lambda: _digits(16))),
    ("transaction_id", _many(lambda: int("4" + _digits(15)))),
    ("barcode", _many(lambda: _digits(13))),
    ("isbn", _many(lambda: "978" + _digits(10))),
    ("price", _many(lambda: round(_random.uniform(1, 999), 2))),
    ("price_text", _many(lambda: f"{_random.uniform(1, 999):.2f}")),
    ("money", _many(lambda: f"${_random.randint(1, 999)},{_digits(3)}.00")),
    ("timestamp", _many(lambda: int(_time().timestamp()))),
    ("timestamp_ms", _many(lambda: int(_time().timestamp() * 1000))),
    ("timestamp_us", _many(lambda: int(_time().timestamp() * 1e6))),
    ("timestamp_ns", _many(lambda: int(_time().timestamp()) * 10**9)),
    ("time_text", _many(lambda: str(int(_time().timestamp())))),
    ("created_at", _many(lambda: _time().isoformat())),
    ("created", _many(_time)),
    ("date", _many(lambda: _day(1990, 2024).isoformat())),
    ("day", _many(lambda: f"{_random.randint(1, 28):02d}-{_random.randint(1, 12):02d}-2021")),
    ("clock", _many(lambda: _time().strftime("%H:%M:%S"))),
    ("hash", _many(lambda: hashlib.sha256(_digits(5).encode()).hexdigest())),
    ("md5", _many(lambda: hashlib.md5(_digits(5).encode(), usedforsecurity=False).hexdigest())),
    ("uuid", _many(lambda: str(uuid.UUID(int=_random.getrandbits(128))))),
    ("email_hash", _many(lambda: hashlib.sha256(_digits(9).encode()).hexdigest()[:40])),
    ("latitude", _many(lambda: _random.uniform(-90, 90))),
    ("longitude", _many(lambda: f"{_random.uniform(-180, 180):.6f}")),
    ("position", _many(lambda: f"{_random.uniform(-90, 90):.4f}, {_random.uniform(0, 180):.4f}")),
    ("version", _many(lambda: f"{_digits(1)}.{_random.randint(0, 20)}.{_digits(1)}.0")),
    ("city", _many(lambda: _random.choice(["Paris", "London", "Sydney", "Austin", "San Jose"]))),
    ("country", _many(lambda: _random.choice(["France", "Jordan", "Chad", "Spain"]))),
    ("species", _many(lambda: _random.choice(["Iris-setosa", "Iris-virginica", "Rose", "Lily"]))),
    ("product_name", _many(lambda: _random.choice(["Blue Chair", "Desk Lamp", "Oak Table"]))),
    ("file_name", _many(lambda: f"report_{_digits(4)}.csv")),
    ("column_name", _many(lambda: _random.choice(["age", "income", "score"]))),
    ("email_verified", _many(lambda: _random.choice([True, False]))),
    ("phone_type", _many(lambda: _random.choice(["Mobile", "Home", "Work"]))),
    ("email_domain", _many(lambda: _random.choice(["example.org", "example.com"]))),
    ("handle", _many(lambda: f"@user{_digits(3)}")),
    ("zip", _many(lambda: _digits(5))),
    ("zip4", _many(lambda: f"{_digits(5)}-{_digits(4)}")),
    ("sku", _many(lambda: f"AB-{_digits(4)}-{_digits(3)}")),
    ("serial", _many(lambda: f"{_digits(4)}-{_digits(4)}-{_digits(4)}")),
    ("part", _many(lambda: f"{_digits(2)}-{_digits(3)}-{_digits(4)}")),
    ("card_type", _many(lambda: _random.choice(["visa", "amex"]))),
    ("discard", _many(lambda: _digits(3))),
    ("ip_count", _many(lambda: _random.randint(0, 9))),
    ("description", _many(lambda: f"zip {_digits(5)} part")),
    ("month", _many(lambda: _random.choice(["April", "May", "June"]))),
    ("mac", _many(lambda: ":".join(_digits(2) for _ in range(6)))),
    ("survived", _many(lambda: _random.choice(["yes", "no"]))),
    ("cabin", _many(lambda: f"C{_random.randint(10, 140)}")),
    ("ticket", _many(lambda: f"PC {_digits(5)}")),
    ("score", _many(lambda: _random.random())),
    ("telemetry", _many(lambda: _random.randint(0, 10**9))),
    ("born_country", _many(lambda: _random.choice(["UK", "US"]))),
    ("nothing", [None] * N),
]  # fmt: skip
