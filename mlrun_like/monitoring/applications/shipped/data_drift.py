"""Data drift by `statistics.compare`: thresholds that know the sample size, reasons in words.

The reference is what training saw (`feature_stats`): histograms of numeric features, the shares of
categories where they are known. A null of n rows gives a false alarm in at most 5 % of windows,
whatever the number of features.
"""

from __future__ import annotations

from typing import Any

from mlrun_like.monitoring.applications.base import ModelMonitoringApplicationBase
from mlrun_like.monitoring.applications.context import MonitoringApplicationContext
from mlrun_like.monitoring.applications.results import (
    ModelMonitoringApplicationMetric,
    ModelMonitoringApplicationResult,
    ResultKindApp,
    ResultStatusApp,
)
from mlrun_like.monitoring.applications.screening import Screen
from mlrun_like.statistics.column_profile import DataProfile
from mlrun_like.statistics.compare import CompareOptions, Comparison, compare

__all__ = ["DataDrift", "drift_results", "status_of"]

_NAMED = 10
# a pool of threads for each window would cost more than it saves
_OPTIONS = CompareOptions(threads=1)
NOTHING = "nothing has changed beyond chance and the limits"
_STATUS = {
    "no drift": ResultStatusApp.no_detection,
    "possible drift": ResultStatusApp.potential_detection,
    "drift detected": ResultStatusApp.detected,
}


class DataDrift(ModelMonitoringApplicationBase):
    """Drift of a model's inputs from training, with the features that caused it.

    Gives the result `data_drift` (its value is the score: 1 and more is drift, 0.5 and more
    possible drift), the result `data_drift_of_<feature>` of each feature that moved, and the
    metrics `data_drift_features` and `data_drift_share` (of features that drifted).

    Args:
        features: Only these; empty: all inputs that training has statistics of.
        report: When a page is logged as `data_drift_report`: `drift`, `always` or `never`.
        least_rows: Windows with fewer rows give nothing.
    """

    NAME = "data-drift"

    def __init__(
        self, features: list[str] | None = None, report: str = "drift", least_rows: int = 20
    ) -> None:
        self.features = list(features or ())
        self.report = report
        self.least_rows = least_rows

    def do_tracking(self, monitoring_context: MonitoringApplicationContext) -> list[Any]:
        """Compare the window's inputs with training."""
        context = monitoring_context
        wanted = self.features or [
            name for name in context.feature_stats if name not in context.label_names
        ]
        return drift_results(
            context, wanted, "data_drift", ResultKindApp.data_drift, self.report, self.least_rows
        )


def drift_results(
    context: MonitoringApplicationContext,
    wanted: list[str],
    name: str,
    kind: ResultKindApp,
    report: str,
    least_rows: int,
) -> list[Any]:
    """Results of a comparison of some columns with training; empty if there is nothing to compare.

    Args:
        context: The window.
        wanted: The columns.
        name: The result's name.
        kind: Its kind.
        report: When the page is logged: `drift`, `always`, `never`.
        least_rows: Windows with fewer rows give nothing.
    """
    screen, reference, columns = _prepared(context, tuple(wanted))
    if report != "always" and context.rows >= least_rows and screen is not None:
        rows = context.answered
        if rows >= least_rows and screen.quiet(context.sample_counts, rows):
            return _quiet(name, kind, rows)
    frame = context.sample_df
    columns = [one for one in columns if one in frame.columns]
    if not columns:
        context.logger.warning(
            "no statistics of training to compare with: log the model with its training set",
            endpoint=context.endpoint_id,
        )
        return []
    if len(frame) < least_rows:
        return []
    found = compare(reference, frame[columns], columns=columns, options=_OPTIONS)
    return [*_results(context, found, name, kind, report)]


def _prepared(
    context: MonitoringApplicationContext, wanted: tuple[str, ...]
) -> tuple[Screen | None, DataProfile, list[str]]:
    """What is the same for all windows of an endpoint."""
    made = context.view.made
    key = ("data drift", wanted)
    if key not in made:
        columns = [one for one in wanted if one in context.feature_stats]
        stats = {one: _bare(context.feature_stats[one]) for one in columns}
        screen = Screen(stats, columns, _OPTIONS)
        made[key] = (screen if screen.usable else None, DataProfile.from_stats(stats), columns)
    found: tuple[Screen | None, DataProfile, list[str]] = made[key]
    return found


def _quiet(name: str, kind: ResultKindApp, rows: int) -> list[Any]:
    """What a comparison gives that finds nothing."""
    extra = {"reason": NOTHING, "drifted": [], "suspected": [], "attribution": {}, "rows": rows}
    return [
        ModelMonitoringApplicationResult(name, 0.0, kind, ResultStatusApp.no_detection, extra),
        ModelMonitoringApplicationMetric(f"{name}_features", 0),
        ModelMonitoringApplicationMetric(f"{name}_share", 0.0),
    ]


def status_of(word: str) -> ResultStatusApp:
    """The status of a comparison's word."""
    return _STATUS.get(word, ResultStatusApp.irrelevant)


def _results(
    context: MonitoringApplicationContext, found: Comparison, name: str, kind: ResultKindApp,
    report: str,
) -> list[Any]:  # fmt: skip
    moved = [one for one in found.features.values() if status_of(one.status).value > 0]
    moved.sort(key=lambda one: -one.score)
    if report == "always" or (report == "drift" and found.status == "drift detected"):
        title = f"{context.endpoint_name or context.endpoint_id}: {name.replace('_', ' ')}"
        context.log_artifact(f"{name}_report", found.to_html(title), format="html")
    extra = {
        "reason": found.reason,
        "drifted": found.drifted[:_NAMED],
        "suspected": found.suspected[:_NAMED],
        "attribution": {
            one: round(share, 4) for one, share in list(found.attribution.items())[:_NAMED]
        },
        "rows": found.actual_rows,
    }
    score = min(float(found.score), 1e6)
    results: list[Any] = [
        ModelMonitoringApplicationResult(name, score, kind, status_of(found.status), extra),
        ModelMonitoringApplicationMetric(f"{name}_features", len(found.drifted)),
        ModelMonitoringApplicationMetric(
            f"{name}_share", len(found.drifted) / max(1, len(found.features))
        ),
    ]
    for one in moved[:_NAMED]:
        results.append(
            ModelMonitoringApplicationResult(
                f"{name}_of_{_identifier(one.name)}",
                min(float(one.score), 1e6),
                kind,
                status_of(one.status),
                {"feature": one.name, "reason": one.reason, "tvd": one.tvd, "psi": one.psi},
            )
        )
    return _distinct(results)


def _bare(stats: dict[str, Any]) -> dict[str, Any]:
    """Statistics without the outer bins that MLRun's form adds; they held nothing in training."""
    hist = stats.get("hist")
    if not hist or len(hist[0]) < 3 or hist[1][0] > -1e19 or hist[0][0] or hist[0][-1]:
        return stats
    return {**stats, "hist": [hist[0][1:-1], hist[1][1:-1]]}


def _identifier(name: str) -> str:
    return "".join(one if one.isascii() and one.isalnum() else "_" for one in name)


def _distinct(results: list[Any]) -> list[Any]:
    """Features whose names differ only in signs get a number behind."""
    seen: dict[str, int] = {}
    for one in results:
        count = seen[one.name] = seen.get(one.name, 0) + 1
        if count > 1:
            one.name = f"{one.name}_{count}"
    return results
