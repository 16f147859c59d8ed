"""The feature store."""

from __future__ import annotations

from mlrun_like.settings.setting import Setting

__all__ = ["FEATURES"]

FEATURES: tuple[Setting, ...] = (
    Setting(
        "feature_store_memory",
        int,
        0,
        "Bytes that a join of feature sets may take before it goes to disk; 0: half of what is "
        "free.",
    ),
)
