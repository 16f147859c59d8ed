"""Whether a model is loaded: at once, in the background, or not at all because it failed."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from mlrun_like.errors import (
    InvalidArgumentError,
    MLRunLikeError,
    OverloadedError,
    StepError,
)
from mlrun_like.serving.event import Event

__all__ = ["MODES", "Loading"]

MODES = ("sync", "async")
LONGEST = 250.0
"""Seconds that an event of a stream waits for its model (MLRun's limit)."""


class Loading:
    """The state of one model; `error` says why it could not be loaded.

    >>> state = Loading("net")
    >>> state.start(lambda: None)
    >>> state.ready
    True
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.ready = False
        self.error: Exception | None = None
        self._over = threading.Event()

    def start(
        self, load: Callable[[], Any], mode: str = "sync", logger: logging.Logger | None = None
    ) -> None:
        """Load now (`sync`), or in a thread (`async`) while the server already answers.

        Raises:
            InvalidArgumentError: if there is no such mode.
            StepError: if loading fails now; errors of this package are raised as they are.
        """
        if mode not in MODES:
            raise InvalidArgumentError(
                f"load_mode {mode!r} is not one of: {', '.join(MODES)}",
                where=f"model {self.name!r}",
            )
        if mode == "sync":
            self._load(load)
            if self.error is not None:
                raise self.failure() from self.error
            return

        def run() -> None:
            self._load(load)
            if self.error is not None and logger is not None:
                logger.error("%s", self.failure(), exc_info=self.error)

        threading.Thread(target=run, name=f"load-{self.name}", daemon=True).start()

    def _load(self, load: Callable[[], Any]) -> None:
        try:
            load()
            self.ready = True
        except Exception as exc:  # noqa: BLE001  users' load() may raise anything
            self.error = exc
        finally:
            self._over.set()

    def failure(self) -> MLRunLikeError:
        """Why the model cannot be used."""
        exc = self.error
        if isinstance(exc, MLRunLikeError):
            return exc
        return StepError(
            f"failed to load model {self.name}: {type(exc).__name__}: {exc}",
            where=f"model {self.name!r}",
            fix="see the error's cause",
            step=self.name,
            status=503,
        )

    def check(self, event: Event) -> None:
        """Wait for the model if the event comes from a stream, which has no caller to try again.

        Raises:
            OverloadedError: if the model is still being loaded; status 503.
            StepError: if it could not be loaded.
        """
        if not self.ready and not self._over.is_set() and _patient(event):
            self._over.wait(_seconds(event))
        self._verdict()

    def _verdict(self) -> None:
        if self.ready:
            return
        if self._over.is_set():
            raise self.failure() from self.error
        raise OverloadedError(
            f"model {self.name} is not ready yet",
            where=f"model {self.name!r}",
            fix="try again when GET .../ready answers 200",
        )


def _patient(event: Event) -> bool:
    kind = getattr(event.trigger, "kind", event.trigger)
    return kind not in (None, "", "http")


def _seconds(event: Event) -> float:
    left = event.remaining()
    return LONGEST if left is None else min(LONGEST, left)
