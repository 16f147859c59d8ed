"""An action that calls something with the incident: a function, a handler, or an address."""

from __future__ import annotations

import inspect
import json
from typing import Any

from mlrun_like.errors import MLRunLikeError, NotFoundError
from mlrun_like.functions.creators import import_function
from mlrun_like.functions.running import run_document
from mlrun_like.monitoring.actions.action import Action
from mlrun_like.monitoring.actions.claims import ActionRecord
from mlrun_like.monitoring.actions.incident import Incident
from mlrun_like.monitoring.actions.outcome import Outcome, annotations_of, labels_of
from mlrun_like.notifications.requests import send_json
from mlrun_like.registry import resolve
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec

__all__ = ["call"]


def call(action: Action, incident: Incident, record: ActionRecord, store: Any) -> Outcome:
    """Call a function (as a run of its own), a Python handler, or an HTTP address.

    Args:
        action: `function` (`db://project/name`, a document file), `handler` (`module.name`) or
            `url`; `arguments` are given besides the incident.
        incident: Given as parameter `incident`, as first argument, or as the JSON body.
        record: The claim; its key is sent as header `Idempotency-Key`.
        store: The tracking store.

    Returns:
        `completed`, or `failed` with what it said.
    """
    arguments = dict(action.options.get("arguments") or {})
    body = json.loads(json.dumps(dict(incident.body), default=str))
    try:
        if action.options.get("url"):
            return _ask(action, {**arguments, "incident": body}, record)
        if action.options.get("function"):
            return _run(str(action.options["function"]), {**arguments, "incident": body}, record)
        return _handle(str(action.options["handler"]), body, arguments)
    except MLRunLikeError as exc:
        return Outcome("failed", str(exc))


def _ask(action: Action, body: dict[str, Any], record: ActionRecord) -> Outcome:
    url = str(action.options["url"])
    headers = {"Idempotency-Key": record.key, **(action.options.get("headers") or {})}
    send_json(url, body, headers)
    return Outcome("completed", f"{url.partition('?')[0]} took the incident")


def _run(uri: str, parameters: dict[str, Any], record: ActionRecord) -> Outcome:
    function = import_function(uri, project=record.project)
    metadata = RunMetadata(
        name=function.name,
        uid=record.uid,
        project=record.project,
        labels=labels_of(record),
        annotations=annotations_of(record),
    )
    run = RunDoc(metadata=metadata, spec=RunSpec(parameters=parameters))
    done = run_document(function, run)
    return Outcome("completed", f"run {done.uid()} completed", {"run": done.uid()})


def _handle(path: str, body: dict[str, Any], arguments: dict[str, Any]) -> Outcome:
    place, mark, name = path.rpartition(":")
    if not mark:
        place, _, name = path.rpartition(".")
    try:
        handler = resolve(f"{place}:{name}")
    except (ImportError, AttributeError, ValueError) as exc:
        raise NotFoundError(
            f"there is no handler {path!r}: {exc}", fix='"handler": "package.module.name"'
        ) from exc
    if not callable(handler):
        raise NotFoundError(f"{path!r} is a {type(handler).__name__}, no function")
    try:
        inspect.signature(handler).bind(body, **arguments)
        answer = handler(body, **arguments)
    except Exception as exc:  # noqa: BLE001 - user code: an error is an outcome that says why
        return Outcome("failed", f"{path} raised {type(exc).__name__}: {exc}")
    said = f"{path} answered {answer!r:.200}" if answer is not None else f"{path} was called"
    return Outcome("completed", said)
