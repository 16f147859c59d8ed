"""How an ingestion goes: chunks, commits, resuming, progress; beside MLRun's arguments."""

from __future__ import annotations

import contextlib
import contextvars
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest

__all__ = ["IngestOptions", "current_options", "options"]

CHUNK_ROWS = 250_000
COMMIT_ROWS = 1_000_000


@dataclass(frozen=True)
class IngestOptions:
    """How an ingestion goes.

    Args:
        resume: Go on with an unfinished ingestion: its feed id; True: the newest one of the
            feature set, or a new one if there is none.
        chunk_size: Rows at a time, from 1; memory grows with it.
        commit_rows: Rows after which everything so far is made durable; after a kill, at most so
            many rows are read again.
        progress: Called with a `Progress` after each chunk; True prints lines.
        feed: Id of a new ingestion, by default a random one.
        on_failure: `auto`, `abort` or `keep`: see `ingestion.failing`.

    >>> IngestOptions(chunk_size=10_000).commit_rows
    1000000
    """

    resume: str | bool = False
    chunk_size: int = CHUNK_ROWS
    commit_rows: int = COMMIT_ROWS
    progress: Callable[[Any], None] | bool = False
    feed: str = ""
    on_failure: str = "auto"

    def __post_init__(self) -> None:
        for name in ("chunk_size", "commit_rows"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise InvalidArgumentError(
                    f"{name} is a number of rows from 1, not {value!r:.60}", where="ingest()"
                )
        if self.on_failure not in ("auto", "abort", "keep"):
            raise InvalidArgumentError(
                f"on_failure={self.on_failure!r:.60} is unknown", fix="auto, abort or keep"
            )
        if self.feed and not self.feed.replace("-", "").replace("_", "").isalnum():
            raise InvalidArgumentError(
                f"a feed id has letters, digits, - and _ only, not {self.feed!r:.60}"
            )

    def changed(self, values: Mapping[str, Any]) -> IngestOptions:
        """These options with some of them changed.

        Raises:
            InvalidArgumentError: if there is no such option, or its value cannot be used.
        """
        known = [item.name for item in dataclasses.fields(self)]
        for name in values:
            if name not in known:
                raise InvalidArgumentError(
                    f"an ingestion has no option {name!r:.60}.{nearest(str(name), known)}",
                    fix=f"options: {', '.join(known)}",
                )
        return dataclasses.replace(self, **values) if values else self


_current: contextvars.ContextVar[IngestOptions | None] = contextvars.ContextVar(
    "ingest_options", default=None
)


def current_options() -> IngestOptions:
    """The options that hold here."""
    return _current.get() or IngestOptions()


@contextlib.contextmanager
def options(**values: Any) -> Iterator[IngestOptions]:
    """Options of all ingestions in a `with` block.

    Args:
        values: Fields of `IngestOptions`.

    >>> with options(chunk_size=5) as chosen:
    ...     current_options() is chosen
    True
    """
    chosen = current_options().changed(values)
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)
