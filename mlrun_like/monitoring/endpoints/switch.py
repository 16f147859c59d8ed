"""A file whose time tells servers on this machine that monitoring was switched on or off.

A server that was deployed without tracking looks at it every few seconds, which costs nothing; only
if it has changed the server asks the store.
"""

from __future__ import annotations

from pathlib import Path

from mlrun_like.configuration import config

__all__ = ["switch_file"]


def switch_file() -> Path:
    """The file; it need not exist."""
    return config.path("monitoring-switched")
