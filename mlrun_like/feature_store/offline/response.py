"""What `get_offline_features` returns: the joined table, or the run that makes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from mlrun_like.errors import StateError
from mlrun_like.feature_store.targets.kinds import get_target_driver

__all__ = ["OfflineVectorResponse", "RemoteVectorResponse"]


class OfflineVectorResponse:
    """The features of a vector, joined.

    Args:
        vector: The vector.
        table: The result: a pandas frame, or what an engine of clusters gives.
        indexes: Columns that become the index; none: the rows are numbered.
        digest: The content digest of the training set, if it was recorded.
    """

    def __init__(
        self, vector: Any, table: Any, indexes: Sequence[str] = (), *, digest: str = ""
    ) -> None:
        self.vector = vector
        self.digest = digest
        self.run: Any = None
        self._table = table
        self._indexes = [name for name in indexes if name in getattr(table, "columns", ())]
        self._frame: pd.DataFrame | None = None

    @property
    def status(self) -> str:
        """`completed`: the features are there."""
        return "completed"

    def to_dataframe(self, to_pandas: bool = True) -> Any:
        """The features.

        Args:
            to_pandas: Give a pandas frame; False: that of the engine (Dask, Spark).
        """
        if not to_pandas and not isinstance(self._table, pd.DataFrame):
            return self._table.native
        if self._frame is None:
            frame = self._plain()
            self._frame = frame.set_index(self._indexes) if self._indexes else frame
        return self._frame

    def _plain(self) -> pd.DataFrame:
        if not isinstance(self._table, pd.DataFrame):
            self._table = self._table.to_pandas()
        found: pd.DataFrame = self._table
        return found

    def to_parquet(self, target_path: str, **options: Any) -> int | None:
        """Write the features into a Parquet file or folder; gives its size in bytes.

        Args:
            target_path: The path or URL.
            options: As for `ParquetTarget.write_dataframe`.
        """
        return self._write("parquet", target_path, options)

    def to_csv(self, target_path: str, **options: Any) -> int | None:
        """Write the features into a CSV file; gives its size in bytes.

        Args:
            target_path: The path or URL.
            options: As for `CSVTarget.write_dataframe`.
        """
        return self._write("csv", target_path, options)

    def _write(self, kind: str, path: str, options: dict[str, Any]) -> int | None:
        target = get_target_driver({"kind": kind, "path": str(path), "partitioned": False})
        return target.write_dataframe(self._plain(), **options)

    def close(self) -> None:
        """Let go of what the engine holds."""
        close = getattr(self._table, "close", None)
        if callable(close):
            close()

    def __enter__(self) -> OfflineVectorResponse:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class RemoteVectorResponse:
    """Features that a run joins.

    Args:
        vector: The vector.
        run: The run.
        indexes: Whether entities become the index.
        drop: Columns that are left out.
    """

    def __init__(
        self, vector: Any, run: Any, indexes: bool = False, drop: Sequence[str] | None = None
    ) -> None:
        self.vector = vector
        self.run = run
        self.with_indexes = bool(indexes or vector.spec.with_indexes)
        self.drop_columns = list(drop or ())

    @property
    def status(self) -> str:
        """The run's state."""
        found: str = self.run.state() if callable(self.run.state) else self.run.state
        return found

    def _ready(self) -> None:
        state = self.status
        if state != "completed":
            raise StateError(
                f"feature vector dataset is not ready: its run is {state}",
                where=f"feature vector {self.vector.metadata.name!r}",
                fix="wait for the run: response.run.wait_for_completion()",
            )

    @property
    def target_uri(self) -> str:
        """Where the features are.

        Raises:
            StateError: if the run has not ended well.
        """
        self._ready()
        return str(self._target()["path"])

    def _target(self) -> dict[str, Any]:
        found = self.run.output("target") if hasattr(self.run, "output") else None
        return dict(found or self.run.status.results["target"])

    def to_dataframe(
        self, columns: Sequence[str] | None = None, df_module: Any = None, **options: Any
    ) -> Any:
        """The features.

        Args:
            columns: Which of them; None: all.
            df_module: What makes the frame; pandas by default.
            options: As for `as_df` of the target.

        Raises:
            StateError: if the run has not ended well.
        """
        self._ready()
        target = get_target_driver(self._target())
        frame = target.as_df(columns=columns, df_module=df_module, **options)
        frame = frame.drop(columns=[one for one in self.drop_columns if one in frame.columns])
        keys = [name for name in self.vector.status.index_keys if name in frame.columns]
        return frame.set_index(keys) if self.with_indexes and keys and columns is None else frame

    def to_parquet(self, target_path: str, **options: Any) -> Any:
        """Write the features into a Parquet file or folder."""
        return OfflineVectorResponse(self.vector, self.to_dataframe()).to_parquet(
            target_path, **options
        )

    def to_csv(self, target_path: str, **options: Any) -> Any:
        """Write the features into a CSV file."""
        return OfflineVectorResponse(self.vector, self.to_dataframe()).to_csv(
            target_path, **options
        )

    def close(self) -> None:
        """Nothing is held."""

    def __enter__(self) -> RemoteVectorResponse:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
