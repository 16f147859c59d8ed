"""Differences between groups of people, for several columns and their intersections."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.analysis.pages import fairness_page
from mlrun_like.monitoring.analysis.report import Report, plain
from mlrun_like.monitoring.analysis.rows import Rows
from mlrun_like.promotion.fairness import (
    MEASURES,
    Disparity,
    GroupRates,
    check_measure,
    disparity,
    group_rates,
    positives_of,
)
from mlrun_like.statistics.conditions import column_of
from mlrun_like.statistics.intervals import check_confidence, wilson

__all__ = ["FairnessPart", "FairnessReport", "analyse_fairness"]

_MOST_GROUPS = 1000


@dataclass(frozen=True)
class FairnessPart:
    """The groups of one column, or of the intersections of several, for one positive class."""

    by: str
    positive: Any
    rates: list[GroupRates]
    measures: dict[str, Disparity]


@dataclass(frozen=True)
class FairnessReport(Report):
    """All groups and measures."""

    parts: list[FairnessPart]
    limits: dict[str, float]
    rows: int
    dropped: int
    least: int
    confidence: float
    model: str = ""
    title = "fairness"

    def worst(self, measure: str) -> Disparity | None:
        """The worst value of a measure over all columns and classes; None: nowhere known."""
        found = [part.measures[measure] for part in self.parts if measure in part.measures]
        found = [one for one in found if not math.isnan(one.value)]
        pick = min if MEASURES[check_measure(measure)][1] else max
        return pick(found, key=lambda one: one.value) if found else None

    @property
    def problems(self) -> list[str]:
        told = []
        for part in self.parts:
            for measure, limit in self.limits.items():
                found = part.measures.get(measure)
                where = f"{measure} of {part.by} (class {part.positive!r})"
                if found is None or math.isnan(found.value):
                    told.append(f"{where} cannot be judged: too few rows of two groups")
                elif found.value < limit if found.is_ratio else found.value > limit:
                    told.append(
                        f"{where} is {found.value:.4g} ({found.interval.low:.4g} to "
                        f"{found.interval.high:.4g}), limit {limit:g}: {found.low} lowest, "
                        f"{found.high} highest"
                    )
        return told

    def summary(self) -> dict[str, Any]:
        names = dict.fromkeys(name for part in self.parts for name in part.measures)
        found = {name: self.worst(name) for name in names}
        return {name: one.value for name, one in found.items() if one is not None}

    def to_dict(self) -> dict[str, Any]:
        found: dict[str, Any] = plain(
            {
                "model": self.model,
                "rows": self.rows,
                "rows_without_prediction": self.dropped,
                "least_rows": self.least,
                "confidence": self.confidence,
                "limits": self.limits,
                "parts": [self._part(part) for part in self.parts],
                "problems": self.problems,
            }
        )
        return found

    def _part(self, part: FairnessPart) -> dict[str, Any]:
        groups = []
        for one in part.rates:
            ends = {
                f"{name}_{end}": value
                for name, counts in one.counts.items()
                for end, value in zip(
                    ("low", "high"), wilson(*counts, self.confidence), strict=True
                )
                if counts[1]
            }
            groups.append({**one.plain(), **ends, "judged": one.rows >= self.least})
        measures = [
            {
                "measure": name,
                "value": one.value,
                "low": one.interval.low,
                "high": one.interval.high,
                "lowest": one.low,
                "highest": one.high,
                "not_judged": list(one.small),
                "limit": self.limits.get(name),
            }
            for name, one in part.measures.items()
        ]
        return {"by": part.by, "class": part.positive, "groups": groups, "measures": measures}

    def to_html(self) -> str:
        return fairness_page(self.to_dict())


def analyse_fairness(
    rows: Rows,
    columns: str | Sequence[str],
    *,
    measures: Sequence[str] | None = None,
    limits: Mapping[str, Any] | None = None,
    intersections: bool = True,
    least: int = 30,
    confidence: float = 0.95,
) -> FairnessReport:
    """Compare how groups are treated.

    Args:
        rows: By `rows_of`; the columns need not be features of the model.
        columns: The sensitive columns.
        measures: Of `promotion.fairness.MEASURES`; None: all that the rows tell.
        limits: Measure -> largest difference, or least ratio; missing one is a problem.
        intersections: Whether pairs of the columns make groups, too.
        least: Groups of fewer rows are shown, and not judged.
        confidence: Of the intervals.

    Raises:
        InvalidArgumentError: if a column, measure or prediction is not there.

    >>> import pandas as pd
    >>> from mlrun_like.monitoring.analysis.rows import rows_of
    >>> data = pd.DataFrame({"g": ["a", "b"] * 100, "y": [1, 1, 0, 0] * 50, "p": [1, 0] * 100})
    >>> report = analyse_fairness(rows_of(data, "y", "p"), "g", limits={"disparate_impact": 0.8})
    >>> report.passed, report.summary()["demographic_parity_difference"]
    (False, 1.0)
    """
    names = [columns] if isinstance(columns, str) else list(columns)
    check_confidence(confidence)
    if not names:
        raise InvalidArgumentError("fairness needs a sensitive column", fix='columns=["gender"]')
    for name in names:
        column_of(rows.frame, name)
    said = rows.said("accuracy")
    if not rows.is_classes:
        raise InvalidArgumentError(
            "fairness compares classes, and the label is a number of many values",
            fix="make classes of it, such as (frame['amount'] > 100).astype(int)",
        )
    bounds = {check_measure(name): _limit(name, limit) for name, limit in (limits or {}).items()}
    wanted = [check_measure(name) for name in measures or MEASURES]
    wanted = list(dict.fromkeys([*wanted, *bounds]))
    sets: list[tuple[str, ...]] = [(name,) for name in names]
    if intersections:
        sets += list(itertools.combinations(names, 2))
    positives = positives_of(rows.truth)
    positives = [rows.positive] if len(positives) == 1 else positives
    parts = []
    for by, positive in itertools.product(sets, positives):
        scores = rows.scores if len(positives) == 1 else None
        frame = rows.frame[list(by)]
        if frame.map(_is_nested).to_numpy().any():
            frame = frame.map(repr)
        if len(frame.drop_duplicates()) > _MOST_GROUPS:
            raise InvalidArgumentError(
                f"{', '.join(by)} makes more than {_MOST_GROUPS} groups",
                fix="cut numbers into ranges first, such as pd.cut(frame['age'], 4)",
            )
        rates = group_rates(rows.truth, said, frame, positive, scores)
        told = {
            name: disparity(name, rates, least, confidence)
            for name in wanted
            if scores is not None or MEASURES[name][0] != ("calibration",)
        }
        parts.append(FairnessPart(", ".join(by), plain(positive), rates, told))
    return FairnessReport(
        parts, bounds, len(rows.truth), rows.dropped, least, confidence, rows.model
    )


def _limit(measure: str, limit: Any) -> float:
    try:
        found = float(limit)
    except (TypeError, ValueError):
        found = math.nan
    if not 0 <= found <= 1:
        raise InvalidArgumentError(
            f"limit {limit!r:.40} of {measure} must be from 0 to 1",
            fix="differences: 0.1, ratios: 0.8",
        )
    return found


def _is_nested(cell: Any) -> bool:
    return isinstance(cell, (list, dict, set))
