"""What a process of the service hears from its supervisor, and where its messages go."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config

__all__ = ["options_told", "set_up_log", "when_left_alone"]


def options_told(told: dict[str, Any]) -> ServiceOptions:
    """The options that the supervisor sent; the store's address also becomes the setting."""
    known = {one.name for one in fields(ServiceOptions)}
    options = ServiceOptions(**{name: told[name] for name in known & set(told)})
    if options.store:
        config.dbpath = options.store
    return options


def set_up_log() -> None:
    """Messages go to standard error, which is the service's log."""
    logging.basicConfig(
        level=logging.WARNING,
        stream=sys.stderr,
        format=f"%(asctime)s {os.getpid()} %(levelname)s %(name)s: %(message)s",
    )
    logging.getLogger("mlrun_like").setLevel(logging.INFO)


def when_left_alone(act: Callable[[], object]) -> None:
    """Call `act` when the supervisor is gone: nobody would end this process else."""

    def wait() -> None:
        while sys.stdin.buffer.read(4096):
            pass
        act()

    threading.Thread(target=wait, name="mlrun-like-supervisor", daemon=True).start()
