"""Check digits and shapes of personal numbers: whether a text can be one at all."""

from __future__ import annotations

import ipaddress
import re
from datetime import datetime

__all__ = [
    "is_aadhaar",
    "is_card",
    "is_chinese_id",
    "is_cpf",
    "is_email",
    "is_fiscal_code",
    "is_french_nir",
    "is_iban",
    "is_ip",
    "is_nino",
    "is_phone",
    "is_spanish_id",
    "is_ssn",
]

_NOT_DIGITS = re.compile(r"[^0-9]")
# The lengths that the IBAN registry (ISO 13616) gives.
_IBAN = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22,
    "BR": 29, "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DK": 18, "DO": 28,
    "EE": 20, "EG": 29, "ES": 24, "FI": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23,
    "GL": 18, "GR": 27, "GT": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26,
    "IT": 27, "JO": 30, "KW": 30, "KZ": 20, "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20,
    "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19, "MR": 27, "MT": 31, "MU": 30,
    "NL": 18, "NO": 15, "PK": 24, "PL": 28, "PS": 29, "PT": 25, "QA": 29, "RO": 24, "RS": 22,
    "SA": 24, "SC": 31, "SE": 24, "SI": 19, "SK": 24, "SM": 27, "ST": 25, "SV": 28, "TL": 23,
    "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
}  # fmt: skip
_CARD = re.compile(
    r"4\d{12}(?:\d{3}){0,2}|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}"
    r"|3[47]\d{13}|6(?:011|5\d\d|4[4-9]\d)\d{12,15}|35(?:2[89]|[3-8]\d)\d{12}"
    r"|3(?:0[0-5]|[68]\d)\d{11}|62\d{14,17}"
)
_GROUPED = re.compile(r"\d+|\d{4}([ -])\d{4}\1\d{4}\1\d{1,7}|\d{4}([ -])\d{6}\2\d{4,5}")
_NATIONAL_PHONE = re.compile(
    r"(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])[2-9]\d\d[ .-]\d{4}"  # North America
    r"|0[1-9](?:[ .-]\d\d){4}"  # France and others: pairs
    r"|\(?0[1-9]\d{1,4}\)?[ /]\d{3,4}[ -]?\d{3,5}"  # Britain, Germany, ...
)
_ABROAD = re.compile(r"\+[1-9]\d{0,2}(?:[ ().-]{0,2}\d{1,12}){1,6}")
_EMAIL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}@(?:[\w-]{1,63}\.){1,8}[A-Za-z]{2,24}")
_SSN = re.compile(r"(?!000|666|9)\d{3}([ -]?)(?!00)\d\d\1(?!0000)\d{4}")
_NINO = re.compile(r"(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]")
_FISCAL = re.compile(r"[A-Z]{6}[\dL-NP-V]{2}[A-EHLMPR-T][\dL-NP-V]{2}[A-Z][\dL-NP-V]{3}[A-Z]")
_ODD = {
    **dict(zip("0123456789", (1, 0, 5, 7, 9, 13, 15, 17, 19, 21), strict=True)),
    **dict(
        zip(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
            (
                1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22,
                25, 24, 23,
            ),
            strict=True,
        )
    ),
}  # fmt: skip
_VERHOEFF_TURN = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4), (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7), (9, 4, 5, 3, 1, 2, 6, 8, 7, 0), (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5), (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)  # fmt: skip


def _verhoeff_product(a: int, b: int) -> int:
    # multiplication in the dihedral group of the pentagon
    if a < 5:
        return (a + b) % 5 if b < 5 else (a + b - 5) % 5 + 5
    return (a - 5 - b) % 5 + 5 if b < 5 else (a - b) % 5


def is_email(text: str) -> bool:
    """An address of e-mail.

    >>> is_email("ann@example.org"), is_email("ann@home")
    (True, False)
    """
    return len(text) <= 254 and _EMAIL.fullmatch(text) is not None and ".." not in text


def is_phone(text: str) -> bool:
    """A telephone number written as such: with a country, or in groups.

    >>> is_phone("+44 20 7946 0958"), is_phone("(212) 555-0187"), is_phone("2125550187")
    (True, True, False)
    """
    if len(text) > 24:
        return False
    digits = len(_NOT_DIGITS.sub("", text))
    if text.startswith("+"):
        return 8 <= digits <= 15 and text.count(".") != 1 and _ABROAD.fullmatch(text) is not None
    return 9 <= digits <= 13 and _NATIONAL_PHONE.fullmatch(text) is not None


def is_card(text: str) -> bool:
    """The number of a payment card: its issuer's digits, length and Luhn's check (ISO 7812).

    >>> is_card("4111 1111 1111 1111"), is_card("4111 1111 1111 1112")
    (True, False)
    """
    if len(text) > 24 or _GROUPED.fullmatch(text) is None:
        return False
    digits = _NOT_DIGITS.sub("", text)
    return _CARD.fullmatch(digits) is not None and len(set(digits)) > 1 and _luhn(digits)


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = ord(digit) - 48
        total += number if place % 2 == 0 else number * 2 - (9 if number > 4 else 0)
    return total % 10 == 0


