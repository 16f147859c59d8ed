"""BaseStoreTarget: what all targets share, with MLRun's arguments and attributes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mlrun_like import registry
from mlrun_like.errors import InvalidArgumentError, MissingFileError
from mlrun_like.feature_store.targets.arguments import (
    TIME_UNITS,
    check_arguments,
    field_of,
    part_of,
)
from mlrun_like.feature_store.targets.in_flows import InFlows
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob
from mlrun_like.names import new_uid

__all__ = ["TIME_UNITS", "BaseStoreTarget", "TargetWriter", "WriteJob"]

_FIELDS = (
    "kind", "name", "path", "after_step", "attributes", "columns", "partitioned",
    "key_bucketing_number", "partition_cols", "time_partitioning_granularity", "max_events",
    "flush_after_seconds", "storage_options", "schema", "credentials_prefix", "run_id",
)  # fmt: skip


class BaseStoreTarget(InFlows):
    """A place that a feature set is written to.

    Args:
        name: Its name among the targets of a set; by default its kind.
        path: A path or URL; `{project}`, `{name}` and `{run_id}` in it are filled. By default a
            place below the project's artifact path.
        attributes: Further options of the kind.
        after_step: The step whose results are written; by default the last one.
        columns: The columns to write, besides the key and the time; by default all.
        partitioned: Whether rows go to folders by time.
        key_bucketing_number: None: folders do not depend on the key; 0: one for each key; else
            the number of folders that keys are hashed into.
        partition_cols: Columns that folders are named after.
        time_partitioning_granularity: The finest part of the time in the names of folders.
        max_events: The most events a live service holds before it writes.
        flush_after_seconds: How long it holds them at most.
        storage_options: Arguments of fsspec's file system.
        schema: Columns and their types, where the kind wants them.
        credentials_prefix: Put before the names of environment variables with credentials.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.
    """

    kind: ClassVar[str] = ""
    suffix: ClassVar[str] = ""
    is_table: ClassVar[bool] = False
    is_online: ClassVar[bool] = False
    is_offline: ClassVar[bool] = False
    support_spark: ClassVar[bool] = False
    support_storey: ClassVar[bool] = True
    support_pandas: ClassVar[bool] = True
    support_append: ClassVar[bool] = True

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        name: str = "",
        path: Any = None,
        attributes: Mapping[str, Any] | None = None,
        after_step: str | None = None,
        columns: Sequence[str] | None = None,
        partitioned: bool = False,
        key_bucketing_number: int | None = None,
        partition_cols: Sequence[str] | None = None,
        time_partitioning_granularity: str | None = None,
        max_events: int | None = None,
        flush_after_seconds: int | None = None,
        storage_options: Mapping[str, Any] | None = None,
        schema: Mapping[str, Any] | None = None,
        credentials_prefix: str | None = None,
    ) -> None:
        check_arguments(
            type(self).__name__,
            {"columns": columns, "partition_cols": partition_cols},
            key_bucketing_number,
            time_partitioning_granularity,
        )
        self.name = name or self.kind
        self.path = str(path) if path is not None else None
        self.attributes = dict(attributes or {})
        self.after_step = after_step
        self.columns = list(columns or [])
        self.partitioned = bool(partitioned)
        self.key_bucketing_number = key_bucketing_number
        self.partition_cols = list(partition_cols) if partition_cols is not None else None
        self.time_partitioning_granularity = time_partitioning_granularity
        self.max_events = max_events
        self.flush_after_seconds = flush_after_seconds
        self.storage_options = dict(storage_options) if storage_options else None
        self.schema = dict(schema or {})
        self.credentials_prefix = credentials_prefix
        self.run_id: str | None = None
        self._resource: Any = None

    # As data ----------------------------------------------------------------------------------

    def to_dict(self) -> dict[str, Any]:
        """The target as plain data, in MLRun's form; what is not set is left out."""
        found = {name: field_of(self, name) for name in _FIELDS}
        return {name: value for name, value in found.items() if value not in (None, [], {}, "")}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> BaseStoreTarget:
        """The target of its plain data; unknown fields are ignored."""
        target = cls.__new__(cls)
        BaseStoreTarget.__init__(target)
        target._set(document)
        return target

    def _set(self, document: Mapping[str, Any]) -> None:
        for name in _FIELDS[1:]:
            value = document.get(name)
            if value is not None:
                setattr(
                    self, name, type(value)(value) if isinstance(value, (list, dict)) else value
                )

    def set_resource(self, resource: Any) -> None:
        """The feature set or vector that paths are filled from."""
        self._resource = resource

    def __repr__(self) -> str:
        return f"{type(self).__name__}(name={self.name!r}, path={self.path!r})"

    # Where it is ------------------------------------------------------------------------------

    def is_single_file(self) -> bool:
        """Whether the path is that of one file."""
        return False

    def get_target_templated_path(self) -> str:
        """The path with `{run_id}` as it is.

        Raises:
            InvalidArgumentError: if there is neither a path nor a feature set.
        """
        resource = self._resource
        metadata = getattr(resource, "metadata", None)
        path = self.path
        if not path:
            if metadata is None or not getattr(metadata, "name", ""):
                raise InvalidArgumentError(
                    f"target {self.name!r} has no path",
                    where=f"target class {type(self).__name__}",
                    fix="give path=..., or name the feature set",
                )
            path = self.default_path(metadata.project or "", metadata.name)
        for name in ("project", "name"):
            if "{" + name + "}" in path:
                path = path.replace("{" + name + "}", part_of(metadata, name, self.name))
        return path

    def default_path(self, project: str, name: str) -> str:
        """Where this kind of target of a set is unless a path is given."""
        make = registry.resolve("mlrun_like.feature_store.definitions.paths:default_target_path")
        path: str = make(project, self.kind, name, target=self.name, suffix=self.suffix)
        return path

    def get_target_path(self, run_id: str = "") -> str:
        """The path, everything in it filled.

        Raises:
            InvalidArgumentError: if there is no path, or no run id where one is needed.
        """
        path = self.get_target_templated_path()
        if "{run_id}" not in path:
            return path
        filled = run_id or self.run_id
        if not filled or "/" in filled or filled in (".", ".."):
            raise InvalidArgumentError(
                f"path {path!r:.200} needs the id of a run, which {filled!r} is not",
                where=f"target {self.name!r}",
                fix="ingest first, or set target.run_id",
            )
        return path.replace("{run_id}", filled)

    # Writing and reading ----------------------------------------------------------------------

    def writer(self, job: WriteJob) -> TargetWriter:
        """A writer of a feed.

        Raises:
            ConflictError: if the feed is being written by another process.
        """
        raise InvalidArgumentError(
            f"a target of kind {self.kind!r} cannot be written by this engine",
            where=f"target {self.name!r}",
        )

    def write_dataframe(
        self,
        df: Any,
        key_column: str | Sequence[str] | None = None,
        timestamp_key: str | None = None,
        chunk_id: int = 0,
        **options: Any,
    ) -> int | None:
        """Write a data frame alone, without a feature set (MLRun's call).

        Args:
            df: A pandas, Dask or Spark frame, or an Arrow table.
            key_column: Columns of the key.
            timestamp_key: The column of the event time.
            chunk_id: The first chunk (0) replaces what is there, later ones are added.
            options: Further arguments of `WriteJob`.

        Returns:
            The bytes of the target, if it says.
        """
        keys = [key_column] if isinstance(key_column, str) else list(key_column or ())
        settings: dict[str, Any] = {"overwrite": not chunk_id, **options}
        uid = new_uid()
        if not self.run_id and self.path and "{run_id}" in self.path:
            self.run_id = uid
        job = WriteJob(
            uid, entities=tuple(keys), timestamp_key=timestamp_key or "",
            run_id=self.run_id or uid, **settings,
        )  # fmt: skip
        frames = registry.resolve("mlrun_like.feature_store.targets.frames:pieces")
        with self.writer(job) as writer:
            try:
                size: int | None = writer.write_all(frames(df), "{}").get("size")
            except BaseException:
                writer.abort()
                raise
        return size

    def as_df(
        self,
        columns: Sequence[str] | None = None,
        df_module: Any = None,
        entities: Sequence[str] | None = None,
        start_time: Any = None,
        end_time: Any = None,
        time_column: str | None = None,
        additional_filters: Any = None,
        **options: Any,
    ) -> Any:
        """The rows, of all columns or some, with start_time < time <= end_time.

        Args:
            columns: The columns; by default all.
            df_module: pandas (default), or another module with `from_pandas` or `from_arrow`.
            entities: Columns that become the index.
            start_time: Rows after it; a text or time; naive: UTC.
            end_time: Rows until it, itself included.
            time_column: The column that is compared.
            additional_filters: `[("column", "op", value), ...]`, all of which must hold; an inner
                list: one of them must.
            options: Further options of the kind.

        Raises:
            MissingFileError: if nothing was written yet.
            InvalidArgumentError: if a column or filter cannot be used.
        """
        table = self.as_arrow(
            columns, (time_column or "", start_time, end_time), additional_filters
        )
        finish = registry.resolve("mlrun_like.feature_store.targets.frames:to_frame")
        return finish(table, df_module, entities)

    def as_arrow(
        self,
        columns: Sequence[str] | None = None,
        times: tuple[str, Any, Any] = ("", None, None),
        filters: Any = None,
    ) -> Any:
        """The rows as an Arrow table; arguments as of `as_df`: times = column, start, end."""
        raise InvalidArgumentError(
            f"a target of kind {self.kind!r} cannot be read", where=f"target {self.name!r}"
        )

    def exists(self) -> bool:
        """Whether something was written."""
        return False

    def purge(self) -> None:
        """Delete what was written; nothing there: nothing happens."""

    def missing(self) -> MissingFileError:
        """The error for a target that was never written."""
        return MissingFileError(
            f"target {self.name!r} of kind {self.kind!r} holds nothing yet",
            where=str(self.path or "the default path"),
            fix="ingest the feature set first",
        )
