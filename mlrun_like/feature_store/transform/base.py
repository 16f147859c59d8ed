"""Transform: the steps of a feature set, ready for the rows of one ingestion."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import pandas as pd

from mlrun_like.serving.event import Event

__all__ = ["Transform"]


class Transform(ABC):
    """The steps of a feature set for one ingestion; not for several threads.

    Outputs are named by the step that they come from; the empty name is the final step's.
    """

    engine: str
    """How rows go through the steps: "frames", "events", or "spark"."""

    @abstractmethod
    def run(self, frame: Any) -> dict[str, Any]:
        """Take in a chunk; gives what came out by output: fewer or more rows, or none yet.

        Raises:
            StepError: naming the step and the row that it failed for.
        """

    def finish(self) -> dict[str, pd.DataFrame]:
        """What was held for later rows; calling it again gives nothing."""
        return {}

    @abstractmethod
    def event(self, event: Event) -> list[tuple[str, Event]]:
        """Take one event through the same steps; gives what came out, with the outputs."""

    def take_window_log(self) -> dict[str, pd.DataFrame]:
        """Since the last call, the values that went into aggregates, by step.

        Columns are the entities, the time and one per aggregated feature.
        """
        return {}

    def state(self, windows: bool = True) -> bytes:
        """What the steps remember, for `restore` in another process.

        Args:
            windows: With the windows of all keys. False: they are where `load_windows` reads
                them, up to those that `changed_windows` gave or will give next.
        """
        return b""

    def restore(self, state: bytes) -> None:  # noqa: B027 - nothing to restore
        """Go on where another transform of the same definition was.

        Raises:
            InvalidArgumentError: if the state is damaged, or of other steps.
        """

    def changed_windows(self) -> dict[tuple[Any, ...], bytes]:
        """The windows that changed since the last call, by the values of the entities."""
        return {}

    def load_windows(  # noqa: B027 - no windows
        self, read: Callable[[Sequence[tuple[Any, ...]]], Sequence[bytes | None]]
    ) -> None:
        """Read the windows of keys that are met for the first time.

        Args:
            read: Gives the bytes of each key's windows, or None.
        """

    def counts(self) -> dict[str, dict[str, int]]:
        """What steps counted, such as bad values or late events, by step."""
        return {}

    def close(self) -> None:  # noqa: B027 - nothing to release
        """Release what the steps hold; calling it twice is harmless."""

    def __enter__(self) -> Transform:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
