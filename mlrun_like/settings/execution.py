"""Runs that the service starts for its callers."""

from __future__ import annotations

from mlrun_like.settings.setting import Setting

__all__ = ["EXECUTION"]

EXECUTION: tuple[Setting, ...] = (
    Setting(
        "service_execution",
        str,
        "auto",
        "Which runs the service starts: process (also on its own machine, with its own rights), "
        "engines (only kinds with a place of their own, such as job), off; auto: process while "
        "nobody need log in, else engines.",
    ),
    Setting(
        "service_runs",
        int,
        8,
        "Most runs that one process of the service has started and that go on.",
    ),
)
