from __future__ import annotations

from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.validation.personal_change import OPERATORS, anonymiser, mask_entity
from mlrun_like.monitoring.validation.personal_columns import AnonymousColumns
from mlrun_like.monitoring.validation.personal_models import finder
from mlrun_like.monitoring.validation.personal_text import ENTITIES, Span, find_personal

_RIGHT = [
    ("EMAIL", "write to ann@example.org now", "ann@example.org"),
    ("CREDIT_CARD", "amex 3782 822463 10005.", "3782 822463 10005"),
    ("IBAN_CODE", "DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"),
    ("SSN", "his SSN is 078-05-1120", "078-05-1120"),
    ("SSN", "SSN: 078051120", "078051120"),
    ("US_ITIN", "912-70-1234", "912-70-1234"),
    ("IP_ADDRESS", "from 192.168.10.7, then", "192.168.10.7"),
    ("IP_ADDRESS", "at 2001:db8::1 now", "2001:db8::1"),
    ("MAC_ADDRESS", "00:1B:44:11:3A:B7", "00:1B:44:11:3A:B7"),
    ("PHONE", "(212) 555-0187", "(212) 555-0187"),
    ("PHONE", "+44 20 7946 0958", "+44 20 7946 0958"),
    ("IMEI", "IMEI 490154203237518", "490154203237518"),
    ("ROUTING_NUMBER", "routing 021000021", "021000021"),
    ("SWIFT_CODE", "SWIFT DEUTDEFF500", "DEUTDEFF500"),
    ("US_PASSPORT", "passport 123456789", "123456789"),
    ("PASSWORD", "password: hunter22!", "hunter22!"),
    ("SECRET", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("BIRTH_DATE", "born 12/03/1980", "12/03/1980"),
    ("PERSON", "Dear Maria Garcia, hello", "Maria Garcia"),
    ("PERSON", "Dr. Smith came", "Smith"),
    ("BR_CPF", "529.982.247-25", "529.982.247-25"),
    ("UK_NINO", "AB 12 34 56 C", "AB 12 34 56 C"),
]


@pytest.mark.parametrize(("entity", "text", "value"), _RIGHT)
def test_what_is_there_is_found_alone(entity: str, text: str, value: str) -> None:
    found = [one for one in find_personal(text) if one.score >= 0.5]
    assert [(one.entity, text[one.start : one.end]) for one in found] == [(entity, value)]


@pytest.mark.parametrize(
    "text",
    [
        "", "version 1.2.3.4 at 12:30:05", "order 4111 1111 1111 1112", "New York City is big",
        "COMPUTER SCIENCE", "2026-03-01", "123456789", "id 021000021", "a@b", "The Quick Brown Fox",
        "666-12-3456", "GB82 WEST 1234 5698 7654 33", "\x00\ud7ff\U0001f600",
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found(text: str) -> None:
    assert [one for one in find_personal(text) if one.score >= 0.5] == []


@pytest.mark.parametrize("text", ["a." * 50_000, "1" * 50_000, "x@" * 25_000, "Ann " * 12_000,
                                  ":" * 50_000, "A" * 50_000, "(1) " * 12_000])  # fmt: skip
def test_hostile_texts_end(text: str) -> None:
    assert all(0 <= one.start < one.end <= len(text) for one in find_personal(text))


def test_operators_and_their_mistakes() -> None:
    change = anonymiser({"A": "redact", "B": "keep", "C": ["mask", {"chars_to_mask": 99}]})
    assert [change(one, "word") for one in "ABCD"] == ["", "word", "****", "<D>"]
    assert set(OPERATORS) == {"replace", "redact", "mask", "hash", "keep"}
    wrong: list[dict[str, Any]] = [{"A": "encrypt"}, {"A": ["hash", {"hash_type": "none"}]}]
    for one in wrong:
        with pytest.raises(InvalidArgumentError):
            anonymiser(one)
    assert mask_entity("ann@example.org", "EMAIL") == "a**@e******.org"


def test_finders_take_entities_that_they_find() -> None:
    assert finder(entities=["EMAIL"])("212-555-0187") == []
    assert {one.entity for one in finder()("ann@example.org")} <= set(ENTITIES)
    for given in ({"model": "none"}, {"entities": ["EMIAL"]}, {"entities": ["LOCATION"]}):
        with pytest.raises(InvalidArgumentError):
            finder(**given)


def test_columns_that_are_personal_and_cells_that_hold_it() -> None:
    def find(text: str) -> list[Span]:
        return [one for one in find_personal(text) if one.score >= 0.5]

    columns = AnonymousColumns(find, lambda entity, value: f"<{entity}>")
    names = ["Maria Garcia", "John Smith", "Zor Blax"] * 5
    assert columns.changed("customer_name", names) == ["<PERSON>"] * 15
    assert columns.changed("size", ["12", "13", None, ""]) == ["12", "13", None, ""]
    notes = ["call 212-555-0187", "x"] * 4
    assert columns.changed("note", notes) == ["call <PHONE>", "x"] * 4
    told = {(row["column"], row["count"]) for row in columns.rows()}
    assert told == {("customer_name", 15), ("note", 4)}
    assert "Maria" not in str(columns.rows())
