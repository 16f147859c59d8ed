"""PIIRedaction: what is found, what stands for it, and what stays."""

from __future__ import annotations

import copy
import hashlib
import hmac
import time
from functools import cache
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.marketplace.importing import import_module

CARD = "4111 1111 1111 1111"


@cache
def module() -> Any:
    """The item's code."""
    return import_module("hub://pii_redaction")


def step(**arguments: Any) -> Any:
    """The step as an object."""
    return module().PIIRedaction(**arguments)


def test_in_a_graph() -> None:
    fn: Any = ml.new_function("private", kind="serving")
    graph = fn.set_topology("flow", engine="async")
    graph.to("hub://pii_redaction", "clean", mode="replace", report_path="found").respond()
    server = fn.to_mock_server()
    body = {"question": f"I am ann@example.org, card {CARD}, call +44 20 7946 0958", "n": 3}
    sent = copy.deepcopy(body)
    assert server.test("/", body=body) == {
        "question": "I am <EMAIL>, card <CARD>, call <PHONE>",
        "n": 3,
        "found": {"email": 1, "card": 1, "phone": 1},
    }
    assert body == sent
    server.wait_for_completion()


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("ann@example.org", "<EMAIL>"),
        ("pay GB82 WEST 1234 5698 7654 32 now", "pay <IBAN> now"),
        ("pay GB82 WEST 1234 5698 7654 33 now", "pay GB82 WEST 1234 5698 7654 33 now"),
        ("card 4111-1111-1111-1112", "card 4111-1111-1111-1112"),  # its last digit is wrong
        ("ssn 123-45-6789, not 666-45-6789", "ssn <US_SSN>, not 666-45-6789"),
        ("from 192.168.10.7 at 12:30:05, v1.2.3.4", "from <IP> at 12:30:05, v1.2.3.4"),
        ("call (212) 555-0187!", "call <PHONE>!"),
        ("RSSMRA85T10A562S is his", "<IT_FISCAL_CODE> is his"),
        ("key AKIAIOSFODNN7EXAMPLE", "key <SECRET>"),
        ("order 2024-11-05 of 1234567890123", "order 2024-11-05 of 1234567890123"),
        ("", ""),
        ("grüße an bob.müller@example.de", "grüße an <EMAIL>"),
    ],
)
def test_texts(text: str, made: str) -> None:
    assert step(mode="replace").do(text) == made


def test_names_of_fields_say_what_is_personal() -> None:
    body = {"firstName": "Zoë", "dob": "1990-01-02", "mobile": 2125550187, "product_name": "pen"}
    assert step(mode="replace").do(body) == {
        "firstName": "<NAME>",
        "dob": "<BIRTH_DATE>",
        "mobile": "<PHONE>",
        "product_name": "pen",
    }
    assert step(mode="replace", by_name=False).do({"dob": "1990-01-02"}) == {"dob": "1990-01-02"}
    assert step(mode="replace").do({"phone": None, "email": ""}) == {"phone": None, "email": ""}


def test_numbers_keys_bytes_and_nested_values() -> None:
    made = step(mode="replace").do(
        {
            "rows": [{"v": 4111111111111111}, ("a@b.org", 7)],
            "by": {"ann@example.org": 1},
            "raw": b"mail a@b.org",
            "picture": b"\xff\xfe\x00",
            "on": True,
        }
    )
    assert made == {
        "rows": [{"v": "<CARD>"}, ["<EMAIL>", 7]],
        "by": {"<EMAIL>": 1},
        "raw": b"mail <EMAIL>",
        "picture": b"\xff\xfe\x00",
        "on": True,
    }


def test_modes() -> None:
    text = f"a@b.org, c@d.org, a@b.org, {CARD}"
    assert step(mode="mask").do(text).endswith("**** **** **** 1111")
    assert step(mode="number").do(text) == "<EMAIL_1>, <EMAIL_2>, <EMAIL_1>, <CARD_1>"
    assert step(mode="remove").do(text) == ", , , "
    body = {"t": text}
    assert step(mode="report", report_path="meta.pii").do(body) == {
        "t": text,
        "meta": {"pii": {"email": 3, "card": 1}},
    }
    with pytest.raises(ml.errors.InvalidArgumentError, match="1 card, 3 email") as caught:
        step(mode="refuse").do(text)
    assert "a@b.org" not in str(caught.value)
    assert step(mode="refuse").do("nothing") == "nothing"


def test_hashes_need_a_key_and_join_across_events(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ml.errors.InvalidArgumentError, match="PII_KEY"):
        step(mode="hash")
    monkeypatch.setenv("PII_KEY", "k")
    fn: Any = ml.new_function("hashed", kind="serving")
    graph = fn.set_topology("flow", engine="async")
    graph.to("hub://pii_redaction", "hash", mode="hash").respond()
    server = fn.to_mock_server()
    expected = hmac.new(b"k", b"ann@example.org", hashlib.sha256).hexdigest()[:16]
    for text in ("ann@example.org", " Ann@Example.org"):
        assert server.test("/", body={"v": text}) == {"v": f"<EMAIL:{expected}>"}
    server.wait_for_completion()


def test_only_some_kinds_fields_and_own_patterns() -> None:
    text = "a@b.org 123-45-6789 order K-42"
    assert step(kinds="contact", mode="replace").do(text) == "<EMAIL> 123-45-6789 order K-42"
    assert step(kinds=["secret"], mode="replace").do(text) == text
    own = step(kinds="email", mode="replace", patterns={"order": r"K-\d+"})
    assert own.do(text) == "<EMAIL> 123-45-6789 order <ORDER>"
    body = {"chat": [{"content": "a@b.org", "id": "x@y.org"}], "contact": "c@d.org"}
    assert step(mode="replace", fields="chat.*.content").do(body) == {
        "chat": [{"content": "<EMAIL>", "id": "x@y.org"}],
        "contact": "c@d.org",
    }
    kept = step(mode="replace", exclude=["contact", "chat.0.id"]).do(body)
    assert kept == {"chat": [{"content": "<EMAIL>", "id": "x@y.org"}], "contact": "c@d.org"}


@pytest.mark.parametrize(
    "wrong", [{"mode": "hide"}, {"kinds": ["emial"]}, {"patterns": {"x": "("}}]
)
def test_arguments_that_cannot_be_used(wrong: dict[str, Any]) -> None:
    with pytest.raises(ml.errors.InvalidArgumentError):
        step(**wrong)


def test_hostile_input() -> None:
    deep: Any = "a@b.org"
    for _ in range(500):
        deep = [deep]
    with pytest.raises(ml.errors.InvalidArgumentError, match="nested more than 200"):
        step().do(deep)
    start = time.process_time()
    for text in (
        "a" * 200_000,
        "a.@" * 60_000,
        "1 " * 100_000,
        "+1 (1" * 40_000,
        "1.1.1." * 30_000,
    ):
        step().do(text)
    # a pattern that tries all ways would take hours
    assert time.process_time() - start < 60
