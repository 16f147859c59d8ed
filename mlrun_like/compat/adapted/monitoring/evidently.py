"""What applications of old code ask about Evidently before they use it."""

from __future__ import annotations

import importlib.util

__all__ = ["HAS_EVIDENTLY", "SUPPORTED_EVIDENTLY_VERSION"]

HAS_EVIDENTLY = importlib.util.find_spec("evidently") is not None
"""Whether it is installed."""
SUPPORTED_EVIDENTLY_VERSION = "0.7.5"
"""What old code installs; any from 0.7 on will do."""
