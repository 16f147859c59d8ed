"""ParallelExecution: a step that runs several things for each event, each where it wants to."""

from __future__ import annotations

import asyncio
import copy
import datetime
import os
from collections.abc import Mapping, Sequence
from typing import Any

from mlrun_like.errors import GraphError, InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.mechanisms import ParallelExecutionMechanisms
from mlrun_like.serving.steps.runnable_executor import RunnableExecutor
from mlrun_like.serving.steps.runnables import Outcome, ParallelExecutionRunnable, StreamOutcome
from mlrun_like.serving.steps.sending import SendingStep

__all__ = ["ParallelExecution", "is_batched"]

Runnable = ParallelExecutionRunnable | str


class ParallelExecution(SendingStep):
    """Runs its runnables for each event and sends on their results.

    The body becomes the result if there is one runnable, else a dictionary of results by name.
    `event._metadata` has when each began and how long it took. A single runnable that gives a
    generator gives a stream.

    Args:
        runnables: What is run.
        execution_mechanism_by_runnable_name: Where, by name: see `ParallelExecutionMechanisms`.
        max_processes: See `RunnableExecutor`.
        max_threads: See `RunnableExecutor`.
        pool_factor: See `RunnableExecutor`.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if there is no runnable, or one without a mechanism.

    >>> step = ParallelExecution([ParallelExecutionRunnable("same")], {"same": "naive"})
    >>> [event.body for event in asyncio.run(step.process(Event(5)))]
    [5]
    """

    def __init__(
        self,
        runnables: Sequence[ParallelExecutionRunnable],
        execution_mechanism_by_runnable_name: Mapping[str, str],
        max_processes: int | None = None,
        max_threads: int | None = None,
        pool_factor: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not runnables:
            raise InvalidArgumentError(
                "ParallelExecution cannot be instantiated without at least one runnable"
            )
        for runnable in runnables:
            mechanism = execution_mechanism_by_runnable_name.get(runnable.name)
            if not mechanism:
                raise InvalidArgumentError(
                    f"No execution mechanism was specified for runnable '{runnable.name}'"
                )
            ParallelExecutionMechanisms.validate(mechanism)
        self.runnables = list(runnables)
        self.registered_runnables = {runnable.name for runnable in self.runnables}
        self.execution_mechanism_by_runnable_name = execution_mechanism_by_runnable_name
        self.max_processes = max_processes or os.cpu_count() or 16
        self.max_threads = max_threads or 32
        self.pool_factor = pool_factor or 1
        self.runnable_executor: RunnableExecutor | None = None

    def select_runnables(self, event: Event) -> Sequence[Runnable] | None:
        """Which runnables an event gets, as they are or by name; None: all. To be overridden."""
        return None

    def preprocess_event(self, event: Event) -> Event:
        """The event that the runnables get. To be overridden."""
        return event

    def begin(self) -> None:
        super().begin()
        self.close()
        self.runnable_executor = RunnableExecutor(
            self.max_processes, self.max_threads, self.pool_factor
        )
        for runnable in self.runnables:
            mechanism = self.execution_mechanism_by_runnable_name[runnable.name]
            self.runnable_executor.add_runnable(runnable, mechanism)
            if mechanism == ParallelExecutionMechanisms.shared_executor:
                self.context.executor.init_runnable(runnable=runnable.shared_runnable_name)
            else:
                self.runnable_executor.init_runnable(runnable)
        self.runnable_executor.init_executors()

    async def handle(self, event: Event) -> None:
        if self.runnable_executor is None:  # in a served graph
            self.begin()
        event = self.preprocess_event(event)
        batch = _batch_of(event)
        if batch is not None:
            event.body = [copy.deepcopy(item.body) for item in batch]
        selected = self.select_runnables(event)
        chosen = self._chosen(self.runnables if selected is None else selected)
        outcomes = await asyncio.gather(*self._started(chosen, event))
        if len(outcomes) == 1 and isinstance(outcomes[0], StreamOutcome):
            self.set_event_metadata(event, {"microsec": None, "when": _when(outcomes[0])})
            await self.send_values(event, outcomes[0].generator)
            return
        if any(isinstance(item, StreamOutcome) for item in outcomes):
            raise GraphError(
                "Streaming is not supported when multiple runnables are selected. Streaming "
                "runnables must be the only runnable selected for an event.",
                where=f"step {self.name!r}",
            )
        if outcomes:
            await self.send(self._joined(event, outcomes, batch))

    def _chosen(self, selected: Sequence[Any]) -> list[ParallelExecutionRunnable]:
        assert self.runnable_executor is not None
        names = set()
        for item in selected:
            if not isinstance(item, (str, ParallelExecutionRunnable)):
                raise InvalidTypeError(
                    f"Expected a ParallelExecutionRunnable or str, but got: {type(item).__name__}"
                )
            names.add(item if isinstance(item, str) else item.name)
        if unknown := names - self.registered_runnables:
            raise InvalidArgumentError(
                "The following selected Runnables are not registered: " + ",".join(sorted(unknown))
            )
        return [
            self.runnable_executor.runnable(item) if isinstance(item, str) else item
            for item in selected
        ]

    def _started(
        self, chosen: Sequence[ParallelExecutionRunnable], event: Event
    ) -> list[asyncio.Future[Any]]:
        assert self.runnable_executor is not None
        seen: set[int] = set()
        futures = []
        for runnable in chosen:
            mechanism = self.execution_mechanism_by_runnable_name[runnable.name]
            if mechanism == ParallelExecutionMechanisms.shared_executor:
                future = self.context.executor.run_executor(
                    runnable=runnable.shared_runnable_name,
                    runnables_encountered=seen,
                    event=event,
                    origin_runnable_name=runnable.name,
                )
            else:
                future = self.runnable_executor.run_executor(runnable, seen, event)
            seen.add(id(runnable))
            futures.append(future)
        return futures

    def _joined(
        self, event: Event, outcomes: Sequence[Outcome], batch: list[Event] | None
    ) -> Event:
        alone = len(self.runnables) == 1
        facts: dict[str, Any] = {
            item.runnable_name: {"microsec": item.runtime, "when": _when(item)} for item in outcomes
        }
        if alone:
            facts = facts[outcomes[0].runnable_name]
        if batch is None:
            results = {item.runnable_name: item.data for item in outcomes}
            event.body = outcomes[0].data if alone else results
        else:
            for number, item in enumerate(batch):
                parts = {o.runnable_name: self._part(o.data, number) for o in outcomes}
                item.body = parts[outcomes[0].runnable_name] if alone else parts
                self.set_event_metadata(item, copy.deepcopy(facts))
            event.body = batch
        self.set_event_metadata(event, facts)
        return event

    def _part(self, data: Any, number: int) -> Any:
        """The part of a result that belongs to one event of a batch."""
        if isinstance(data, list):
            return data[number]
        if not (isinstance(data, dict) and "error" in data):
            logger = getattr(self.context, "logger", None)
            if logger is not None:
                logger.warning(
                    "Got result data for batched event that it is not a list. This result will be "
                    f"set as body for all sub events in the batch. Result data: {data}"
                )
        return data

    @staticmethod
    def set_event_metadata(event: Any, metadata: dict[str, Any]) -> None:
        """Add to what is known about an event."""
        kept = getattr(event, "_metadata", None)
        if isinstance(kept, dict):
            kept.update(metadata)
        else:
            event._metadata = metadata

    def close(self) -> None:
        if self.runnable_executor is not None:
            self.runnable_executor.shutdown()
            self.runnable_executor = None


def is_batched(event: Any) -> bool:
    """Whether the body of an event is a list of events.

    >>> is_batched(Event([Event(1)])), is_batched(Event([1]))
    (True, False)
    """
    body = getattr(event, "body", None)
    return isinstance(body, list) and any(isinstance(item, Event) for item in body)


def _batch_of(event: Event) -> list[Event] | None:
    """Copies of the events of a batch; None: it is none."""
    return [item.with_body(item.body) for item in event.body] if is_batched(event) else None


def _when(outcome: Outcome | StreamOutcome) -> str:
    moment: datetime.datetime = outcome.timestamp
    return moment.isoformat(sep=" ", timespec="microseconds")
