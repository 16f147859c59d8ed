"""Single events against a schema: functions made once, called in microseconds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

from mlrun_like.errors import SchemaError
from mlrun_like.monitoring.validation.coercing import moment
from mlrun_like.monitoring.validation.patterns import matcher
from mlrun_like.monitoring.validation.schema import ColumnSchema, Schema

__all__ = ["EventChecker", "value_check"]

Check = Callable[[Any], "str | None"]
_ABSENT: Any = object()
_LONGEST_TEXT = 1_000_000
_ORDERED = (int, float, str, date)


class EventChecker:
    """Checks events of a schema. Rules about many rows (unique, order, shares, drift) do not apply.

    Args:
        schema: The schema.
        environment: Which of its columns are expected; empty: all.

    >>> check = EventChecker(Schema(columns={"age": {"type": "integer", "max": 120}}), "")
    >>> check.record({"age": 30}), check.record({"age": 150})
    ([], [{'column': 'age', 'what': 'is 150, max is 120'}])
    """

    def __init__(self, schema: Schema, environment: str = "SERVING") -> None:
        known = environment if environment in schema.environments else ""
        expected = schema.expected(known)
        self.names = tuple(expected)
        self._checks = [
            (name, value_check(name, rules), rules.required) for name, rules in expected.items()
        ]
        self._strict = schema.unexpected_columns == "error"
        self._known = frozenset(schema.columns)

    def record(self, body: Mapping[str, Any]) -> list[dict[str, str]]:
        """What is wrong with a record, one entry for each column; empty: nothing."""
        found: list[dict[str, str]] = []
        get = body.get
        for name, check, required in self._checks:
            value = get(name, _ABSENT)
            if value is _ABSENT:
                if required:
                    found.append({"column": name, "what": "is not there"})
                continue
            what = check(value)
            if what is not None:
                found.append({"column": name, "what": what})
        if self._strict and len(body) and not self._known.issuperset(body):
            strange = [key for key in body if key not in self._known]
            found += [{"column": str(key)[:80], "what": "is not expected"} for key in strange]
        return found

    def row(self, values: Sequence[Any]) -> list[dict[str, str]]:
        """The same of values in the schema's order."""
        if len(values) != len(self._checks):
            what = f"has {len(values)} values, the schema has {len(self._checks)}"
            return [{"column": "", "what": what}]
        found = []
        for (name, check, _), value in zip(self._checks, values, strict=True):
            what_is = check(value)
            if what_is is not None:
                found.append({"column": name, "what": what_is})
        return found


def value_check(name: str, rules: ColumnSchema) -> Check:
    """A function that says what is wrong with a value, or None.

    >>> value_check("plan", ColumnSchema(domain=["a", "b"]))("c")
    "'c' is not in the domain"
    """
    slow = _slow(name, rules)
    if rules.pattern or rules.min_length is not None or rules.max_length is not None:
        return slow
    if rules.type in ("integer", "number") and rules.domain is None:
        return _number(rules, slow)
    if (
        rules.domain is not None
        and rules.type in ("text", "any")
        and rules.min is rules.max is None
    ):
        domain = frozenset(value for value in rules.domain if isinstance(value, str))

        def member(value: Any) -> str | None:
            if value.__class__ is str and value in domain:
                return None
            return slow(value)

        return member
    if rules.type == "text" and rules.domain is None:
        return lambda value: None if value.__class__ is str else slow(value)
    return slow


def _number(rules: ColumnSchema, slow: Check) -> Check:
    if isinstance(rules.min, str) or isinstance(rules.max, str):
        return slow
    low = -math.inf if rules.min is None else rules.min
    high = math.inf if rules.max is None else rules.max
    if rules.type == "integer":

        def whole(value: Any) -> str | None:
            if value.__class__ is int and low <= value <= high:
                return None
            return slow(value)

        return whole

    def number(value: Any) -> str | None:
        if (value.__class__ is float or value.__class__ is int) and low <= value <= high:
            return None
        return slow(value)

    return number


def _slow(name: str, rules: ColumnSchema) -> Check:
    matches = matcher(rules.pattern) if rules.pattern is not None else None
    domain = None if rules.domain is None else {(_class(v), v) for v in rules.domain}
    timed = rules.type == "datetime"
    bounds = [(key, getattr(rules, key)) for key in ("min", "max")]
    try:
        limits: list[tuple[str, Any, Any]] = [
            (k, v, moment(v) if timed else v) for k, v in bounds if v is not None
        ]
    except (ValueError, OverflowError) as exc:
        raise SchemaError(f"a bound is no time: {exc}", where=f"columns.{name}") from exc

    def check(value: Any) -> str | None:
        value = _plain(value)
        if value is None:
            return "is missing" if rules.missing == 0 else None
        wrong = _type(value, rules.type)
        if wrong:
            return f"{_short(value)} is not of type {rules.type}"
        if timed:
            value = moment(value)
        for key, said, limit in limits:
            if isinstance(value, str) == isinstance(limit, str) and isinstance(value, _ORDERED):
                try:
                    beyond = value < limit if key == "min" else value > limit
                except TypeError:
                    return f"{_short(value)} cannot be compared with {key}: {said}"
                if beyond:
                    return f"is {_short(value)}, {key} is {said}"
        if domain is not None and not _within(value, domain):
            return f"{_short(value)} is not in the domain"
        return _text(value, rules, matches)

    return check


def _text(value: Any, rules: ColumnSchema, matches: Callable[[str], bool] | None) -> str | None:
    if isinstance(value, (str, list, tuple)):
        length = len(value)
        if rules.min_length is not None and length < rules.min_length:
            return f"has a length of {length}, min_length is {rules.min_length}"
        if rules.max_length is not None and length > rules.max_length:
            return f"has a length of {length}, max_length is {rules.max_length}"
    if matches is not None and isinstance(value, str):
        if len(value) > _LONGEST_TEXT:
            return f"has {len(value):,} characters, which no pattern is tried on"
        if not matches(value):
            return f"{_short(value)} does not match {rules.pattern!r:.80}"
    return None


def _plain(value: Any) -> Any:
    """A value without NumPy's or pandas' types, None if it is missing."""
    if value is None:
        return None
    item = getattr(value, "item", None)
    if callable(item) and getattr(value, "ndim", 1) == 0:
        value = item()
    if isinstance(value, float) and value != value:
        return None
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def _type(value: Any, wanted: str) -> bool:
    """Whether a value is not of a type of schemas."""
    if wanted == "any":
        return False
    if wanted == "integer":
        whole = isinstance(value, float) and value.is_integer()
        return isinstance(value, bool) or not (isinstance(value, int) or whole)
    if wanted == "number":
        return isinstance(value, bool) or not isinstance(value, (int, float))
    if wanted == "datetime":
        if isinstance(value, (datetime, date)):
            return False
        try:
            moment(value if isinstance(value, str) and len(value) < 64 else "")
        except (ValueError, OverflowError):
            return True
        return False
    kinds: Any = {"boolean": bool, "text": str, "bytes": bytes, "object": Mapping}.get(
        wanted, (list, tuple)
    )
    return not isinstance(value, kinds)


def _class(value: Any) -> str:
    return "truth" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def _within(value: Any, domain: set[tuple[str, Any]]) -> bool:
    try:
        return (_class(value), value) in domain
    except TypeError:  # a list or dictionary
        return False


def _short(value: Any) -> str:
    text = repr(value[:80] if isinstance(value, str) else value)
    return text if len(text) <= 60 else text[:59] + "…"
