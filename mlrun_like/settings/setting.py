"""One row of the table of settings."""

from __future__ import annotations

from typing import Any, NamedTuple

__all__ = ["Setting"]


class Setting(NamedTuple):
    """A setting: its name, type, default, help and MLRun's names for it."""

    name: str
    type: type
    default: Any
    help: str
    aliases: tuple[str, ...] = ()
