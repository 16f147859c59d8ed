"""How CSV files are written, and the types of their columns from all rows of all files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pcsv

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.feature_store.sources.csv_values import TEXT, Column, fits
from mlrun_like.feature_store.sources.files import File
from mlrun_like.serving.batch.csv_types import BLOCK, FALSE, ORDER, TRUE

__all__ = ["ZONE", "CsvForm", "scan"]

ZONE = r"\d{2}:\d{2}.*(?:[zZ]|[+-]\d{2}:?\d{2}|UTC|GMT)$"
"""A time with a zone, as a pattern."""
_HEAD = 1 << 16
"""Bytes in which the header mostly is."""
_OPTIONS = (
    "sep", "delimiter", "encoding", "quotechar", "escapechar", "na_values", "decimal", "names",
    "header",
)  # fmt: skip


@dataclass(frozen=True)
class CsvForm:
    """How the files are written (`attributes["reader_args"]`, in pandas' words).

    Args:
        separator: Between fields.
        encoding: Of the text.
        quote: Around fields that hold separators or line ends.
        escape: Before a quote that is meant; None: it is doubled.
        missing: Texts that mean a missing value, besides nothing.
        decimal: The decimal mark.
        names: Column names of files without a header.
    """

    separator: str = ","
    encoding: str = "utf-8"
    quote: str = '"'
    escape: str | None = None
    missing: tuple[str, ...] = ()
    decimal: str = "."
    names: tuple[str, ...] = ()

    @classmethod
    def of(cls, arguments: Mapping[str, Any]) -> CsvForm:
        """From pandas' arguments.

        >>> CsvForm.of({"sep": ";"}).separator
        ';'

        Raises:
            InvalidArgumentError: if one is not supported.
        """
        for name in arguments:
            if name not in _OPTIONS:
                raise InvalidArgumentError(
                    f"reader_args: {name!r} is not supported.{nearest(name, _OPTIONS)}",
                    fix=f"one of: {', '.join(_OPTIONS)}; or give CSVSource a frame of pandas",
                )
        named = arguments.get("names") or ()
        if arguments.get("header", 0) not in (0, "infer", None) or (
            arguments.get("header", 0) is None and not named
        ):
            raise InvalidArgumentError(
                "reader_args: header is 0 (the first line), or None together with names"
            )
        missing = arguments.get("na_values") or ()
        return cls(
            separator=arguments.get("sep") or arguments.get("delimiter") or ",",
            encoding=arguments.get("encoding") or "utf-8",
            quote=arguments.get("quotechar") or '"',
            escape=arguments.get("escapechar"),
            missing=(missing,) if isinstance(missing, str) else tuple(map(str, missing)),
            decimal=arguments.get("decimal") or ".",
            names=tuple(map(str, named)),
        )

    def batches(self, file: File, types: Mapping[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
        """The rows of a file; columns without a type here are text.

        Raises:
            InvalidArgumentError: if it is no CSV file of this form.
        """
        try:
            head = self._names(file)
            convert = pcsv.ConvertOptions(
                column_types={
                    raw: types.get(name, pa.string())
                    for raw, name in zip(head, _named(head, file), strict=True)
                },
                strings_can_be_null=True,
                null_values=["", *self.missing],
                true_values=list(TRUE),
                false_values=list(FALSE),
                decimal_point=self.decimal,
            )
            if not head:
                return
            if any("\0" in name for name in head):
                raise InvalidArgumentError(
                    f"it does not begin with column names: {head[0]!r:.60}",
                    where=file.shown,
                    fix="check that it is a CSV file, and its encoding",
                )
            with file.open() as stream, self._reader(stream, convert) as reader:
                for batch in reader:
                    yield batch.rename_columns(_named(batch.schema.names, file))
        except (pa.ArrowException, UnicodeError, LookupError, TypeError, ValueError) as exc:
            if isinstance(exc, InvalidArgumentError):
                raise
            raise _broken(exc, file, self) from exc

    def _names(self, file: File) -> list[str]:
        """Column names; none: the file is empty."""
        for block in (_HEAD, BLOCK):
            try:
                with (
                    file.open() as stream,
                    self._reader(stream, pcsv.ConvertOptions(), block) as reader,
                ):
                    return list(reader.schema.names)
            except pa.ArrowInvalid as exc:
                if "Empty CSV" in str(exc) and (block == BLOCK or not file.size):
                    return []
                if block == BLOCK:
                    raise
        return []

    def _reader(self, stream: Any, convert: Any, block: int = BLOCK) -> Any:
        read = pcsv.ReadOptions(
            block_size=block, encoding=self.encoding, column_names=list(self.names) or None
        )
        parse = pcsv.ParseOptions(
            delimiter=self.separator,
            quote_char=self.quote,
            escape_char=self.escape or False,
            newlines_in_values=True,
        )
        return pcsv.open_csv(
            stream, read_options=read, parse_options=parse, convert_options=convert
        )


def _named(names: Sequence[str], file: File) -> list[str]:
    """Column names; an empty one is called as pandas calls it."""
    found = [name or f"Unnamed: {place}" for place, name in enumerate(names)]
    twice = next((name for name in found if found.count(name) > 1), None)
    if twice is not None:
        raise InvalidArgumentError(
            f"the header has two columns {twice!r}", where=file.shown, fix="rename one of them"
        )
    return found


def _broken(exc: Exception, file: File, form: CsvForm) -> InvalidArgumentError:
    text = str(exc)
    fix = ""
    if "UTF8" in text or isinstance(exc, UnicodeError):
        fix = 'attributes={"reader_args": {"encoding": "latin-1"}}, or what it is written in'
    elif "straddl" in text:
        fix = f"a row must fit into {BLOCK >> 20} MB; look for a quote that is not closed"
    elif "columns" in text:
        fix = f"every row needs as many fields as the header, between {form.separator!r}"
    return InvalidArgumentError(
        f"the CSV file cannot be read: {text:.300}", where=file.shown, fix=fix
    )


def scan(
    files: Iterable[File],
    form: CsvForm,
    texts: Sequence[str | int],
    known: Mapping[str, Column] | None = None,
) -> dict[str, Column]:
    """The columns of files, which must be the same in all.

    Args:
        files: The files; each is read once.
        form: How they are written.
        texts: Columns (names, or places) that stay text because they hold times.
        known: What was seen of files that need no look any more.
    """
    found: dict[str, Column] = dict(known or {})
    with ThreadPoolExecutor(pa.cpu_count()) as pool:
        for file in files:
            found = _scanned(file, form, texts, found, pool)
    return found


def _scanned(
    file: File,
    form: CsvForm,
    texts: Sequence[str | int],
    found: dict[str, Column],
    pool: ThreadPoolExecutor,
) -> dict[str, Column]:
    empty, last = True, None
    for batch in form.batches(file, {}):
        names = batch.schema.names
        if empty:
            empty = False
            found = _same(found, names, file)
        keep = [name in texts or place in texts for place, name in enumerate(names)]
        before = [found[name] for name in names]
        # columns do not depend on each other, and Arrow works outside of Python's lock
        seen = pool.map(_seen, before, batch.columns, keep, [form.decimal] * len(names))
        found.update(zip(names, seen, strict=True))
        last = batch.slice(batch.num_rows - 1) if batch.num_rows else last
    _check_end(file, form, last)
    return found


def _same(found: dict[str, Column], names: Sequence[str], file: File) -> dict[str, Column]:
    if not found:
        return dict.fromkeys(names, Column())
    if set(found) != set(names):
        gone = [name for name in found if name not in names]
        new = [name for name in names if name not in found]
        said = [f"without {gone}"] if gone else []
        said += [f"with {new}"] if new else []
        raise InvalidArgumentError(
            f"this file has other columns than the others: {'; '.join(said)}",
            where=file.shown,
            fix="give the files the same header, or ingest them apart",
        )
    return found


def _check_end(file: File, form: CsvForm, last: pa.RecordBatch | None) -> None:
    """A quote that is never closed makes the rest of a file one value; Arrow does not mind."""
    ends = [] if last is None else [str(values[0].as_py()) for values in last.columns]
    if not any("\n" in text for text in ends):
        return
    quotes = 0
    with file.open() as stream:
        while content := stream.read(BLOCK):
            quotes += content.count(form.quote.encode(form.encoding))
    if quotes % 2:
        raise InvalidArgumentError(
            f"a quote {form.quote} is never closed: the last row has a value of "
            f"{max(map(len, ends)):,} characters",
            where=file.shown,
            fix="look for a single quote, or say quotechar and escapechar in reader_args",
        )


def _seen(column: Column, values: pa.Array, keep: bool, decimal: str) -> Column:
    given = values
    if values.null_count:
        given = values.drop_null()
        column = replace(column, nulls=True)
    if not len(given):
        return column
    kind = column.kind
    if decimal != ".":
        given = pc.replace_substring(given, decimal, ".")
    while not fits(given, ORDER[kind]):
        kind += 1
    zoned = column.zoned
    if not zoned and (keep or kind == TEXT):
        zoned = bool(pc.any(pc.match_substring_regex(given, ZONE)).as_py())
    return replace(column, kind=kind, zoned=zoned, seen=True)
