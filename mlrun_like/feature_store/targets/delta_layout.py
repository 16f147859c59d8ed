"""A Delta table: its log is the journal; rows are staged beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mlrun_like.errors import ConflictError, InvalidArgumentError, StoreUnavailableError
from mlrun_like.feature_store.targets.frames import cast, check_columns, conform, plain, unify
from mlrun_like.feature_store.targets.layout import Layout, Parts
from mlrun_like.feature_store.targets.merging import kept_rows
from mlrun_like.feature_store.targets.parquet_parts import ParquetParts
from mlrun_like.feature_store.targets.state import Site, State, schema_of, schema_text
from mlrun_like.feature_store.targets.writing import WriteJob
from mlrun_like.registry import require

__all__ = ["DeltaLayout", "restored"]


def _delta() -> Any:
    return require("deltalake", extra="delta", feature="a Delta target")


class DeltaLayout(Layout):
    """A Delta table.

    Args:
        partition_by: Its partition columns.
        options: Options of its place.
    """

    def __init__(self, partition_by: list[str], options: Mapping[str, str]) -> None:
        self._partition_by, self._options = partition_by, dict(options)

    def parts(self, site: Site, folder: str, job: WriteJob) -> Parts:
        return ParquetParts(site.files, folder)

    def check(self, site: Site, schema: pa.Schema, job: WriteJob) -> None:
        check_columns(self._partition_by, schema.names, site.where)

    def table(self, site: Site) -> Any:
        """The table; None: there is none."""
        delta = _delta()
        uri = site.files.url if not site.files.is_local else site.files.root
        if not site.files.exists("_delta_log"):
            return None
        try:
            return delta.DeltaTable(uri, storage_options=self._options or None)
        except delta.exceptions.DeltaError as exc:
            raise StoreUnavailableError(
                f"the Delta table cannot be opened: {exc!s:.200}", where=site.where
            ) from exc

    def plan(self, site: Site, state: State, feed: dict[str, Any], job: WriteJob) -> dict[str, Any]:
        digest = hashlib.sha256(job.feed.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        fresh = feed["schema"]
        replaced = job.overwrite and not feed.get("shown")
        schema = schema_of(fresh) if fresh else state.schema
        if fresh and not replaced:
            schema = unify(state.bound, schema, site.where)
        rows = sum(part[2] for part in feed["parts"])
        return {
            "schema": schema_text(schema) if schema is not None else "",
            "files": {"_delta_log": (0 if replaced else state.files.get("_delta_log", 0)) + rows},
            "moves": [],
            "removes": [],
            "delta": {
                "id": digest,
                "version": state.generation + 1,
                "feed": job.feed,
                "position": feed["position"],
                "parts": [part[0] for part in feed["parts"]],
                "overwrite": replaced,
                "merge": list(job.merge),
                "time": job.timestamp_key,
                "schema": fresh,
            },
        }

    def apply(self, site: Site, publish: dict[str, Any]) -> None:
        plan = publish["delta"]
        delta = _delta()
        table = self.table(site)
        if not plan["schema"] or (not plan["parts"] and not plan["overwrite"] and table):
            return
        if table is not None and (table.transaction_version(plan["id"]) or 0) >= plan["version"]:
            return  # it was done, and not noted
        properties = delta.CommitProperties(
            custom_metadata={"feed": plan["feed"], "position": plan["position"]},
            app_transactions=[delta.Transaction(plan["id"], plan["version"])],
        )
        try:
            if plan["merge"] and table is not None and not plan["overwrite"]:
                self._merge(site, table, plan, properties)
            else:
                self._write(site, delta, plan, properties)
        except delta.exceptions.CommitFailedError as exc:
            raise ConflictError(
                f"another process changed the Delta table: {exc!s:.200}", where=site.where,
                fix="finish again",
            ) from exc  # fmt: skip
        except delta.exceptions.DeltaError as exc:
            raise InvalidArgumentError(
                f"the Delta table refuses: {exc!s:.300}", where=site.where
            ) from exc

    def _write(self, site: Site, delta: Any, plan: dict[str, Any], properties: Any) -> None:
        schema = schema_of(plan["schema"])
        kinds = _simple(schema.empty_table()).schema
        tables = _tables(site, plan["parts"], schema)
        if plan["merge"]:
            tables = iter([_winners(pa.concat_tables([schema.empty_table(), *tables]), plan)])
        batches = (batch for table in tables for batch in _simple(table).cast(kinds).to_batches())
        overwrite = plan["overwrite"]
        delta.write_deltalake(
            site.files.url if not site.files.is_local else site.files.root,
            pa.RecordBatchReader.from_batches(kinds, batches),
            partition_by=self._partition_by or None,
            mode="overwrite" if overwrite else "append",
            schema_mode="overwrite" if overwrite else "merge",
            storage_options=self._options or None,
            commit_properties=properties,
        )

    def _merge(self, site: Site, table: Any, plan: dict[str, Any], properties: Any) -> None:
        schema = schema_of(plan["schema"])
        tables = _tables(site, plan["parts"], schema)
        source = _simple(_winners(pa.concat_tables([schema.empty_table(), *tables]), plan))
        same = " AND ".join(
            f"target.{_quoted(key)} = source.{_quoted(key)}" for key in plan["merge"]
        )
        time = _quoted(plan["time"]) if plan["time"] else ""
        newer = f"source.{time} >= target.{time} OR target.{time} IS NULL" if time else None
        (
            table.merge(
                source, same, source_alias="source", target_alias="target", merge_schema=True,
                commit_properties=properties,
            )
            .when_matched_update_all(newer)
            .when_not_matched_insert_all()
            .execute()
        )  # fmt: skip

    def size(self, site: Site, state: State) -> int | None:
        table = self.table(site)
        if table is None:
            return None
        actions = pa.table(table.get_add_actions(flatten=True))
        return int(sum(actions["size_bytes"].to_pylist()))


def _quoted(name: str) -> str:
    return "`" + name.replace("`", "``") + "`"


def _winners(table: pa.Table, plan: dict[str, Any]) -> pa.Table:
    mask = kept_rows(table, plan["merge"], plan["time"])
    return table.take(pa.array(np.flatnonzero(mask)))


def _tables(site: Site, parts: Sequence[str], schema: pa.Schema) -> Iterator[pa.Table]:
    for name in parts:
        source, system = site.files.source(name)
        with pq.ParquetFile(source, filesystem=system) as file:
            for batch in file.iter_batches(65_536):
                yield conform(pa.Table.from_batches([batch]), schema)


def _simple(table: pa.Table) -> pa.Table:
    """The table in types that Delta has."""
    table = plain(table).replace_schema_metadata(None)
    types = pa.types
    for place, one in enumerate(table.schema):
        kind = one.type
        if types.is_timestamp(kind):
            wanted = pa.timestamp("us", "UTC" if kind.tz else None)
        elif types.is_null(kind):
            wanted = pa.string()
        elif types.is_uint64(kind):
            wanted = pa.decimal128(20, 0)
        elif types.is_unsigned_integer(kind) or types.is_duration(kind):
            wanted = pa.int64()
        elif types.is_float16(kind):
            wanted = pa.float32()
        else:
            continue
        column = table[place].cast(pa.timestamp("us", kind.tz), safe=False) if (
            types.is_timestamp(kind)) else table[place]  # fmt: skip
        table = table.set_column(place, pa.field(one.name, wanted), column.cast(wanted))
    return table


def restored(table: pa.Table, schema: pa.Schema | None) -> pa.Table:
    """The table in the types that were written."""
    for place, one in enumerate(table.schema):
        if schema is not None and one.name in schema.names:
            kind = schema.field(one.name).type
            table = table.set_column(place, pa.field(one.name, kind), cast(table[place], kind))
    return table.replace_schema_metadata(schema.metadata if schema is not None else None)
