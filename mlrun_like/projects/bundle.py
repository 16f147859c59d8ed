"""A whole project in one file: its folder, functions, artifacts with their bytes, runs, logs.

The file is a zip: `manifest.json` (written last) names every member with its size and SHA-256;
`project.yaml`, `context/...`, `data/...` and one document a line in `functions.jsonl`,
`artifacts.jsonl`, `runs.jsonl`, `metrics.jsonl`, `steps.jsonl`; `logs/<uid>`. All is streamed.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from mlrun_like.artifacts.digests import combine
from mlrun_like.artifacts.stores import FileStore, open_file_store, read_chunks, scheme_of
from mlrun_like.errors import IntegrityError, MLRunLikeError, NotFoundError
from mlrun_like.projects.archive import folder_files, open_zip
from mlrun_like.projects.project import MlrunProject
from mlrun_like.projects.secrets import masked
from mlrun_like.specs.run import TERMINAL
from mlrun_like.tracking.abilities import WorkflowStore
from mlrun_like.tracking.base import ArtifactQuery, RunQuery, Store
from mlrun_like.tracking.connect import open_store
from mlrun_like.types import Document

__all__ = ["FORMAT", "VERSION", "Exported", "Opening", "Tell", "export_project"]

FORMAT = "mlrun-like-project"
VERSION = 1
Tell: TypeAlias = Callable[[float, float, str], None]
"""Hears how far it is: done, total, what; may raise to stop it."""
Opening: TypeAlias = Callable[[str], tuple[FileStore, str]]
"""Finds the place of an artifact's bytes by their URL."""
_CHUNK = 1 << 20
_PIPELINE = "pipeline"


@dataclass
class Exported:
    """What an archive holds.

    Args:
        path: The file.
        counts: How many functions, artifacts, runs and files.
        size: Bytes of its members before compression.
        notes: What was left out, and why.
    """

    path: str
    counts: dict[str, int] = field(default_factory=dict)
    size: int = 0
    notes: list[str] = field(default_factory=list)


class _Writer:
    """Adds members and remembers their digests."""

    def __init__(self, archive: zipfile.ZipFile, tell: Tell, opening: Opening) -> None:
        self.archive = archive
        self.tell = tell
        self.opening = opening
        self.members: dict[str, dict[str, Any]] = {}

    def add(self, name: str, chunks: Iterable[bytes]) -> str:
        digest, size = hashlib.sha256(), 0
        with self.archive.open(name, "w", force_zip64=True) as member:
            for chunk in chunks:
                digest.update(chunk)
                size += len(chunk)
                member.write(chunk)
                self.tell(len(self.members), 0, name)
        self.members[name] = {"size": size, "sha256": digest.hexdigest()}
        return digest.hexdigest()


def _silent(done: float, total: float, what: str) -> None:
    """Nobody wants to know how far it is."""


def export_project(
    project: MlrunProject,
    target: str | os.PathLike[str],
    *,
    content: bool = True,
    tell: Tell = _silent,
    opening: Opening = open_file_store,
) -> Exported:
    """Write a project with all that is recorded of it; values of secrets are left out.

    Args:
        project: The project.
        target: The zip file, at a path or URL.
        content: Whether the bytes of artifacts go along; without, they must be reachable where
            the archive is read.
        tell: Hears of each member as it is written.
        opening: Finds artifacts' bytes; those that it raises NotFoundError for are left out.

    Raises:
        IntegrityError: if an artifact's bytes differ from the recorded digest.
    """
    place, store = os.fspath(target), open_store()
    done = Exported(place)
    secrets = project.secrets()
    with open_zip(place) as archive:
        writer = _Writer(archive, tell, opening)
        writer.add("project.yaml", [project.to_yaml().encode()])
        folder = Path(project.context)
        own = Path(place).absolute()
        for name, path in folder_files(folder) if folder.is_dir() else ():
            if path.absolute() != own:
                writer.add(f"context/{name}", _file(path))
        functions = store.list_functions(project.name)[::-1]
        rows = [masked(each, secrets) for each in functions]
        writer.add("functions.jsonl", _lines(rows))
        documents = store.list_artifacts(ArtifactQuery(project=project.name, tag="*"))[::-1]
        rows = [
            masked(
                {"document": each, "files": _content(writer, each, i, done) if content else []},
                secrets,
            )
            for i, each in enumerate(documents)
        ]
        writer.add("artifacts.jsonl", _lines(rows))
        runs = _runs(store, project.name, done)
        writer.add("runs.jsonl", _lines(masked(run, secrets) for run in runs))
        writer.add("metrics.jsonl", _lines(_metrics(store, runs)))
        writer.add("steps.jsonl", _lines(_steps(store, runs)))
        for uid in dict.fromkeys(run["metadata"]["uid"] for run in runs):
            if store.log_size(project.name, uid):
                writer.add(f"logs/{uid}", _log(store, project.name, uid))
        done.counts = {
            "functions": len(functions),
            "artifacts": len(documents),
            "runs": len(runs),
            "files": len(writer.members),
        }
        done.size = sum(int(member["size"]) for member in writer.members.values())
        manifest = {
            "format": FORMAT,
            "version": VERSION,
            "project": project.name,
            "counts": done.counts,
            "members": writer.members,
        }
        archive.writestr("manifest.json", json.dumps(manifest, indent=1))
    return done


