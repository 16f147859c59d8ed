"""DeltaTarget: rows in a Delta table, for which its own log is the journal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mlrun_like.errors import ConflictError, InvalidArgumentError
from mlrun_like.feature_store.targets.delta_layout import DeltaLayout, restored
from mlrun_like.feature_store.targets.file_target import FileTarget
from mlrun_like.feature_store.targets.files import Files
from mlrun_like.feature_store.targets.frames import check_columns
from mlrun_like.feature_store.targets.layout import Layout, opened
from mlrun_like.feature_store.targets.reading import expression
from mlrun_like.feature_store.targets.state import Site, State
from mlrun_like.feature_store.targets.writing import WriteJob

__all__ = ["DeltaTarget"]


class DeltaTarget(FileTarget):
    """Rows in a Delta table.

    What is shown is one commit of the table, with the feed's position in its metadata and a
    transaction id by which a repeated commit is known. Times are kept in microseconds of UTC.

    Args:
        options: Arguments of all targets; the path is that of a folder. `partition_cols` are the
            table's partition columns.

    Raises:
        InvalidArgumentError: if it is to be partitioned otherwise.
    """

    kind = "delta"
    is_offline = True
    support_spark = True
    suffixes = (".delta-file",)  # a table is never one file

    def __init__(
        self,
        name: str = "",
        path: Any = None,
        attributes: Mapping[str, Any] | None = None,
        after_step: str | None = None,
        columns: Sequence[str] | None = None,
        partition_cols: Sequence[str] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            name, path, attributes, after_step, columns, partition_cols=partition_cols,
            storage_options=storage_options, **options,
        )  # fmt: skip
        if self.key_bucketing_number is not None or self.time_partitioning_granularity:
            raise InvalidArgumentError(
                "a Delta table is partitioned by columns only", where=f"target {self.name!r}",
                fix="partition_cols=['day']",
            )  # fmt: skip

    def site(self, path: str = "") -> Site:
        path = path or self.get_target_path()
        if path.startswith("memory://"):
            raise InvalidArgumentError(
                f"a Delta table cannot be in memory: {path!r:.120}", fix="give a folder"
            )
        return Site(Files(path, self.storage_options))

    def layout(self, job: WriteJob | None) -> Layout:
        options = {key: str(value) for key, value in (self.storage_options or {}).items()}
        return DeltaLayout(list(self.partition_cols or ()), options)

    def rows(
        self,
        site: Site,
        state: State | None,
        columns: Sequence[str] | None,
        times: tuple[str, Any, Any],
        filters: Any,
    ) -> Any:
        layout = self.layout(None)
        assert isinstance(layout, DeltaLayout)
        table = layout.table(site)
        if table is None:
            raise self.missing()
        found = table.to_pyarrow_dataset()
        names = list(columns) if columns is not None else found.schema.names
        check_columns(names, found.schema.names, site.where)
        condition = expression(found.schema, times, filters, site.where)
        rows = found.to_table(columns=names, filter=condition)
        return restored(rows, state.schema if state is not None else None)

    def as_arrow(
        self,
        columns: Sequence[str] | None = None,
        times: tuple[str, Any, Any] = ("", None, None),
        filters: Any = None,
    ) -> Any:
        site = self.site()
        return self.rows(site, opened(site, self.layout(None)), columns, times, filters)

    def exists(self) -> bool:
        layout = self.layout(None)
        site = self.site()
        opened(site, layout)
        return isinstance(layout, DeltaLayout) and layout.table(site) is not None

    def purge(self) -> None:
        site = self.site()
        if State.load(site) is None:
            if site.files.exists("_delta_log"):
                raise ConflictError(
                    "the table was not written by a feature set; it is not deleted",
                    where=site.where,
                    fix="delete it yourself",
                )
            return
        layout = self.layout(None)
        assert isinstance(layout, DeltaLayout)
        table = layout.table(site)
        for name in sorted({*_all_files(table)} if table is not None else ()):
            site.files.delete(name)
            site.files.prune(name)
        for folder in ("_delta_log", site.control):
            site.files.delete(folder, recursive=True)
        local = site.files.local()
        if local is not None and local.is_dir() and not any(local.iterdir()):
            local.rmdir()


def _all_files(table: Any) -> Iterator[str]:
    """The files of the table and those that its log no longer counts."""
    yield from (uri.rpartition("/")[2] if "=" not in uri else _below(uri, table)
                for uri in table.file_uris())  # fmt: skip
    yield from table.vacuum(retention_hours=0, dry_run=True, enforce_retention_duration=False)


def _below(uri: str, table: Any) -> str:
    root = str(table.table_uri).rstrip("/").removeprefix("file://")
    return uri.removeprefix("file://").removeprefix(root).lstrip("/")
