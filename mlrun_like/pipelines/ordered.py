"""Runs of pipelines that somebody ordered: with an id that was known before, labels and notes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from mlrun_like.specs.run import RunMetadata

__all__ = ["Order", "ordered", "take_order"]


@dataclass(frozen=True)
class Order:
    """What the next run of a pipeline shall bear.

    Args:
        uid: Its id; empty: a new one.
        labels: Labels besides its own.
        annotations: Annotations besides its own.
    """

    uid: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


_WAITING: ContextVar[tuple[list[Order], ...]] = ContextVar("mlrun_like_orders", default=())


@contextlib.contextmanager
def ordered(
    uid: str = "",
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """Give the next pipeline that is run in the block this id, and these labels.

    Whoever starts a run and may be killed while it does can write the id down before, and later
    look whether the run exists. Only the first run takes the order, not the ones inside it.

    Args:
        uid: The id; empty: a new one.
        labels: Labels besides its own.
        annotations: Annotations besides its own.

    >>> run = RunMetadata(name="train", uid="new")
    >>> with ordered("known", {"why": "drift"}):
    ...     take_order(run)
    >>> run.uid, run.labels
    ('known', {'why': 'drift'})
    """
    # a list, because threads that copy this context must see that the order is taken
    waiting = [Order(uid, dict(labels or {}), dict(annotations or {}))]
    token = _WAITING.set((*_WAITING.get(), waiting))
    try:
        yield
    finally:
        _WAITING.reset(token)


def take_order(metadata: RunMetadata) -> None:
    """Fill in what was ordered, if anything is and nobody took it yet."""
    for waiting in reversed(_WAITING.get()):
        if waiting:
            order = waiting.pop()
            metadata.uid = order.uid or metadata.uid
            metadata.labels = {**metadata.labels, **order.labels}
            metadata.annotations = {**metadata.annotations, **order.annotations}
            return
