"""New and changed files under a URL, each once.

A file is noted in a ledger before it is handed over and ticked off when it was worked on, so that
none is lost or forgotten when this process is killed. A file whose store gives no etag counts when
its size and time have stayed the same for a while: none is taken half written.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from mlrun_like.artifacts.stores import open_file_store, redact
from mlrun_like.errors import MissingFileError
from mlrun_like.gateway.triggers.config import TriggerConfig, seconds
from mlrun_like.gateway.triggers.event import Event
from mlrun_like.gateway.triggers.ledger import Ledger
from mlrun_like.gateway.triggers.source import Source

__all__ = ["FilesSource", "matcher"]

_UNFINISHED = (".tmp", ".temp", ".part", ".partial", ".crdownload", ".download", ".swp", "~")


class _Found(NamedTuple):
    mark: str
    whole: bool
    size: int | None
    modified: datetime | None
    path: str


class FilesSource(Source):
    """Attributes: `url`, `glob` (such as `**/*.csv`; without a `/` it is a pattern of the file's
    own name), `interval` (5s), `settle` (2s), `existing` (false: what is there when the trigger is
    deployed is not new), `content` (false: the event tells about the file; true: it is the file).
    """

    def __init__(self, config: TriggerConfig, home: Path) -> None:
        super().__init__(config, home)
        given = config.attributes
        self._interval = seconds(given.get("interval", "5s"))
        self._settle = seconds(given.get("settle", "2s"))
        self._wanted = matcher(str(given.get("glob") or ""))
        self._content = bool(given.get("content"))
        self._ledger: Ledger | None = None
        self._known: dict[str, tuple[str, bool]] = {}
        self._unsettled: dict[str, tuple[str, float]] = {}
        self._queue: deque[tuple[str, bool]] = deque()
        """Names to hand over, and whether they are new."""
        self._found: dict[str, _Found] = {}
        self._next = 0.0

    def open(self) -> None:
        self.close()
        place = f"{self.config.url} {self.config.attributes.get('glob', '')}"
        ledger = self._ledger = Ledger(self.home, self.config.id, place)
        if not ledger.fact("begun"):
            there = {} if self.config.attributes.get("existing") else self._look()
            ledger.add({name: item.mark for name, item in there.items()}, done=True)
            ledger.keep("begun", str(time.time()))
        self._known = ledger.marks()
        self._queue = deque((name, True) for name, (_, done) in self._known.items() if not done)
        self._next = 0.0
        self._unsettled.clear()
        if self._queue:
            self._found = self._look()

    def _look(self) -> dict[str, _Found]:
        """All files of the place that are not plainly unfinished."""
        store, path = open_file_store(self.config.url)
        found: dict[str, _Found] = {}
        try:
            for name, inner in store.walk(path):
                last = name.rpartition("/")[2]
                if last.startswith(".") or last.endswith(_UNFINISHED) or not self._wanted(name):
                    continue
                try:
                    stats = store.stat(inner)
                except MissingFileError:
                    continue  # it was moved away in this moment
                told = stats.modified.isoformat() if stats.modified else ""
                mark = stats.etag or f"{told} {stats.size}"
                found[name] = _Found(mark, bool(stats.etag), stats.size, stats.modified, inner)
        except MissingFileError:
            return {}
        return found

    def read(self, most: int, wait: float) -> list[Event]:
        now = time.monotonic()
        if not self._queue and now >= self._next:
            self._scan()
            self._next = time.monotonic() + self._pause()
        if not self._queue:
            time.sleep(max(0.0, min(wait, self._next - time.monotonic())))
            return []
        found: list[Event] = []
        while self._queue and len(found) < most:
            name, new = self._queue.popleft()
            event = self._event(name, new)
            if event is not None:
                found.append(event)
        return found

    def _pause(self) -> float:
        """Until the next look: soon, if a file may have settled by then."""
        if self._unsettled:
            return min(self._interval, max(self._settle / 2, 0.05))
        return self._interval

    def _scan(self) -> None:
        ledger = self._ledger
        if ledger is None:
            return
        found, now, fresh = self._look(), time.monotonic(), {}
        unsettled: dict[str, tuple[str, float]] = {}
        for name, item in found.items():
            before = self._known.get(name)
            if before is not None and before[0] == item.mark:
                continue
            first = self._unsettled.get(name)
            since = first[1] if first is not None and first[0] == item.mark else now
            if not item.whole and now - since < self._settle:
                unsettled[name] = (item.mark, since)
                continue
            fresh[name] = item.mark
        gone = [name for name, (_, done) in self._known.items() if done and name not in found]
        if fresh:
            ledger.add(fresh, done=False)
        if gone:
            ledger.forget(gone)
        for name in gone:
            del self._known[name]
        for name, mark in fresh.items():
            self._queue.append((name, name not in self._known))
            self._known[name] = (mark, False)
        self._unsettled, self._found = unsettled, found

    def _event(self, name: str, new: bool) -> Event | None:
        item, mark = self._found.get(name), self._known[name][0]
        if item is None:  # it is gone: there is nothing to work on
            self._tick({name: mark})
            return None
        url = f"{redact(self.config.url).rstrip('/')}/{name}"
        about: dict[str, Any] = {
            "kind": "file",
            "url": url,
            "name": name,
            "size": item.size,
            "modified": item.modified.isoformat() if item.modified else None,
            "new": new,
        }
        headers = {"content-type": "application/json", "file-url": url}
        body = orjson.dumps(about)
        if self._content:
            store, _ = open_file_store(self.config.url)
            try:
                body = store.read(item.path)
            except MissingFileError:
                self._tick({name: mark})
                return None
            headers["content-type"] = "application/octet-stream"
        when = item.modified.timestamp() if item.modified else 0.0
        event = Event(body, headers, topic=redact(self.config.url), key=name, time=when)
        event.path = self.config.path
        event.raw = (name, mark)
        return event

    def _tick(self, marks: dict[str, str]) -> None:
        if self._ledger is not None and marks:
            self._ledger.finish(marks)
            for name, mark in marks.items():
                if self._known.get(name, ("", False))[0] == mark:
                    self._known[name] = (mark, True)

    def ack(self, events: Sequence[Event]) -> None:
        self._tick(dict(event.raw for event in events))

    def depth(self) -> int | None:
        return len(self._queue) + len(self._unsettled)

    def close(self) -> None:
        ledger, self._ledger = self._ledger, None
        if ledger is not None:
            ledger.close()


def matcher(pattern: str) -> Any:
    """Whether a relative name fits: `*` within a folder, `**` over folders, `?` one letter.

    >>> matcher("**/*.csv")("a/b/c.csv"), matcher("*.csv")("a/b.csv"), matcher("a/*.csv")("b.csv")
    (True, True, False)
    """
    if not pattern:
        return lambda name: True
    whole = "/" in pattern
    text, at = "", 0
    while at < len(pattern):
        if pattern.startswith("**/", at):
            text, at = text + "(?:.*/)?", at + 3
        elif pattern.startswith("**", at):
            text, at = text + ".*", at + 2
        else:
            letter = pattern[at]
            text += {"*": "[^/]*", "?": "[^/]"}.get(letter, re.escape(letter))
            at += 1
    known = re.compile(text)
    return lambda name: bool(known.fullmatch(name if whole else name.rpartition("/")[2]))
