"""Kinds that show a message here: console and ipython."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from mlrun_like.notifications.message import Message

__all__ = ["send_console", "send_ipython"]


def send_console(message: Message, params: Mapping[str, Any]) -> None:
    """Print it."""
    del params
    sys.stdout.write(f"{message.plain()}\n")


def send_ipython(message: Message, params: Mapping[str, Any]) -> None:
    """Show it below a notebook's cell; elsewhere print it."""
    display = sys.modules.get("IPython.display")
    shell = sys.modules.get("IPython")
    if display is None or shell is None or shell.get_ipython() is None:
        send_console(message, params)
        return
    display.display(display.HTML(message.html()))
