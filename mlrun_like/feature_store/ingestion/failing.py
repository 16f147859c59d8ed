"""What becomes of an ingestion that failed: given up, or kept to be gone on with.

Targets are as before in both cases: what an ingestion writes can be seen from its end on.

- Bad data, a bad definition, a failing step: it would fail again, so everything is given up.
- A full disk, a store that is away, Ctrl-C: once something is committed it is kept, and the error
  says how to go on. Before that there is nothing worth keeping, and everything is given up.

The option `on_failure` decides otherwise: `abort` always gives up, `keep` never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlrun_like.errors import MLRunLikeError, StoreUnavailableError

if TYPE_CHECKING:
    from mlrun_like.feature_store.ingestion.feeds import Feed
    from mlrun_like.feature_store.ingestion.sinks import Sinks

__all__ = ["end_badly", "passes"]


def passes(error: BaseException) -> bool:
    """Whether the same ingestion may succeed later."""
    if isinstance(error, MLRunLikeError):
        return isinstance(error, StoreUnavailableError)
    return isinstance(error, (OSError, MemoryError)) or not isinstance(error, Exception)


def end_badly(error: BaseException, feed: Feed, sinks: Sinks, on_failure: str) -> None:
    """Give an ingestion up or keep it, and note at the error which.

    Args:
        error: Why it failed.
        feed: Its folder.
        sinks: Its targets; open.
        on_failure: See `IngestOptions`.
    """
    keep = sinks.touched and passes(error) if on_failure == "auto" else on_failure == "keep"
    if keep:
        _note(
            error,
            f"The targets are as before. Ingestion {feed.id} is kept: go on with it by "
            f"ingest(..., resume={feed.id!r}).",
        )
        return
    failed = sinks.abort()
    if failed:
        _note(
            error,
            f"Not every target could be cleaned up ({failed[0]}); readers see what was there "
            f"before. Clean up by ingest(..., resume={feed.id!r}, on_failure='abort').",
        )
        return
    feed.remove()
    _note(error, "The targets are as before the ingestion; nothing of it was kept.")


def _note(error: BaseException, text: str) -> None:
    """Say more about an error, whatever its class."""
    if isinstance(error, MLRunLikeError):
        error.fix = f"{error.fix}\n  {text}" if error.fix else text
        return
    add = getattr(error, "add_note", None)  # from Python 3.11
    if add is not None:
        add(text)
