"""One pass of alerts: look at what happened, judge it, send what is due."""

from __future__ import annotations

from dataclasses import dataclass, field

from mlrun_like.configuration import config as settings
from mlrun_like.monitoring.alerts.deliver import DeliveryReport, deliver
from mlrun_like.monitoring.alerts.evaluate import EvaluationReport, evaluate
from mlrun_like.monitoring.alerts.sources import look
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store

__all__ = ["AlertReport", "alert_pass"]


@dataclass
class AlertReport:
    """What a pass did.

    Args:
        found: Events that the sources told of.
        judged: See EvaluationReport.
        delivered: See DeliveryReport.
    """

    found: int = 0
    judged: EvaluationReport = field(default_factory=EvaluationReport)
    delivered: DeliveryReport = field(default_factory=DeliveryReport)


def alert_pass(
    project: str = "", now: float | None = None, store: Store | None = None
) -> AlertReport:
    """Look, judge and send for one project; safe to be called by several processes at once.

    Args:
        project: Whose; by default the default project.
        now: Seconds since 1970 for judging; by default the clock's.
        store: The store; by default the configured one.

    Raises:
        StoreUnavailableError: if the store cannot be used.
    """
    place, target = project or settings.default_project, store or open_store()
    return AlertReport(look(place, target), evaluate(place, now, target), deliver(place, target))
