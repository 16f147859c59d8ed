"""What applications found last on an endpoint, in the endpoint itself."""

from __future__ import annotations

from mlrun_like.monitoring.endpoints.document import ModelEndpoint
from mlrun_like.tracking.connect import open_store

__all__ = ["with_newest"]

_DRIFT = "general_drift"


def with_newest(endpoint: ModelEndpoint) -> ModelEndpoint:
    """Fill in `current_stats`, `drift_measures` and `drift_status`, which old code reads there.

    The status is that of the newest result `general_drift`, as a text: -1 irrelevant, 0 none,
    1 potential, 2 detected; empty if there is none yet.

    Args:
        endpoint: It is changed, not its record.
    """
    project, uid = endpoint.metadata.project, endpoint.metadata.uid
    store = open_store()
    stats = store.read_window_stats(project, uid)
    for name in ("current_stats", "drift_measures"):
        if name in stats:
            setattr(endpoint.status, name, dict(stats[name][1]))
    drifts = [one for one in store.latest_results(project, uid) if one.name == _DRIFT]
    if drifts:
        endpoint.status.drift_status = str(max(drifts, key=lambda one: one.end).status)
    return endpoint
