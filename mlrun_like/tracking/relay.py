"""Records that travel with a program's output, for places from which no store can be reached.

A record is one frame: a compressed JSON text, cut into lines that are short enough to be written
in one piece and to pass through the log of any engine. A line is

    #mlrun-like# <writer> <number> <part>/<parts> <crc32 of the whole> <base64>

Numbers rise by one for each frame of a writer, so that a log that is read twice changes nothing.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import sys
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, NotFoundError, StoreUnavailableError
from mlrun_like.names import parse_artifact_uri
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.base import ArtifactQuery, MetricPoint, RunQuery, Store
from mlrun_like.tracking.store import SqlStore
from mlrun_like.types import Document

__all__ = ["MARK", "RELAY", "FrameReader", "RelayStore", "frame_lines", "needed_objects"]

RELAY = "relay:"
"""The store's address in a payload whose records travel with the output."""
MARK = b"#mlrun-like# "
_PART = 3000
"""Characters of a part: a whole line stays below 4096 bytes, which a pipe takes in one piece."""
_METRICS = 500
_LARGEST = 256 << 20
"""Bytes that a frame may unpack to: what comes from a log is not trusted."""


def frame_lines(writer: str, number: int, record: Any) -> Iterator[bytes]:
    """The lines of one record."""
    packed = zlib.compress(json.dumps(record, separators=(",", ":"), default=str).encode(), 1)
    text = base64.b64encode(packed)
    parts = [text[i : i + _PART] for i in range(0, len(text), _PART)]
    for index, part in enumerate(parts, 1):
        head = f"{writer} {number} {index}/{len(parts)} {zlib.crc32(text):08x} "
        yield MARK + head.encode() + part + b"\n"


class FrameReader:
    """Takes frames out of a stream of output.

    Args:
        apply: Called with each whole record, in order, once.
    """

    def __init__(self, apply: Callable[[Any], None]) -> None:
        self._apply = apply
        self._held = b""
        self._last: dict[bytes, int] = {}
        self._parts: dict[tuple[bytes, int], dict[int, bytes]] = {}

    def feed(self, data: bytes) -> bytes:
        """The text among the output so far, without frames; a line that may be one is held."""
        *lines, rest = (self._held + data).split(b"\n")
        text = [part for line in lines for part in (self._line(line, b"\n"),) if part]
        keep = _start_of_mark(rest)
        self._held = rest[keep:]
        text.append(rest[:keep])
        return b"".join(text)

    def end(self) -> bytes:
        """What was held at the end of the output: a torn frame is dropped."""
        rest, self._held = self._held, b""
        return self._line(rest, b"")

    def _line(self, line: bytes, newline: bytes) -> bytes:
        before, mark, rest = line.partition(MARK)
        if not mark:
            return line + newline
        fields = rest.strip().split(b" ")
        try:
            writer, number, place, check, part = fields
            index, count = (int(item) for item in place.split(b"/"))
            self._take((writer, int(number)), (index, count), check, part)
        except ValueError:
            return before  # torn
        return before

    def _take(
        self, key: tuple[bytes, int], place: tuple[int, int], check: bytes, part: bytes
    ) -> None:
        writer, number = key
        if number <= self._last.get(writer, 0):
            return
        parts = self._parts.setdefault(key, {})
        parts[place[0]] = part
        if len(parts) < place[1]:
            return
        del self._parts[key]
        text = b"".join(part for _, part in sorted(parts.items()))
        if f"{zlib.crc32(text):08x}".encode() != check:
            return
        unpack = zlib.decompressobj()
        try:
            plain = unpack.decompress(base64.b64decode(text, validate=True), _LARGEST)
        except zlib.error:
            return
        if unpack.unconsumed_tail:
            return
        self._last[writer] = number
        for old in [item for item in self._parts if item[0] == writer and item[1] < number]:
            del self._parts[old]  # a line of it was lost; a later record says more
        self._apply(json.loads(plain))


def _start_of_mark(text: bytes) -> int:
    """From where an incomplete line may be a frame."""
    found = text.find(MARK)
    if found >= 0:
        return found
    for size in range(min(len(MARK) - 1, len(text)), 0, -1):
        if text.endswith(MARK[:size]):
            return len(text) - size
    return len(text)


def needed_objects(store: Store, run: RunDoc) -> list[dict[str, Any]]:
    """The artifacts that a run's inputs and parameters name by `store://`, with their tags."""
    found = []
    urls = [*run.spec.inputs.values(), *run.spec.parameters.values()]
    for url in urls:
        if not isinstance(url, str) or not url.startswith("store://"):
            continue
        try:
            uri = parse_artifact_uri(url, run.metadata.project)
            document = store.read_artifact(
                uri.project, uri.key, tag=uri.tag, iteration=uri.iteration, tree=uri.tree
            )
        except (InvalidArgumentError, NotFoundError, StoreUnavailableError):
            continue  # the handler's own use of it gives the better message
        found.append({"document": document, "tag": uri.tag})
    return found


