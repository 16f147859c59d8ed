"""Feature sets and vectors as inputs of runs: `store://feature-vectors/...` as a DataItem."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlrun_like.artifacts.data import DataItem, open_url
from mlrun_like.artifacts.memory import set_in_memory_item
from mlrun_like.artifacts.stores import Secrets
from mlrun_like.feature_store.definitions.document import Definition
from mlrun_like.feature_store.definitions.feature_vector import FeatureVector
from mlrun_like.feature_store.definitions.records import get_feature_set, get_feature_vector

__all__ = ["FeatureItem", "open_features"]


class FeatureItem(DataItem):
    """A feature set or vector as data: its bytes are those of its offline target, if it has one;
    without one they are its document.

    Args:
        definition: The feature set or vector.
        place: Its offline target, or its document.
        key: The name of the run's input it stands for.
        uri: What was asked for.
        is_written: Whether the place is an offline target.
    """

    def __init__(
        self, definition: Definition, place: DataItem, key: str, uri: str, is_written: bool
    ) -> None:
        super().__init__(key, place.store, place._path, place.url, artifact_url=uri)
        self._definition = definition
        self._is_written = is_written

    @property
    def meta(self) -> Any:
        """The feature set or vector."""
        return self._definition

    def get_artifact_type(self) -> str:
        """`FeatureSet` or `FeatureVector`."""
        return self._definition.kind

    def as_df(
        self,
        columns: Sequence[str] | None = None,
        df_module: Any = None,
        format: str = "",
        time_column: str | None = None,
        start_time: Any = None,
        end_time: Any = None,
        additional_filters: Sequence[tuple[str, str, Any]] | None = None,
        **kwargs: Any,
    ) -> Any:
        """The set's offline data; the vector's materialised data, else its offline features.

        Args:
            columns: Only these columns.
            df_module: Another data frame package, for what is stored.
            format: As for DataItem.
            time_column: Only rows whose time here is after `start_time` and up to `end_time`.
            additional_filters: `(column, operator, value)` triples; all must hold.
            kwargs: Passed to the reader.
        """
        found = self._definition
        if not isinstance(found, FeatureVector):
            return found.to_dataframe(  # type: ignore[attr-defined]
                columns=columns, df_module=df_module, time_column=time_column,
                start_time=start_time, end_time=end_time, additional_filters=additional_filters,
                **kwargs,
            )  # fmt: skip
        if self._is_written:
            return super().as_df(
                columns, df_module, format, time_column, start_time, end_time, additional_filters,
                **kwargs,
            )  # fmt: skip
        frame = found.get_offline_features(
            start_time=start_time, end_time=end_time, timestamp_for_filtering=time_column,
            additional_filters=additional_filters, **kwargs,
        ).to_dataframe()  # fmt: skip
        return frame if columns is None else frame[list(columns)]


def open_features(
    uri: str, *, store: Any = None, project: str = "", secrets: Secrets = None, key: str = ""
) -> FeatureItem:
    """The feature set or vector of a URI, as data.

    Args:
        uri: `store://feature-sets/...` or `store://feature-vectors/...`.
        store: Where it is recorded; None: the configured store.
        project: The project of URIs that name none.
        secrets: Looked into first for credentials.
        key: The name of the run's input it stands for.

    Raises:
        NotFoundError: if there is none.
    """
    get = get_feature_vector if uri.startswith("store://feature-vectors") else get_feature_set
    definition: Definition = get(uri, project or None, store)
    path = definition.get_target_path()  # type: ignore[attr-defined]
    if path and not str(path).startswith(("sqlite:", "postgresql:", "mysql:")):
        return FeatureItem(definition, open_url(path, secrets), key or uri, uri, True)
    name = f"{definition.category}/{definition.project}/{definition.name}.json"
    place = open_url(set_in_memory_item(name, definition.to_json()))
    return FeatureItem(definition, place, key or uri, uri, False)
