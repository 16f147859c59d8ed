"""What a runtime is given: one function, one run, where to record it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.base import Store
from mlrun_like.types import Handler

__all__ = ["Job"]


@dataclass
class Job:
    """One execution to be made.

    Args:
        function: The packaged function; its code is embedded when a runtime packages code.
        run: The run to execute; the same object is updated as the run goes on.
        store: Where it is recorded.
        handler: The live callable, for runtimes in this process; else None.
        watch: Whether the run's output is also shown here as it comes.
        attempt: Number of this try, from 1.
        last_attempt: Whether a failure of this try is the run's failure.
        live_parameters: Parameters that are not plain data (only in this process); the run's
            document holds their description.
        secrets: Values for `context.get_secret`; never part of the run's document.
    """

    function: FunctionDoc
    run: RunDoc
    store: Store
    handler: Handler | None = None
    watch: bool = False
    attempt: int = 1
    last_attempt: bool = True
    live_parameters: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
