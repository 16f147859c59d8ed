"""TSDBTarget: writes events as rows of a table of times."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import sqlalchemy as sa

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.serving.event import Event
from mlrun_like.serving.steps.targets import BatchTarget
from mlrun_like.serving.steps.targets_columns import Columns, parse_columns
from mlrun_like.serving.steps.targets_files import Place
from mlrun_like.serving.steps.targets_parquet import frame_bytes

__all__ = ["TSDBTarget"]

_SQL = ("sqlite", "postgresql", "mysql", "mariadb", "timescaledb")


class TSDBTarget(BatchTarget):
    """Writes events with a time, and labels that say what they are of, and passes them on.

    Rows go to Parquet files in folders `date=YYYY-MM-DD` below `path`, or to a table of a SQL
    database, which is made if it does not exist; its index is time and labels.

    Args:
        path: A path or URL of a folder; or the URL of a database with the table's name at its end:
            `postgresql://host/db#metrics`.
        time_col: The column of the time.
        time_format: How times that are texts are written; ISO 8601 by default.
        columns: The columns of values, in storey's notation (see `targets_columns`).
        infer_columns_from_data: Whether they are the fields of the first event.
        index_cols: The columns of labels.
        rate: How often samples come, such as `"1/h"`; only a `frames_client` uses it.
        aggr: Aggregates kept by the server; only a `frames_client` uses it.
        aggr_granularity: Their granularity; only a `frames_client` uses it.
        frames_client: A client with `create` and `write`, as of V3IO frames, to write with instead.
        max_events: The most events that are held.
        flush_after_seconds: How long the first of them waits at most.
        storage_options: Arguments of fsspec's file system.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidTypeError: if an argument has a type that cannot be used.
        InvalidArgumentError: if an argument is wrong.
    """

    def __init__(  # noqa: PLR0913 - storey's signature
        self,
        path: str,
        time_col: str,
        time_format: str | None = None,
        columns: Sequence[str] | str | None = None,
        infer_columns_from_data: bool | None = None,
        index_cols: Sequence[str] | str | None = None,
        rate: str = "",
        aggr: str = "",
        aggr_granularity: str | None = None,
        frames_client: Any = None,
        max_events: int | None = 1000,
        flush_after_seconds: float | None = 10,
        storage_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(max_events, flush_after_seconds, **options)
        step = type(self).__name__
        labels = [index_cols] if isinstance(index_cols, str) else list(index_cols or ())
        index = parse_columns([time_col, *labels], "index_cols", step)
        declared = parse_columns(columns, "columns", step)
        if not declared and not infer_columns_from_data:
            raise InvalidArgumentError(
                "the columns of values are not known",
                where=f"step class {step}",
                fix="name columns, or infer_columns_from_data=True",
            )
        self.path = path
        self.columns = Columns(declared, bool(infer_columns_from_data), index, step=step)
        self._names = [column.name for column in index]
        self._time_format = time_format
        self._creation = {
            "rate": rate,
            "aggregates": aggr,
            "aggregation_granularity": aggr_granularity or "",
        }
        self._client = frames_client
        self._created = False
        self._place: Place | None = None
        self._url: sa.URL | None = None
        self._engine: sa.Engine | None = None
        self._table = ""
        if frames_client is not None:
            self._table = _frames_table(path)
        elif urlsplit(path).scheme.partition("+")[0] in _SQL:
            self._url, self._table = _database(path)
        else:
            self._place = Place(path, storage_options)

    def begin(self) -> None:
        self.columns.begin()

    def entry_of(self, event: Event) -> list[Any]:
        return self.columns.row(event)

    def write(self, part: Any, batch: list[list[Any]]) -> None:
        frame = pd.DataFrame(batch, columns=self._names + self.columns.names()[len(self._names) :])
        moment = self._names[0]
        try:
            frame[moment] = pd.to_datetime(frame[moment], format=self._time_format)
        except (ValueError, TypeError) as exc:
            raise InvalidArgumentError(
                f"column {moment!r} holds something that is no time: {exc!s:.200}",
                where=f"step {self.name!r}",
            ) from exc
        if self._client is not None:
            self._to_client(frame)
        elif self._place is not None:
            self._to_files(frame, self._place)
        else:
            self._to_database(frame)

    def _to_client(self, frame: pd.DataFrame) -> None:
        if not self._created and self._creation["rate"]:
            self._client.create("tsdb", table=self._table, if_exists=1, **self._creation)
        self._created = True
        self._client.write("tsdb", self._table, frame.set_index(self._names))

    def _to_files(self, frame: pd.DataFrame, place: Place) -> None:
        days = frame[self._names[0]].dt.strftime("%Y-%m-%d")
        for day, rows in frame.groupby(days.fillna("unknown")):
            data = frame_bytes(rows.reset_index(drop=True), self._names)
            place.at(f"date={day}", f"{uuid.uuid4()}.parquet").write(data)

    def _to_database(self, frame: pd.DataFrame) -> None:
        try:
            if self._engine is None:
                self._engine = sa.create_engine(self._url or "")
            with self._engine.begin() as connection:
                frame.set_index(self._names).to_sql(self._table, connection, if_exists="append")
        except (sa.exc.SQLAlchemyError, ModuleNotFoundError) as exc:
            raise StoreUnavailableError(
                f"table {self._table!r} cannot be written: {exc!s:.300}", where=repr(self._url)
            ) from exc

    def finish(self) -> None:
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()


def _frames_table(path: str) -> str:
    parts = urlsplit(path)
    return parts.path if parts.scheme else "/" + path.strip("/").partition("/")[2]


def _database(path: str) -> tuple[sa.URL, str]:
    address, _, table = path.partition("#")
    if not table:
        raise InvalidArgumentError(
            "the address names no table",
            where="step class TSDBTarget",
            fix="write #NAME at its end",
        )
    try:
        return sa.make_url(address.replace("timescaledb", "postgresql", 1)), table
    except sa.exc.ArgumentError as exc:
        raise InvalidArgumentError("the address of a database cannot be used") from exc
