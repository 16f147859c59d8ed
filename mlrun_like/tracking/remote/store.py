"""The store behind a service: the same records as on the service's own disk, over HTTP.

What is queued (runs, metrics, logs, artifacts) goes through the same writer as into a database: it
comes back at once, and waits on this disk while the service is away. All else is one request, after
what this process has queued, so everybody reads their own writes.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, StoreUnavailableError
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.abilities import CachedStep, StepRow
from mlrun_like.tracking.base import MetricPoint, RunQuery
from mlrun_like.tracking.documents import artifact_row, encode, function_row, run_row
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.known_versions import forget_versions
from mlrun_like.tracking.listing_abilities import ListPage
from mlrun_like.tracking.logs import log_operations
from mlrun_like.tracking.operations import Operation
from mlrun_like.tracking.remote.address import parse_address
from mlrun_like.tracking.remote.client import Client
from mlrun_like.tracking.remote.credentials import remember_token
from mlrun_like.tracking.remote.forwarding import forwarding
from mlrun_like.tracking.remote.protocol import METHODS
from mlrun_like.tracking.remote.sink import RemoteSink, project_of
from mlrun_like.tracking.spool import Spool
from mlrun_like.tracking.writer import Writer
from mlrun_like.types import Document

__all__ = ["RemoteStore"]

_DIRECTIONS = ("read", "write")
_PAGE = 2000
"""Runs of one answer: some megabytes."""


@forwarding
class RemoteStore(FullStore):
    """A store behind a service; safe for threads and forks.

    Args:
        url: `http://host:port`; a token in it is remembered, and not shown.
        token: A token that this store alone uses, or what gives it for each request; empty: the
            one that is known for the address.
        headers: More headers of its requests.
        whose: The user that the token is known to be of, if each process gets another token.
    """

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str] = "",
        headers: Mapping[str, str] | None = None,
        whose: str = "",
    ) -> None:
        address = parse_address(url)
        remember_token(address)
        self.url = self.shown = address.url
        self.client = Client(address, token, headers)
        self.sink = RemoteSink(self.client)
        # what waits is delivered by whom it was recorded: the user, or who has that token
        own = token() if callable(token) else token
        mine = f" {hashlib.sha256(own.encode()).hexdigest()}" if own else ""
        mine = f" user {whose}" if whose else mine
        self.writer = Writer(self.sink, Spool(self.shown + mine))

    def __repr__(self) -> str:
        return f"RemoteStore({self.shown!r})"

    @classmethod  # a type checker sees methods that `forwarding` makes as missing elsewhere
    def at(
        cls,
        url: str,
        token: str | Callable[[], str] = "",
        headers: Mapping[str, str] | None = None,
        whose: str = "",
    ) -> RemoteStore:
        """The store at an address."""
        return cls(url, token, headers, whose)

    def artifact_path(self) -> str:
        """Where the service keeps what its clients log; empty: it does not, or it is away."""
        away = self.writer.spooling
        try:
            found = self.client.spec(fresh=away).get("artifact_path")
        except MLRunLikeError:
            return ""
        if away:  # it answers again: what waits is delivered before files refer to it
            self.writer.adopt()
            if self.writer.spooling:
                return ""
        return found if isinstance(found, str) and found.startswith("service://") else ""

    def _call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        if METHODS[name].kind == "read":
            self.writer.settle()
        else:
            with self.sink.lock:
                self.writer.ready()
        return self.client.call(name, arguments)

    def _write(self, operation: Operation, *, durable: bool = True) -> None:
        self.writer.write(operation, durable=durable)
        if self.sink.denied:
            place = (project_of(operation), operation[0])
            denied = self.sink.denied.pop(place, None)
            if denied is not None:
                raise denied

    # runs

    def store_run(self, run: Document, *, wait: bool = True) -> None:
        operation = ("run", run_row(run))
        if wait:
            self._write(operation, durable=run.get("status", {}).get("state") in TERMINAL)
        else:
            self.writer.put(operation)

    def list_runs(self, query: RunQuery) -> list[Document]:
        if 0 < query.limit <= _PAGE or "page_runs" not in self.client.methods():
            return list(self._call("list_runs", {"query": query}))
        # a service must not hold a long list in memory, and nobody waits for the whole of it
        found: list[Document] = []
        asked = replace(query, limit=_PAGE, sort="-started", after=())
        while True:
            page: ListPage = self._call("page_runs", {"query": asked})
            found += page.items
            if not page.after or 0 < query.limit <= len(found):
                return found[: query.limit or None]
            asked = replace(asked, after=page.after)

    def set_run_state(self, project: str, uid: str, iteration: int, state: str, error: str) -> None:
        payload = {
            "project": project,
            "uid": uid,
            "iteration": iteration,
            "state": state,
            "error": error,
        }
        try:
            self._call("set_run_state", payload)
        except StoreUnavailableError:
            self._write(("state", payload))

    def log_metrics(
        self, project: str, uid: str, iteration: int, points: Sequence[MetricPoint]
    ) -> None:
        self.writer.put(("metrics", (project, uid, iteration, points)))

    def heartbeat(self, project: str, uid: str, iteration: int = 0) -> str:
        given = {"project": project, "uid": uid, "iteration": iteration}
        try:
            return str(self.client.call("heartbeat", given, patient=False))
        except MLRunLikeError:
            # a sign of life that is late is worth nothing; that the service says no is told to
            # whoever records something
            return ""

    # objects

    def store_artifact(self, artifact: Document, *, tag: str = "", wait: bool = True) -> None:
        tags = list(dict.fromkeys(["latest", tag] if tag else ["latest"]))
        operation = ("artifact", {"row": artifact_row(artifact), "tags": tags})
        if wait:
            self._write(operation)
        else:
            self.writer.put(operation)

    def tag_artifact(self, project: str, key: str, uid: str, tag: str) -> None:
        given = {"project": project, "key": key, "uid": uid, "tag": tag}
        try:
            self._call("tag_artifact", given)
        except StoreUnavailableError:
            self._write(("tag", {**given, "time": time.time()}))

    def store_function(self, function: Document, *, tag: str = "") -> str:
        row = function_row(function)
        tags = list(dict.fromkeys(["latest", tag] if tag else ["latest"]))
        self._write(("function", {"row": row, "tags": tags}))
        return str(row["hash"])

    def delete_functions(self, project: str, name: str) -> int:
        try:
            return int(self._call("delete_functions", {"project": project, "name": name}))
        finally:  # the service may have done it though its answer was lost
            forget_versions(self, project, name)

    def delete_project(self, name: str) -> bool:
        try:
            return bool(self._call("delete_project", {"name": name}))
        finally:
            forget_versions(self, name)

    # logs, lineage, steps

    def append_log(self, project: str, uid: str, data: bytes) -> None:
        for operation in log_operations(project, uid, data):
            self.writer.put(operation)

    def record_use(self, project: str, uid: str, artifact_uri: str, direction: str) -> None:
        if direction not in _DIRECTIONS:
            raise InvalidArgumentError(
                f"direction {direction!r} is not known", fix=f"use one of: {', '.join(_DIRECTIONS)}"
            )
        edge = {"project": project, "uid": uid, "artifact_uri": artifact_uri}
        self.writer.put(("edge", {**edge, "direction": direction, "time": time.time()}))

    def store_step(self, project: str, workflow: str, row: StepRow) -> None:
        payload: dict[str, Any] = {"project": project, "workflow": workflow, **vars(row)}
        payload |= {"updated": time.time(), "body": encode(row.body, f"step {row.step!r}")}
        self.writer.put(("step", payload))

    def store_cached(self, project: str, name: str, key: str, step: CachedStep) -> None:
        payload: dict[str, Any] = {"project": project, "key": key, "name": name, **step._asdict()}
        payload["body"] = encode(step.body, f"step {step.step!r}")
        self.writer.put(("cached", payload))

    # beginning and end

    def token(self) -> str:
        return self.client.token()

    def connect(self) -> None:
        try:
            self.client.spec()
        except MLRunLikeError:
            self.client.close()
            raise
        self.writer.adopt()

    def flush(self, timeout: float | None = None) -> None:
        self.writer.flush(timeout)

    def unwritten(self) -> str:
        return self.writer.unwritten()

    def close(self) -> None:
        self.writer.close()
