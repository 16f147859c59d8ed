"""Targets of Parquet files: a folder, perhaps with folders in it, or one file."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.feature_store.targets.frames import conform, unify
from mlrun_like.feature_store.targets.layout import Layout, Part, Parts
from mlrun_like.feature_store.targets.merging import kept
from mlrun_like.feature_store.targets.parquet_parts import FolderParts, ParquetFile, ParquetParts
from mlrun_like.feature_store.targets.partitions import Partitioning
from mlrun_like.feature_store.targets.state import Site, State, schema_of, schema_text
from mlrun_like.feature_store.targets.writing import WriteJob
from mlrun_like.names import new_uid

__all__ = ["ParquetLayout"]

_BATCH = 65_536


class ParquetLayout(Layout):
    """Parquet files.

    Args:
        partitioning: What folders in the folder are made of.
    """

    def __init__(self, partitioning: Partitioning | None = None) -> None:
        self.partitioning = partitioning or Partitioning()

    def describe(self, state: State) -> None:
        state.partitions = list(self.partitioning.columns)
        state.time_units = list(self.partitioning.units)

    def check(self, site: Site, schema: pa.Schema, job: WriteJob) -> None:
        self.partitioning.check(schema)
        if site.single and job.live:
            raise InvalidArgumentError(
                f"one Parquet file cannot take rows of a live feed: {site.single!r:.120}",
                where=site.where,
                fix="give the path of a folder",
            )
        for name in job.merge:
            if pa.types.is_nested(schema.field(name).type):
                raise InvalidArgumentError(
                    f"column {name!r:.80} holds {schema.field(name).type} and cannot be a key"
                )

    def parts(self, site: Site, folder: str, job: WriteJob) -> Parts:
        if self.partitioning:
            return FolderParts(site.files, folder, self.partitioning)
        return ParquetParts(site.files, folder)

    def plan(self, site: Site, state: State, feed: dict[str, Any], job: WriteJob) -> dict[str, Any]:
        replaced = job.overwrite and not feed.get("shown")
        fresh = schema_of(feed["schema"]) if feed["schema"] else None
        schema = fresh if replaced else state.schema
        if fresh is not None and not replaced:
            schema = unify(state.bound, fresh, site.where)
        parts: list[Part] = [list(part) for part in feed["parts"]]
        old = {} if replaced else dict(state.files)
        if site.single:
            if not replaced and not old and site.files.exists(site.single):
                old = {site.single: 0}  # somebody else's file, which is added to
            if parts or replaced or not old:
                return self._whole(site, state, job, schema, old, parts)
            return _plan(schema, state.files)
        masks: dict[str, Any] = {}
        if job.merge and parts:
            masks = self._masks(site, state, feed, job, old, parts)
        return self._folder(site, state, schema, old, parts, masks)

    # A folder ---------------------------------------------------------------------------------

    def _folder(
        self,
        site: Site,
        state: State,
        schema: pa.Schema | None,
        old: dict[str, int],
        parts: list[Part],
        masks: dict[str, Any],
    ) -> dict[str, Any]:
        moves: list[list[str]] = []
        files = dict(old)
        gone = [name for name in state.files if name not in old]
        for name in old:
            if name in masks:
                left = int(masks[name].sum())
                if left:
                    moves.append([_filtered(site, name, masks[name]), name])
                    files[name] = left
                else:
                    gone.append(name)
                    del files[name]
        free: dict[str, list[str]] = defaultdict(list)
        for name in gone:
            free[name.rpartition("/")[0]].append(name)
        if not parts and not files and schema is not None and not self.partitioning:
            parts = [_empty(site, schema)]
        uid = new_uid()
        for number, (staged, folder, rows) in enumerate(parts):
            source, left = staged, rows
            if staged in masks:
                left = int(masks[staged].sum())
                if not left:
                    continue
                source = _filtered(site, staged, masks[staged])
            # a name that is free in the folder is taken over: its content changes in one step
            name = f"{uid}-{number:05d}{site.suffix}"
            target = free[folder].pop() if free[folder] else f"{folder}/{name}".lstrip("/")
            moves.append([source, target])
            files[target] = left
        removes = [name for names in free.values() for name in names]
        return _plan(schema, files, moves, removes)

    def _masks(
        self,
        site: Site,
        state: State,
        feed: dict[str, Any],
        job: WriteJob,
        old: dict[str, int],
        parts: list[Part],
    ) -> dict[str, Any]:
        names = [*old, *(part[0] for part in parts)]
        # a part's folder is not in the path of its staged file, so it is described on its own
        described = [(state, list(old))] if old else []
        fresh = schema_of(feed["schema"])
        for part in parts:
            described.append((_part_state(fresh, self.partitioning, part), [part[0]]))
        found = kept(site, described, job.merge, job.timestamp_key)
        return {name: mask for name, mask in zip(names, found, strict=True) if mask is not None}

    # One file ---------------------------------------------------------------------------------

    def _whole(
        self,
        site: Site,
        state: State,
        job: WriteJob,
        schema: pa.Schema | None,
        old: dict[str, int],
        parts: list[Part],
    ) -> dict[str, Any]:
        sources = [*old, *(part[0] for part in parts)]
        if old and state.schema is None:
            found = _schema(site, site.single)
            schema = found if schema is None else unify(found, schema, site.where)
        if schema is None:
            return _plan(None, state.files)
        masks: list[Any] = [None] * len(sources)
        if job.merge and parts:
            plain = State(schema=schema, files=dict.fromkeys(sources, 0))
            masks = kept(site, [(plain, sources)], job.merge, job.timestamp_key)
        if len(parts) == 1 and not old and masks[0] is None:
            staged, _, rows = parts[0]
        else:
            staged, rows = _joined(site, sources, masks, schema)
        return _plan(schema, {site.single: rows}, [[staged, site.single]])


def _part_state(schema: pa.Schema, partitioning: Partitioning, part: Part) -> State:
    del partitioning
    return State(schema=schema, files={part[0]: part[2]})


def _plan(
    schema: pa.Schema | None,
    files: dict[str, int],
    moves: list[list[str]] | None = None,
    removes: list[str] | None = None,
) -> dict[str, Any]:
    return {
        "schema": schema_text(schema) if schema is not None else "",
        "files": dict(files),
        "moves": moves or [],
        "removes": removes or [],
    }


def _schema(site: Site, name: str) -> pa.Schema:
    source, system = site.files.source(name)
    return pq.read_schema(source, filesystem=system)


def _staged(site: Site) -> str:
    return f"{site.control}/made/{new_uid()}.staged"


def _empty(site: Site, schema: pa.Schema) -> Part:
    one = ParquetFile(site.files, _staged(site), schema)
    one.close()
    return [one.name, "", 0]


def _filtered(site: Site, name: str, mask: Any) -> str:
    """A copy of a file with some of its rows; returns its name."""
    made, _ = _joined(site, [name], [mask], _schema(site, name))
    return made


def _joined(site: Site, sources: list[str], masks: list[Any], schema: pa.Schema) -> tuple[str, int]:
    """One file of the rows of several; returns its name and how many they are."""
    made = ParquetFile(site.files, _staged(site), schema)
    try:
        for name, mask in zip(sources, masks, strict=True):
            source, system = site.files.source(name)
            start = 0
            with pq.ParquetFile(source, filesystem=system) as file:
                for batch in file.iter_batches(_BATCH):
                    table = pa.Table.from_batches([batch])
                    end = start + table.num_rows
                    if mask is not None:
                        table = table.take(pa.array(np.flatnonzero(mask[start:end])))
                    start = end
                    if table.num_rows:
                        made.write(conform(table, schema))
    finally:
        made.close()
    site.files.sync([made.name])
    return made.name, made.rows
