"""What a runtime is given: one function, one run, where to record it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.base import Store
from mlrun_like.types import Handler

__all__ = ["Job", "TrialRunner"]


class TrialRunner(Protocol):
    """What spreads the trials of a sweep over an engine."""

    def __call__(self, job: Job, children: Iterator[Any], done: Callable[[RunDoc], bool]) -> None:
        """Run every child context and record it.

        Args:
            job: The parent run.
            children: The contexts (MLClientCtx) of the trials, made as they are asked for.
            done: Told about each ended trial; True: start no further one.
        """


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
        provide: What the runtime gives a handler besides, by name of its argument and of the
            context's attribute, such as a client of its engine; made on first use.
        trials: What runs the trials of a sweep elsewhere; None: this process or processes here.
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
    provide: dict[str, Callable[[], Any]] = field(default_factory=dict, repr=False)
    trials: TrialRunner | None = None

    def provided(self, name: str) -> Any:
        """What the runtime gives under this name, the same object each time; KeyError: nothing."""
        make = self.provide[name]
        value = make.value if isinstance(make, _Made) else make()
        self.provide[name] = _Made(value)
        return value


class _Made:
    """A value that was asked for before; children share it with their parent."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __call__(self) -> Any:
        return self.value
