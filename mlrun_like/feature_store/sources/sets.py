"""A feature set as a source of another: the rows of its offline target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from mlrun_like.errors import InvalidArgumentError, NotFoundError
from mlrun_like.feature_store.sources.base import Source, SourceChunk
from mlrun_like.feature_store.sources.csv import CSVSource
from mlrun_like.feature_store.sources.parquet import ParquetSource
from mlrun_like.registry import resolve

__all__ = ["FeatureSetSource"]


class FeatureSetSource(Source):
    """Rows that another feature set has ingested: its entities, timestamp, features and label.

    Args:
        feature_set: A feature set, or its URI or name.
        name: Its name; by default the set's.
        time_field: The column of the event time; by default the set's timestamp key.
        schedule: When to ingest again, as cron.
        start_time: Only rows after this time.
        end_time: Only rows up to this time.
    """

    kind: ClassVar[str] = "featureset"

    def __init__(
        self,
        feature_set: Any,
        name: str = "",
        time_field: str | None = None,
        schedule: str | None = None,
        start_time: Any = None,
        end_time: Any = None,
    ) -> None:
        uri = feature_set if isinstance(feature_set, str) else feature_set.uri
        super().__init__(name or uri, uri, None, None, time_field, schedule, start_time, end_time)
        self._set = None if isinstance(feature_set, str) else feature_set

    def _loaded(self, struct: Mapping[str, Any]) -> None:
        self._set = None

    @property
    def feature_set(self) -> Any:
        """The set; read from the store if only its URI is known."""
        if self._set is None:
            read = resolve("mlrun_like.feature_store.definitions.records:get_feature_set")
            self._set = read(self.path)
        return self._set

    def files(self) -> ParquetSource | CSVSource:
        """The source that reads its offline target.

        Raises:
            NotFoundError: if it has none.
        """
        found = self.feature_set
        for row in found.status.targets:
            document = row if isinstance(row, Mapping) else row.to_dict()
            kind, path = document.get("kind"), document.get("path")
            if kind not in ("parquet", "csv") or not path:
                continue
            path = path.replace("{run_id}", str(document.get("run_id") or ""))
            time_field = self.time_field or found.spec.timestamp_key
            limits = {"start_time": self.start_time, "end_time": self.end_time}
            if kind == "csv":
                return CSVSource(self.name, path, time_field=time_field, **limits)
            return ParquetSource(self.name, path, time_field=time_field, **limits)
        raise NotFoundError(
            f"feature set {found.metadata.name!r} has no offline target that holds rows",
            where=found.uri,
            fix="ingest it with a ParquetTarget first",
        )

    def _read(self, size: int, position: dict[str, Any]) -> Iterator[SourceChunk]:
        raise NotImplementedError  # chunks() of this class does not come here

    def chunks(self, size: int = 100_000, *, after: str = "") -> Iterator[SourceChunk]:
        """The rows of its offline target; see `Source.chunks`."""
        spec = self.feature_set.spec
        wanted = [item.name for item in [*spec.entities, *spec.features]]
        wanted = [*wanted, *filter(None, [spec.timestamp_key, spec.label_column])]
        for chunk in self.files().chunks(size, after=after):
            names = [name for name in dict.fromkeys(wanted) if name in chunk.frame.columns]
            if not names:
                raise InvalidArgumentError(
                    "the offline target has none of the set's columns", where=self.describe()
                )
            yield SourceChunk(chunk.frame[names], chunk.position, chunk.rows)

    def watermark_of(self, chunk: SourceChunk) -> str:
        return self.files().watermark_of(chunk)

    def _spark_frame(self, session: Any) -> Any:
        return self.files()._spark_frame(session)
