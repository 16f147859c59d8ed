"""Tables as artifacts: data sets with schema, preview and statistics; small tables as csv."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from typing import IO, Any, ClassVar

from mlrun_like.artifacts.base import Artifact, mapping
from mlrun_like.artifacts.formats import is_dask_frame, is_frame, is_spark_frame
from mlrun_like.artifacts.lazy import frames
from mlrun_like.artifacts.lazy import preview as tables
from mlrun_like.artifacts.stores import read_chunks
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.registry import resolve

__all__ = ["DatasetArtifact", "TableArtifact"]

FORMATS = ("parquet", "csv", "tsv", "json", "jsonl", "feather")
_SPOOLED = 64 * 2**20


class DatasetArtifact(Artifact):
    """A table.

    Args:
        key: Its name.
        df: The table, of pandas or another data frame package.
        preview: Rows in the preview; None: the setting `preview_rows`.
        format: parquet (default), csv, tsv, json, jsonl or feather.
        stats: Compute statistics; None: if it has less than 10 000 rows and 100 columns.
        target_path: Where it is or shall be.
        extra_data: Further files or values that belong to it.
        column_metadata: Values about columns, by name.
        ignore_preview_limits: Preview all rows and columns, and compute statistics.
        label_column: The column to predict; must exist.
        kwargs: Fields of the record; others go to the writer, such as `index=False`.

    Raises:
        InvalidArgumentError: if the format is unknown, `df` no table, the label column absent, or
            something that maps names to values is none.
    """

    kind = "dataset"
    category = "datasets"
    SUPPORTED_FORMATS: ClassVar[tuple[str, ...]] = FORMATS

    def __init__(  # noqa: PLR0913
        self,
        key: str = "",
        df: Any = None,
        preview: int | None = None,
        format: str = "",
        stats: bool | None = None,
        target_path: str = "",
        extra_data: dict[str, Any] | None = None,
        column_metadata: dict[str, Any] | None = None,
        ignore_preview_limits: bool = False,
        label_column: str | None = None,
        **kwargs: Any,
    ) -> None:
        form = {"pq": "parquet"}.get((format or "").lower().lstrip("."), (format or "").lower())
        if form and form not in FORMATS:
            raise InvalidArgumentError(
                f"unsupported format {format!r} of data set {key!r}",
                fix=f"use one of: {', '.join(FORMATS)}",
            )
        if df is not None and not form:
            form = "parquet"
        self._options = {name: kwargs.pop(name) for name in list(kwargs) if _for_writer(name)}
        super().__init__(key, format=form, target_path=target_path, **kwargs)
        self.doc.spec.extra_data = {
            name: value.target_path if isinstance(value, Artifact) else value
            for name, value in mapping("extra_data", extra_data).items()
        }
        self.doc.spec.column_metadata = mapping("column_metadata", column_metadata)
        self._df: Any = None
        self._writer: Any = None
        if df is not None:
            self._take(df, preview, stats, ignore_preview_limits)
        if label_column:
            self._check_label(label_column)
            self.doc.spec.label_column = label_column

    def _take(self, df: Any, rows: int | None, stats: bool | None, unlimited: bool) -> None:
        if is_spark_frame(df):
            writer = resolve("mlrun_like.artifacts.spark_frames:SparkWriter")
            self._writer = writer(self.doc, df, self._options, (rows, stats, unlimited))
            self._df = self._writer.frame
            return
        if is_dask_frame(df):
            writer = resolve("mlrun_like.artifacts.dask_frames:DaskWriter")
            self._writer = writer(self.doc, df, self._options, (rows, stats, unlimited))
            self._df = df
            return
        if not is_frame(df):
            raise InvalidArgumentError(
                f"data set {self.key!r} cannot be made from a {type(df).__name__}",
                fix="give a DataFrame, or use log_artifact",
            )
        self._df = frames().to_pandas(df)
        self.describe(self._df, rows, stats, unlimited)

    def look_at(self, path: str, rows: int | None = None) -> None:
        """Note what a Parquet file is like, without reading all of it.

        Args:
            path: A file on this machine; of another format nothing is noted.
            rows: As `preview` of the class.
        """
        if self.df is None and path.endswith((".parquet", ".pq")):
            tables().describe_parquet(self.doc, path, rows=rows)

    def _check_label(self, label: str) -> None:
        if self._df is not None and label not in list(self._df.columns):
            raise InvalidArgumentError(
                f"label column {label!r} is not in data set {self.key!r}",
                fix=f"columns: {', '.join(map(str, list(self._df.columns)[:20]))}",
            )

    def describe(
        self, df: Any, preview: int | None = None, stats: bool | None = None, all_: bool = False
    ) -> None:
        """Take length, schema, preview and statistics from a table.

        Args:
            df: The table.
            preview: Rows in the preview; None: the setting `preview_rows`.
            stats: Compute statistics; None: if the table is small.
            all_: Preview all rows and columns, and compute statistics.
        """
        frame = frames().to_pandas(df)
        tables().describe(self.doc, frame, rows=preview, stats=stats, unlimited=all_)

    @property
    def preview(self) -> list[Any]:
        """The first rows; those of a Dask frame that is not written yet are computed now."""
        look = getattr(self._writer, "look", None)
        if look is not None and not self.doc.spec.preview:
            look()
        return self.doc.spec.preview

    @property
    def stats(self) -> dict[str, Any] | None:
        """Statistics of each column; None: there are none."""
        return self.doc.spec.stats or None

    @stats.setter
    def stats(self, value: dict[str, Any] | None) -> None:
        self.doc.spec.stats = value or {}

    @property
    def df(self) -> Any:
        """The table, if the artifact was made from one in this process."""
        return self.__dict__.get("_df")

    def suffix(self) -> str:
        """What the target's name ends with."""
        return super().suffix() or ".parquet"

    def content(self) -> Iterable[bytes] | None:
        """The table as a file, in pieces."""
        if self.df is None:
            return super().content()
        return self._file()

    def _file(self) -> Iterator[bytes]:
        with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as file:
            handle: Any = file
            frames().write(self._df, handle, self.doc.spec.format or "parquet", self._options)
            file.seek(0)
            spooled: IO[bytes] = handle
            yield from read_chunks(spooled)


