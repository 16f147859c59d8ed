"""MLRun's fields of times, `{"hour": 5, "day_of_week": "mon"}`, as a cron expression.

They mean what they mean in APScheduler: fields above the last one given are free, those below it
have their least value, and days of the week are counted from Monday.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["cron_of"]

_ORDER = ("month", "day", "day_of_week", "hour", "minute", "second")
_LEAST = {"month": "1", "day": "1", "day_of_week": "*", "hour": "0", "minute": "0", "second": "0"}
_ALL = ("year", "month", "day", "week", "day_of_week", "hour", "minute", "second")
_NOT_CRON = ("year", "week", "start_date", "end_date", "jitter")
_NO_EFFECT = {"year": "*", "week": "*", "jitter": "0"}
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PART = re.compile(r"(\*|[a-z]+|[0-9])(?:-([a-z]+|[0-9]))?(?:/([0-9]))?")
_COMMA = re.compile(" *, *")
_EXAMPLE = 'cron_trigger={"hour": 5, "minute": 30}, or a cron expression: "30 5 * * *"'


def cron_of(fields: Mapping[str, Any]) -> tuple[str, str]:
    """The cron expression and the time zone (empty: none is named) of MLRun's fields.

    Raises:
        InvalidArgumentError: if no time is named, or one that cron has no words for.

    >>> cron_of({"hour": 5, "day_of_week": 0})
    ('0 5 * * MON', '')
    >>> cron_of({"day_of_week": "mon-fri", "timezone": "Europe/Berlin"})
    ('0 0 * * MON,TUE,WED,THU,FRI', 'Europe/Berlin')
    """
    given = {str(name): value for name, value in fields.items() if value not in (None, "")}
    zone = str(given.pop("timezone", ""))
    if str(given.get("jitter")) == _NO_EFFECT["jitter"]:
        del given["jitter"]
    for name in given:
        if name in _NOT_CRON and str(given[name]).strip() != _NO_EFFECT.get(name):
            raise InvalidArgumentError(
                f"a schedule here has no {name!r}", where="cron_trigger", fix=_EXAMPLE
            )
        if name not in _ALL + _NOT_CRON:
            raise InvalidArgumentError(
                f"cron_trigger has no field {name!r:.60}.{nearest(name, _ORDER)}", fix=_EXAMPLE
            )
    if not given:
        raise InvalidArgumentError("cron_trigger names no time", fix=_EXAMPLE)
    last = max(map(_ALL.index, given))
    found = {
        name: _text(name, given[name])
        if name in given
        else "*"
        if _ALL.index(name) < last
        else _LEAST[name]
        for name in _ORDER
    }
    if not found["day"].startswith("*") and found["day_of_week"] != "*":
        raise InvalidArgumentError(
            "a day of the month and one of the week: cron runs on both, MLRun where they fall "
            "together",
            where="cron_trigger",
            fix='one of the two, or the cron expression that you mean: "0 5 1 * MON"',
        )
    names = ["minute", "hour", "day", "month", "day_of_week"]
    if found["second"] != "0":
        names.insert(0, "second")
    return " ".join(found[name] for name in names), zone


def _text(name: str, value: Any) -> str:
    text = _COMMA.sub(",", str(value).strip().lower())
    if isinstance(value, bool) or not isinstance(value, (int, str)) or text.split() != [text]:
        raise InvalidArgumentError(
            f"{name} {value!r:.60} is no part of a cron expression", where="cron_trigger",
            fix=_EXAMPLE,
        )  # fmt: skip
    return _weekdays(text) if name == "day_of_week" else text


def _weekdays(text: str) -> str:
    chosen: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part)
        first, last, step = match.groups() if match else ("", None, None)
        low = 0 if first == "*" else _weekday(first, text)
        # a step without an end goes on to Sunday, as does a star
        high = _weekday(last, text) if last else 6 if first == "*" or step else low
        if high < low or step == "0" or (first == "*" and last):
            raise _no_weekday(text)
        chosen.update(range(low, high + 1, int(step or 1)))
    return "*" if len(chosen) == 7 else ",".join(_DAYS[day].upper() for day in sorted(chosen))


def _weekday(word: str, text: str) -> int:
    if word in _DAYS:
        return _DAYS.index(word)
    if word.isdecimal() and int(word) <= 6:
        return int(word)
    raise _no_weekday(text)


def _no_weekday(text: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"day_of_week {text!r:.60} cannot be read",
        where="cron_trigger",
        fix='"mon", "mon-fri", "sat,sun", or numbers from 0 (Monday) to 6 (Sunday)',
    )