def _runs(store: Store, project: str, done: Exported) -> list[Document]:
    found = store.list_runs(RunQuery(project=project, iterations=True))[::-1]
    ended = [run for run in found if (run.get("status") or {}).get("state") in TERMINAL]
    if len(ended) < len(found):
        done.notes.append(f"{len(found) - len(ended)} runs have not ended and are left out")
    return ended


def _content(
    writer: _Writer, document: Document, number: int, done: Exported
) -> list[dict[str, str]]:
    """Add the bytes of one artifact; rows of relative name and member."""
    spec = document.get("spec") or {}
    target = str(spec.get("target_path") or "")
    key = (document.get("metadata") or {}).get("key")
    if not target or document.get("kind") == "link" or scheme_of(target) in ("store", "memory"):
        return []
    files: list[dict[str, str]] = []
    digests: dict[str, str] = {}
    try:
        place, path = writer.opening(target)
        folder = place.stat(path).is_dir
        for name, inner in place.walk(path) if folder else [("", path)]:
            member = f"data/{number:06d}/{len(files):06d}"
            with place.open(inner, "rb") as stream:
                digests[name] = writer.add(member, read_chunks(stream))
            files.append({"name": name, "member": member})
    except (NotFoundError, OSError) as exc:
        done.notes.append(f"artifact {key!r}: its bytes cannot be read: {_first_line(exc)}")
        return []
    recorded = str(spec.get("digest") or "")
    known = (document.get("status") or {}).get("files") or digests  # of a model: what was logged
    found = combine({n: d for n, d in digests.items() if n in known}) if folder else digests[""]
    if recorded and found and recorded != found:
        raise IntegrityError(
            f"the bytes of artifact {key!r} differ from its recorded digest",
            where=target,
            fix="log it again, or delete its record",
        )
    return files


def _metrics(store: Store, runs: Iterable[Document]) -> Iterator[dict[str, Any]]:
    for run in runs:
        meta = run["metadata"]
        project, uid, step = meta["project"], meta["uid"], int(meta.get("iteration") or 0)
        for key, points in store.read_metrics(project, uid, step).items():
            rows = [[point.value, point.step, point.time] for point in points]
            yield {"uid": uid, "iteration": step, "key": key, "points": rows}


def _steps(store: Store, runs: Iterable[Document]) -> Iterator[dict[str, Any]]:
    """The steps of runs that are pipelines."""
    for run in runs:
        meta = run["metadata"]
        if isinstance(store, WorkflowStore) and (meta.get("labels") or {}).get("kind") == _PIPELINE:
            for row in store.list_steps(meta["project"], meta["uid"]):
                yield {"workflow": meta["uid"], **vars(row)}


def _lines(rows: Iterable[Any]) -> Iterator[bytes]:
    for row in rows:
        yield json.dumps(row, default=str).encode() + b"\n"


def _file(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from read_chunks(file)


def _log(store: Store, project: str, uid: str) -> Iterator[bytes]:
    offset = 0
    while chunk := store.read_log(project, uid, offset, _CHUNK):
        offset += len(chunk)
        yield chunk


def _first_line(exc: BaseException) -> str:
    return exc.what if isinstance(exc, MLRunLikeError) else str(exc).partition("\n")[0]
