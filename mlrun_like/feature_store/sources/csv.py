"""CSVSource: CSV files, whose columns have the same types wherever chunks begin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.sources.arrow import to_frame
from mlrun_like.feature_store.sources.base import Source, SourceChunk, write_position
from mlrun_like.feature_store.sources.csv_schema import CsvForm, scan
from mlrun_like.feature_store.sources.csv_values import Column, read_columns
from mlrun_like.feature_store.sources.files import File, Progress, files_of
from mlrun_like.feature_store.sources.rechunking import tables_of

__all__ = ["CSVSource", "parse_times"]


class CSVSource(Source):
    """CSV files (also compressed: `.gz`, `.bz2`, `.zst`).

    Columns are whole numbers, numbers, true/false or text, by all their values; nothing but an
    empty field is missing, so `NA` is a text. Files that grew are read on from where the last
    reader stopped.

    Args:
        name: Its name.
        path: A file, folder, pattern or URL; several files must have the same columns.
        attributes: `reader_args` (pandas' `sep`, `encoding`, `quotechar`, `escapechar`,
            `na_values`, `decimal`, `names`, `header`), `timestamp_format` (of all times, such as
            `%Y%m%d%H`), `timestamp_unit` (`s`, `ms`, `us`, `ns`: times are numbers).
        key_field: The column, or columns, of the entity.
        schedule: When to ingest again, as cron.
        parse_dates: Columns (names or places) that hold times; the time field does anyway.
        kwargs: `time_field`, `start_time`, `end_time`.
    """

    kind: ClassVar[str] = "csv"

    def __init__(
        self,
        name: str = "",
        path: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        key_field: str | Sequence[str] | None = None,
        schedule: str | None = None,
        parse_dates: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name, path, attributes, key_field, schedule=schedule, **kwargs)
        if parse_dates is not None and parse_dates is not False:
            listed = [parse_dates] if isinstance(parse_dates, (str, int)) else list(parse_dates)
            self.attributes["parse_dates"] = listed

    @property
    def form(self) -> CsvForm:
        """How the files are written."""
        return CsvForm.of(self.attributes.get("reader_args") or {})

    def files(self) -> list[File]:
        """The files, in the order of their names."""
        if not self.path:
            raise InvalidArgumentError("a CSVSource needs a path", fix='CSVSource(path="a.csv")')
        return files_of(self.path, ".csv", ".tsv", ".txt")

    def _read(self, size: int, position: dict[str, Any]) -> Iterator[SourceChunk]:
        progress = Progress(position.get("files", ""), self.describe())
        form, dates = self.form, self.attributes.get("parse_dates") or []
        new = [f for f in self.files() if not progress.is_done(f.name, f.size)]
        texts = [*dates, *([self.time_field] if self.time_field else [])]
        columns = scan(new, form, texts, read_columns(position.get("columns", {})))
        if not columns:
            if new and not position and not any(file.size for file in new):
                raise InvalidArgumentError(
                    "the file is empty: it has not even a header",
                    where=new[0].shown,
                    fix="write the names of the columns, if there are no rows",
                )
            return
        timed = self._times(columns, dates)
        types = {n: pa.string() if n in timed else column.type for n, column in columns.items()}
        nullable = {name for name, column in columns.items() if column.nulls}
        saved = {n: [c.kind, int(c.nulls), int(c.zoned), int(c.seen)] for n, c in columns.items()}
        for file in new:
            done = skip = progress.rows(file.name)
            for table in tables_of(form.batches(file, types), size, skip):
                frame = to_frame(table.select(list(columns)), nullable)
                for name in timed:
                    where = f"{file.shown}, rows {done + 1:,} to {done + table.num_rows:,}"
                    frame[name] = self._parsed(table[name], name, columns[name].zoned, where)
                done += table.num_rows
                progress.read(file.name, done, file.size)
                place = write_position(self.kind, files=str(progress), columns=saved)
                yield SourceChunk(frame, place, table.num_rows)
            if done == skip:
                progress.check(file, self._count(file, form) if skip else 0)
            progress.read(file.name, done, file.size, complete=True)

    @staticmethod
    def _count(file: File, form: CsvForm) -> int:
        return sum(batch.num_rows for batch in form.batches(file, {}))

    def _times(self, columns: Mapping[str, Column], dates: Sequence[str | int]) -> list[str]:
        """The columns that hold times; a time field of numbers without a unit stays as it is."""
        names = list(columns)
        found = []
        for one in dates:
            if isinstance(one, int) and not -len(names) <= one < len(names):
                raise InvalidArgumentError(
                    f"parse_dates: there is no column {one}; the file has {len(names)}",
                    where=self.describe(),
                )
            name = names[one] if isinstance(one, int) else str(one)
            if name not in columns:
                raise InvalidArgumentError(
                    f"parse_dates: there is no column {name!r}.{nearest(name, names)}",
                    where=self.describe(),
                    fix=f"columns: {', '.join(names[:20])}",
                )
            found.append(name)
        field = self.time_field or ""
        explicit = {"timestamp_unit", "timestamp_format"} & set(self.attributes)
        if field in columns and (explicit or pa.types.is_string(columns[field].type)):
            found.append(field)
        return list(dict.fromkeys(found))

    def _parsed(self, values: pa.ChunkedArray, name: str, zoned: bool, where: str) -> Any:
        form, unit = self.attributes.get("timestamp_format"), self.attributes.get("timestamp_unit")
        return parse_times(values, name, (form, unit, zoned), where)


def parse_times(
    values: pa.ChunkedArray, name: str, form: tuple[str | None, str | None, bool], where: str
) -> pd.Series[Any]:
    """Texts as times in microseconds; with zones in UTC.

    Args:
        values: The texts.
        name: The column's name, for errors.
        form: A format for strptime or None, a unit of numbers or None, whether there are zones.
        where: Shown in errors.

    >>> parse_times(pa.chunked_array([["2024-01-01", None]]), "at", (None, None, False), "").dtype
    dtype('<M8[us]')

    Raises:
        InvalidArgumentError: if one is no time; the message shows it.
    """
    pattern, unit, zoned = form
    zoned = zoned or bool(pattern and "%z" in pattern)
    if not pattern and not unit:
        try:
            found: Any = pc.cast(values, pa.timestamp("us", "UTC" if zoned else None)).to_pandas()
            times: pd.Series[Any] = found
            return times
        except pa.ArrowInvalid:
            pass  # other forms than ISO's, or some times have a zone and some not
    texts: Any = values.to_pandas()
    try:
        if unit:
            found = pd.to_datetime(pd.to_numeric(texts), unit=_unit(unit), utc=True)
        elif pattern:
            found = pd.to_datetime(texts, format=pattern, utc=True)
        else:
            found = pd.to_datetime(texts, format="mixed", utc=True)
    except (ValueError, TypeError, OverflowError) as exc:
        raise _no_time(texts, name, pattern, where, exc) from exc
    if not zoned:
        found = found.dt.tz_localize(None)
    plain: pd.Series[Any] = found.dt.as_unit("us")
    return plain


def _unit(name: str) -> Any:
    if name not in ("D", "s", "ms", "us", "ns"):
        raise InvalidArgumentError(f"timestamp_unit={name!r:.20} is not D, s, ms, us or ns")
    return name


def _no_time(
    texts: Any, name: str, pattern: str | None, where: str, exc: Exception
) -> InvalidArgumentError:
    form = pattern or "mixed"
    bad = texts[pd.to_datetime(texts, format=form, utc=True, errors="coerce").isna()].dropna()
    shown = f"{str(bad.iloc[0])!r:.60}" if len(bad) else f"{exc!s:.100}"
    return InvalidArgumentError(
        f"column {name!r} should hold times, but has {shown}",
        where=where,
        fix='attributes={"timestamp_format": "%d/%m/%Y %H:%M"}, or clean the file',
    )
