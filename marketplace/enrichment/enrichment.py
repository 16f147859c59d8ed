"""A step that joins events with what a table, feature vector, file or service knows."""

from __future__ import annotations

import json
import math
import threading
import time
import urllib.error
import urllib.request
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotInTime
from typing import Any
from urllib.parse import quote

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError, NotFoundError, StoreUnavailableError
from mlrun_like.feature_store.online.api import get_online_feature_service
from mlrun_like.serving.steps.tables import open_table

__all__ = ["Enrichment"]

Key = tuple[Any, ...]
Row = Mapping[str, Any] | None
Lookup = Callable[[Key], Row]
_SQL = ("sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql")
_TABLES = ("redis", "rediss", "memory", *_SQL)

_MOST_BYTES = 1 << 20


class Enrichment:
    """Adds fields to events, or to each row of a list of events, by a key in them.

    A found row is kept for a while; callers that want the same key at the same time share one
    look-up. The event that came stays as it is.

    Args:
        source: Where rows are:
            `store://feature-vectors/<project>/<name>` a feature vector, read online;
            `store://feature-sets/...`, `redis://host:port/db/name`, `sqlite:///file.db#name`,
            `postgresql://...`, `memory://name` a table;
            `http://host/users/{user}` a service that answers JSON, 404 for what it does not know;
            a file or data set (`users.csv`, `s3://...parquet`, `store://datasets/...`);
            or a mapping of keys to rows, or a function of the key.
        key: The event's field (or list of fields) by which rows are found.
        features: Which fields of a row, or a mapping of them to their names in the event; empty:
            all.
        fill: What stands for a field that is missing, None or NaN: `{"age": 0, "*": "unknown"}`.
        on_missing: Of an event whose key has no row: `fill`, `raise` (404) or `skip`.
        on_error: If the source fails or is late: `raise` (503), `fill` or `skip`; a row that was
            kept too long is taken first if `stale_seconds` allows it.
        prefix: Put before the names of the added fields.
        into: A field under which they are put; empty: beside the event's own.
        overwrite: Whether they may replace fields of the event.
        timeout: Seconds that a look-up may take.
        cache_seconds: How long a row is kept; 0: not at all.
        cache_size: How many rows are kept at most.
        stale_seconds: How much longer a row may be used while the source fails.
        headers: Of requests to a service; `{name}` in values is a secret.
        workers: Look-ups at the same time.
        context: The graph's.
        name: The step's name, for messages.

    Raises:
        InvalidArgumentError: if an argument cannot be used.

    >>> step = Enrichment({"ann": {"age": 31}}, key="user", fill={"age": -1})
    >>> step.do([{"user": "ann"}, {"user": "bob"}])
    [{'user': 'ann', 'age': 31}, {'user': 'bob', 'age': -1}]
    """

    blocking = True  # event loops let it run in a thread

    def __init__(  # noqa: PLR0913 - the arguments of a step stand side by side in graphs
        self,
        source: Any,
        key: str | Sequence[str],
        features: Sequence[str] | Mapping[str, str] = (),
        fill: Mapping[str, Any] | None = None,
        on_missing: str = "fill",
        on_error: str = "raise",
        prefix: str = "",
        into: str = "",
        overwrite: bool = False,
        timeout: float = 1.0,
        cache_seconds: float = 60.0,
        cache_size: int = 10_000,
        stale_seconds: float = 0.0,
        headers: Mapping[str, str] | None = None,
        workers: int = 16,
        context: Any = None,
        name: str = "",
    ) -> None:
        self.name = name or type(self).__name__
        self._where = f"step {self.name!r}"
        for argument, value in (("on_missing", on_missing), ("on_error", on_error)):
            if value not in ("fill", "raise", "skip"):
                self._wrong(f"{argument}={value!r:.40}", "fill, raise or skip")
        for argument, number in (("timeout", timeout), ("workers", workers)):
            if not isinstance(number, (int, float)) or not number > 0:
                self._wrong(f"{argument}={number!r:.40}", "a number above zero")
        self.keys = [key] if isinstance(key, str) else list(key)
        if not self.keys:
            self._wrong("key=[]", 'key="user"')
        names = features if isinstance(features, Mapping) else {one: one for one in features}
        self._names = dict(names)
        self._fill = dict(fill or {})
        self._rest = self._fill.pop("*", None)
        self.on_missing, self.on_error = on_missing, on_error
        self._prefix, self._into, self._overwrite = prefix, into, overwrite
        self._timeout, self._keep, self._stale = timeout, cache_seconds, stale_seconds
        self._most = cache_size
        self._lock = threading.Lock()
        self._cache: OrderedDict[Key, tuple[float, Row]] = OrderedDict()
        self._asked: dict[Key, Future[Row]] = {}
        self.counts = {"hits": 0, "lookups": 0, "missing": 0, "errors": 0, "stale": 0}
        """What happened so far."""
        self._context, self._headers = context, dict(headers or {})
        self._lookup, self._at_once = self._opened(source)
        self._pool = ThreadPoolExecutor(int(workers), "enrichment")
        if context is not None:
            context.closing.append(self.close)

    def do(self, body: Any) -> Any:
        """The event, or each event of a list, with the fields of its row.

        Raises:
            InvalidArgumentError: if an event lacks the key.
            NotFoundError: if there is no row and `on_missing` is `raise`.
            StoreUnavailableError: if the source fails and `on_error` is `raise`.
        """
        if isinstance(body, (list, tuple)):
            keys = [self._key_of(one) for one in body]
            rows = self._rows(dict.fromkeys(keys))
            return [self._joined(one, rows[key]) for one, key in zip(body, keys, strict=True)]
        key = self._key_of(body)
        return self._joined(body, self._rows([key])[key])

    def close(self) -> None:
        """End the threads; those that wait for a source end with it."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _key_of(self, event: Any) -> Key:
        if not isinstance(event, Mapping) or any(one not in event for one in self.keys):
            held = sorted(map(str, event)) if isinstance(event, Mapping) else type(event).__name__
            raise InvalidArgumentError(
                f"an event lacks its key {', '.join(self.keys)}; it has {held!s:.200}",
                where=self._where,
                fix="send it, or change the step's key=",
            )
        found = tuple(event[one] for one in self.keys)
        try:
            hash(found)
        except TypeError as exc:
            raise InvalidArgumentError(
                f"the key {found!r:.80} is no plain value", where=self._where
            ) from exc
        return found

    def _rows(self, keys: Iterable[Key]) -> dict[Key, Row | Exception]:
        found: dict[Key, Row | Exception] = {}
        waiting: dict[Key, Future[Row]] = {}
        now = time.monotonic()
        for key in keys:
            with self._lock:
                kept = self._cache.get(key)
                if kept is not None and now - kept[0] < self._keep:
                    self.counts["hits"] += 1
                    self._cache.move_to_end(key)
                    found[key] = kept[1]
                    continue
                if self._at_once:
                    found[key] = self._lookup(key)
                    continue
                if key not in self._asked:
                    self.counts["lookups"] += 1
                    self._asked[key] = self._pool.submit(self._look_up, key)
                waiting[key] = self._asked[key]
        for key, future in waiting.items():
            found[key] = self._awaited(key, future, now + self._timeout)
        return found

    def _look_up(self, key: Key) -> Row:
        try:
            row = self._lookup(key)
            with self._lock:
                if self._keep > 0:
                    self._cache[key] = (time.monotonic(), row)
                    self._cache.move_to_end(key)
                    while len(self._cache) > self._most:
                        self._cache.popitem(last=False)
            return row
        finally:
            with self._lock:
                self._asked.pop(key, None)

    def _awaited(self, key: Key, future: Future[Row], end: float) -> Row | Exception:
        try:
            return future.result(max(0.0, end - time.monotonic()))
        except Exception as exc:  # noqa: BLE001 - any source's own; it is told or stood in for
            with self._lock:
                self.counts["errors"] += 1
                kept = self._cache.get(key)
                if kept and time.monotonic() - kept[0] < self._keep + self._stale:
                    self.counts["stale"] += 1
                    return kept[1]
            late = isinstance(exc, (NotInTime, TimeoutError))
            if late and future.cancel():  # a source that hangs must not gather a queue
                with self._lock:
                    self._asked.pop(key, None)
            said = f"no answer in {self._timeout:g} s" if late else f"{type(exc).__name__}: {exc}"
            error = StoreUnavailableError(f"the source failed: {said:.300}", where=self._where)
            error.__cause__ = exc
            return error

    def _joined(self, event: Mapping[str, Any], row: Row | Exception) -> dict[str, Any]:
        policy = "fill"
        if isinstance(row, Exception):
            if self.on_error == "raise":
                raise row
            policy, row = self.on_error, None
        elif not row:
            self.counts["missing"] += 1
            policy = self.on_missing
            if policy == "raise":
                key = ", ".join(f"{one}={event[one]!r:.60}" for one in self.keys)
                raise NotFoundError(f"nothing is known of {key}", where=self._where)
        if policy == "skip":
            return dict(event)
        row = row or {}
        names = self._names or {one: one for one in (*row, *self._fill) if one not in self.keys}
        added = {self._prefix + to: self._value(row.get(name), name) for name, to in names.items()}
        if self._into:
            return {**event, self._into: added}
        if not self._overwrite:  # fields that the event has as None are filled
            added = {name: value for name, value in added.items() if event.get(name) is None}
        return {**event, **added}

    def _value(self, value: Any, name: str) -> Any:
        if value is None or (isinstance(value, float) and math.isnan(value)):
            return self._fill.get(name, self._rest)
        return value

    def _opened(self, source: Any) -> tuple[Lookup, bool]:
        """How rows are found, and whether that takes no time."""
        if isinstance(source, Mapping):
            return (lambda key: source.get(key[0] if len(key) == 1 else key)), True
        if callable(source):
            return (lambda key: source(key[0] if len(key) == 1 else key)), False
        if not isinstance(source, str) or not source:
            self._wrong(f"source={source!r:.80}", "a URL, a file, a mapping or a function")
        scheme = source.partition("://")[0].partition("+")[0].lower() if "://" in source else ""
        if scheme in ("http", "https"):
            try:
                source.format(**dict.fromkeys(self.keys, ""))
            except (LookupError, ValueError) as exc:
                self._wrong(f"{source!r}: {exc!r}", f"{{{self.keys[0]}}} where the key belongs")
            return lambda key: self._asked_over_http(source, key), False
        if source.startswith("store://feature-vectors/"):
            service = get_online_feature_service(source)
            return lambda key: service.get([dict(zip(self.keys, key, strict=True))])[0], False
        if scheme in _TABLES or source.startswith("store://feature-sets/"):
            made = open_table if self._context is None else self._context.get_table
            table = made(source)
            return lambda key: table.get(key[0] if len(key) == 1 else list(key)), False
        frame = ml.get_dataitem(source).as_df()
        if lacking := [one for one in self.keys if one not in frame.columns]:
            self._wrong(f"{source!r} has no column {lacking[0]!r}", f"one of {list(frame.columns)}")
        self._names = self._names or {one: one for one in frame.columns if one not in self.keys}
        rows = {tuple(row[k] for k in self.keys): row for row in frame.to_dict(orient="records")}
        return rows.get, True

    def _asked_over_http(self, url: str, key: Key) -> Row:
        given = zip(self.keys, key, strict=True)
        address = url.format(**{name: quote(str(value), safe="") for name, value in given})
        if {*map(str, key)} & {"", ".", ".."}:  # a service takes these for other places
            return None
        secret = self._context.get_secret if self._context is not None else (lambda name: None)
        try:
            request = urllib.request.Request(address, headers={"Accept": "application/json"})
            for name, value in self._headers.items():
                bare = value[1:-1] if value[:1] == "{" and value[-1:] == "}" else ""
                # not sent on to another host
                request.add_unredirected_header(name, (secret(bare) or "") if bare else value)
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                found = json.loads(answer.read(_MOST_BYTES))
        except urllib.error.HTTPError as exc:
            with exc:
                if exc.code == 404:
                    return None
                raise StoreUnavailableError(f"{exc.code} {exc.reason}", where=address) from exc
        if not isinstance(found, Mapping):
            raise StoreUnavailableError(f"the answer is {found!r:.80}, no object", where=address)
        return found

    def _wrong(self, what: str, fix: str) -> None:
        raise InvalidArgumentError(f"{what} cannot be used", where=self._where, fix=fix)
