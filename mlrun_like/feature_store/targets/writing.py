"""What an ingestion and a target say to each other: WriteJob, TargetWriter."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["TargetWriter", "WriteJob"]


@dataclass(frozen=True)
class WriteJob:
    """What is written, and for whom.

    Args:
        feed: The id of the ingestion or of the live service. A process that starts again under
            the same feed goes on where the target stopped.
        entities: The columns of the key, in order.
        timestamp_key: The column of the event time; empty: none.
        types: Value types of columns, as far as they are known.
        overwrite: Whether `finish` replaces what the target holds.
        merge: The columns of the key to merge by: of rows with one key only that with the newest
            event time stays (among equals the one written last); empty: rows are added.
        live: Whether rows can be seen from their `commit` on; else from `finish` on.
        run_id: What `{run_id}` in paths means.
        project: The feature set's project.
        name: The feature set's name.
        ttl_millis: How long a value holds after its event time; None: for ever.
        previous_path: Where an earlier ingestion of this set wrote to; `finish` of an
            overwriting ingestion to another place removes it.

    Raises:
        InvalidArgumentError: if the feed is empty, or it is to overwrite and live at once.

    >>> WriteJob("f1", entities=("user",), overwrite=True).live
    False
    """

    feed: str
    entities: tuple[str, ...] = ()
    timestamp_key: str = ""
    types: Mapping[str, str] = field(default_factory=dict)
    overwrite: bool = False
    merge: tuple[str, ...] = ()
    live: bool = False
    run_id: str = ""
    project: str = ""
    name: str = ""
    ttl_millis: int | None = None
    previous_path: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.feed, str) or not self.feed:
            raise InvalidArgumentError("a feed needs an id", fix="WriteJob(feed='ingest-1')")
        if self.live and self.overwrite:
            raise InvalidArgumentError(
                f"feed {self.feed!r} cannot be live and overwrite",
                fix="empty the target first, or ingest without a service",
            )

    @classmethod
    def of(cls, feature_set: Any, feed: str, **options: Any) -> WriteJob:
        """The job of a feature set.

        Args:
            feature_set: Its `spec` and `metadata` are read.
            feed: The id of the ingestion.
            options: Further arguments, which win.
        """
        spec, metadata = feature_set.spec, feature_set.metadata
        fields = [*_listed(spec.entities), *_listed(spec.features)]
        made = cls(
            feed,
            entities=tuple(str(item.name) for item in _listed(spec.entities)),
            timestamp_key=spec.timestamp_key or "",
            types={
                str(item.name): str(item.value_type)
                for item in fields
                if getattr(item, "value_type", None)
            },
            project=getattr(metadata, "project", "") or "",
            name=getattr(metadata, "name", "") or "",
            ttl_millis=getattr(feature_set, "ttl_millis", None),
        )
        return replace(made, **options)


def _listed(items: Any) -> list[Any]:
    if items is None:
        return []
    return list(items.values() if isinstance(items, Mapping) else items)


class TargetWriter(ABC):
    """Writes one feed to one target; for one thread at a time."""

    @abstractmethod
    def position(self) -> str:
        """The last committed position of this feed in this target; empty: none."""

    @abstractmethod
    def write(self, frame: Any) -> None:
        """Add the rows of a pandas DataFrame or Arrow table; nobody sees them yet."""

    @abstractmethod
    def commit(self, position: str) -> None:
        """Make all that was written since the last commit last, together with the position.

        Wherever the process dies, both are there afterwards, or none.
        """

    @abstractmethod
    def finish(self) -> dict[str, Any]:
        """Everything is committed: show it, or replace the old content by it.

        Returns:
            `size` (bytes or None), `path`, `last_written` (newest event time or None), `rows`
            (of this feed). May be called again.
        """

    @abstractmethod
    def abort(self) -> None:
        """Give up: the target is as before the feed, apart from what a live one committed."""

    def close(self) -> None:
        """Release locks and connections; what was not committed is forgotten. May be repeated."""
        return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def write_all(self, frames: Iterable[Any], position: str) -> dict[str, Any]:
        """Write frames, commit and finish."""
        for frame in frames:
            self.write(frame)
        self.commit(position)
        return self.finish()