def is_iban(text: str) -> bool:
    """An international bank account number: its country's length and check digits (ISO 13616).

    >>> is_iban("GB82 WEST 1234 5698 7654 32"), is_iban("GB82 WEST 1234 5698 7654 33")
    (True, False)
    """
    plain = text.replace(" ", "").upper()
    if len(plain) != _IBAN.get(plain[:2]) or not (plain.isascii() and plain.isalnum()):
        return False
    return int("".join(str(int(char, 36)) for char in plain[4:] + plain[:4])) % 97 == 1


def is_ip(text: str) -> bool:
    """An address of IP, version 4 or 6; short numbers such as versions (1.2.3.4) are none.

    >>> is_ip("192.168.10.7"), is_ip("2001:db8::1"), is_ip("1.2.3.4"), is_ip("12:30:05")
    (True, True, False, False)
    """
    if len(text) > 45 or not (text.count(".") == 3 or text.count(":") >= 2):
        return False
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return False
    return found.version == 6 or any(part > 31 for part in found.packed)


def is_ssn(text: str) -> bool:
    """A social security number of the United States.

    >>> is_ssn("123-45-6789"), is_ssn("666-45-6789")
    (True, False)
    """
    return _SSN.fullmatch(text) is not None


def is_nino(text: str) -> bool:
    """A national insurance number of the United Kingdom.

    >>> is_nino("AB 12 34 56 C"), is_nino("QQ123456C")
    (True, False)
    """
    return len(text) <= 16 and _NINO.fullmatch(text.replace(" ", "").upper()) is not None


def is_spanish_id(text: str) -> bool:
    """A DNI or NIE of Spain, with its letter.

    >>> is_spanish_id("12345678Z"), is_spanish_id("12345678A")
    (True, False)
    """
    plain = text.replace("-", "").upper()
    if len(plain) != 9 or not plain[-1].isalpha():
        return False
    number = {"X": "0", "Y": "1", "Z": "2"}.get(plain[0], plain[0]) + plain[1:-1]
    if not (number.isascii() and number.isdigit()):
        return False
    return "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23] == plain[-1]


def is_french_nir(text: str) -> bool:
    """A social security number of France, with its key.

    >>> is_french_nir("2 55 08 14 168 025 38"), is_french_nir("255081416802539")
    (True, False)
    """
    plain = text.replace(" ", "").upper()
    if len(plain) != 15 or plain[0] not in "12":
        return False
    number = plain[:13].replace("2A", "19", 1).replace("2B", "18", 1)
    if not (number.isascii() and number.isdigit() and plain[13:].isdigit()):
        return False
    return int(plain[13:]) == 97 - int(number) % 97


def is_fiscal_code(text: str) -> bool:
    """A codice fiscale of Italy, with its check letter.

    >>> is_fiscal_code("RSSMRA85T10A562S"), is_fiscal_code("RSSMRA85T10A562T")
    (True, False)
    """
    plain = text.upper()
    if len(plain) != 16 or _FISCAL.fullmatch(plain) is None:
        return False
    even = sum(int(char) if char.isdigit() else ord(char) - 65 for char in plain[1:15:2])
    return (even + sum(_ODD[char] for char in plain[0:15:2])) % 26 == ord(plain[15]) - 65


def is_cpf(text: str) -> bool:
    """A CPF of Brazil, with both check digits.

    >>> is_cpf("529.982.247-25"), is_cpf("529.982.247-26")
    (True, False)
    """
    digits = _NOT_DIGITS.sub("", text)
    if len(text) > 14 or len(digits) != 11 or len(set(digits)) == 1:
        return False
    for length in (9, 10):
        total = sum(int(digits[i]) * (length + 1 - i) for i in range(length))
        if total * 10 % 11 % 10 != int(digits[length]):
            return False
    return True


def is_aadhaar(text: str) -> bool:
    """An Aadhaar number of India, with Verhoeff's check digit.

    >>> is_aadhaar("2341 2341 2346"), is_aadhaar("2341 2341 2347")
    (True, False)
    """
    digits = text.replace(" ", "").replace("-", "")
    if len(digits) != 12 or not (digits.isascii() and digits.isdigit()) or digits[0] in "01":
        return False
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _verhoeff_product(check, _VERHOEFF_TURN[place % 8][int(digit)])
    return check == 0


def is_chinese_id(text: str) -> bool:
    """A resident's identity number of China: date of birth and check character (ISO 7064).

    >>> is_chinese_id("11010519491231002X"), is_chinese_id("110105194912310021")
    (True, False)
    """
    plain = text.upper()
    if len(plain) != 18 or not (plain.isascii() and plain[:17].isdigit()):
        return False
    try:
        datetime(int(plain[6:10]), int(plain[10:12]), int(plain[12:14]))
    except ValueError:
        return False
    total = sum(int(char) * (2 ** (17 - i) % 11) for i, char in enumerate(plain[:17]))
    return "10X98765432"[total % 11] == plain[17]