def _for_writer(name: str) -> bool:
    """Whether an option goes to the table writer rather than into the record."""
    fields = type(Artifact().doc.spec).model_fields, type(Artifact().doc.metadata).model_fields
    own = ("viewer", "is_inline", "body", "project", "src_path", "size")
    return name not in own and not any(name in part for part in fields)


class TableArtifact(Artifact):
    """A small table, kept as csv.

    Args:
        key: Its name.
        body: The table as text, if there is no `df`.
        df: The table.
        viewer: How a UI shows it.
        visible: MLRun's; tables are shown as tables anyway.
        inline: Keep it in the record.
        format: csv (default), or another format of data sets that is text.
        header: The column names.
        schema: Its columns, as a table schema.
        kwargs: As for Artifact.
    """

    kind = "table"

    def __init__(  # noqa: PLR0913 - MLRun's signature
        self,
        key: str = "",
        body: Any = None,
        df: Any = None,
        viewer: str = "",
        visible: bool = False,
        inline: bool = False,
        format: str = "",
        header: list[str] | None = None,
        schema: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if df is None and is_frame(body):
            body, df = None, body
        del visible
        form = format or "csv"
        if df is not None:
            frame = frames().to_pandas(df)
            body = frames().to_bytes(frame, f"table.{form}").decode()
            header = header or [str(name) for name in frame.columns]
        inline = kwargs.pop("is_inline", False) or inline
        super().__init__(key, body, viewer or "table", inline, form, **kwargs)
        self.doc.spec.header = list(header or [])
        self.doc.spec.schema = mapping("schema", schema)
