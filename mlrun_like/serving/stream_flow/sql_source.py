"""SQLSource: the rows of a database table as events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd
import sqlalchemy as sa

from mlrun_like.errors import NotFoundError, StoreUnavailableError
from mlrun_like.serving.steps.checks import check_strings
from mlrun_like.serving.stream_flow.iterable_source import IterableSource

__all__ = ["SQLSource"]

_ROWS = 1000


class SQLSource(IterableSource):
    """Makes an event of each row of a table; the body is a dictionary.

    Args:
        db_path: URL of the database, such as `sqlite:///file.db`.
        table_name: Name of the table.
        key_field: The column, or columns, that are the key of events.
        id_field: The column that is their id.
        time_fields: Columns that hold times.
        options: The arguments that all steps share; see `FlowStep`.

    Raises:
        InvalidArgumentError: if an argument cannot be used.

    >>> import tempfile
    >>> from mlrun_like.serving.steps.ending import Reduce
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     url = f"sqlite:///{folder}/rows.db"
    ...     _ = pd.DataFrame({"n": [1, 2]}).to_sql("numbers", url, index=False)
    ...     source = SQLSource(url, "numbers")
    ...     _ = source.to(Reduce(0, lambda total, row: total + row["n"]))
    ...     source.run().await_termination()
    3
    """

    def __init__(
        self,
        db_path: str,
        table_name: str,
        key_field: str | Sequence[str] | None = None,
        id_field: str | None = None,
        time_fields: Sequence[str] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(key_field, id_field, **options)
        self.db_path = db_path
        self.table_name = table_name
        self.time_fields = (
            None if time_fields is None else check_strings(time_fields, "time_fields", "SQLSource")
        )

    def frames(self) -> Iterator[tuple[pd.DataFrame, str]]:
        engine = sa.create_engine(self.db_path)
        try:
            with engine.connect().execution_options(stream_results=True) as connection:
                table = sa.Table(self.table_name, sa.MetaData(), autoload_with=connection)
                chunks = pd.read_sql(
                    sa.select(table),
                    con=connection,
                    parse_dates=self.time_fields,
                    chunksize=_ROWS,
                )
                for frame in chunks:
                    yield frame, ""
        except sa.exc.NoSuchTableError as exc:
            raise NotFoundError(
                f"the database has no table {self.table_name!r}", where="SQLSource"
            ) from exc
        except sa.exc.OperationalError as exc:
            raise StoreUnavailableError(
                f"the database cannot be read: {exc.orig}", where="SQLSource"
            ) from exc
        finally:
            engine.dispose()
