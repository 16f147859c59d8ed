"""What a runtime is given: one function, one run, where to record it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.notification import Notification
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.base import Store
from mlrun_like.types import Handler

if TYPE_CHECKING:
    from mlrun_like.notifications.outbox import Outbox

__all__ = ["Job", "TrialRunner", "Way", "jobs_go"]


class Way(NamedTuple):
    """How code elsewhere reaches the store, if not as this process does.

    Args:
        address: A service's.
        token: What it shows there.
    """

    address: str
    token: str = ""


_WAY: ContextVar[Way | None] = ContextVar("way of jobs to the store", default=None)


@contextmanager
def jobs_go(way: Way | None) -> Iterator[None]:
    """Jobs that are made in this block, in this thread, reach the store on this way."""
    before = _WAY.set(way)
    try:
        yield
    finally:
        _WAY.reset(before)


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
        notifications: Who is told about the run, with their secrets.
        outbox: What is on its way to them, once something is.
        trials: What runs the trials of a sweep elsewhere; None: this process or processes here.
        together: Runs with the same text may share a process, one after the other; empty: each has
            its own.
        waits: Which records are waited for until the store has them: `all`, the `last`, which says
            how the run ended, or `none`. What is not waited for is written within milliseconds.
        way: How code elsewhere reaches the store; None: as this process does.
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
    notifications: list[Notification] = field(default_factory=list, repr=False)
    outbox: Outbox | None = field(default=None, repr=False)
    trials: TrialRunner | None = None
    together: str = ""
    waits: Literal["all", "last", "none"] = "all"
    way: Way | None = field(default_factory=_WAY.get, repr=False)

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
