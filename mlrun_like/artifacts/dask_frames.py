"""Dask's tables as data sets: each partition is written by the worker that has it."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import dask.base
import dask.dataframe
import pandas as pd
from dask.delayed import delayed

from mlrun_like import registry
from mlrun_like.artifacts.data import open_url
from mlrun_like.artifacts.digests import Digest
from mlrun_like.artifacts.frames import has_plain_index
from mlrun_like.artifacts.frames import write as write_table
from mlrun_like.artifacts.lazy import preview
from mlrun_like.artifacts.ports import Item
from mlrun_like.artifacts.stores import join_url, read_chunks, scheme_of
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.specs.artifact import ArtifactDoc

__all__ = ["DaskWriter", "read_frame"]

dd: Any = dask.dataframe
tasks: Any = dask.base
_FORMATS = ("parquet", "csv", "tsv", "jsonl", "feather")
_SMALL_ROWS, _SMALL_COLUMNS = 10_000, 100
_SPOOLED = 64 * 2**20
_PER_CORE = 4
"""Partitions for each core, when a table is cut here because workers cannot read its file."""


class _Part(NamedTuple):
    """One written partition; no name: it was empty, or it could not be written there."""

    name: str
    rows: int
    size: int
    sha1: str
    sha256: str
    head: pd.DataFrame | None
    written: bool


class _Job(NamedTuple):
    """How partitions are written: the same for all."""

    folder: str
    probe: str
    form: str
    options: dict[str, Any]
    rows: int


class DaskWriter:
    """Writes a table of Dask's as a folder with one file for each partition that has rows.

    A folder of one machine is written by the workers that see it; partitions of others are fetched
    one at a time. The table is never in memory as a whole.

    Args:
        doc: The data set's record, which is filled in.
        frame: The table.
        options: For the writer of each part.
        wanted: Rows in the preview, whether statistics are computed, whether both are unlimited.

    Raises:
        InvalidArgumentError: if the format is not one that can be in parts.
    """

    def __init__(
        self,
        doc: ArtifactDoc,
        frame: Any,
        options: Mapping[str, Any],
        wanted: tuple[int | None, bool | None, bool],
    ) -> None:
        form = doc.spec.format or "parquet"
        if form not in _FORMATS:
            raise InvalidArgumentError(
                f"a Dask DataFrame cannot be logged as {form}",
                fix=f"use one of: {', '.join(_FORMATS)}; or log df.compute()",
            )
        self.frame = frame
        self._doc = doc
        self._form = form
        self._options = dict(options)
        self._wanted = wanted
        preview().describe(doc, self._empty(), rows=0, stats=False)
        doc.spec.length = None

    def _empty(self) -> pd.DataFrame:
        """The table without rows, with a plain index where partitions only count their rows."""
        meta: pd.DataFrame = self.frame._meta
        return meta.reset_index(drop=True) if has_plain_index(meta) else meta

    def look(self) -> None:
        """Note the first rows, or with unlimited previews all, before the table is written."""
        rows, _, unlimited = self._wanted
        limit = config.preview_rows if rows is None else rows
        head = self.frame.compute() if unlimited else self.frame.head(limit, npartitions=-1)
        if has_plain_index(self.frame._meta):
            head = head.reset_index(drop=True)
        preview().describe(self._doc, head, rows=rows, stats=False, unlimited=unlimited)
        self._doc.spec.length = None

    def write(self, target: str) -> dict[str, Digest]:
        """Write it; gives the digest of each file.

        Raises:
            InvalidArgumentError: if a partition cannot be written in the format.
        """
        if scheme_of(target):
            parts = self._write_to(target, probe="")
        else:
            parts = self._write_folder(Path(target))
        self._describe(parts, target)
        return {part.name: _Known(part) for part in parts if part.name}

    def _write_folder(self, target: Path) -> list[_Part]:
        """Beside the target and then to its place, so that it is there as a whole or not at all."""
        target.parent.mkdir(parents=True, exist_ok=True)
        new = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}-"))
        try:
            new.chmod(0o755)
            (new / ".probe").touch()
            parts = self._write_to(str(new), probe=str(new / ".probe"))
            (new / ".probe").unlink()
            old = None
            if target.exists():
                old = target.with_name(f".{target.name}-{secrets.token_hex(4)}")
                target.rename(old)
            new.rename(target)
            if old is not None:
                shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(new, ignore_errors=True)
        return parts

    def _write_to(self, folder: str, probe: str) -> list[_Part]:
        rows = config.preview_rows if self._wanted[0] is None else self._wanted[0]
        options = {"index": not has_plain_index(self.frame._meta), **self._options}
        job = _Job(folder, probe, self._form, options, rows)
        try:
            partitions = self.frame.to_delayed()
        except ValueError:  # some expressions cannot be fused; their tasks can run as they are
            partitions = self.frame.to_delayed(optimize_graph=False)
        write = delayed(_write_part, pure=False)
        lazy = [write(part, number, job) for number, part in enumerate(partitions)]
        parts: list[_Part] = list(tasks.compute(*lazy))
        here = job._replace(probe="")
        for number, part in enumerate(parts):
            if not part.written:  # by a worker that does not see this disk
                parts[number] = _write_part(partitions[number].compute(), number, here)
        if not any(part.name for part in parts):
            parts = [_write_part(self._empty(), 0, here._replace(options=options), empty=True)]
        return parts

    def _describe(self, parts: list[_Part], target: str) -> None:
        """Length, preview and, if it is small or they are asked for, statistics."""
        rows, stats, unlimited = self._wanted
        total = sum(part.rows for part in parts)
        small = total < _SMALL_ROWS and self.frame.shape[1] < _SMALL_COLUMNS
        statistics = bool(stats or unlimited or (stats is None and small))
        if statistics:
            frame = open_url(target).as_df(format=self._form)
        else:
            heads = [part.head for part in parts if part.head is not None]
            frame = pd.concat(heads) if heads else self._empty()
        if self._form == "parquet" and has_plain_index(self.frame._meta):
            frame = frame.reset_index(drop=True)
        preview().describe(self._doc, frame, rows=rows, stats=statistics, unlimited=unlimited)
        self._doc.spec.length = total


class _Known(Digest):
    """The digest of bytes that passed elsewhere."""

    def __init__(self, part: _Part) -> None:
        super().__init__()
        self.size = part.size
        self._part = part

    @property
    def sha1(self) -> str:
        return self._part.sha1

    @property
    def sha256(self) -> str:
        return self._part.sha256


def _write_part(part: pd.DataFrame, number: int, job: _Job, empty: bool = False) -> _Part:
    """Write one partition where it is; nothing for an empty one."""
    if job.probe and not os.path.exists(job.probe):
        return _Part("", 0, 0, "", "", None, False)
    if not len(part) and not empty:
        return _Part("", 0, 0, "", "", None, True)
    if not job.options.get("index"):
        part = part.reset_index(drop=True)
    name = f"part-{number:05}.{job.form}"
    digest = Digest()
    with tempfile.SpooledTemporaryFile(max_size=_SPOOLED) as file:
        handle: Any = file
        write_table(part, handle, job.form, job.options)
        file.seek(0)
        chunks = digest.passing(read_chunks(handle))
        if job.probe:
            # only into the folder that is there: after a failure of another part it is gone
            with open(os.path.join(job.folder, name), "xb") as output:
                output.writelines(chunks)
        else:
            open_url(join_url(job.folder, name)).write(chunks)
    head = part.head(job.rows)
    return _Part(name, len(part), digest.size, digest.sha1, digest.sha256, head, True)


def read_frame(item: Item) -> Any:
    """An input as a table of Dask's, read by the workers where they can."""
    found: Any = item
    own = found.store.local_path(found._path)
    if own is not None and not _seen_by_workers(str(own)):
        cores = os.cpu_count() or 1
        return dd.from_pandas(item.as_df(), npartitions=_PER_CORE * cores)
    return found.as_df(df_module=dd)


def _seen_by_workers(path: str) -> bool:
    """Whether every worker of the present cluster can open a file of this machine."""
    distributed = registry.require("distributed", extra="dask", feature="a Dask cluster")
    try:
        client = distributed.get_client()
    except ValueError:  # threads of this process do the work
        return True
    return all(client.run(os.path.exists, path).values())
