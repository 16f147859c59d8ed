"""Waiting for several runs."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from mlrun_like.errors import RunError, TimeLimitError
from mlrun_like.runs.object import RunObject
from mlrun_like.specs.run import TERMINAL

__all__ = ["wait_for_runs_completion"]


def wait_for_runs_completion(
    runs: Iterable[Any], sleep: float = 3, timeout: float = 0, silent: bool = False
) -> list[RunObject]:
    """Wait for several runs; gives those that have ended.

    Args:
        runs: The runs; with a mapping, its values.
        sleep: Seconds between looks.
        timeout: Seconds to wait at most; 0: for ever.
        silent: Also return if some failed, or are not over in time.

    Raises:
        RunError: if one failed.
        TimeLimitError: if they are not over in time.
    """
    waiting, ended, failed = list(runs), [], []
    end = time.monotonic() + timeout if timeout else float("inf")
    while True:
        over = [run for run in waiting if run.state() in TERMINAL]
        waiting = [run for run in waiting if run not in over]
        ended += over
        failed += [run for run in over if run.status.state in ("error", "aborted")]
        if not waiting or time.monotonic() > end:
            break
        time.sleep(min(sleep, max(0.0, end - time.monotonic())))
    if failed and not silent:
        names = ", ".join(f"{run.metadata.name!r}: {run.error}" for run in failed)
        raise RunError(f"some runs failed: {names}", where=failed[0].uri)
    if waiting and not silent:
        names = ", ".join(repr(run.metadata.name) for run in waiting)
        raise TimeLimitError(f"some runs are not over after {timeout:g} s: {names}")
    return ended
