"""CSVTarget: rows in a CSV file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.dataset as pads

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.targets.csv_layout import CsvLayout, csv_tables
from mlrun_like.feature_store.targets.file_target import FileTarget
from mlrun_like.feature_store.targets.frames import check_columns
from mlrun_like.feature_store.targets.layout import Layout
from mlrun_like.feature_store.targets.reading import data_files, expression
from mlrun_like.feature_store.targets.state import Site, State
from mlrun_like.feature_store.targets.writing import WriteJob

__all__ = ["CSVTarget"]


class CSVTarget(FileTarget):
    """Rows in a CSV file, with a line of names.

    Missing values are empty, empty texts are `""`; lists are JSON. `as_df` gives the types that
    were written.

    Args:
        options: Arguments of all targets; the path ends in `.csv`.
    """

    kind = "csv"
    suffix = ".csv"
    is_offline = True
    support_spark = True
    suffixes = (".csv",)

    def site(self, path: str = "") -> Site:
        path = path or self.get_target_path()
        if not path.endswith(self.suffixes):
            raise InvalidArgumentError(
                f"CSV target must be a single file, got path {path!r:.200}",
                where=f"target {self.name!r}",
                fix="end the path with .csv",
            )
        return super().site(path)

    def layout(self, job: WriteJob | None) -> Layout:
        return CsvLayout()

    def rows(
        self,
        site: Site,
        state: State | None,
        columns: Sequence[str] | None,
        times: tuple[str, Any, Any],
        filters: Any,
    ) -> Any:
        schema = state.schema if state is not None else None
        if not data_files(site, state):
            raise self.missing()
        tables = list(csv_tables(site, schema))
        table = pa.concat_tables(tables) if tables else (schema or pa.schema([])).empty_table()
        names = list(columns) if columns is not None else table.schema.names
        check_columns(names, table.schema.names, site.where)
        condition = expression(table.schema, times, filters, site.where)
        found = pads.dataset(table).to_table(columns=names, filter=condition)
        return found.replace_schema_metadata(table.schema.metadata)
