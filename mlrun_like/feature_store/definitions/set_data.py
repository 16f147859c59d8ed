"""The verbs of a feature set that move data; what does it is loaded on use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.feature_store.definitions.document import Definition
from mlrun_like.registry import resolve

__all__ = ["SetData"]

_INGESTION = "mlrun_like.feature_store.ingestion.api"


class SetData(Definition):
    """The part of a FeatureSet that reads and writes data."""

    def ingest(
        self, source: Any = None, targets: Any = None, *arguments: Any, **options: Any
    ) -> Any:
        """Read a source, make features, write them to the targets; see `fstore.ingest`."""
        return resolve(f"{_INGESTION}:ingest")(self, source, targets, *arguments, **options)

    def preview(
        self, source: Any, entity_columns: Any = None, *arguments: Any, **options: Any
    ) -> Any:
        """The features of a source's first rows, written nowhere; see `fstore.preview`."""
        preview = resolve(f"{_INGESTION}:preview")
        return preview(self, source, entity_columns, *arguments, **options)

    def deploy_ingestion_service(
        self, source: Any = None, targets: Any = None, *arguments: Any, **options: Any
    ) -> Any:
        """Ingest events as they come; see `fstore.deploy_ingestion_service`."""
        deploy = resolve(f"{_INGESTION}:deploy_ingestion_service")
        return deploy(self, source, targets, *arguments, **options)

    def to_dataframe(
        self,
        columns: Sequence[str] | None = None,
        df_module: Any = None,
        target_name: str | None = None,
        *arguments: Any,
        **options: Any,
    ) -> Any:
        """The set's offline data.

        Args:
            columns: Which columns besides the entities and the time; None: all.
            df_module: What makes the frame: `pandas` (default) or `dask.dataframe`.
            target_name: Which target; None: the best one.
            arguments: start_time, end_time, time_column, additional_filters.
            options: The same by name, and arguments of the reader.

        Raises:
            NotFoundError: if it has no offline data.
        """
        read = resolve("mlrun_like.feature_store.offline.reading:read_feature_set")
        return read(self, columns, df_module, target_name, *arguments, **options)

    def purge_targets(
        self, target_names: Sequence[str] | None = None, silent: bool = False
    ) -> None:
        """Delete the data of targets; the record, if there is one, forgets them.

        Args:
            target_names: Names of the targets; None: all that were written.
            silent: Do not complain about a target or set that is not there.
        """
        resolve("mlrun_like.feature_store.targets.purging:purge")(self, target_names, silent)
        if self.metadata.uid:
            self.save()
