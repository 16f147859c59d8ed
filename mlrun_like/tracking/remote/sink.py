"""Queued operations to a service, as batches that are numbered and not too large."""

from __future__ import annotations

import secrets
import threading
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
        for part in _parts(pieces):
            refused += self._deliver(part, durable, _PATIENCE if timeout is None else 0.0)
        return refused

    def _deliver(self, part: list[_Piece], durable: bool, seconds: float) -> Iterable[Refusal]:
        body = batch_body(secrets.token_hex(12), [text for _, text in part], durable)
        try:
            entries = self.client.deliver(body, seconds)
        except TooLargeError as exc:
            if len(part) == 1:
                return [Refusal(part[0][0], exc)]
            middle = len(part) // 2
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


def _parts(pieces: list[_Piece]) -> Iterator[list[_Piece]]:
    part: list[_Piece] = []
    size = 0
    for piece in pieces:
        if part and (size + len(piece[1]) > _BYTES or len(part) >= _COUNT):
            yield part
            part, size = [], 0
        part.append(piece)
        size += len(piece[1])
    if part:
        yield part
