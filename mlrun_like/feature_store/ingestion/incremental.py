"""Only what is new: time range or position of an ingestion that runs by schedule."""

from __future__ import annotations

import datetime
import hashlib
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet
    from mlrun_like.feature_store.sources.base import Source

__all__ = ["MOCK", "position_in", "position_text", "watermark", "with_new_rows"]

MOCK = "mock"
"""A schedule that never fires: the ingestion happens at once, as a scheduled one would."""


def watermark(feature_set: FeatureSet) -> Any:
    """The event time up to which every target of a feature set was written; None: nothing was.

    The earliest of all targets counts: one that is behind gets its rows, and the others' writers
    would rather have a row twice than never. Targets written together always agree.
    """
    times = []
    for target in feature_set.status.targets:
        last = getattr(target, "last_written", None)
        if not last:
            return None
        times.append(_utc(last))
    return min(times) if times else None


def _utc(value: Any) -> pd.Timestamp:
    stamp = pd.Timestamp(value)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")


def with_new_rows(feature_set: FeatureSet, source: Source) -> tuple[Source, str]:
    """A source with only what is new, and the position to read it from.

    With times, the rows behind the watermark, up to now; the position is empty. Without, what comes
    behind the last ingestion's end in the same source.

    Args:
        feature_set: Its status has the watermark and the position.
        source: Its `time_field`, or the set's timestamp key, is compared.
    """
    timed = source.with_defaults(time_field=feature_set.spec.timestamp_key)
    if not timed.time_field:
        return source, position_in(feature_set, source)
    since = watermark(feature_set)
    now = datetime.datetime.now(datetime.timezone.utc)
    if since is not None and source.start_time is not None:
        since = max(since, _utc(source.start_time))
    if since is not None:
        if since >= _utc(now):
            now = since.to_pydatetime()  # rows of the future were written: nothing is between
        timed = timed._with(start_time=since.isoformat(), end_time=None)
    if source.end_time is None or _utc(source.end_time) > _utc(now):
        timed = timed._with(end_time=now.isoformat())
    else:
        timed = timed._with(end_time=source.end_time)
    return timed, ""


def position_in(feature_set: FeatureSet, source: Source) -> str:
    """Where the last ingestion of a source ended; empty: it was not this source, or no target has
    all of its rows."""
    found = set()
    for target in feature_set.status.targets:
        try:
            document = orjson.loads(target.position or "{}")
        except ValueError:
            document = {}
        same = isinstance(document, dict) and document.get("source") == _digest(source)
        found.add(str(document.get("at") or "") if same else "")
    return found.pop() if len(found) == 1 else ""


def position_text(source: Source, at: str) -> str:
    """What targets keep of a place in a source, for `position_in`; empty: there is no place."""
    return orjson.dumps({"source": _digest(source), "at": at}).decode() if at else ""


def _digest(source: Source) -> str:
    """Which source it is, whatever its schedule and times."""
    document = source.to_dict()
    told = {name: document.get(name) for name in ("kind", "path", "attributes")}
    raw = orjson.dumps(told, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)
    return hashlib.sha256(raw).hexdigest()[:16]
