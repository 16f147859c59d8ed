"""A recorded event again, through one step or the whole graph, compared with what it gave then."""

from __future__ import annotations

import asyncio
import copy
import functools
import inspect
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl

from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.lookup import namespaces_of
from mlrun_like.serving.engine.check import check
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.observe.compare import differences
from mlrun_like.serving.observe.journal import read_journal
from mlrun_like.serving.observe.values import pack, unpack
from mlrun_like.serving.server import GraphServer

__all__ = ["Replayed", "event_of", "find_record", "replay", "step_functions"]

_CHANGING = ("timestamp",)


@dataclass(frozen=True)
class Replayed:
    """What an event gave this time.

    Args:
        event_id: The event.
        step: The step it went through, or empty: the whole graph.
        answer: What it gave, or None if it failed.
        status: The answer's status; None for a step.
        error: The error, if it failed.
        seconds: How long it took.
        recorded_seconds: How long it took when it was recorded.
        differences: Where the answer differs from the recorded one; empty: they agree.
        call: Which call of the step in that event, from 0.
    """

    event_id: str
    step: str
    answer: Any
    status: int | None
    error: BaseException | None
    seconds: float
    recorded_seconds: float
    differences: tuple[str, ...]
    call: int = 0

    @property
    def same(self) -> bool:
        """Whether it gave what was recorded."""
        return not self.differences


def find_record(source: str | Path, event_id: str) -> dict[str, Any]:
    """The newest record of an event.

    Raises:
        NotFoundError: if there is none.
    """
    found = None
    ids: list[str] = []
    for record in read_journal(source):
        ids.append(str(record.get("id")))
        if ids[-1] == event_id:
            found = record
    if found is None:
        raise NotFoundError(
            f"event {event_id!r:.80} is not in the recording.{nearest(event_id, ids[-1000:])}",
            where=str(source),
            fix=f"the last of its {len(ids)} events: {', '.join(ids[-3:]) or 'none'}",
        )
    return found


def replay(
    records: Mapping[str, Any] | Iterator[Mapping[str, Any]],
    graph: Graph,
    *,
    step: str = "",
    namespace: Any = None,
    tolerance: float = 1e-9,
    ignore: Collection[str] = _CHANGING,
    runner: Callable[[Callable[[], Any]], Any] | None = None,
) -> Iterator[Replayed]:
    """Send recorded events through a graph, or their recorded inputs through one of its steps.

    Hidden header values (`***`) are sent as they are. A step that keeps state begins anew.

    Args:
        records: A record, or several (`read_journal(folder)`).
        graph: The graph; it need not be the one that was recorded.
        step: Only this step, with the inputs that were recorded for it (`Recorder(steps=True)`).
        namespace: Where names of classes and functions are looked up.
        tolerance: How far numbers may differ, as a part of the larger one.
        ignore: Keys in answers that may differ.
        runner: Calls the function it is given, such as a debugger's `runcall`.

    Raises:
        GraphError: naming every mistake of the graph; if it has no such step.
        InvalidArgumentError: if a recorded body is missing or cannot be brought back.
        NotFoundError: if the step's input was not recorded.

    >>> from mlrun_like.serving.definition.graph import flow
    >>> graph = flow()
    >>> last = graph.to(abs, "size")
    >>> record = {"id": "e1", "body": -3, "status": 200, "answer": 3}
    >>> [(found.answer, found.same) for found in replay(record, graph)]
    [(3, True)]
    """
    listed = [records] if isinstance(records, Mapping) else records
    run = runner or (lambda call: call())
    with GraphServer(_alone(graph, step) if step else graph, namespace, is_mock=True) as server:
        for record in listed:
            found = _steps(record, step) if step else [None]
            for number, entry in enumerate(found):
                made = event_of(record, entry)
                call = functools.partial(_through_step, server, step, made)
                if entry is None:
                    call = functools.partial(_through_graph, server, made)
                begin = perf_counter()
                answer, status, error = run(call)
                seconds = perf_counter() - begin
                told = _told(record, entry, answer, status, error, tolerance, ignore)
                was = (entry or record).get("seconds") or 0.0
                shown = None if error is not None else answer
                yield Replayed(
                    made.id, step, shown, status, error, seconds, was, tuple(told), number
                )


