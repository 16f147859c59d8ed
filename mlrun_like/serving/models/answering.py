"""How a model server answers one event, from its path to the answer's form."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from types import CoroutineType
from typing import TYPE_CHECKING, Any, NamedTuple

from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.serving.codec import decode_request
from mlrun_like.serving.event import Event, Response
from mlrun_like.serving.models.address import Address, locate
from mlrun_like.serving.models.dialects import Dialect, dialect_of
from mlrun_like.serving.models.informing import inform
from mlrun_like.serving.models.moment import now
from mlrun_like.serving.models.schema import in_order
from mlrun_like.serving.models.streamed import listen
from mlrun_like.serving.models.work import Work, wait_for
from mlrun_like.serving.paths import get_path, set_path

if TYPE_CHECKING:
    from mlrun_like.serving.models.server import V2ModelServer

__all__ = ["Job", "answering", "do_job"]

_OPERATIONS = ("infer", "predict", "infer_dict", "predict_dict", "explain")


class Job(NamedTuple):
    """One call of a model's method, which may take long.

    Args:
        name: What kind of call it is; times are learned by name.
        call: The method.
        argument: What it receives.
        rows: How many rows it handles.
        is_async: Whether it must be awaited.
    """

    name: str
    call: Callable[[Any], Any]
    argument: Any
    rows: int = 1
    is_async: bool = False


def do_job(job: Job) -> Any:
    """Make a call in this thread; what is `async` runs in a loop of its own."""
    result = job.call(job.argument)
    return wait_for(result) if type(result) is CoroutineType else result


def answering(model: V2ModelServer, event: Event) -> Work[Job, Event]:
    """Everything between an event and its answer; yields the calls that may take long."""
    place = _place(model, event)
    get = event.method == "GET"
    if place.scope != "model" or (get and place.operation in ("", "ready", "metrics")):
        event.body = inform(model, place)
        event.terminated = True
        return event
    body = event.body
    dialect = dialect_of(body, event, place.dialect)
    if type(body) is not dict or model.input_path:
        dialect, body = _body(model, event, place)
    request = dialect.read(body, event)
    operation = place.operation or request.get("operation") or "infer"
    if operation not in _OPERATIONS:
        custom = getattr(model, f"op_{operation}", None) if isinstance(operation, str) else None
        if custom is None:
            raise _unknown(model, operation)
        is_async = inspect.iscoroutinefunction(custom)
        result = yield Job(f"op_{operation}", custom, event, 1, is_async)
        return _placed(model, event, result)
    if get:
        error = {"error": f"{operation} needs POST with a body", "code": "method"}
        event.body = Response(error, 405, {"allow": "POST"})
        event.terminated = True
        return event
    if not model.ready:
        yield Job("load", model.loading.check, event)
    return (yield from _predict(model, event, request, operation, dialect))


def _predict(
    model: V2ModelServer, event: Event, request: dict[str, Any], operation: str, dialect: Dialect
) -> Work[Job, Event]:
    start = time.perf_counter()
    when = now()
    tracker = model.tracker
    try:
        if operation in ("infer_dict", "predict_dict"):
            request = in_order(model, request)
        if model.custom.prepares:
            request = yield Job("prepare", lambda given: _prepare(model, given, operation), request)
        else:
            request = model.validate(request, operation)
        inputs = request.get("inputs")
        rows = len(inputs) if isinstance(inputs, list) else 1
        if operation == "explain":
            outputs = yield Job("explain", model.explain, request, rows, model.custom.async_explain)
        else:
            outputs = yield Job("predict", model.predict, request, rows, model.custom.async_predict)
        if type(outputs) is not list:
            if inspect.isgenerator(outputs) or inspect.isasyncgen(outputs):
                model.counts.add(time.perf_counter() - start)
                if tracker is not None and tracker.active:
                    record = _when_over(model, event, request, operation)
                    outputs = listen(outputs, rows, record)
                    vars(event)["recorded_id"] = _id_of(request, event)
                event.body = Response(outputs)
                return event
            outputs = _plain(outputs)
        event_id = _id_of(request, event)
        response: dict[str, Any] = {
            "id": event_id,
            "model_name": model.name,
            "outputs": outputs,
        }
        if operation != "explain":
            response["timestamp"] = when
        if model.version:
            response["model_version"] = model.version
        if model.custom.finishes:
            response = yield Job("finish", model.postprocess, response, rows)
    except Exception as exc:
        seconds = time.perf_counter() - start
        model.counts.add(seconds, True)
        if tracker is not None and tracker.active:
            tracker.push_error(when, seconds, request, operation, exc, event)
        raise
    seconds = time.perf_counter() - start
    model.counts.add(seconds)
    if tracker is not None and tracker.active:
        _record(model, event, when, seconds, operation, request, response)
        if not dialect.tells_id:
            vars(event)["recorded_id"] = event_id  # the web server sends it as a header
    return _placed(model, event, dialect.write(response, request, event))


def _id_of(request: dict[str, Any], event: Event) -> Any:
    """The client's own id of a request, or else the event's."""
    event_id = request.get("id")
    return event.id if event_id is None else event_id


def _record(
    model: V2ModelServer,
    event: Event,
    when: str,
    seconds: float,
    operation: str,
    request: dict[str, Any],
    response: dict[str, Any],
) -> None:
    event_id = _id_of(request, event)
    told, answer = {**request, "id": event_id}, response
    if model.custom.records:
        logged = model.logged_results(request, response, operation)
        if logged is not None and tuple(logged) != (None, None):
            told, answer = {"id": event_id, "inputs": logged[0]}, {"outputs": logged[1]}
    if model.tracker is not None:
        model.tracker.push(when, seconds, told, answer, operation, event)


def _when_over(
    model: V2ModelServer, event: Event, request: dict[str, Any], operation: str
) -> Callable[[list[str], float, Exception | None], None]:
    """Records an answer that streamed, with its joined text."""
    when = now()

    def told(outputs: list[str], seconds: float, error: Exception | None) -> None:
        if error is None:
            _record(model, event, when, seconds, operation, request, {"outputs": outputs})
        elif model.tracker is not None:
            model.tracker.push_error(when, seconds, request, operation, error, event)

    return told


def _prepare(model: V2ModelServer, request: dict[str, Any], operation: str) -> dict[str, Any]:
    prepared = model.preprocess(request, operation)
    if prepared is None:
        raise TypeError(f"preprocess of {type(model).__name__} returned None, not the request")
    return model.validate(prepared, operation)


def _place(model: V2ModelServer, event: Event) -> Address:
    """What the event asks for; a path without a protocol's form ends with the operation."""
    place = locate(event.path)
    if place is None:
        return Address(operation=event.path.rstrip("/").rpartition("/")[2])
    key = f"{model.name}:{model.version}" if model.version else model.name
    if place.model in ("", model.name, key):
        return place
    if not place.operation and place.model in _OPERATIONS:
        return Address(operation=place.model)
    raise NotFoundError(
        f"there is no model {place.model!r:.80}.{nearest(place.model, [key])}",
        where=event.path[:200],
        fix=f"models: {key}",
    )


