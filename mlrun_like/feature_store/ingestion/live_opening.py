"""Opens a live ingestion: its folder, its steps, its targets; what it reads a stream with."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import orjson

from mlrun_like.errors import ConflictError, InvalidArgumentError, MLRunLikeError
from mlrun_like.feature_store.ingestion.checking import Checking
from mlrun_like.feature_store.ingestion.feeds import Feed
from mlrun_like.feature_store.ingestion.live import LiveIngestion
from mlrun_like.feature_store.ingestion.planning import feeds_root, make_sinks, plan_targets
from mlrun_like.feature_store.ingestion.results import note_target
from mlrun_like.feature_store.ingestion.sinks import Sinks
from mlrun_like.feature_store.targets.writing import WriteJob
from mlrun_like.feature_store.transform.compile import compile_transform

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet
    from mlrun_like.feature_store.transform.base import Transform
    from mlrun_like.streams.base import Record, Stream

__all__ = ["LiveFeed", "StreamReader"]

_LOG = logging.getLogger(__name__)
_MAX_EVENTS = 10_000
_SECONDS = 1.0
_WAIT_FOR_OTHER = 60.0
_READ = 1_000


class LiveFeed:
    """The live ingestion of a feature set under a name, held by this process.

    Args:
        feature_set: The feature set; must be saved, so that its status can be.
        targets: Instead of its own.
        name: The service's name: one that starts again goes on where it was.
        namespace: Where classes of steps are found.
        max_events: Events of a batch at most; by default what the targets say, or 10,000.
        seconds: How long an event waits at most; by default what the targets say, at most 1.

    Raises:
        ConflictError: if another process runs this service and does not end within a minute.
        InvalidArgumentError: if it has no entities, or a target cannot be added to.
    """

    def __init__(
        self,
        feature_set: FeatureSet,
        targets: Sequence[Any] | None,
        name: str,
        namespace: Any = None,
        max_events: int | None = None,
        seconds: float | None = None,
    ) -> None:
        checking = Checking(feature_set)
        checking.require_entities()
        self.feature_set = feature_set
        self.targets = plan_targets(feature_set, targets, overwrite=False)
        if not self.targets:
            raise InvalidArgumentError(
                f"feature set {feature_set.name!r} has no targets to write to",
                fix='fset.set_targets(["parquet", "nosql"])',
            )
        self._job = WriteJob.of(
            feature_set, f"live-{name}", live=True, run_id=name, project=feature_set.project
        )
        self._namespace = namespace
        given = [t.max_events for t in self.targets if t.max_events]
        waits = [float(t.flush_after_seconds) for t in self.targets if t.flush_after_seconds]
        events = max_events or min([*given, _MAX_EVENTS])
        pause = seconds if seconds is not None else min([*waits, _SECONDS])
        root = feeds_root(feature_set).with_name("live")
        feed = Feed(root / name)
        if not feed.folder.exists():
            feed = Feed.create(root, {"featureset": feature_set.uri, "service": name}, name)
        self._held = contextlib.ExitStack()
        self._hold(feed)
        try:
            self.live = LiveIngestion(feed, self._open, checking, events, pause)
        except BaseException:
            self._held.close()
            raise
        self.note()

    def _hold(self, feed: Feed) -> None:
        """Take the folder over; a predecessor that is ending is waited for."""
        end = time.monotonic() + _WAIT_FOR_OTHER
        while True:
            try:
                self._held.enter_context(feed.held())
                return
            except ConflictError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def _open(self) -> tuple[Transform, Sinks]:
        outputs = tuple(dict.fromkeys(t.after_step for t in self.targets if t.after_step))
        transform = compile_transform(
            self.feature_set, namespace=self._namespace, outputs=("", *outputs)
        )
        try:
            sinks = Sinks(make_sinks(self.feature_set, self.targets, self._job)).__enter__()
        except BaseException:
            transform.close()
            raise
        return transform, sinks

    def note(self) -> None:
        """Write the targets into the feature set's status."""
        for target in self.targets:
            status = {"path": target.get_target_path(self._job.run_id)}
            note_target(self.feature_set, target, status, self._job.run_id)
        self.feature_set.status.state = "ready"
        if self.feature_set.name:
            self.feature_set.save()

    def accept(self, body: Any) -> int:
        """Accept an event or a list of events; see `LiveIngestion.accept`."""
        bodies = body if isinstance(body, list) else [body]
        now = datetime.now(timezone.utc).isoformat()
        return self.live.accept([(item, "", "", now, "") for item in bodies])

    def close(self) -> None:
        """Write what was accepted, and end."""
        self.live.close()
        self._held.close()


class StreamReader:
    """Reads a stream in a thread of its own into a live ingestion.

    A record is acknowledged when it is accepted on disk. One that comes again, since the process
    died before, has a place that was accepted before, and is passed over.

    Args:
        stream: The stream; closed with the reader.
        group: The group to read as.
        name: The member's name: after a restart it gets its own records back.
        feed: Where events go.
    """

    def __init__(self, stream: Stream, group: str, name: str, feed: LiveFeed) -> None:
        self._stream, self._group, self._name, self._feed = stream, group, name, feed
        self._ends = threading.Event()
        self.refused = 0
        stream.create([group])
        self._thread = threading.Thread(target=self._work, name=f"read-{stream.name}", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._ends.is_set():
            try:
                with self._stream.consumer(self._group, self._name) as consumer:
                    while not self._ends.is_set():
                        self._feed.live.wait_for_room()
                        records = consumer.read(_READ, 0.5)
                        if records:
                            self._take(records)
                            consumer.ack(records)
            except Exception as exc:  # noqa: BLE001 - a broker may be away: come back later
                _LOG.warning("stream %s: %s", self._stream.url, exc)
                self._ends.wait(0.5)

    def _take(self, records: Sequence[Record]) -> None:
        events = []
        for record in records:
            origin = f"{self._stream.name}/{record.shard}"
            moment = datetime.fromtimestamp(record.time, timezone.utc).isoformat()
            for body in self._bodies(record):
                events.append((body, origin, record.id, moment, record.key))
        self._feed.live.accept(events)

    def _bodies(self, record: Record) -> list[Mapping[str, Any]]:
        try:
            body = orjson.loads(record.body)
            self._feed.live.check(body)
            return [body]
        except (ValueError, MLRunLikeError) as exc:
            self.refused += 1
            _LOG.warning("record %s of %s is left out: %s", record.id, self._stream.url, exc)
            return []

    def close(self) -> None:
        """End reading; may be repeated."""
        self._ends.set()
        self._thread.join()
        self._stream.close()
