"""Imports of a zygote: which there are, how long each took, why one failed."""

from __future__ import annotations

import gc
import importlib
import threading
import time
import warnings
from collections.abc import Callable, Iterable

from mlrun_like.gateway.worker.rehearsal import rehearse

__all__ = ["REFUSED", "Preloading"]

REFUSED = "!"
"""Before the name of a module that cannot be imported ahead."""


class Preloading:
    """What a zygote has imported.

    Args:
        threaded: Called with a module whose import started a thread of Python.
    """

    def __init__(self, threaded: Callable[[str], None]) -> None:
        self._threaded = threaded
        self.imported: dict[str, float] = {}
        """Seconds by module."""
        self.failed: dict[str, str] = {}
        """Reasons by module."""

    def add(self, modules: Iterable[str]) -> float:
        """Import modules, use them once, and keep the collector away from what exists now.

        Returns:
            Seconds that it took.
        """
        began = time.monotonic()
        for module in modules:
            if module.startswith(REFUSED):
                name = module.removeprefix(REFUSED)
                self.failed[name] = "its import starts threads, which a fork would lose"
            elif module not in self.imported and module not in self.failed:
                self._import(module)
        rehearse()
        # What exists now is never collected: a child's collector does not touch its pages.
        gc.collect()
        gc.freeze()
        return time.monotonic() - began

    def _import(self, module: str) -> None:
        began = time.monotonic()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                importlib.import_module(module)
        except (Exception, SystemExit) as exc:  # noqa: BLE001  the worker tells its user
            self.failed[module] = f"{type(exc).__name__}: {exc}"[:500]
        else:
            self.imported[module] = round(time.monotonic() - began, 4)
        if threading.active_count() > 1:
            self._threaded(module)
