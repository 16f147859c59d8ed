"""The rules of one column, checked chunk by chunk."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.errors import SchemaError
from mlrun_like.monitoring.validation.coercing import as_type, moment
from mlrun_like.monitoring.validation.columns import kind_of
from mlrun_like.monitoring.validation.facts import Uniqueness, missing_of, plain
from mlrun_like.monitoring.validation.patterns import match_all
from mlrun_like.monitoring.validation.schema import ColumnSchema

__all__ = ["ColumnCheck", "Tally"]

_EXAMPLES = 5


@dataclass
class Tally:
    """How often a rule was broken, and by which values."""

    count: int = 0
    examples: dict[str, Any] = field(default_factory=dict)
    values: Counter[Any] = field(default_factory=Counter)  # of domains: what is new
    low: Any = None
    high: Any = None


class ColumnCheck:
    """Checks a column against its rules.

    Args:
        name: The column.
        rules: What it must be.
        typed: Whether the data has types of its own; see `Data.typed`.

    >>> check = ColumnCheck("age", ColumnSchema(type="integer", max=120))
    >>> check.update(pa.array([30, 150, None]))
    >>> check.tallies["range"].count
    1
    """

    def __init__(self, name: str, rules: ColumnSchema, *, typed: bool = True) -> None:
        self.name = name
        self.rules = rules
        self.typed = typed
        self.tallies: dict[str, Tally] = {}
        self.unique = Uniqueness(early=False) if rules.unique else None
        self.classes: Counter[Any] = Counter()
        self.classified = 0
        self._last: Any = None
        self._low, self._high = self._bound("min"), self._bound("max")

    def _bound(self, key: str) -> Any:
        value = getattr(self.rules, key)
        if value is None or not (self.rules.type == "datetime" or isinstance(value, str)):
            return value
        try:
            return moment(value)
        except (ValueError, OverflowError) as exc:
            raise SchemaError(
                f"{key}: {value!r} is no time",
                where=f"columns.{self.name}.{key}",
                fix=f'{key}: "2024-01-31"',
            ) from exc

    def update(self, values: Any, mixed: list[str | None] | None = None) -> None:
        """Check the values of a chunk, and keep what was wrong."""
        for kind, mask, cast in self.masks(values, mixed):
            count = pc.sum(mask).as_py() or 0
            if not count:
                continue
            tally = self.tallies.setdefault(kind, Tally())
            tally.count += count
            bad = (cast if kind == "range" else values).filter(mask)
            if len(tally.examples) < _EXAMPLES:
                for value in bad.slice(0, 50).to_pylist():
                    if len(tally.examples) < _EXAMPLES:
                        tally.examples.setdefault(repr(value)[:200], plain(value))
            self._extent(kind, tally, bad)

    def _extent(self, kind: str, tally: Tally, bad: Any) -> None:
        if kind == "range":
            found = pc.min_max(bad).as_py()
            tally.low = found["min"] if tally.low is None else min(tally.low, found["min"])
            tally.high = found["max"] if tally.high is None else max(tally.high, found["max"])
        elif kind in ("domain", "new_category") and len(tally.values) < 1000:
            for entry in pc.value_counts(bad).slice(0, 1000).to_pylist():
                tally.values[plain(entry["values"])] += entry["counts"]

    def masks(
        self, values: Any, mixed: list[str | None] | None = None
    ) -> Iterator[tuple[str, Any, Any]]:
        """The rows that break a rule: its kind, an array of booleans, the values as their type."""
        rules = self.rules
        if pa.types.is_floating(values.type):
            values = pc.if_else(missing_of(values), pa.scalar(None, values.type), values)
        cast, bad = as_type(values, rules.type, typed=self.typed, mixed=mixed)
        yield "type", bad, cast
        kind = kind_of(cast.type)
        if self._low is not None or self._high is not None:
            yield "range", self._beyond(cast, kind), cast
        if kind == "text":
            if rules.min_length is not None or rules.max_length is not None:
                yield "length", self._lengths(pc.utf8_length(cast)), cast
            if rules.pattern is not None:
                yield "pattern", _no(match_all(cast, rules.pattern)), cast
        elif kind == "list" and (rules.min_length is not None or rules.max_length is not None):
            yield "length", self._lengths(pc.list_value_length(cast)), cast
        if rules.domain is not None and kind in ("text", "integer", "number", "boolean"):
            allowed = pc.is_in(cast, _set(rules.domain, cast.type))
            strange = pc.and_(pc.invert(allowed), pc.is_valid(cast))
            yield "new_category" if kind == "text" else "domain", strange, cast
        if self.unique is not None and kind not in ("list", "object"):
            self.unique.update(cast.drop_null())
        if rules.order is not None:
            yield "order", self._disorder(cast, kind), cast
        if rules.shares:
            self._classify(cast)

    def _beyond(self, cast: Any, kind: str) -> Any:
        bad = pa.array([False] * len(cast), pa.bool_())
        if kind not in ("integer", "number", "datetime"):
            return bad
        if pa.types.is_decimal(cast.type):
            cast = cast.cast(pa.float64())
        for bound, wrong in ((self._low, pc.less), (self._high, pc.greater)):
            if bound is not None and (kind == "datetime") == hasattr(bound, "isoformat"):
                limit = pa.scalar(bound, cast.type) if kind == "datetime" else _number(bound)
                given = cast
                if kind == "integer" and (limit.type != pa.int64() or cast.type == pa.uint64()):
                    given = cast.cast(pa.float64(), safe=False)  # Arrow refuses to do it itself
                bad = pc.or_(bad, pc.fill_null(wrong(given, limit), False))
        return bad

    def _lengths(self, lengths: Any) -> Any:
        bad = pa.array([False] * len(lengths), pa.bool_())
        if self.rules.min_length is not None:
            bad = pc.or_(bad, pc.fill_null(pc.less(lengths, self.rules.min_length), False))
        if self.rules.max_length is not None:
            bad = pc.or_(bad, pc.fill_null(pc.greater(lengths, self.rules.max_length), False))
        return bad

    def _disorder(self, cast: Any, kind: str) -> Any:
        bad = [False] * len(cast)
        if kind not in ("integer", "number", "datetime", "text"):
            return pa.array(bad, pa.bool_())
        strictly = self.rules.order == "strictly increasing"
        last = self._last
        for place, value in enumerate(cast.to_pylist()):
            if value is None:
                continue
            if last is not None and (value <= last if strictly else value < last):
                bad[place] = True
            last = value
        self._last = last
        return pa.array(bad, pa.bool_())

    def _classify(self, cast: Any) -> None:
        self.classified += len(cast) - cast.null_count
        wanted = _set(tuple(self.rules.shares or ()), cast.type)
        for entry in pc.value_counts(cast.filter(pc.is_in(cast, wanted))).to_pylist():
            if entry["values"] is not None:
                self.classes[entry["values"]] += entry["counts"]

    def bad_rows(self, values: Any, mixed: list[str | None] | None = None) -> Any:
        """Rows that break a rule about single values, a missing value where none may be too."""
        bad = missing_of(values) if self.rules.missing == 0 else pa.array([False] * len(values))
        for _, mask, _ in self.masks(values, mixed):
            bad = pc.or_(bad, mask)
        return bad


def _number(bound: int | float) -> Any:
    if isinstance(bound, int) and not -(2**63) <= bound < 2**63:
        bound = math.copysign(math.inf, bound) if abs(bound) > 1e300 else float(bound)
    return pa.scalar(bound)


def _no(matched: Any) -> Any:
    return pc.fill_null(pc.invert(matched), False)


def _set(values: tuple[Any, ...], kind: Any) -> Any:
    """The values that can be of an Arrow type, as an array of it."""
    fitting = []
    for value in values:
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            value = str(value).lower() if isinstance(value, bool) else str(value)
        try:
            fitting.append(pa.scalar(value, kind).as_py())
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            continue
    return pa.array(fitting, kind)
