"""From facts and checks to anomalies, each with its fix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import nearest
from mlrun_like.monitoring.validation.anomalies import Anomaly, shown
from mlrun_like.monitoring.validation.checks import ColumnCheck, Tally
from mlrun_like.monitoring.validation.describing import Statistics
from mlrun_like.monitoring.validation.facts import ColumnFacts, plain
from mlrun_like.monitoring.validation.schema import ColumnSchema, Schema

__all__ = ["find_anomalies"]


def find_anomalies(
    schema: Schema, stats: Statistics, checks: Mapping[str, ColumnCheck], environment: str = ""
) -> list[Anomaly]:
    """What is not as the schema says, errors first.

    Args:
        schema: The schema.
        stats: The pass over the data.
        checks: Its checks, by column.
        environment: One of the schema's environments; empty: all columns are expected.
    """
    found = _table(schema, stats, environment)
    for name, rules in schema.expected(environment).items():
        facts = stats.columns.get(name)
        if facts is None:
            if rules.required:
                found.append(_missing_column(schema, name, rules, stats))
            continue
        found += _column(schema, facts, rules, checks[name])
    order = {"error": 0, "warning": 1}
    return sorted(found, key=lambda one: order[one.severity])


def _table(schema: Schema, stats: Statistics, environment: str) -> list[Anomaly]:
    found = []
    if stats.rows < schema.min_rows or (schema.max_rows or stats.rows) < stats.rows:
        rule = "min_rows" if stats.rows < schema.min_rows else "max_rows"
        found.append(
            Anomaly(
                "", "row_count",
                f"there are {stats.rows:,} rows, {rule} is {getattr(schema, rule):,}",
                fix=f"{rule}: {stats.rows} in the schema, or look at what writes the data",
            )
        )  # fmt: skip
    for name in stats.doubled:
        what = "the name occurs more than once"
        found.append(Anomaly(name, "duplicate_column", what, fix="rename one of the columns"))
    severity = schema.unexpected_columns
    for name in stats.columns if severity != "ignore" else ():
        if name in schema.columns:
            continue
        near = nearest(name, [other for other in schema.columns if other not in stats.columns])
        found.append(
            Anomaly(
                name, "unexpected_column", f"the schema does not have this column.{near}",
                severity=severity,
                fix=f"add {name!r:.60} to columns, or unexpected_columns: ignore",
            )
        )  # fmt: skip
    return found


def _missing_column(schema: Schema, name: str, rules: ColumnSchema, stats: Statistics) -> Anomaly:
    place = schema.line_of(name, "required")
    near = nearest(name, [other for other in stats.columns if other not in schema.columns])
    return Anomaly(
        name, "missing_column", f"the column is not there.{near}", count=stats.rows,
        share=1.0 if stats.rows else 0.0, severity=rules.severity,
        fix=f"required: false, or not_in: [...] for an environment; {place}",
    )  # fmt: skip


def _column(
    schema: Schema, facts: ColumnFacts, rules: ColumnSchema, check: ColumnCheck
) -> list[Anomaly]:
    found = []

    def add(kind: str, what: str, key: str, value: Any, tally: Tally) -> None:
        share = tally.count / facts.rows if facts.rows else 0.0
        advice = f"{key}: {value}" if value is not None else f"take {key} out"
        fix = f"{advice} in {schema.line_of(facts.name, key)}, or correct the data"
        found.append(
            Anomaly(
                facts.name, kind, what, tally.count, share, shown(list(tally.examples.values())),
                rules.severity, fix,
            )
        )  # fmt: skip

    for kind, tally in check.tallies.items():
        if tally.count > rules.tolerance * max(1, facts.present):
            add(kind, *_said(kind, tally, rules, facts), tally)
    if facts.missing_share > rules.missing:
        share = f"{facts.missing_share:.2%} of the values are missing, {rules.missing:.2%} may be"
        value = min(1.0, round(facts.missing_share + 0.005, 2))
        add("missing_values", share, "missing", value, Tally(facts.missing))
    unique = check.unique
    if unique is not None and unique.doubles > rules.tolerance * max(1, facts.present):
        tally = Tally(unique.doubles, {str(value): value for value in unique.examples})
        add("not_unique", "values occur more than once", "unique", "false", tally)
    for one, (low, high) in (rules.shares or {}).items():
        count = check.classes.get(one, 0)
        share_of = count / check.classified if check.classified else 0.0
        if check.classified and not low <= share_of <= high:
            new = [round(min(low, share_of) - 0.005, 2), round(max(high, share_of) + 0.005, 2)]
            new = [max(0.0, new[0]), min(1.0, new[1])]
            what = f"{share_of:.1%} of the values are {one!r}, expected {low:.0%} to {high:.0%}"
            add("class_balance", what, "shares", f"{{{one}: {new}}}", Tally(count))
    return found


def _said(kind: str, tally: Tally, rules: ColumnSchema, facts: ColumnFacts) -> tuple[str, str, Any]:
    """The sentence, the key of the schema and the value that would let it pass."""
    if kind == "type":
        kinds = ", ".join(sorted(facts.kinds)) or "empty"
        new: Any = facts.kind
        return f"values are not of type {rules.type}: the column holds {kinds}", "type", new
    if kind == "range":
        low, high = plain(tally.low), plain(tally.high)
        under = rules.min is not None and (rules.max is None or not _above(high, rules.max))
        if under:
            return f"values go down to {low}, min is {rules.min}", "min", low
        return f"values go up to {high}, max is {rules.max}", "max", high
    if kind == "length":
        short = rules.min_length is not None and (facts.shortest or 0) < rules.min_length
        key, value = ("min_length", facts.shortest) if short else ("max_length", facts.longest)
        return f"the length is {value}, {key} is {getattr(rules, key)}", key, value
    if kind in ("domain", "new_category"):
        new = [value for value, _ in tally.values.most_common(5)]
        names = ", ".join(str(shown([value])[0]) for value in new)
        word = "new category" if kind == "new_category" else "value outside the domain"
        if len(tally.values) != 1:
            word = f"{len(tally.values):,} " + word.replace("value ", "values ")
            word = word.replace("category", "categories")
        return f"{word}: {names}", "domain", f"[..., {names}]"
    if kind == "pattern":
        return f"values do not match {rules.pattern!r:.80}", "pattern", None
    return f"values are not {rules.order}", "order", None


def _above(value: Any, limit: Any) -> bool:
    return bool(str(value) > str(limit) if isinstance(limit, str) else value > limit)