class RelayStore(Store):
    """A store whose records go into this program's output, and are read from there.

    What is read here comes from a store of its own in a private folder: the records of this very
    run, and the artifacts that were given to it.

    Args:
        objects: What `needed_objects` gave.
        write: Takes each line; by default this program's standard output.
    """

    url = RELAY

    def __init__(
        self,
        objects: Sequence[Mapping[str, Any]] = (),
        write: Callable[[bytes], None] | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mlrun-like-relay-")
        self._own = SqlStore(f"sqlite:///{self._folder.name}/store.db")
        self._write = write or _to_output
        self._writer = secrets.token_hex(4)
        self._number = 0
        self._lock = threading.Lock()
        self._points: dict[tuple[str, str, int], list[MetricPoint]] = {}
        self._sent = time.monotonic()
        for item in objects:
            self._own.store_artifact(dict(item["document"]), tag=item.get("tag", ""))

    def finish(self, run: RunDoc) -> None:
        """Send the run's final document: after it nothing more comes."""
        self.flush()
        self._send("end", run.to_dict())

    def _send(self, kind: str, *values: Any) -> None:
        with self._lock:
            self._number += 1
            for line in frame_lines(self._writer, self._number, [kind, *values]):
                self._write(line)

    def _send_points(self) -> None:
        with self._lock:
            waiting, self._points = self._points, {}
            self._sent = time.monotonic()
        for key, points in waiting.items():
            self._send("metrics", *key, [list(point) for point in points])

    # -- runs -----------------------------------------------------------------------------

    def store_run(self, run: Document, *, wait: bool = True) -> None:
        self._own.store_run(run, wait=wait)
        self._send_points()
        self._send("run", run)

    def read_run(self, project: str, uid: str, iteration: int = 0) -> Document:
        return self._own.read_run(project, uid, iteration)

    def list_runs(self, query: RunQuery) -> list[Document]:
        return self._own.list_runs(query)

    def delete_runs(self, query: RunQuery, *, hard: bool = False) -> int:
        return self._own.delete_runs(query, hard=hard)

    def set_run_state(self, project: str, uid: str, iteration: int, state: str, error: str) -> None:
        self._own.set_run_state(project, uid, iteration, state, error)
        self._send("run", self._own.read_run(project, uid, iteration))

    def log_metrics(
        self, project: str, uid: str, iteration: int, points: Sequence[MetricPoint]
    ) -> None:
        self._own.log_metrics(project, uid, iteration, points)
        with self._lock:
            waiting = self._points.setdefault((project, uid, iteration), [])
            waiting += points
            due = len(waiting) >= _METRICS or time.monotonic() - self._sent > 1.0
        if due:
            self._send_points()

    def read_metrics(
        self, project: str, uid: str, iteration: int = 0, keys: Sequence[str] = ()
    ) -> dict[str, list[MetricPoint]]:
        return self._own.read_metrics(project, uid, iteration, keys)

    def heartbeat(self, project: str, uid: str, iteration: int = 0) -> str:
        self._send_points()
        return self._own.heartbeat(project, uid, iteration)

    # -- objects --------------------------------------------------------------------------

    def store_artifact(self, artifact: Document, *, tag: str = "", wait: bool = True) -> None:
        self._own.store_artifact(artifact, tag=tag, wait=wait)
        self._send("artifact", artifact, tag)

    def read_artifact(
        self, project: str, key: str, *, tag: str = "", iteration: int | None = None, tree: str = ""
    ) -> Document:
        return self._own.read_artifact(project, key, tag=tag, iteration=iteration, tree=tree)

    def list_artifacts(self, query: ArtifactQuery) -> list[Document]:
        return self._own.list_artifacts(query)

    def delete_artifacts(self, query: ArtifactQuery, *, hard: bool = False) -> int:
        return self._own.delete_artifacts(query, hard=hard)

    def tag_artifact(self, project: str, key: str, uid: str, tag: str) -> None:
        self._own.tag_artifact(project, key, uid, tag)
        self._send("tag", project, key, uid, tag)

    def store_function(self, function: Document, *, tag: str = "") -> str:
        self._send("function", function, tag)
        return self._own.store_function(function, tag=tag)

    def read_function(self, project: str, name: str, *, tag: str = "", hash: str = "") -> Document:
        return self._own.read_function(project, name, tag=tag, hash=hash)

    def list_functions(self, project: str = "", name: str = "", tag: str = "") -> list[Document]:
        return self._own.list_functions(project, name, tag)

    # -- the rest -------------------------------------------------------------------------

    def append_log(self, project: str, uid: str, data: bytes) -> None:
        self._write(data)  # the output is the log; frames of a process of ours pass through

    def read_log(self, project: str, uid: str, offset: int = 0, size: int = -1) -> bytes:
        return b""

    def log_size(self, project: str, uid: str) -> int:
        return 0

    def record_use(self, project: str, uid: str, artifact_uri: str, direction: str) -> None:
        self._own.record_use(project, uid, artifact_uri, direction)
        self._send("use", project, uid, artifact_uri, direction)

    def lineage(self, project: str, uid: str = "", artifact_uri: str = "") -> list[dict[str, Any]]:
        return self._own.lineage(project, uid, artifact_uri)

    def flush(self, timeout: float | None = None) -> None:
        self._send_points()
        self._own.flush(timeout)

    def close(self) -> None:
        self._send_points()
        self._own.close()
        self._folder.cleanup()


def _to_output(data: bytes) -> None:
    if sys.stdout is not None:
        sys.stdout.flush()
    while data:
        data = data[os.write(1, data) :]
