"""Descriptive statistics of a data set, and everything else that one pass over it can tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.validation.checks import ColumnCheck
from mlrun_like.monitoring.validation.columns import Chunk, Data, kind_of, open_data
from mlrun_like.monitoring.validation.facts import ColumnFacts
from mlrun_like.monitoring.validation.personal_scan import PersonalData, scan_column
from mlrun_like.statistics.column_profile import DataProfile
from mlrun_like.statistics.sketches import FeatureSketches

__all__ = ["SCANS", "Statistics", "describe", "look"]

SCANS = ("sample", "all", "off")
"""How many values the scan for personal data looks at."""

_SAMPLE = 10_000
_PER_CHUNK = 2_000


@dataclass(frozen=True)
class Statistics:
    """What a data set holds.

    Args:
        rows: How many there are.
        columns: Facts by column.
        profile: Distributions, as `mlrun_like.statistics` has them.
        personal: Personal data that was found.
        name: What the data is called.
        doubled: Column names that occur more than once.
        typed: Whether the types are the data's own.
    """

    rows: int
    columns: Mapping[str, ColumnFacts]
    profile: Any = None
    personal: Sequence[PersonalData] = ()
    name: str = "data"
    doubled: tuple[str, ...] = ()
    typed: bool = True
    features: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As plain data, by column: the facts, with mean, deviation and quartiles of numbers."""
        found = {}
        for name, facts in self.columns.items():
            stats = self.features.get(name, {})
            more = {key: stats[key] for key in ("mean", "std", "25%", "50%", "75%") if key in stats}
            found[name] = {**facts.to_dict(), **more}
        return found


def describe(data: Any, name: str = "") -> Statistics:
    """Descriptive statistics, in one pass and constant memory.

    Args:
        data: As `validate` takes it.
        name: What reports call it.

    >>> describe([{"a": 1}, {"a": 3}]).columns["a"].high
    3
    """
    if isinstance(data, Statistics):
        return data
    return look(open_data(data, name), {}, "off")


def look(data: Data, checks: Mapping[str, ColumnCheck], scan: str) -> Statistics:
    """One pass: facts, distributions, checks, and the values to scan for personal data.

    Args:
        data: The rows.
        checks: Checks by column.
        scan: One of `SCANS`.
    """
    if scan not in SCANS:
        raise InvalidArgumentError(
            f"scan={scan!r:.40} is not one of: {', '.join(SCANS)}", fix='scan="sample"'
        )
    facts = {name: ColumnFacts(name) for name in data.names}
    scanner = _Scanner(scan)
    sketches: FeatureSketches | None = None
    scalar: list[str] = []
    rows = 0
    for chunk in data.chunks():
        rows += chunk.rows
        for name, values in chunk.columns.items():
            mixed = chunk.mixed.get(name)
            facts[name].update(values, mixed)
            if name in checks:
                checks[name].update(values, mixed)
            scanner.update(name, values)
        if sketches is None:
            scalar = [key for key, values in chunk.columns.items() if _is_scalar(values)]
            sketches = FeatureSketches(scalar)
        with np.errstate(all="ignore"):  # squares of huge numbers are infinite
            sketches.update(pa.table({key: _as_before(key, chunk) for key in scalar}))
    with np.errstate(all="ignore"):
        profile = sketches.profile() if sketches is not None else DataProfile(0, {})
    return Statistics(
        rows, facts, profile, scanner.found(), data.name, data.doubled, data.typed,
        profile.feature_stats(),
    )  # fmt: skip


def _is_scalar(values: Any) -> bool:
    return kind_of(values.type) in ("integer", "number", "boolean", "text", "datetime", "empty")


def _as_before(name: str, chunk: Chunk) -> Any:
    values = chunk.columns[name]
    return values if _is_scalar(values) else pa.nulls(chunk.rows, pa.string())


class _Scanner:
    """Collects values by column, or scans each chunk if all values are wanted."""

    def __init__(self, scan: str) -> None:
        self.scan = scan
        self.kept: dict[str, list[Any]] = {}
        self.sizes: dict[str, int] = {}

    def update(self, name: str, values: Any) -> None:
        size = self.sizes.get(name, 0)
        if self.scan == "off" or (self.scan == "sample" and size >= _SAMPLE):
            return
        given = values.drop_null()
        if self.scan == "sample" and len(given) > _PER_CHUNK:
            step = len(given) // _PER_CHUNK
            given = given.take(pa.array(range(0, step * _PER_CHUNK, step)))
        self.sizes[name] = size + len(given)
        if self.scan == "all":
            self.kept.setdefault(name, []).extend(
                (one, len(given)) for one in scan_column(name, given)
            )
            return
        self.kept.setdefault(name, []).append(given)

    def found(self) -> list[PersonalData]:
        found: list[PersonalData] = []
        for name, kept in self.kept.items():
            if self.scan == "all":
                found += self._joined(name, [one for one, _ in kept])
                continue
            same = [part for part in kept if part.type == kept[-1].type]
            found += scan_column(name, pa.concat_arrays(same))
        return found

    def _joined(self, name: str, parts: Sequence[PersonalData]) -> list[PersonalData]:
        by_kind: dict[str, list[PersonalData]] = {}
        for one in parts:
            by_kind.setdefault(one.kind, []).append(one)
        total = max(1, self.sizes[name])
        joined = []
        for kind, some in by_kind.items():
            count = sum(one.count for one in some)
            examples = tuple(dict.fromkeys(text for one in some for text in one.examples))[:3]
            best = max(one.confidence for one in some)
            joined.append(
                PersonalData(
                    name, kind, count, round(count / total, 6), best, some[0].evidence, examples
                )
            )
        return joined