def _body(model: V2ModelServer, event: Event, place: Address) -> tuple[Dialect, Any]:
    """The request's body, decoded and at its place, and the dialect it is written in."""
    body = event.body
    dialect = dialect_of(body, event, place.dialect)
    if isinstance(body, (bytes, str)) and not dialect.reads_bytes:
        body = event.body = decode_request(body, event.content_type) if body else None
    if model.input_path and body is not None:
        body = get_path(body, model.input_path)
    return dialect_of(body, event, place.dialect), body


def _placed(model: V2ModelServer, event: Event, answer: Any) -> Event:
    if isinstance(answer, Response) or not model.result_path:
        event.body = answer
    else:
        event.body = set_path(event.body, model.result_path, answer)
    return event


def _unknown(model: V2ModelServer, operation: Any) -> Exception:
    own = [name[3:] for name in dir(model) if name.startswith("op_")]
    known = [*_OPERATIONS, *own]
    if not isinstance(operation, str):
        return InvalidArgumentError(f"the operation is {operation!r:.60}, not a text")
    return NotFoundError(
        f"model {model.name!r} has no operation {operation!r:.60}.{nearest(operation, known)}",
        fix=f"use one of: {', '.join(known)}, or define op_<name>",
    )


def _plain(outputs: Any) -> Any:
    """Arrays as lists; other values stay."""
    tolist = getattr(outputs, "tolist", None)
    return outputs if tolist is None else tolist()
