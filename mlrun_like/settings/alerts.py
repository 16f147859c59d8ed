"""Alerts."""

from __future__ import annotations

from mlrun_like.settings.setting import Setting

__all__ = ["ALERTS"]

ALERTS: tuple[Setting, ...] = (
    Setting(
        "alerts_mode",
        str,
        "enabled",
        "enabled: alerts are judged and told; disabled: what happens is only recorded.",
        ("MLRUN_ALERTS__MODE",),
    ),
    Setting(
        "alerts_max_allowed",
        int,
        10_000,
        "Alerts that a project may have.",
        ("MLRUN_ALERTS__MAX_ALLOWED",),
    ),
    Setting(
        "alerts_max_criteria_count",
        int,
        100,
        "Events that an alert may ask for before it goes off.",
        ("MLRUN_ALERTS__MAX_CRITERIA_COUNT",),
    ),
    Setting(
        "alerts_per_hour",
        int,
        60,
        "Notifications and actions that one alert may cause in an hour; the rest is counted in "
        "one message.",
    ),
    Setting(
        "alerts_project_per_hour",
        int,
        300,
        "Notifications and actions that all alerts of a project may cause in an hour together.",
    ),
    Setting(
        "alerts_attempts",
        int,
        12,
        "Times that a notification of an alert is tried, with growing pauses, up to an hour.",
    ),
    Setting(
        "alerts_stuck_after",
        float,
        3600.0,
        "Seconds without a sign of work after which a run that goes on is told of as run-stuck.",
    ),
    Setting(
        "alerts_too_long",
        float,
        86_400.0,
        "Seconds after which a run that goes on is told of as run-too-long; 0: never.",
    ),
)
