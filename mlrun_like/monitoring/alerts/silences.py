"""Silences: from a time to a time, some alerts tell nobody and start nothing."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from mlrun_like.configuration import config as settings
from mlrun_like.errors import InvalidArgumentError, NotFoundError, nearest
from mlrun_like.monitoring import clock
from mlrun_like.monitoring.alerts.times import iso, moment
from mlrun_like.specs.durations import parse_duration
from mlrun_like.tracking.alert_abilities import AlertChange
from mlrun_like.tracking.connect import open_store

__all__ = ["MATCHERS", "end_silence", "list_silences", "silence"]

MATCHERS = ("name", "entity", "entity_kind", "severity", "kind")
"""What a silence can ask for: the alert's name and severity, the entity, the kind of event."""


def silence(
    matchers: Mapping[str, str] | str,
    duration: str | float | None = None,
    *,
    start: Any = None,
    end: Any = None,
    who: str = "",
    note: str = "",
    project: str = "",
) -> str:
    """Hold back what alerts would tell and do; incidents are opened and ended all the same.

    What is still open at its end is told of then.

    Args:
        matchers: What it is about: `name`, `entity`, `entity_kind`, `severity`, `kind`, with `*`
            and `?`; all must fit. A text is the alert's name.
        duration: How long, `"2h"` or seconds.
        start: From then on: a datetime, ISO text, or seconds since 1970; by default now.
        end: Until then, instead of `duration`.
        who: Who wants it.
        note: Why.
        project: By default the default project.

    Returns:
        Its id.

    Raises:
        InvalidArgumentError: if a matcher is unknown, or the time is none.
    """
    wanted = {"name": matchers} if isinstance(matchers, str) else dict(matchers)
    if not wanted:
        raise InvalidArgumentError("a silence needs a matcher", fix='silence("my-alert", "2h")')
    for name, pattern in wanted.items():
        if name not in MATCHERS:
            raise InvalidArgumentError(
                f"a silence cannot ask for {name!r:.40}.{nearest(str(name), MATCHERS)}",
                fix=f"use: {', '.join(MATCHERS)}",
            )
        if not isinstance(pattern, str) or not pattern:
            raise InvalidArgumentError(f"{name} of a silence must be a text, not {pattern!r:.40}")
    if (duration is None) == (end is None):
        raise InvalidArgumentError("give either duration or end", fix='silence("my-alert", "2h")')
    begin = clock.now() if start is None else moment(start)
    over = moment(end) if end is not None else begin + parse_duration(str(duration))
    if not begin < over < float("inf"):
        raise InvalidArgumentError("a silence must end after it begins, and must end")
    key = uuid.uuid4().hex[:12]
    body = {
        "matchers": wanted, "start": begin, "end": over, "who": who, "note": note,
        "made": clock.now(),
    }  # fmt: skip
    place = project or settings.default_project
    open_store().commit_alerts(place, AlertChange(documents={("silence", key): body}))
    return key


def list_silences(project: str = "", *, ended: bool = False) -> list[dict[str, Any]]:
    """Silences: id, matchers, start, end (ISO), who, note, and their state now.

    Args:
        project: By default the default project.
        ended: Also those that are over.
    """
    now, found = clock.now(), []
    place = project or settings.default_project
    for key, body in open_store().alert_documents(place, "silence").items():
        state = "pending" if now < body["start"] else "active" if now < body["end"] else "ended"
        if state != "ended" or ended:
            times = {name: iso(body[name]) for name in ("start", "end", "made")}
            found.append({"id": key, "state": state, **body, **times})
    return found


def end_silence(key: str, project: str = "") -> None:
    """End a silence now.

    Raises:
        NotFoundError: if there is none of that id.
    """
    place, store = project or settings.default_project, open_store()
    known = store.alert_documents(place, "silence")
    if key not in known:
        raise NotFoundError(
            f"there is no silence {key!r}.{nearest(key, known)}",
            where=f"project {place!r}",
            fix="mlrun-like alerts silences",
        )
    body = {**known[key], "end": min(known[key]["end"], clock.now())}
    body["start"] = min(body["start"], body["end"])
    store.commit_alerts(place, AlertChange(documents={("silence", key): body}))
