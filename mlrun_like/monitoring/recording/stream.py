"""Records of a tracking stream become the same batches that a recorder writes.

A function with `set_tracking("kafka://...")` writes a record per request (or a list of them) to a
stream, in MLRun's form. This reads them, as one member of a group of readers, into the store.
Records are acknowledged after they are stored: none is lost, and rows that came twice because a
reader was killed in between are told apart by id and time when they are read.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any, NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.monitoring.clock import now
from mlrun_like.monitoring.endpoints.document import ModelEndpoint, endpoint_uid
from mlrun_like.monitoring.endpoints.records import get_or_create_model_endpoint
from mlrun_like.monitoring.recording.chunks import encode_table
from mlrun_like.monitoring.recording.columns import RawItem, build
from mlrun_like.names import new_uid, parse_function_uri
from mlrun_like.streams.base import Record, Stream
from mlrun_like.streams.opening import open_stream
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.monitoring_abilities import SeriesBatch

__all__ = ["StreamReader", "consume_stream"]

_log = logging.getLogger("mlrun_like.monitoring")


class _Place(NamedTuple):
    project: str
    uid: str


class StreamReader:
    """Reads a tracking stream into the store.

    Args:
        stream: The stream, or its URL.
        group: The name of the group of readers; each record is read once by a group.
        options: Options of the stream, as given to `set_tracking(stream_args=...)`.

    Attributes:
        stored: Requests that were stored.
        refused: Records that are none of a tracking stream; they are left out, and logged once.
    """

    def __init__(self, stream: str | Stream, group: str = "monitoring", **options: Any) -> None:
        self._stream = open_stream(stream, **options)
        self._consumer = self._stream.consumer(group)
        self._known: dict[_Place, ModelEndpoint] = {}
        self.stored = 0
        self.refused = 0

    def step(self, most: int = 5000, wait: float = 1.0) -> int:
        """Store the next records, and acknowledge them; how many records there were.

        Args:
            most: Records to take at once.
            wait: Seconds to wait for the first one.

        Raises:
            StoreUnavailableError: if the stream or the store cannot be used; call again later.
        """
        records = self._consumer.read(most, wait)
        if not records:
            return 0
        groups: dict[_Place, list[RawItem]] = {}
        for record in records:
            try:
                place, items = self._items(record)
            except (ValueError, TypeError, KeyError, AttributeError) as exc:
                if not self.refused:
                    _log.warning("a record of %s is no tracking record: %s", self._stream.url, exc)
                self.refused += 1
                continue
            groups.setdefault(place, []).extend(items)
        again = any(record.deliveries > 1 for record in records)
        batches = [self._batch(place, items, records, again) for place, items in groups.items()]
        if batches:
            open_store().append_batches(batches)
        self._consumer.ack(records)
        self.stored += sum(len(items) for items in groups.values())
        return len(records)

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close()

    def __enter__(self) -> StreamReader:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def _items(self, record: Record) -> tuple[_Place, list[RawItem]]:
        told = json.loads(record.body)
        uri = parse_function_uri(told["function_uri"])
        model = f"{told['model']}:{told.get('version') or 'latest'}"
        uid = str(told.get("endpoint_id") or endpoint_uid(told["function_uri"], model))
        place = _Place(uri.project, uid)
        rows = [told]
        if "headers" in told and "values" in told:
            rows = [dict(zip(told["headers"], values, strict=True)) for values in told["values"]]
        items = [_item(row, record.time) for row in rows]
        if place not in self._known:
            self._known[place] = self._endpoint(place, uri.name, uri.tag, model)
        return place, items

    def _endpoint(self, place: _Place, function: str, tag: str, model: str) -> ModelEndpoint:
        try:
            return ModelEndpoint.from_dict(open_store().read_endpoint(place.project, place.uid))
        except NotFoundError:
            values = {"monitoring_mode": "enabled", "stream_path": self._stream.url}
            return get_or_create_model_endpoint(
                place.project, model, function, function_tag=tag, uid=place.uid, values=values
            )

    def _batch(
        self, place: _Place, items: list[RawItem], records: Sequence[Record], again: bool
    ) -> SeriesBatch:
        spec = self._known[place].spec
        built = build(
            items,
            spec.feature_names,
            spec.label_names,
            text_limit=int(config.monitoring_text_limit),
            most_columns=int(config.monitoring_columns),
        )
        ends = [f"{r.shard}:{r.id}" for r in (records[0], records[-1])]
        name = "|".join([self._stream.url, place.uid, *ends, str(len(records))])
        summary = {**built.summary, **({"again": 1} if again else {})}
        return SeriesBatch(
            place.project,
            place.uid,
            "events",
            hashlib.sha256(name.encode()).hexdigest()[:40] if records[0].id else new_uid(),
            built.first,
            built.last,
            built.table.num_rows,
            encode_table(built.table),
            summary,
        )


def consume_stream(stream: str | Stream, group: str = "monitoring", **options: Any) -> int:
    """Store everything that a tracking stream holds now; how many requests.

    Args:
        stream: The stream, or its URL.
        group: The name of the group of readers.
        options: Options of the stream.
    """
    with StreamReader(stream, group, **options) as reader:
        while reader.step(wait=0.1):
            pass
        return reader.stored


def _item(row: Mapping[str, Any], stored: float) -> RawItem:
    request = row.get("request")
    asked = request if isinstance(request, Mapping) else {}
    answer = row.get("resp")
    outputs = answer.get("outputs") if isinstance(answer, Mapping) else answer
    error = ("error", str(row["error"])) if row.get("error") else None
    event_id = asked.get("id") or (answer.get("id") if isinstance(answer, Mapping) else None)
    return (
        str(event_id or new_uid()),
        asked.get("inputs", asked.get("instances")),
        None if error else outputs,
        float(row.get("microsec") or 0),
        _time(row.get("when"), stored),
        str(row.get("op") or "infer"),
        error,
        True,
    )


def _time(when: Any, stored: float) -> float:
    if isinstance(when, str):
        try:
            moment = datetime.fromisoformat(when.strip().replace("Z", "+00:00"))
        except ValueError as exc:
            raise InvalidArgumentError(f"{when!r:.60} is no time") from exc
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc)
        return aware.timestamp()
    return stored or now()
