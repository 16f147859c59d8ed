"""Remove what nobody needs: records deleted long ago, and files that no record names.

A file goes only if it lies below the artifacts or code folder in the home, is older than the grace
period, and no record (also no soft-deleted one, and no run that has not ended) names it or a folder
above it. That is checked again inside the transaction in which it is removed, so a record made in
between saves its file. Stopping half-way is harmless: the next call goes on.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from sqlalchemy import select, text

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.tracking import schema as t
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.objects import purge_artifacts
from mlrun_like.tracking.part import SqlPart, chunks
from mlrun_like.tracking.runs import purge_runs
from mlrun_like.tracking.transaction import Transaction

__all__ = ["DAY", "GcReport", "collect"]

DAY = 86_400.0
_ENDED = ("completed", "error", "aborted", "skipped")


@dataclass
class GcReport:
    """What was removed, or with `dry_run` what would be.

    Args:
        runs: Number of run records.
        artifacts: Number of artifact records.
        files: Paths of files, sorted.
        size: Bytes of those files.
        dry_run: Whether nothing was touched.
        notes: Why something was left, in words.
    """

    runs: int = 0
    artifacts: int = 0
    files: list[str] = field(default_factory=list)
    size: int = 0
    dry_run: bool = False
    notes: list[str] = field(default_factory=list)


def collect(
    store: Store, *, dry_run: bool = False, keep_days: float | None = None, grace: float = DAY
) -> GcReport:
    """Remove records deleted more than `keep_days` ago and files that no record names.

    Args:
        store: The store to clean.
        dry_run: Only report; the same call without it then removes exactly that.
        keep_days: Days since the deletion; None: the setting `keep_deleted_days`.
        grace: Seconds a file must be old, so that one being written stays.

    Raises:
        InvalidArgumentError: if the store has no records of its own, or a number is negative.
        StoreUnavailableError: if the store cannot be used.
    """
    if not isinstance(store, SqlPart):
        raise InvalidArgumentError(
            f"{store!r} cannot be cleaned from here", fix="open the database itself"
        )
    keep = config.keep_deleted_days if keep_days is None else keep_days
    if keep < 0 or grace < 0:
        raise InvalidArgumentError(f"keep_days={keep} and grace={grace} must not be negative")
    store.writer.settle()
    report = GcReport(dry_run=dry_run)
    before = time.time() - keep * DAY
    runs, artifacts = _expired(store, before)
    report.runs, report.artifacts = len(runs), len(artifacts)
    if not dry_run:
        for part in chunks(runs, 100):
            store.writer.transact(partial(_purge, purge_runs, part))
        for part in chunks(artifacts, 100):
            store.writer.transact(partial(_purge, purge_artifacts, part))
    if store.writer.spool.pending():
        report.notes.append(
            f"files are left alone: records that may name them wait in {store.writer.spool.folder}"
        )
        return report
    _files(store, report, set(artifacts), set(runs), time.time() - grace)
    return report


def _expired(store: SqlPart, before: float) -> tuple[list[int], list[int]]:
    with store.database.read() as connection:
        return (
            list(
                connection.execute(
                    select(t.runs.c.run_id).where(t.runs.c.deleted_at < before)
                ).scalars()
            ),
            list(
                connection.execute(
                    select(t.artifacts.c.artifact_id).where(t.artifacts.c.deleted_at < before)
                ).scalars()
            ),
        )


# files


def _files(
    store: SqlPart, report: GcReport, artifacts: set[int], runs: set[int], older: float
) -> None:
    roots = [config.path("artifacts"), config.path("code")]
    candidates = [found for root in roots for found in _old_files(root, older)]
    if not candidates:
        return
    if report.dry_run:

        def look(tx: Transaction) -> list[tuple[str, int]]:
            return _unnamed(tx, candidates, artifacts, runs)

        gone = store.writer.transact(look)
    else:
        gone = []
        for part in chunks(candidates, 2000):
            gone += store.writer.transact(partial(_remove, part, older))
        for root in roots:
            _remove_empty_folders(root)
    report.files = sorted(path for path, _ in gone)
    report.size = sum(size for _, size in gone)


def _purge(
    action: Callable[[Transaction, Sequence[int]], None], ids: Sequence[int], tx: Transaction
) -> None:
    action(tx, ids)


def _remove(
    candidates: Iterable[tuple[str, int]], older: float, tx: Transaction
) -> list[tuple[str, int]]:
    if tx.postgresql:
        # as SQLite's one writer does: nobody adds a record while files go
        tx.execute(text("LOCK TABLE artifacts, functions, runs IN SHARE MODE"))
    removed = []
    for path, size in _unnamed(tx, candidates, set(), set()):
        try:
            if os.stat(path).st_mtime > older:
                continue  # written anew since it was listed
            os.unlink(path)
        except FileNotFoundError:
            continue
        removed.append((path, size))
    return removed


def _old_files(root: Path, older: float) -> Iterator[tuple[str, int]]:
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            try:
                found = os.lstat(path)
            except OSError:
                continue
            if found.st_mtime < older:
                yield path, found.st_size


def _unnamed(
    tx: Transaction, candidates: Iterable[tuple[str, int]], artifacts: set[int], runs: set[int]
) -> list[tuple[str, int]]:
    named, uids = _named(tx, artifacts, runs)
    free = []
    for path, size in candidates:
        parts = Path(path).parts
        real = os.path.realpath(path)
        if uids.isdisjoint(parts) and not _covered(path, named) and not _covered(real, named):
            free.append((path, size))
    return free


def _covered(path: str, named: set[str]) -> bool:
    """Whether the path or a folder above it is named."""
    while path not in named:
        above = os.path.dirname(path)
        if above == path:
            return False
        path = above
    return True


def _named(tx: Transaction, artifacts: set[int], runs: set[int]) -> tuple[set[str], set[str]]:
    """All paths that records name, and the uids of runs that have not ended."""
    home = {str(config.path()), str(config.path("artifacts")), str(config.path("code")), os.sep}
    named: set[str] = set()
    a, r = t.artifacts.c, t.runs.c
    for artifact_id, target, body in tx.execute(select(a.artifact_id, a.target_path, a.body)):
        if artifact_id in artifacts:
            continue
        base = _local(target)
        for value in [target, *_texts(json.loads(body).get("spec"))]:
            path = _local(value, base)
            if path:
                named.update((path, os.path.realpath(path)))
    for (body,) in tx.execute(select(t.functions.c.body)):
        for value in _texts(json.loads(body).get("spec")):
            path = _local(value)
            if path:
                named.update((path, os.path.realpath(path)))
    busy = tx.execute(select(r.uid, r.run_id).where(r.state.not_in(_ENDED), r.deleted_at.is_(None)))
    # a record that names the whole folder names nothing in particular
    return named - home, {uid for uid, run_id in busy if run_id not in runs}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if len(value) < 4096:
            yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _local(value: str, base: str = "") -> str:
    """The absolute path that a text means on this machine; empty if it is none."""
    if not value or "\x00" in value:
        return ""
    if value.startswith("file://"):
        value = unquote(urlsplit(value).path)
    elif value.startswith("service://"):
        # what a service keeps for its clients lies below the artifacts; else it is not ours
        value = str(config.path("artifacts", *value[len("service://") :].split("/")))
    elif "://" in value:
        return ""
    if value.startswith("~"):
        value = os.path.expanduser(value)
    if os.path.isabs(value):
        return os.path.normpath(value)
    return os.path.normpath(os.path.join(base, value)) if base else ""


def _remove_empty_folders(root: Path) -> None:
    for folder, _, _ in os.walk(root, topdown=False):
        if folder != str(root) and time.time() - os.stat(folder).st_mtime > 60:
            try:
                os.rmdir(folder)
            except OSError:
                continue  # not empty, which is what was asked
