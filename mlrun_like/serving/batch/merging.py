"""Rows of a chunk in one call of a model; everything around the call is done row by row."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from mlrun_like.serving.batch.halving import Failure, by_halves
from mlrun_like.serving.event import Event
from mlrun_like.serving.models.answering import Job, answering
from mlrun_like.serving.models.server import V2ModelServer

__all__ = ["mergeable", "through_model"]

_NOT_READ = frozenset({"inputs", "instances", "id", "operation", "model"})
"""Keys of a request that say nothing about how a row is predicted."""


class _Waiting(NamedTuple):
    """A row whose prediction can be made with others."""

    place: int
    work: Any
    job: Job


def mergeable(model: Any) -> bool:
    """Whether an object is a model server that answers as all do."""
    return (
        isinstance(model, V2ModelServer)
        and type(model).do_event is V2ModelServer.do_event
        and not model.custom.async_predict
    )


def through_model(model: V2ModelServer, bodies: Sequence[Any]) -> list[Any]:
    """The answers of a model to these bodies (or a `Failure`), as if each came alone.

    `preprocess`, `validate` and `postprocess` see one request each; the predictions of all that
    say nothing but their rows are one call of `predict`.
    """
    found: list[Any] = [None] * len(bodies)
    waiting: list[_Waiting] = []
    for place, body in enumerate(bodies):
        work = answering(model, Event(body))
        _advance(model, work, functools.partial(next, work), place, found, waiting)
    merged = by_halves(waiting, lambda part: _predict(model, part), lambda one: model.run(one.job))
    for item, outputs in zip(waiting, merged, strict=True):
        if isinstance(outputs, Failure):
            step = functools.partial(item.work.throw, outputs.error)
        else:
            step = functools.partial(item.work.send, outputs)
        _advance(model, item.work, step, item.place, found, None)
    return found


def _advance(
    model: V2ModelServer,
    work: Any,
    step: Callable[[], Any],
    place: int,
    found: list[Any],
    waiting: list[_Waiting] | None,
) -> None:
    """Take one row's work on to its end, or to a prediction that can wait for others."""
    try:
        while True:
            job = step()
            if waiting is not None and job.name == "predict" and _takes(job.argument):
                waiting.append(_Waiting(place, work, job))
                return
            try:
                result = model.run(job)
            except Exception as exc:  # noqa: BLE001  handed to the work, as a server does
                step = functools.partial(work.throw, exc)
            else:
                step = functools.partial(work.send, result)
    except StopIteration as stop:
        found[place] = stop.value.body
    except Exception as exc:  # noqa: BLE001  users' code: this row's value is its error
        found[place] = Failure(exc)


def _takes(request: Any) -> bool:
    inputs = request.get("inputs")
    if not isinstance(inputs, list) or not inputs:
        return False
    return all(key in _NOT_READ or not value for key, value in request.items())


def _predict(model: V2ModelServer, part: Sequence[_Waiting]) -> list[Any]:
    """One call for all rows of these requests; each gets the outputs of its own."""
    rows = [row for item in part for row in item.job.argument["inputs"]]
    key = "inputs" if model.protocol == "v2" else "instances"
    job = part[0].job._replace(argument={"inputs": rows, key: rows}, rows=len(rows))
    outputs = model.run(job)
    tolist = getattr(outputs, "tolist", None)
    if tolist is not None:
        outputs = tolist()
    if not isinstance(outputs, (list, tuple)) or len(outputs) != len(rows):
        raise TypeError("predict did not give one output per row")
    parts, at = [], 0
    for item in part:
        count = len(item.job.argument["inputs"])
        parts.append(list(outputs[at : at + count]))
        at += count
    return parts
