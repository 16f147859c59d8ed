"""Schemas from data: what a column must be, learnt from what it is."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from itertools import groupby
from typing import Any

import pyarrow as pa

from mlrun_like.errors import SchemaError, nearest
from mlrun_like.monitoring.validation.describing import Statistics, describe
from mlrun_like.monitoring.validation.facts import ColumnFacts, plain
from mlrun_like.monitoring.validation.patterns import match_all
from mlrun_like.monitoring.validation.personal_names import words_of
from mlrun_like.monitoring.validation.schema import ColumnSchema, Schema

__all__ = ["infer_schema", "relaxed"]

_MOST_CATEGORIES = 50
_KEY = re.compile(r"_(id|key|uuid|guid|uid|number|no|code)_$")
_SPECIAL = frozenset(r"\.^$*+?()[]{}|")
_CLASS = {"0": "[0-9]", "A": "[A-Z]", "a": "[a-z]"}
_RULES = tuple(
    name for name in ColumnSchema.model_fields if name not in ("severity", "description")
)


def infer_schema(
    data: Any, *, label: str | Collection[str] = (), name: str = "", margin: float = 0.5
) -> Schema:
    """A schema that the data fits, with some room: a start for people to edit.

    Types, missing values, ranges, categories, patterns and lengths of texts, and uniqueness of keys
    are learnt; order and drift thresholds are left to people.

    Args:
        data: As `validate` takes it, or what `describe` gave.
        label: Label columns: they may be absent in SERVING, and their balance is bounded.
        name: Name of the schema.
        margin: How far beyond what was seen numbers may go, as a share of their span.

    Raises:
        SchemaError: if there are no columns, or no such label.

    >>> schema = infer_schema([{"age": 20, "plan": "a"}, {"age": 40, "plan": "a"}])
    >>> schema.columns["age"].max
    50
    """
    stats = describe(data)
    labels = [label] if isinstance(label, str) else list(label)
    if not stats.columns:
        raise SchemaError(f"{stats.name} has no columns", fix="give data with a header")
    for one in labels:
        if one not in stats.columns:
            raise SchemaError(
                f"there is no column {one!r:.60} to be a label.{nearest(one, stats.columns)}",
                fix=f"columns: {', '.join(list(stats.columns)[:20])}",
            )
    columns = {key: _rules(facts, key in labels, margin) for key, facts in stats.columns.items()}
    made = Schema.from_dict({"name": name or stats.name, "columns": columns})
    notes = {key: _note(facts) for key, facts in stats.columns.items()}
    return Schema.from_text(made.with_columns({}, notes).to_text())


def _rules(facts: ColumnFacts, label: bool, margin: float) -> dict[str, Any]:
    rules: dict[str, Any] = {"type": facts.kind if facts.kind in _TYPES else "any"}
    if label:
        rules["not_in"] = ["SERVING"]
    rules["missing"] = _missing(facts)
    if facts.kind == "any":
        return rules
    key = facts.is_unique and facts.kind in ("integer", "text") and _is_key(facts)
    if key:
        rules["unique"] = True
    if facts.kind in ("integer", "number") and facts.low is not None and not key:
        rules["min"], rules["max"] = _room(facts, margin)
    elif facts.kind == "text":
        rules |= _text_rules(facts)
    if label and facts.counts and len(facts.counts) <= _MOST_CATEGORIES:
        rules["shares"] = {
            plain(value): [math.floor(50 * p) / 100, min(1.0, math.ceil(150 * p + 5) / 100)]
            for value, p in sorted(_shares(facts).items(), key=lambda pair: str(pair[0]))
        }
    return rules


_TYPES = ("integer", "number", "boolean", "text", "datetime", "bytes", "list", "object")


def _missing(facts: ColumnFacts) -> float:
    share = facts.missing_share
    if not share or not facts.rows:
        return 0.0 if facts.rows else 1.0
    # three standard errors above what was seen, and a little
    return min(1.0, math.ceil(1000 * (share + 3 * math.sqrt(share / facts.rows) + 0.01)) / 1000)


def _is_key(facts: ColumnFacts) -> bool:
    named = _KEY.search(words_of(facts.name)) is not None
    return facts.present >= 20 and (named or (facts.kind == "integer" and facts.strictly))


def _room(facts: ColumnFacts, margin: float) -> tuple[Any, Any]:
    low, high = float(facts.low), float(facts.high)
    room = margin * ((high - low) or max(1.0, abs(high)))
    least, most = low - room, high + room
    if low >= 0:
        least = max(0.0, least)
    if high <= 0:
        most = min(0.0, most)
    if not (math.isfinite(least) and math.isfinite(most)):
        least, most = low, high
    if facts.kind == "integer":
        return math.floor(least), math.ceil(most)
    size = 10 ** (math.floor(math.log10(room)) - 1) if room > 0 and math.isfinite(room) else 1.0
    if size == 0:
        return low, high
    return _neat(math.floor(least / size) * size), _neat(math.ceil(most / size) * size)


def _neat(value: float) -> float:
    return float(f"{value:.12g}")


def _text_rules(facts: ColumnFacts) -> dict[str, Any]:
    counts = facts.counts
    if counts is not None and len(counts) <= _MOST_CATEGORIES and 2 * len(counts) <= facts.present:
        return {"domain": sorted(map(str, counts))}
    if facts.shapes is not None and len(facts.shapes) == 1 and facts.present >= 20:
        (shape,) = facts.shapes
        if 2 <= len(shape) <= 40 and "0" in shape and len(shape) == facts.longest:
            return {"pattern": _pattern(shape)}
    return {"max_length": math.ceil((facts.longest or 0) * (1 + 0.5)) or 1}


def _pattern(shape: str) -> str:
    """A pattern of a shape: `AA-00` becomes `[A-Z]{2}-[0-9]{2}`."""
    parts = []
    for sign, run in groupby(shape):
        length = len(list(run))
        part = _CLASS.get(sign) or (f"\\{sign}" if sign in _SPECIAL else sign)
        parts.append(part + (f"{{{length}}}" if length > 1 else ""))
    return "".join(parts)


def _shares(facts: ColumnFacts) -> dict[Any, float]:
    return {value: count / facts.present for value, count in (facts.counts or {}).items()}


def _note(facts: ColumnFacts) -> str:
    parts = [f"seen: {facts.present:,} values"]
    if facts.missing:
        parts.append(f"{facts.missing:,} missing")
    if facts.kind in ("integer", "number", "datetime") and facts.low is not None:
        parts.append(f"{plain(facts.low)} to {plain(facts.high)}")
    elif facts.kind == "text" and facts.counts is not None:
        parts.append(f"{len(facts.counts)} different")
    return ", ".join(parts)


# relaxing ----------------------------------------------------------------------------------------


def relaxed(schema: Schema, stats: Any, relax: Sequence[str]) -> Schema:
    """A schema relaxed where it is asked; see `Schema.update`."""
    found: Statistics = describe(stats)
    wanted = [_asked(item, schema, found) for item in relax]
    changes: dict[str, dict[str, Any]] = {}
    notes: dict[str, str] = {}
    for names, rules in wanted:
        for name in names:
            facts = found.columns.get(name)
            if name not in schema.columns and facts is not None:
                changes[name] = {
                    k: v for k, v in _rules(facts, False, 0.5).items() if v is not None
                }
                notes[name] = _note(facts)
            elif name in schema.columns:
                old = schema.columns[name]
                new = {"required": False} if facts is None else _wider(old, facts)
                kept = {key: value for key, value in new.items() if key in rules}
                if kept:
                    changes.setdefault(name, {}).update(kept)
    return schema.with_columns(changes, notes) if changes else schema


def _asked(item: str, schema: Schema, stats: Statistics) -> tuple[list[str], tuple[str, ...]]:
    known = list(dict.fromkeys([*schema.columns, *stats.columns]))
    if item == "*":
        return known, _RULES
    if item in known:
        return [item], _RULES
    column, _, rule = item.rpartition(".")
    if rule in _RULES and (column == "*" or column in schema.columns):
        return list(schema.columns) if column == "*" else [column], (rule,)
    options = [*known, *(f"{column}.{name}" for name in _RULES)]
    raise SchemaError(
        f"relax={item!r:.80} is neither a column nor a rule of one.{nearest(item, options)}",
        fix='relax=["age.max", "city.domain", "*.missing", "new_column"]',
    )


def _wider(old: ColumnSchema, facts: ColumnFacts) -> dict[str, Any]:
    """The rules that the facts break, with values that they keep."""
    new: dict[str, Any] = {}
    if old.type not in ("any", facts.kind) and facts.present:
        number = facts.kind == "integer" and old.type == "number"
        if not number:
            both = {old.type, facts.kind} == {"integer", "number"}
            new["type"] = "number" if both else "any"
    if facts.missing_share > old.missing:
        new["missing"] = min(1.0, math.ceil(1000 * facts.missing_share) / 1000)
    for key, value, wider in (
        ("min", facts.low, min), ("max", facts.high, max),
        ("min_length", facts.shortest, min), ("max_length", facts.longest, max),
    ):  # fmt: skip
        limit = getattr(old, key)
        if limit is None or value is None or isinstance(value, str) != isinstance(limit, str):
            continue
        if wider(value, limit) != limit:
            new[key] = plain(value)
    if old.unique and not facts.is_unique:
        new["unique"] = False
    if old.order and not (facts.strictly if old.order.startswith("strictly") else facts.increasing):
        new["order"] = None
    if facts.counts is not None:
        new |= _wider_values(old, facts, facts.counts)
    return new


def _wider_values(
    old: ColumnSchema, facts: ColumnFacts, counts: Mapping[Any, int]
) -> dict[str, Any]:
    new: dict[str, Any] = {}
    if old.domain is not None:
        added = [plain(value) for value in counts if value not in old.domain]
        if added:
            new["domain"] = [*old.domain, *sorted(added, key=str)]
    if old.pattern is not None and facts.kinds.keys() == {"text"} and counts:
        matched = match_all(pa.array([str(value) for value in counts]), old.pattern)
        if not all(matched.to_pylist()):
            new["pattern"] = None
    if old.shares is not None:
        seen = _shares(facts)
        wider = {
            value: [
                min(low, math.floor(100 * seen.get(value, 0)) / 100),
                max(high, math.ceil(100 * seen.get(value, 0)) / 100),
            ]
            for value, (low, high) in old.shares.items()
        }
        if wider != {value: list(bounds) for value, bounds in old.shares.items()}:
            new["shares"] = wider
    return new
