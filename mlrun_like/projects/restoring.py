"""A project from an archive that `export_project` wrote, on this machine or another.

Nothing in the archive is run. It is refused as a whole if a member is missing, unknown, too large,
would be written outside of its folder, or differs from its digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.artifacts.stores import read_chunks
from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, InvalidArgumentError, MissingFileError
from mlrun_like.names import check_project
from mlrun_like.projects.bundle import Tell
from mlrun_like.projects.deleting import delete_project
from mlrun_like.projects.manifest import read_manifest, unpack
from mlrun_like.projects.project import MlrunProject
from mlrun_like.projects.rewriting import Names
from mlrun_like.specs.project import ProjectDoc
from mlrun_like.tracking.abilities import StepRow, WorkflowStore
from mlrun_like.tracking.base import MetricPoint, Store
from mlrun_like.tracking.connect import open_store

__all__ = ["import_project"]

_MAX_BYTES = 64 * 2**30
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def _silent(done: float, total: float, what: str) -> None:
    """Nobody wants to know how far it is."""


def import_project(
    archive: str | os.PathLike[str],
    context: str | os.PathLike[str] = "",
    name: str = "",
    *,
    overwrite: bool = False,
    max_bytes: int = _MAX_BYTES,
    tell: Tell = _silent,
) -> MlrunProject:
    """Read a project with its functions, artifacts and runs into the store.

    Args:
        archive: The zip file.
        context: Where the project's folder goes: a new or empty one; by default its name.
        name: Its name here; by default the one it has.
        overwrite: Delete a project of this name first.
        max_bytes: Refuse an archive that unpacks to more.
        tell: Hears how far it is; what it raises before records are written stops the import.

    Raises:
        MissingFileError: if there is no such file.
        InvalidArgumentError: if it is no such archive, is too large, or was made to do harm.
        IntegrityError: if it is damaged.
        ConflictError: if there is a project of this name, or the folder holds something.
    """
    path = Path(archive)
    if not path.is_file():
        raise MissingFileError(f"there is no archive {str(path)!r}", where=str(Path.cwd()))
    try:
        with zipfile.ZipFile(path) as file:
            manifest = read_manifest(file, path, max_bytes)
            old = check_project(str(manifest["project"]))
            name = check_project(name or old)
            folder = Path(context or name)
            _refuse_taken(name, folder, overwrite, manifest["members"])
            staging = config.path("artifacts", name)
            staging.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=".import-", dir=staging))
            try:
                unpack(file, manifest["members"], temporary, path, tell)
                if overwrite:
                    delete_project(name, "cascade", missing_ok=True)
                    staging.mkdir(parents=True, exist_ok=True)
                digest = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
                return _take_in(temporary, staging / f"import-{digest[:16]}", folder, (old, name))
            finally:
                shutil.rmtree(temporary, ignore_errors=True)
    except _BROKEN as exc:
        raise InvalidArgumentError(
            f"the archive cannot be read: {exc or type(exc).__name__}", where=str(path)
        ) from exc


def _refuse_taken(name: str, folder: Path, overwrite: bool, members: dict[str, Any]) -> None:
    if not overwrite and open_store().list_projects(name):
        raise ConflictError(
            f"there is a project {name!r} already",
            where=repr(open_store()),
            fix="give it another name, or overwrite=True, which deletes the other one",
        )
    if folder.exists() and not _left_behind(folder, members, _mark(name)):
        raise ConflictError(
            f"folder {str(folder)!r} is not empty", where=str(Path.cwd()), fix="choose a new one"
        )


def _mark(name: str) -> Path:
    """A file that says which folder an import fills just now."""
    return config.path("artifacts", name, ".import-folder")


def _left_behind(folder: Path, members: dict[str, Any], mark: Path) -> bool:
    """Whether a folder is empty, or holds what an import of this archive that was killed put there
    and nothing else."""
    if not folder.is_dir():
        return False
    if any(folder.iterdir()) and not (
        mark.is_file() and mark.read_text(encoding="utf-8") == str(folder.absolute())
    ):
        return False
    for path in folder.rglob("*"):
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            return False
        name = path.relative_to(folder).as_posix()
        row = members.get(f"context/{name}", {})
        if path.is_file() and name != "project.yaml" and row.get("sha256") != _sha256(path):
            return False
    return True


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for chunk in read_chunks(stream):
            digest.update(chunk)
    return digest.hexdigest()


def _take_in(source: Path, data: Path, folder: Path, names: tuple[str, str]) -> MlrunProject:
    """Put what was unpacked in its places: bytes, records, folder, and last the project.

    All of it can be done again after it was stopped half-way.
    """
    store, (old, new) = open_store(), names
    shutil.rmtree(data, ignore_errors=True)
    if (source / "data").is_dir():
        (source / "data").rename(data)
    renamed = Names(old, new)
    artifacts = list(_rows(source / "artifacts.jsonl"))
    for number, row in enumerate(artifacts):
        renamed.place(row, data / f"{number:06d}")
    for document in _rows(source / "functions.jsonl"):
        _store_function(store, renamed, document)
    for row in artifacts:
        document = renamed.of(row["document"])
        tag = str(document["metadata"].pop("tag", "") or "")
        store.store_artifact(document, tag="" if tag == "latest" else tag, wait=False)
    for document in _rows(source / "runs.jsonl"):
        store.store_run(renamed.of(document), wait=False)
    for row in _rows(source / "metrics.jsonl"):
        points = [MetricPoint(row["key"], *point) for point in row["points"]]
        store.log_metrics(new, row["uid"], int(row["iteration"]), points)
    if isinstance(store, WorkflowStore) and (source / "steps.jsonl").is_file():
        for row in _rows(source / "steps.jsonl"):
            store.store_step(new, str(row.pop("workflow")), StepRow(**renamed.of(row)))
    store.flush()
    for log in sorted((source / "logs").glob("*")):
        with log.open("rb") as stream:
            stream.seek(store.log_size(new, log.name))
            for chunk in read_chunks(stream):
                store.append_log(new, log.name, chunk)
    store.flush()
    mark = _mark(new)
    mark.write_text(str(folder.absolute()), encoding="utf-8")
    _place_folder(source / "context", folder)
    text = (source / "project.yaml").read_bytes()
    project = MlrunProject.of(ProjectDoc.from_dict(renamed.of(yaml.safe_load(text))), folder)
    project.metadata.name = new
    project.save()
    mark.unlink()
    return project


def _place_folder(source: Path, folder: Path) -> None:
    """The whole folder or none of it, also where it lies on another disk than the home folder."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = folder.parent / f".{folder.name}.importing"
    shutil.rmtree(beside, ignore_errors=True)
    if source.is_dir():
        shutil.move(source, beside)
    else:
        beside.mkdir()
    if folder.is_dir():
        shutil.rmtree(folder)
    beside.rename(folder)


def _store_function(store: Store, renamed: Names, document: dict[str, Any]) -> None:
    metadata = document["metadata"]
    tag, before = str(metadata.pop("tag", "") or ""), str(metadata.pop("hash", "") or "")
    after = store.store_function(renamed.of(document), tag="" if tag == "latest" else tag)
    if before:
        renamed.hashes[before] = after


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    try:
        with path.open("rb") as file:
            for line in file:
                yield json.loads(line)
    except (OSError, ValueError, RecursionError) as exc:
        raise InvalidArgumentError(
            f"the archive's {path.name} is damaged: {type(exc).__name__}"
        ) from exc
