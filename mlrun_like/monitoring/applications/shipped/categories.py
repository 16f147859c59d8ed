"""Missing values, and categories that training did not have."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.results import ResultKindApp
from mlrun_like.monitoring.applications.shipped.judging import Thresholds, judged

__all__ = ["Categories"]

_NAMED = 10
_MOST = 1000


class Categories(ModelMonitoringApplicationBase):
    """Missing values and new categories, as shares of rows.

    Gives the results `missing_values` (of the feature where most values are missing beyond what
    training had), `new_categories` (of the feature where most rows have a category that is not
    known) and `missing_features` (how many inputs the window does not have at all).

    Args:
        known: Categories by feature. Those that training's statistics name are known, too; a
            feature of which nothing is known is not looked at for new ones.
        potential: Share of rows that is worth a look.
        detected: Share of rows that is an incident.
    """

    NAME = "categories"

    def __init__(
        self, known: dict[str, list[Any]] | None = None, potential: float = 0.01,
        detected: float = 0.05,
    ) -> None:  # fmt: skip
        self.known = {name: {str(one) for one in values} for name, values in (known or {}).items()}
        self.limits = Thresholds(potential, detected)

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> list[Any]:
        """Count missing and new values."""
        context, frame = monitoring_context, monitoring_context.sample_df
        features = context.feature_names or [
            name for name in context.feature_stats if name not in context.label_names
        ]
        absent = [name for name in features if name not in frame.columns]
        missing: dict[str, float] = {}
        new: dict[str, float] = {}
        names: dict[str, list[str]] = {}
        for name in features:
            if name in absent or not len(frame):
                continue
            column = frame[name]
            gaps = column.isna().to_numpy()
            missing[name] = max(0.0, float(gaps.mean()) - self._usual(context, name))
            known = self._known(context, name)
            if known:
                texts = column[~gaps].astype(str).to_numpy()
                unknown = ~np.isin(texts, list(known))
                new[name] = float(unknown.sum()) / len(frame)
                names[name] = sorted(set(texts[unknown].tolist()))[:_NAMED]
        kind = ResultKindApp.data_drift
        results = [_worst("missing_values", missing, kind, self.limits)]
        if new:
            one = _worst("new_categories", new, kind, self.limits)
            one.extra_data["categories"] = {
                name: names[name] for name in one.extra_data["features"] if names[name]
            }
            results.append(one)
        results.append(
            judged("missing_features", len(absent), kind, Thresholds(detected=1.0),
                   features=absent[:_NAMED])
        )  # fmt: skip
        return results

    def _known(self, context: MonitoringApplicationContext, name: str) -> set[str]:
        stats = context.feature_stats.get(name) or {}
        counts = stats.get("categories") or stats.get("value_counts") or {}
        named = counts if isinstance(counts, dict) else dict.fromkeys(counts)
        found = {str(one) for one in list(named)[:_MOST]}
        if stats.get("unique") == 1 and stats.get("top") is not None:
            found.add(str(stats["top"]))
        return found | self.known.get(name, set())

    def _usual(self, context: MonitoringApplicationContext, name: str) -> float:
        """The share of missing values that training had."""
        counts = [
            one["count"] for one in context.feature_stats.values() if one.get("count") is not None
        ]
        count = (context.feature_stats.get(name) or {}).get("count")
        most = max(counts, default=0)
        return 1 - count / most if most and count is not None else 0.0


def _worst(name: str, shares: dict[str, float], kind: ResultKindApp, limits: Thresholds) -> Any:
    order = sorted(shares, key=lambda one: -shares[one])[:_NAMED]
    value = shares[order[0]] if order else 0.0
    features = {one: round(shares[one], 6) for one in order if shares[one] > 0}
    return judged(name, value, kind, limits, features=features)
