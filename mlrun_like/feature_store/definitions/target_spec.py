"""Targets in documents: what a definition asks for, and what was written."""

from __future__ import annotations

from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.definitions.fields import Fields, mapping_of
from mlrun_like.feature_store.definitions.paths import fill_path

__all__ = [
    "DEFAULT_TARGETS",
    "OFFLINE_KINDS",
    "ONLINE_KINDS",
    "TARGET_KINDS",
    "DataTarget",
    "DataTargetBase",
    "TargetPath",
    "check_kind",
    "make_target",
    "make_written_target",
]

OFFLINE_KINDS = ("parquet", "csv", "delta", "sql")
"""Kinds from which features are read in bulk, the first that a set has is taken."""
ONLINE_KINDS = ("nosql", "redisnosql", "sql")
"""Kinds from which features are read by key."""
TARGET_KINDS = (
    "parquet", "csv", "delta", "sql", "nosql", "redisnosql", "stream", "kafka", "tsdb",
    "dataframe", "snowflake", "custom",
)  # fmt: skip
"""All kinds of targets."""
DEFAULT_TARGETS = ("parquet", "nosql")

_ASKED = (
    "name", "kind", "path", "after_step", "attributes", "columns", "partitioned",
    "key_bucketing_number", "partition_cols", "time_partitioning_granularity", "max_events",
    "flush_after_seconds", "storage_options", "run_id", "schema", "credentials_prefix",
)  # fmt: skip


class TargetPath:
    """Where a target is: what MLRun's `get_path()` gives.

    Args:
        path: As it is written down, perhaps with `{run_id}` and `{project}`.
        run_id: The run that wrote it.

    >>> TargetPath("/data/{run_id}/x.parquet", "7").get_absolute_path()
    '/data/7/x.parquet'
    """

    def __init__(self, path: str, run_id: str | None = None) -> None:
        self.path = path
        self.run_id = run_id

    def get_templated_path(self) -> str:
        """The path as it is written down."""
        return self.path

    def get_absolute_path(self, project_name: str | None = None) -> str:
        """The path with the run and the project filled in."""
        return fill_path(self.path, project=project_name or "", run_id=self.run_id or "")


class DataTargetBase(Fields):
    """A target that a definition asks for, MLRun's fields. The classes that write are in
    `feature_store.targets`; they may stand wherever this does.

    Args:
        kind: One of TARGET_KINDS.
        name: Its name in the feature set; empty: the kind.
        path: Where it is; empty: the default place.
        attributes: What its kind needs besides.
        after_step: The step whose results it gets; empty: the last.
        partitioned: Whether it is a folder of partitions.
    """

    _fields: ClassVar[tuple[str, ...]] = _ASKED
    _texts = ("name", "kind", "path", "after_step", "run_id")
    _mappings = ("attributes", "storage_options")

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        kind: str | None = None,
        name: str = "",
        path: str | None = None,
        attributes: dict[str, Any] | None = None,
        after_step: str | None = None,
        partitioned: bool = False,
        key_bucketing_number: int | None = None,
        partition_cols: list[str] | None = None,
        time_partitioning_granularity: str | None = None,
        max_events: int | None = None,
        flush_after_seconds: int | None = None,
        storage_options: dict[str, Any] | None = None,
        schema: dict[str, Any] | None = None,
        credentials_prefix: str | None = None,
    ) -> None:
        self.kind = kind or ""
        self.name = name or self.kind
        self.path = path
        self.attributes = dict(attributes or {})
        self.after_step = after_step
        self.columns: list[str] = []
        self.partitioned = partitioned
        self.key_bucketing_number = key_bucketing_number
        self.partition_cols = partition_cols
        self.time_partitioning_granularity = time_partitioning_granularity
        self.max_events = max_events
        self.flush_after_seconds = flush_after_seconds
        self.storage_options = storage_options
        self.run_id: str | None = None
        self.schema = schema
        self.credentials_prefix = credentials_prefix

    def get_path(self) -> TargetPath | None:
        """Where it is; None: at the default place, which the feature set knows."""
        return TargetPath(str(self.path), self.run_id) if self.path else None

    @property
    def is_offline(self) -> bool:
        """Whether features are read from it in bulk."""
        return self.kind in OFFLINE_KINDS

    @property
    def is_online(self) -> bool:
        """Whether features are read from it by key."""
        return self.kind in ONLINE_KINDS


class DataTarget(DataTargetBase):
    """A target that was written: what `status.targets` holds.

    Args:
        kind: See DataTargetBase.
        name: See DataTargetBase.
        path: Where it is.
        online: Whether features are read from it by key.
    """

    _fields = (
        *_ASKED, "online", "status", "updated", "size", "rows", "last_written", "start_time",
        "max_age", "producer", "position",
    )  # fmt: skip

    def __init__(
        self,
        kind: str | None = None,
        name: str = "",
        path: str = "",
        online: bool | None = None,
    ) -> None:
        super().__init__(kind, name, path)
        self.online = online
        self.status = ""
        self.updated: str | None = None
        self.size: int | None = None
        self.rows: int | None = None
        self.last_written: str | None = None
        self.start_time: str | None = None
        self.max_age: int | None = None
        self.producer: dict[str, Any] | str | None = None
        self.position: str | None = None


def check_kind(kind: Any) -> str:
    """`kind` if it is a kind of target.

    Raises:
        InvalidArgumentError: if not; the message names the kinds.
    """
    if not isinstance(kind, str) or kind not in TARGET_KINDS:
        raise InvalidArgumentError(
            f"target kind {kind!r:.60} is not known.{nearest(str(kind), TARGET_KINDS)}",
            fix=f"use one of: {', '.join(TARGET_KINDS)}",
        )
    return kind


def make_target(value: Any) -> Any:
    """A target from its kind, its document, or as it is (what has a `kind` and `to_dict`)."""
    if isinstance(value, str):
        return DataTargetBase(check_kind(value))
    kind = getattr(value, "kind", None)
    if kind is not None and callable(getattr(value, "to_dict", None)):
        check_kind(kind)
        if not getattr(value, "name", None):
            value.name = kind
        return value
    target = DataTargetBase.from_dict(value, "target")
    check_kind(target.kind)
    target.name = target.name or target.kind
    return target


def make_written_target(value: Any) -> DataTarget:
    """A written target from its document, from what a definition asked for, or as it is."""
    if isinstance(value, DataTarget):
        return value
    target = DataTarget.from_dict(mapping_of(value, "target"), "target")
    target.name = target.name or target.kind
    return target
