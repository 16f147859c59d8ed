"""Sources that read frames and files: DataframeSource, CSVSource, ParquetSource."""

from __future__ import annotations

import datetime
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from mlrun_like.errors import InvalidArgumentError, InvalidTypeError
from mlrun_like.serving.steps.checks import check_strings
from mlrun_like.serving.stream_flow.iterable_source import IterableSource
from mlrun_like.serving.stream_flow.parquet_filters import Filters, filters_of

__all__ = ["CSVSource", "DataframeSource", "ParquetSource"]


class DataframeSource(IterableSource):
    """Makes an event of each row of pandas frames; the body is a dictionary.

    Args:
        dfs: A frame, or several; columns of a named index are fields too.
        key_field: The column, or columns, that are the key of events.
        id_field: The column that is their id.
        time_field: The column that is their time.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if a column that is named is not there.

    >>> from mlrun_like.serving.steps.ending import Reduce
    >>> source = DataframeSource(pd.DataFrame({"v": [1, 2]}))
    >>> _ = source.to(Reduce([], lambda rows, row: [*rows, row]))
    >>> source.run().await_termination()
    [{'v': 1}, {'v': 2}]
    """

    def __init__(
        self,
        dfs: pd.DataFrame | Iterable[pd.DataFrame],
        key_field: str | Sequence[str] | None = None,
        id_field: str | None = None,
        time_field: str | int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(key_field, id_field, time_field, **options)
        self.dfs = [dfs] if isinstance(dfs, pd.DataFrame) else dfs
        if not isinstance(self.dfs, Iterable):
            raise InvalidTypeError(
                f"dfs={dfs!r:.80} is not a frame, nor several",
                where="DataframeSource",
                fix="DataframeSource(pd.DataFrame(...))",
            )
        if isinstance(self.dfs, (list, tuple)):  # others can perhaps be read only once
            for frame in self.dfs:
                self.check_columns(frame)

    def frames(self) -> Iterator[tuple[pd.DataFrame, str]]:
        for frame in self.dfs:
            yield frame, ""


class CSVSource(IterableSource):
    """Makes an event of each row of CSV files, which have a header line.

    Args:
        paths: Path or URL of a file, or several.
        header: Has no effect any more.
        build_dict: Whether bodies are dictionaries; else they are lists.
        key_field: The column, or columns, that are the key of events.
        time_field: The column, or its number, that is their time.
        timestamp_format: Format of times, as for `strptime`; ISO 8601 by default.
        id_field: The column that is their id.
        type_inference: Has no effect any more: types are always inferred.
        parse_dates: Further columns, or their numbers, that hold times.
        storage_options: Options for the file system of the paths.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if an argument cannot be used.

    >>> import fsspec
    >>> from mlrun_like.serving.steps.ending import Reduce
    >>> fsspec.filesystem("memory").pipe("/rows.csv", b"a,b\\n1,2\\n")
    >>> source = CSVSource("memory://rows.csv", build_dict=True)
    >>> _ = source.to(Reduce([], lambda rows, row: [*rows, row]))
    >>> source.run().await_termination()
    [{'a': 1, 'b': 2}]
    """

    def __init__(  # noqa: PLR0913 - storey's signature
        self,
        paths: str | Sequence[str],
        header: bool = True,
        build_dict: bool = False,
        key_field: str | Sequence[str] | None = None,
        time_field: str | int | None = None,
        timestamp_format: str | None = None,
        id_field: str | None = None,
        type_inference: bool = True,
        parse_dates: str | int | Sequence[str | int] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(key_field, id_field, time_field, **options)
        for name, value in (("header", header), ("type_inference", type_inference)):
            if value is False:
                warnings.warn(
                    f"{name}=False has no effect: CSVSource treats it as True",
                    DeprecationWarning,
                    stacklevel=2,
                )
        self.paths = check_strings(paths, "paths", "CSVSource")
        self.build_dict = build_dict
        self.timestamp_format = timestamp_format
        self.storage_options = storage_options
        self.parse_dates: list[Any] = (
            [] if parse_dates is None else check_strings(parse_dates, "parse_dates", "CSVSource")
        )
        if time_field is not None and time_field not in self.parse_dates:
            self.parse_dates.append(time_field)

    def prepare(self) -> None:
        for path in self.paths:
            self.check_columns(self._file(path, nrows=0), path)

    def frames(self) -> Iterator[tuple[pd.DataFrame, str]]:
        for path in self.paths:
            yield self._file(path), path

    def body(self, row: dict[str, Any], columns: Sequence[Any]) -> Any:
        return row if self.build_dict else list(row.values())

    def _file(self, path: str, nrows: int | None = None) -> pd.DataFrame:
        return pd.read_csv(
            path,
            header=0,
            nrows=nrows,
            parse_dates=self.parse_dates or False,
            date_format=self.timestamp_format,
            storage_options=self.storage_options,  # type: ignore[arg-type]
        )


class ParquetSource(IterableSource):
    """Makes an event of each row of Parquet files or folders; the body is a dictionary.

    Args:
        paths: Path or URL of a file or a partitioned folder, or several.
        columns: Only these columns are read.
        start_filter: Only rows whose `filter_column` is later than this.
        end_filter: Only rows whose `filter_column` is not later than this.
        filter_column: The column of times that the filters look at.
        additional_filters: Tuples such as `("product", "=", "computer")`; all must hold.
        key_field: The column, or columns, that are the key of events.
        id_field: The column that is their id.
        time_field: The column that is their time.
        storage_options: Options for the file system of the paths.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if there are filters but no `filter_column`.
        InvalidArgumentError: if only one of the filters has a time zone.

    >>> from mlrun_like.serving.steps.ending import Reduce
    >>> pd.DataFrame({"n": [1, 2]}).to_parquet("memory://rows.parquet")
    >>> source = ParquetSource("memory://rows.parquet", additional_filters=[("n", ">", 1)])
    >>> _ = source.to(Reduce([], lambda rows, row: [*rows, row]))
    >>> source.run().await_termination()
    [{'n': 2}]
    """

    def __init__(  # noqa: PLR0913 - storey's signature
        self,
        paths: str | Iterable[str],
        columns: Sequence[str] | None = None,
        start_filter: datetime.datetime | None = None,
        end_filter: datetime.datetime | None = None,
        filter_column: str | None = None,
        additional_filters: Sequence[tuple[str, str, Any]] | None = None,
        key_field: str | Sequence[str] | None = None,
        id_field: str | None = None,
        time_field: str | int | None = None,
        storage_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(key_field, id_field, time_field, **options)
        self.paths = check_strings(paths, "paths", "ParquetSource")
        self.columns = None if columns is None else list(columns)
        self.storage_options = dict(storage_options or {})
        more = list(additional_filters or ())
        if not all(isinstance(item, tuple) for item in more):
            raise InvalidArgumentError(
                "ParquetSource supports additional_filters only as a list of tuples. "
                f"Current additional_filters: {additional_filters}"
            )
        self.filters = Filters(filter_column, start_filter, end_filter, tuple(more))

    def frames(self) -> Iterator[tuple[pd.DataFrame, str]]:
        for path in self.paths:
            filters: Any = filters_of(path, self.filters, self.storage_options)
            frame = pd.read_parquet(
                path,
                columns=self.columns,
                filters=filters,
                storage_options=self.storage_options or None,
            )
            yield frame, path
