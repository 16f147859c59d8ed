"""A chunk of rows through a plan: step by step where steps take many rows, else row by row."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mlrun_like.errors import InvalidArgumentError, StepError
from mlrun_like.serving.batch.frames import takes_frames, through_frames
from mlrun_like.serving.batch.halving import Failure, by_halves
from mlrun_like.serving.batch.merging import mergeable, through_model
from mlrun_like.serving.batch.rows import Rows
from mlrun_like.serving.engine.binding import BoundStep
from mlrun_like.serving.engine.failures import failed
from mlrun_like.serving.event import DROP, Event, Response
from mlrun_like.serving.server import GraphServer

__all__ = ["Runner", "frame_steps", "runner_for"]

Runner = Callable[[Sequence[Any]], list[Any]]
"""Rows to their answers, or a `Failure` where a row failed."""


class _Part(NamedTuple):
    """Steps that a chunk passes at once (`model`, `frames`), or one that rows pass one by one."""

    together: str
    steps: list[BoundStep]


def runner_for(server: GraphServer, rows: Rows, max_in_flight: int) -> Runner:
    """What takes chunks through this server's plan.

    Args:
        server: The compiled graph.
        rows: What a row is; not `auto` any more.
        max_in_flight: Events under way at once in graphs with `async` steps.
    """
    by_row = _row_by_row(server, rows.path, max_in_flight)
    if rows.form == "inputs":
        return _as_inputs(by_row)
    parts = _parts(server, rows.path)
    if not any(part.together for part in parts):
        return by_row
    return lambda bodies: _part_by_part(parts, bodies, rows.path)


def _row_by_row(server: GraphServer, path: str, max_in_flight: int) -> Runner:
    in_flight = max_in_flight if server.plan.is_async else 1

    def run(bodies: Sequence[Any]) -> list[Any]:
        events = (Event(body, path=path) for body in bodies) if path != "/" else bodies
        found = server.stream(events, in_flight, errors="return")
        return [
            Failure(answer) if isinstance(answer, Exception) else _whole(server, answer)
            for answer in found
        ]

    return run


def _whole(server: GraphServer, answer: Any) -> Any:
    """A streaming answer as the list of its values."""
    if inspect.isgenerator(answer):
        return list(answer)
    if inspect.isasyncgen(answer):
        return list(server.background.iterate(answer))
    return answer


def _as_inputs(by_row: Runner) -> Runner:
    """Rows as one request of a model, answers as its outputs."""

    def many(rows: Sequence[Any]) -> list[Any]:
        outputs = _outputs(rows)
        if len(outputs) != len(rows):
            raise InvalidArgumentError(
                f"the graph gave {len(outputs)} outputs for {len(rows)} rows",
                fix='run it with Rows(form="bodies"), if it does not answer row by row',
            )
        return outputs

    def _outputs(rows: Sequence[Any]) -> list[Any]:
        (answer,) = by_row([{"inputs": [list(row) for row in rows]}])
        if isinstance(answer, Failure):
            raise answer.error
        outputs = answer.get("outputs") if isinstance(answer, dict) else None
        tolist = getattr(outputs, "tolist", None)
        outputs = tolist() if tolist is not None else outputs
        if not isinstance(outputs, list):
            raise InvalidArgumentError(
                f"the graph answered {answer!r:.100}, without a list 'outputs'",
                fix='run it with Rows(form="bodies")',
            )
        return outputs

    return lambda rows: by_halves(rows, many, lambda row: many([row])[0])


def _chain(server: GraphServer) -> list[BoundStep]:
    """The steps, if every event passes all of them one after the other; else nothing."""
    plan = server.plan
    if len(plan.starts) != 1 or plan.on_error or plan.is_async or not plan.responds:
        return []
    chain = []
    name = plan.starts[0]
    while True:
        node = plan.nodes[name]
        bound = node.bound
        plain = bound.kind in ("map", "maybe", "filter") and not bound.streams
        if not plain or node.on_error or bound.call is None:
            return []
        chain.append(bound)
        if node.answers:
            return chain if not node.children else []
        if len(node.children) != 1:
            return []
        name = node.children[0]


def _parts(server: GraphServer, path: str) -> list[_Part]:
    """The chain with neighbours that take frames put together."""
    parts: list[_Part] = []
    for bound in _chain(server):
        step = server.graph[bound.name]
        options = step.call_options
        kind = ""
        if not (step.handler or options.timeout is not None or options.batching or options.retries):
            if mergeable(bound.made) and path == "/":  # another path may ask for something else
                kind = "model"
            elif takes_frames(bound) and not (step.input_path or step.result_path):
                kind = "frames"
        if kind == "frames" and parts and parts[-1].together == "frames":
            parts[-1].steps.append(bound)
        else:
            parts.append(_Part(kind, [bound]))
    return parts


def frame_steps(server: GraphServer, rows: Rows) -> list[BoundStep]:
    """The steps of a graph all of which take frames, else nothing."""
    if rows.form == "inputs" or rows.path != "/":
        return []
    parts = _parts(server, rows.path)
    return parts[0].steps if len(parts) == 1 and parts[0].together == "frames" else []


def _part_by_part(parts: Sequence[_Part], bodies: Sequence[Any], path: str) -> list[Any]:
    found: list[Any] = list(bodies)
    alive = list(range(len(found)))
    events = {}
    if any(bound.whole for part in parts for bound in part.steps):
        events = {place: Event(path=path) for place in alive}
    for part in parts:
        values = [found[place] for place in alive]
        (bound, *_) = part.steps
        if part.together == "model":
            results = through_model(bound.made, values)
        elif part.together == "frames":
            results = through_frames(part.steps, values)
        else:
            pairs = zip(alive, values, strict=True)
            results = [_one(bound, value, events.get(place)) for place, value in pairs]
        going = []
        for place, value, result in zip(alive, values, results, strict=True):
            event = events.get(place)
            ended = result is DROP or (event is not None and event.terminated)
            if isinstance(result, Failure):
                error = _told(result.step or bound.name, result.error, event)
                found[place], ended = Failure(error), True
            elif bound.kind == "filter":
                found[place], ended = (value, ended) if result else (None, True)
            else:
                found[place] = None if result is DROP else result
            if not ended:
                going.append(place)
        alive = going
    return [item.body if isinstance(item, Response) else item for item in found]


def _one(bound: BoundStep, body: Any, event: Event | None) -> Any:
    call: Any = bound.call
    try:
        if not bound.whole or event is None:
            return call(body)
        event.body = body
        result = call(event)
    except Exception as exc:  # noqa: BLE001  users' code: this row's value is its error
        return Failure(exc)
    if isinstance(result, Event):
        event.__dict__.update(result.__dict__)
        return result.body
    return result


def _told(step: str, error: Exception, event: Event | None) -> Exception:
    """The error as a caller would get it."""
    if isinstance(error, StepError):
        return error
    told = failed(step, event or Event(), error)
    told.__cause__ = error
    return told
