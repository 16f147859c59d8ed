"""Queued operations to a service, as batches that are numbered and not too large."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterable, Iterator, Sequence

from mlrun_like.configuration import config
from mlrun_like.errors import (
    AccessDeniedError,
    MLRunLikeError,
    NotFoundError,
    RateLimitError,
    StoreUnavailableError,
    TooLargeError,
    UnauthorizedError,
)
from mlrun_like.tracking.operations import Operation
from mlrun_like.tracking.remote.answers import error_of_detail
from mlrun_like.tracking.remote.client import Client
from mlrun_like.tracking.remote.operations import batch_body, operation_text
from mlrun_like.tracking.sink import Refusal, Sink

__all__ = ["RemoteSink", "project_of"]

_BYTES = 4 << 20
_COUNT = 5000
_LEAST = (64 << 10, 20)
"""Bytes and operations that go at once at least, however slow the service is to take them."""
_PATIENCE = 3.0  # seconds that a service may ask to be left alone, before records go to the spool
_ACCESS = (AccessDeniedError, NotFoundError)

_Piece = tuple[Operation, bytes]


class RemoteSink(Sink):
    """Delivers batches of operations to a service.

    A batch that could not be delivered is delivered again with another id: each operation does the
    same the second time. The id is for the service, which may see one request twice.

    Args:
        client: Speaks to it.
    """

    def __init__(self, client: Client) -> None:
        self.client = client
        self.shown = client.address.url
        self.lock = threading.RLock()
        self.timeout = config.store_timeout
        self.most = (_BYTES, _COUNT)
        """What goes at once: half of what got no answer in time, over a slow line or from a busy
        service, so that something gets through; twice as much when it did."""
        self.largest = _BYTES
        """What goes at once at most: less, once a service or a proxy said that it is too much."""
        self.denied: dict[tuple[str, str], MLRunLikeError] = {}
        """Project and kind of what was last refused because the caller may not."""

    def commit(
        self, batch: Sequence[Operation], *, durable: bool = True, timeout: float | None = None
    ) -> Sequence[Refusal]:
        refused: list[Refusal] = []
        pieces: list[_Piece] = []
        for operation in batch:
            try:
                pieces.append((operation, operation_text(operation)))
            except (TypeError, ValueError, LookupError, AttributeError, RecursionError) as exc:
                refused.append(Refusal(operation, exc))
        for part in _parts(pieces, *self.most):
            refused += self._deliver(part, durable, _PATIENCE if timeout is None else 0.0)
        return refused

    def _deliver(self, part: list[_Piece], durable: bool, seconds: float) -> Iterable[Refusal]:
        texts = [text for _, text in part]
        body = batch_body(secrets.token_hex(12), texts, durable, time.time())
        try:
            entries = self.client.deliver(body, len(part), seconds)
            self.most = (min(self.largest, self.most[0] * 2), min(_COUNT, self.most[1] * 2))
        except StoreUnavailableError as exc:
            if isinstance(exc.__cause__, TimeoutError):
                self.most = (max(_LEAST[0], len(body) // 2), max(_LEAST[1], len(part) // 2))
            raise
        except TooLargeError as exc:
            if len(part) == 1:
                return [Refusal(part[0][0], exc)]
            middle = len(part) // 2
            self.largest = max(_LEAST[0], len(body) // 2)
            self.most = (min(self.largest, self.most[0]), self.most[1])
            return [
                *self._deliver(part[:middle], durable, seconds),
                *self._deliver(part[middle:], durable, seconds),
            ]
        if self.denied and not entries:
            for operation, _ in part:
                self.denied.pop((project_of(operation), operation[0]), None)
        return [self._refusal(part, entry) for entry in entries]

    def _refusal(self, part: list[_Piece], entry: object) -> Refusal:
        if not isinstance(entry, dict) or entry.get("index") not in range(len(part)):
            raise StoreUnavailableError(
                "the tracking service's answer to a delivery cannot be read", where=self.shown
            )
        operation = part[entry["index"]][0]
        reason = error_of_detail(entry, address=self.shown)
        if isinstance(reason, _ACCESS):
            self.denied[project_of(operation), operation[0]] = reason
            return Refusal(operation, reason, final=True)
        return Refusal(operation, reason)

    def unavailable(self, exc: BaseException) -> bool:
        # a token that is not valid (any more) can be renewed: what was recorded waits for that;
        # a mistake of the service may be mended. What is bad in a batch, it says of each operation.
        return isinstance(exc, (MLRunLikeError, OSError))

    def retry_at_once(self, exc: BaseException) -> bool:
        return False

    def error(self, exc: BaseException) -> StoreUnavailableError:
        if isinstance(exc, StoreUnavailableError):
            return exc
        if isinstance(exc, UnauthorizedError):
            return StoreUnavailableError(
                f"the tracking service takes no records from here: {exc.what}",
                where=self.shown,
                fix=f"mlrun-like login {self.shown}, or set MLRUN_LIKE_ACCESS_KEY",
            )
        what = exc.what if isinstance(exc, MLRunLikeError) else str(exc)
        fix = exc.fix if isinstance(exc, MLRunLikeError) else ""
        if isinstance(exc, RateLimitError):
            fix = "record less often"
        return StoreUnavailableError(
            f"the tracking service cannot be used now: {what}", where=self.shown, fix=fix
        )

    def disconnect(self) -> None:
        self.client.close()

    def before_fork(self) -> None:
        self.lock.acquire()

    def after_fork_in_parent(self) -> None:
        self.lock.release()

    def after_fork_in_child(self) -> None:
        self.lock = threading.RLock()
        self.client.connections.forget()


def project_of(operation: Operation) -> str:
    """The project that an operation is about."""
    kind, payload = operation
    if kind == "metrics":
        return str(payload[0])
    return str((payload["row"] if kind in ("artifact", "function") else payload)["project"])


def _parts(pieces: list[_Piece], most: int, count: int) -> Iterator[list[_Piece]]:
    part: list[_Piece] = []
    size = 0
    for piece in pieces:
        if part and (size + len(piece[1]) > most or len(part) >= count):
            yield part
            part, size = [], 0
        part.append(piece)
        size += len(piece[1])
    if part:
        yield part
