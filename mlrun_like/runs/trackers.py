"""Trackers of other platforms: what a handler records with them is taken over into its run."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Iterator
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.registry import known, load
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.pruning import is_pruned

__all__ = ["tracked"]


@contextlib.contextmanager
def tracked(context: MLClientCtx) -> Iterator[None]:
    """Take over what is recorded elsewhere in the block, also if it fails.

    Nothing is imported unless the setting `track_external` is on. A tracker is a class with
    `pre_run(context)` and `post_run(context)`, registered in the group `trackers` under the name
    of its package; one whose package is not installed, or whose setting `track_<name>` is off, is
    left out. A platform that cannot be reached does not fail the run: the run's log says so.

    Args:
        context: The run.
    """
    if not config.track_external or not context.is_logging_worker():
        yield
        return
    begun = [one for name in _enabled() if (one := _begun(name, context)) is not None]
    try:
        yield
    finally:
        for name, tracker in reversed(begun):
            try:
                tracker.post_run(context)
            except Exception as exc:  # noqa: BLE001 - the boundary to another platform
                if not is_pruned(exc):  # its steps are judged while the handler runs, not after
                    context.logger.warning(f"what {name} recorded is not taken over: {exc}")


def _enabled() -> list[str]:
    return [
        name
        for name in known("trackers")
        if importlib.util.find_spec(name) is not None and (name != "mlflow" or config.track_mlflow)
    ]


def _begun(name: str, context: MLClientCtx) -> tuple[str, Any] | None:
    try:
        tracker = load("trackers", name)()
        tracker.pre_run(context)
    except Exception as exc:  # noqa: BLE001 - the boundary to another platform
        context.logger.warning(f"what {name} records is not taken over: {exc}")
        return None
    return name, tracker
