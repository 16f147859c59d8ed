"""The end of old batches."""

from __future__ import annotations

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.clock import now
from mlrun_like.tracking.connect import open_store

__all__ = ["remove_old"]

_DAY = 86_400.0


def remove_old(project: str = "*", days: float | None = None) -> int:
    """Remove batches of events, labels and sketches that are too old.

    Args:
        project: The project; `"*"`: all.
        days: How old they may be; None: the setting `monitoring_retention`; 0: for ever.

    Returns:
        How many batches were removed.

    Raises:
        InvalidArgumentError: if `days` is negative.
        StoreUnavailableError: if the store cannot be used.
    """
    kept = float(config.monitoring_retention) if days is None else float(days)
    if kept < 0:
        raise InvalidArgumentError(f"days={kept} must not be negative")
    if not kept:
        return 0
    return open_store().delete_batches(project, "*", now() - kept * _DAY)