def event_of(record: Mapping[str, Any], entry: Mapping[str, Any] | None = None) -> Event:
    """The event of a record, or with the input of one of its steps.

    Raises:
        InvalidArgumentError: if the body was not recorded or cannot be brought back.
    """
    source = record if entry is None else entry
    if "body" not in source:
        raise InvalidArgumentError(f"the record of event {record.get('id')!r} has no body")
    event = Event(
        unpack(source["body"]),
        id=str(record.get("id")),
        key=unpack(record.get("key")),
        time=record.get("time"),
        headers=record.get("headers") or {},
        method=record.get("method") or "",
        path=record.get("path") or "",
        content_type=record.get("content_type") or "",
    )
    query = record.get("query")
    if query:
        asked: Any = event
        asked.query_string = str(query).encode("latin-1", "replace")
        asked.query = dict(parse_qsl(str(query), keep_blank_values=True))
    if entry is not None and "error_before" in entry:
        event.error = unpack(entry["error_before"])
        event.origin_state = entry.get("origin", "")
    return event


def _alone(graph: Graph, name: str) -> Graph:
    """A graph of this step only."""
    step = copy.copy(graph[name])
    alone = Graph(engine="sync", parameters=graph.parameters)
    step.graph, step.after, step.before, step.cycle_from = alone, [], [], []
    step.on_error, step.responder, step.kind = "", False, step.kind.replace("error_step", "task")
    alone.steps.append(step)
    return alone


def _steps(record: Mapping[str, Any], step: str) -> list[Mapping[str, Any]]:
    listed = record.get("steps") or []
    found = [entry for entry in listed if entry.get("step") == step]
    if not found:
        names = list(dict.fromkeys(str(entry.get("step")) for entry in listed))
        raise NotFoundError(
            f"no input of step {step!r} was recorded for event {record.get('id')!r}."
            f"{nearest(step, names)}",
            fix="record with Recorder(folder, steps=True)"
            if not names
            else f"recorded steps: {', '.join(names)}",
        )
    return found


def _through_graph(server: GraphServer, event: Event) -> tuple[Any, int | None, Any]:
    # Async steps run in this thread too: here a debugger looks.
    is_async = server.plan.is_async
    response = asyncio.run(server.run_async(event)) if is_async else server.run(event)
    return response.body, response.status_code, None


def _through_step(server: GraphServer, step: str, event: Event) -> tuple[Any, int | None, Any]:
    bound = server.plan.nodes[step].bound
    given = event if bound.whole or bound.kind == "many" else event.body
    try:
        if bound.call is not None:
            found = bound.call(given)
        else:
            found = asyncio.run(_awaited(bound.acall, given))
    except Exception as exc:  # noqa: BLE001  users' steps may raise anything: it is compared
        return None, None, exc
    return (found.body if isinstance(found, Event) else found), None, None


async def _awaited(call: Any, given: Any) -> Any:
    return await call(given)


def _told(
    record: Mapping[str, Any],
    entry: Mapping[str, Any] | None,
    answer: Any,
    status: int | None,
    error: BaseException | None,
    tolerance: float,
    ignore: Collection[str],
) -> list[str]:
    source, key = (record, "answer") if entry is None else (entry, "result")
    found = []
    if entry is None and status != record.get("status"):
        found.append(f"status: {record.get('status')} -> {status}")
    was = source.get("error") if entry is not None else None
    now = type(error).__name__ if error is not None else ""
    if (was or {}).get("type", "") != now:
        found.append(f"error: {(was or {}).get('type') or 'none'} -> {now or 'none'}")
    elif error is None and key in source:
        packed = pack(answer)
        if isinstance(answer, Response) and entry is None:
            packed = pack(answer.body)
        found += differences(source[key], packed, tolerance=tolerance, ignore=ignore)
    return found


def step_functions(graph: Graph, namespace: Any = None, step: str = "") -> list[Callable[..., Any]]:
    """The users' functions that the steps call, as far as they are Python: for breakpoints.

    Raises:
        GraphError: naming every mistake of the graph.
    """
    targets = check(graph, namespaces_of(namespace))
    found: list[Callable[..., Any]] = []
    for name, target in targets.items():
        if step and name != step:
            continue
        function = getattr(target.found, target.method) if target.method else target.found
        while isinstance(function, functools.partial):
            function = function.func
        function = inspect.unwrap(function)
        if inspect.isfunction(function) or inspect.ismethod(function):
            found.append(function)
    return found
