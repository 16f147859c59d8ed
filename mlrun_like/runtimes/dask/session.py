"""One run on a cluster: a client of its own, what its tasks print, and its end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Any

from mlrun_like.registry import require
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.dask.calls import forget
from mlrun_like.runtimes.dask.clusters import distributed
from mlrun_like.runtimes.dask.link import Link, disconnect
from mlrun_like.runtimes.dask.links import open_link
from mlrun_like.runtimes.dask.printing import ANNOTATION, topic_of
from mlrun_like.runtimes.dask.watching import Watch
from mlrun_like.specs.function import FunctionDoc

__all__ = ["Session", "open_session"]


class Session:
    """A run's part of a cluster.

    Its client is the run's own: what it sent is taken back from the cluster when the run ends, well
    or not, and two runs do not see each other's futures.

    Args:
        job: The run.
        link: The connection to the cluster.
        threads: Threads by worker when the run began.
    """

    def __init__(self, job: Job, link: Link, threads: dict[str, int]) -> None:
        self.job = job
        self.link = link
        self.threads = threads
        self.client: Any = link.new_client(_client_class(), run=job.run.metadata.uid)
        self.watch = Watch(self.client, link, self.note)
        self._topics: list[str] = []
        self._heard = False
        self.subscribe(topic_of(job.run.metadata.uid), self._printed)

    def note(self, text: str) -> None:
        """Add a line of our own to the run's log."""
        self.output(f"mlrun-like: {text}\n")

    def output(self, text: str) -> None:
        """Add to the run's log, and show it if the run is watched."""
        meta = self.job.run.metadata
        self.job.store.append_log(meta.project, meta.uid, text.encode("utf-8", "replace"))
        if self.job.watch and sys.stdout is not None:
            with contextlib.suppress(OSError, ValueError):  # nobody looks any more
                base = getattr(sys.stdout, "_base", sys.stdout)  # not a second time into the log
                base.write(text)
                base.flush()

    def subscribe(self, topic: str, take: Callable[[Any], None]) -> None:
        """Call `take` with each message that workers send on a topic, in order."""

        def heard(event: Any) -> None:
            self._heard = True
            take(event[1])

        self._topics.append(topic)
        self.client.subscribe_topic(topic, heard)

    def _printed(self, text: Any) -> None:
        if isinstance(text, str):
            self.output(text)

    def close(self) -> None:
        """Cancel what is still wanted, and disconnect."""
        self.watch.close()
        if self._heard and not self.watch.reason:  # the scheduler would keep all of it
            with contextlib.suppress(Exception):  # it may be gone
                self.client.sync(
                    self.client.run_on_scheduler, forget, self._topics, callback_timeout=2
                )
        disconnect(self.client, *self._topics)


@contextlib.contextmanager
def open_session(job: Job, owner: FunctionDoc | None = None) -> Iterator[Session]:
    """A run's part of a cluster, which is made or connected to if need be.

    Args:
        job: The run.
        owner: The function whose cluster it is; by default the run's own.

    Raises:
        EngineError: if the cluster cannot be used.
    """
    with open_link(owner or job.function) as link:
        threads = link.make_ready(job.function)
        session = Session(job, link, threads)
        try:
            size = f"{_count(len(threads), 'worker')}, {_count(sum(threads.values()), 'thread')}"
            page = link.cluster.dashboard_link
            session.note(
                f"Dask cluster {link.address}: {size}" + (f"; dashboard: {page}" if page else "")
            )
            with _current(session.client):
                yield session
        finally:
            session.close()


@contextlib.contextmanager
def _current(client: Any) -> Iterator[None]:
    """Give Dask's collections this client, in this thread alone.

    Not `client.as_current()`: it also sets the scheduler of the whole process, so that two runs
    whose times overlap leave it set, and other threads are sent to a client they have not got.
    """
    variable = distributed().client._current_client
    token = variable.set(client)
    try:
        yield
    finally:
        variable.reset(token)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


_classes: dict[str, Any] = {}


def _client_class() -> Any:
    """A client whose tasks carry the run's id, which tells where their output belongs."""
    if "client" in _classes:
        return _classes["client"]
    annotate = require("dask", extra="dask", feature="functions of kind 'dask'").annotate

    class RunClient(distributed().Client):  # type: ignore[misc]
        def __init__(self, *args: Any, run: str, **options: Any) -> None:
            self._run_id = run
            super().__init__(*args, **options)

        def _graph_to_futures(self, *args: Any, **options: Any) -> Any:
            # only here: while data frames are being described Dask warns of annotations
            with annotate(**{ANNOTATION: self._run_id}):
                return super()._graph_to_futures(*args, **options)

    return _classes.setdefault("client", RunClient)
