"""DataFrameSource: frames that are already here, or come one after another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pandas as pd

from mlrun_like.artifacts.formats import is_frame
from mlrun_like.artifacts.frames import to_pandas
from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.feature_store.sources.base import Source, SourceChunk, write_position

__all__ = ["DataFrameSource", "as_frame"]


class DataFrameSource(Source):
    """Rows of a frame, of a list of frames, or of an iterator that makes frames.

    Args:
        df: A pandas frame (or Polars, Arrow), a list of frames or of dictionaries, an iterator of
            frames, or a function that gives a new iterator each time it is called. An iterator can
            be read once.
        key_field: The column, or columns, of the entity.
        context: MLRun's context; not needed.
        iterator: MLRun's mark that `df` is an iterator; it is seen anyway.
        time_field: The column of the event time.

    >>> source = DataFrameSource(pd.DataFrame({"k": ["a", "b", "c"]}))
    >>> first = next(source.chunks(2))
    >>> [chunk.frame.k.tolist() for chunk in source.chunks(2, after=first.position)]
    [['c']]
    """

    kind: ClassVar[str] = "dataframe"

    def __init__(
        self,
        df: Any,
        key_field: str | Sequence[str] | None = None,
        context: Any = None,
        iterator: bool = False,
        *,
        time_field: str | None = None,
    ) -> None:
        super().__init__("", key_field=key_field, time_field=time_field)
        self._df = df
        self.context = context
        self.iterator = iterator or isinstance(df, Iterator)

    def is_iterator(self) -> bool:
        return self.iterator

    def _frames(self) -> Iterable[Any]:
        value = self._df
        if isinstance(value, Callable) and not is_frame(value):  # type: ignore[arg-type]
            value = value()
        if is_frame(value):
            return [value]
        if isinstance(value, (Mapping, str, bytes)):
            raise _refused(value)
        if isinstance(value, Sequence) and value and isinstance(value[0], Mapping):
            return [pd.DataFrame(list(value))]
        if isinstance(value, Iterable):
            return value
        raise _refused(value)

    def _read(self, size: int, position: dict[str, Any]) -> Iterator[SourceChunk]:
        skip = int(position.get("rows", 0))
        done = 0
        for given in self._frames():
            frame = as_frame(given)
            start = max(0, skip - done)
            for begin in range(start, len(frame), size):
                part = frame.iloc[begin : begin + size].reset_index(drop=True)
                place = write_position(self.kind, rows=done + begin + len(part))
                yield SourceChunk(part, place, len(part))
            done += len(frame)
        if done < skip:
            raise ConflictError(
                f"the position is behind row {skip:,}, but there are only {done:,} rows",
                where=self.describe(),
                fix="give the same frames again, or ingest without resuming",
            )

    def to_dict(self) -> dict[str, Any]:
        """Its kind only: the rows are in this process."""
        return {"kind": self.kind, **({"key_field": self.key_field} if self.key_field else {})}

    @classmethod
    def from_dict(cls, struct: Mapping[str, Any]) -> DataFrameSource:
        raise InvalidArgumentError(
            "the rows of a DataFrame source were in another process",
            where=f"{dict(struct)!r:.100}",
            fix="give the frame again, or write it to a Parquet file and use ParquetSource",
        )


def as_frame(value: Any) -> pd.DataFrame:
    """A table as a plain frame: named indexes are columns, column names are texts.

    Raises:
        InvalidArgumentError: if it is no table, or two columns have one name.
    """
    if isinstance(value, pd.Series):
        value = value.to_frame()
    if not is_frame(value):
        raise _refused(value)
    frame = to_pandas(value)
    if any(name is not None for name in frame.index.names):
        levels = [name for name in frame.index.names if name is not None]
        clash = [name for name in levels if name in frame.columns]
        frame = frame.reset_index(level=[name for name in levels if name not in clash])
    names = [str(name) for name in frame.columns]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidArgumentError(
            f"the frame has two columns {twice!r}", fix="rename one: df.columns = [...]"
        )
    return frame.set_axis(names, axis=1).reset_index(drop=True)


def _refused(value: Any) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"a {type(value).__name__} is no table of rows",
        fix="give a DataFrame, a list of frames, a path or URL, or a source such as CSVSource",
    )
