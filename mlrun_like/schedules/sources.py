"""Where the events of triggers come from: each kind looks at its source and says what is new.

A look changes the trigger's state, a mapping that is stored in the same transaction as what it
found, so an event is found once, whoever looks and whenever somebody is killed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Any

from mlrun_like.artifacts.stores import open_file_store, redact, scheme_of
from mlrun_like.configuration import config
from mlrun_like.errors import AccessDeniedError, MissingFileError
from mlrun_like.specs.trigger import Trigger
from mlrun_like.streams.base import Consumer
from mlrun_like.streams.opening import open_stream
from mlrun_like.tracking.base import RunQuery, RunStore

__all__ = ["Event", "Look", "look", "start_state"]

Event = dict[str, Any]
"""Plain data: `kind`, `key` (what it is about), `at` (seconds since 1970), and more by kind."""
Look = tuple[list[Event], Callable[[bool], None]]
"""What is new, and what is told in the end whether that was recorded."""

_MOST_FILES = 100_000
_MOST_MESSAGES = 100
_REMEMBER = 2000
_UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".swp", "~")
_LATE = 600.0
"""Seconds by which the record of a run's end may come late."""


def start_state(trigger: Trigger) -> dict[str, Any]:
    """The state of a new trigger: what is there already is not new, unless that is asked for."""
    state: dict[str, Any] = {"since": time.time()}
    if trigger.kind == "data":
        found = {} if trigger.existing else _files(trigger.source)
        state["files"] = {name: mark for name, (mark, _) in found.items()}
    return state


def look(trigger: Trigger, state: dict[str, Any], store: RunStore, place: tuple[str, str]) -> Look:
    """What is new at a trigger's source.

    Args:
        trigger: It.
        state: Changed in place.
        store: Where runs are.
        place: The trigger's project and name.

    Raises:
        MLRunLikeError: if the source cannot be read; nothing has changed then.
    """
    if config.guarded and trigger.kind in ("data", "stream"):
        _refuse_inside(trigger.source, place[0])
    if trigger.kind == "data":
        return _new_files(trigger, state), _nothing
    if trigger.kind == "stream":
        return _new_messages(trigger, state, place)
    if trigger.kind == "run":
        return _ended_runs(trigger, state, store, place), _nothing
    return [], _nothing  # events are brought by `fire_event`


def _refuse_inside(url: str, project: str) -> None:
    """What is this process's own, or another project's, is not looked at for who made a trigger.

    Raises:
        AccessDeniedError: if it is.
    """
    scheme = scheme_of(url)
    own = url.startswith(f"service://{project}/") and ".." not in url.split("/")
    if scheme in ("", "file", "memory", "http", "https", "ds", "store") or (
        scheme == "service" and not own
    ):
        raise AccessDeniedError(
            f"a trigger of the service does not look at {redact(url)[:200]!r}",
            where=f"project {project!r}",
            fix=f"let it look at service://{project}/... or at storage that the service has",
        )


def _nothing(recorded: bool) -> None:
    del recorded


def _files(url: str) -> dict[str, tuple[str, bool]]:
    """A mark of each file at a URL (its etag, else its time and size), and whether it is whole for
    certain. None there: empty. Files with names of what is being written are left out."""
    store, path = open_file_store(url)
    try:
        found = store.stat(path)
        if not found.is_dir:
            return {"": _mark(found)}
        marks = {}
        for name, inner in store.walk(path):
            last = name.rpartition("/")[2]
            if last.startswith(".") or last.endswith(_UNFINISHED):
                continue
            try:
                marks[name] = _mark(store.stat(inner))
            except MissingFileError:
                continue  # it was moved away in this moment
            if len(marks) >= _MOST_FILES:
                break
        return marks
    except MissingFileError:
        return {}


def _mark(found: Any) -> tuple[str, bool]:
    if found.etag:
        return found.etag, True
    return f"{found.modified.isoformat() if found.modified else ''} {found.size}", False


def _new_files(trigger: Trigger, state: dict[str, Any]) -> list[Event]:
    before: dict[str, str] = state.get("files", {})
    seen: dict[str, list[Any]] = state.get("unsettled", {})
    now, at = _files(trigger.source), time.time()
    base, events, unsettled = redact(trigger.source), [], {}
    for name, (mark, whole) in now.items():
        if before.get(name) == mark:
            continue
        first = seen.get(name, ["", at])
        since = first[1] if first[0] == mark else at
        if not whole and at - since < trigger.settle:
            unsettled[name] = [mark, since]
            continue
        key = f"{base.rstrip('/')}/{name}" if name else base
        events.append({"kind": "data", "key": key, "at": at, "new": name not in before})
        before[name] = mark
    state["unsettled"] = unsettled
    state["files"] = {name: mark for name, mark in before.items() if name in now}
    return events


def _new_messages(trigger: Trigger, state: dict[str, Any], place: tuple[str, str]) -> Look:
    stream = open_stream(trigger.source)
    consumer: Consumer = stream.consumer(f"trigger-{place[0]}-{place[1]}", name="trigger")
    try:
        records = consumer.read(max=_MOST_MESSAGES, wait=0.0)
    except BaseException:
        consumer.close()
        raise
    seen: list[str] = state.setdefault("messages", [])
    known, events = set(seen), []
    for record in records:
        mark = f"{record.shard}:{record.id}"
        if mark in known:
            continue  # recorded before, by somebody who was stopped before he could say so
        seen.append(mark)
        text = record.body.decode("utf-8", "replace")
        events.append(
            {"kind": "stream", "key": record.key or mark, "at": time.time(), "body": text}
        )
    state["messages"] = seen[-_REMEMBER:]

    def finish(recorded: bool) -> None:
        with consumer:
            if recorded:
                consumer.ack(records)

    return events, finish


def _ended_runs(
    trigger: Trigger, state: dict[str, Any], store: RunStore, place: tuple[str, str]
) -> list[Event]:
    seen: dict[str, float] = state.setdefault("runs", {})
    since = float(state.get("since", 0.0))
    query = RunQuery(
        project=place[0],
        name=trigger.source,
        labels=dict(trigger.labels),
        states=tuple(trigger.states),
        limit=1000,
    )
    events = []
    for run in store.list_runs(query):
        meta, status = run["metadata"], run.get("status", {})
        own = meta.get("labels", {}).get("schedule") == place[1][:63]
        ended = _seconds(status.get("end_time"))
        key = f"{meta['uid']} {status.get('end_time')}"
        if own or ended < since or key in seen:
            continue
        seen[key] = ended
        events.append(
            {
                "kind": "run",
                "key": meta["uid"],
                "at": ended,
                "name": meta.get("name", ""),
                "state": status.get("state", ""),
                "results": _small(status.get("results") or {}),
            }
        )
    if seen:
        state["since"] = max(since, max(seen.values()) - _LATE)
        state["runs"] = {key: at for key, at in seen.items() if at >= state["since"]}
    return sorted(events, key=lambda event: float(event["at"]))


def _small(results: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in results.items() if isinstance(v, (int, float, bool, str))}


def _seconds(text: Any) -> float:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return 0.0
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()
