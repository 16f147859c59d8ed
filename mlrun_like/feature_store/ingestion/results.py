"""What an ingestion gives back, and what the feature set remembers of it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from mlrun_like.feature_store.definitions.fields import plain

if TYPE_CHECKING:
    from mlrun_like.feature_store.definitions.feature_set import FeatureSet

__all__ = ["indexed", "joined", "note_target"]


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The frames of all chunks as one."""
    if not frames:
        return pd.DataFrame()
    if len(frames) == 1:
        return frames[0]
    return pd.concat(list(frames), ignore_index=True)


def indexed(frame: pd.DataFrame, entities: Sequence[str]) -> pd.DataFrame:
    """A frame with the entities as its index, as MLRun returns it.

    >>> indexed(pd.DataFrame({"k": ["a"], "x": [1]}), ["k"]).loc["a", "x"].item()
    1
    """
    present = [name for name in entities if name in frame.columns]
    if not present or len(present) < len(entities):
        return frame
    return frame.set_index(present)


def note_target(
    feature_set: FeatureSet, target: Any, status: Mapping[str, Any], run: str, added: bool = True
) -> None:
    """Write a target's status into the feature set's.

    Args:
        feature_set: Is changed.
        target: What was written to.
        status: What its writer said: path, size, rows, last_written, position.
        run: Uid of the run.
        added: Whether rows were added to what was there: the newest of all counts then.
    """
    known = feature_set.status.targets.get(target.name)
    before = known.last_written if known is not None and added else None
    now = datetime.datetime.now(datetime.timezone.utc).isoformat()
    document = dict(target.to_dict())
    document.update(
        name=target.name,
        kind=target.kind,
        path=str(status.get("path") or target.get_target_path(run)),
        online=bool(target.is_online),
        status="ready",
        updated=now,
        size=status.get("size"),
        rows=status.get("rows"),
        position=status.get("position") or None,
        run_id=run,
        last_written=_later(plain(status.get("last_written")), before),
    )
    document.pop("credentials", None)
    feature_set.status.update_target({k: v for k, v in document.items() if v is not None})


def _later(one: str | None, other: str | None) -> str | None:
    """The later of two times as texts."""
    if not one or not other:
        return one or other
    return max(one, other, key=lambda text: pd.to_datetime(text, utc=True))
