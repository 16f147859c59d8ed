"""What differs between a recorded run and the same run made anew."""

from __future__ import annotations

import hashlib
import importlib.metadata
import math
import platform
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mlrun_like.artifacts.digests import combine
from mlrun_like.artifacts.fingerprints import fingerprint_of, is_digest
from mlrun_like.artifacts.item import get_artifact, get_dataitem
from mlrun_like.artifacts.stores import open_file_store, read_chunks, scheme_of
from mlrun_like.errors import MLRunLikeError, NotFoundError, PackagingError
from mlrun_like.packaging.unpack import files_of
from mlrun_like.projects.git import remote_commit
from mlrun_like.runs.object import RunObject
from mlrun_like.runs.source import SOURCE
from mlrun_like.specs.function import Environment, FunctionDoc
from mlrun_like.tracking.base import Store

__all__ = [
    "Difference",
    "compare_code",
    "compare_environment",
    "compare_inputs",
    "compare_runs",
    "compare_source",
    "digest_of",
]


class Difference(NamedTuple):
    """One thing that is not as it was.

    Args:
        what: `code`, `python`, `package`, `input`, `parameter`, `result`, `artifact` or `state`.
        name: Which one.
        before: As it is recorded.
        after: As it is now.
    """

    what: str
    name: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{self.what} {self.name}: {_short(self.before)} -> {_short(self.after)}"


def compare_code(document: FunctionDoc) -> list[Difference]:
    """Files of the recorded code that read otherwise where they came from; one that is not there
    any more is no difference."""
    origin = document.spec.build.origin_filename
    if not origin or not origin.endswith(".py") or not document.spec.build.functionSourceCode:
        return []
    files, main = files_of(document)
    root = Path(origin)
    for _ in Path(main).parts:
        root = root.parent
    found = []
    for name, text in sorted(files.items()):
        path = root / name
        try:
            now = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue
        # of a decorated function only the part that it needs is recorded
        if now != text and not (name == main and _holds(now, text)):
            found.append(Difference("code", str(path), _sha(text), _sha(now)))
    return found


def _holds(whole: str, part: str) -> bool:
    """Whether every line of a part is in the whole, in its order."""
    lines = iter([line.strip() for line in whole.splitlines()])
    return all(line.strip() in lines for line in part.splitlines() if line.strip())


def compare_source(document: FunctionDoc, run: RunObject) -> list[Difference]:
    """A repository whose branch is not at the run's commit any more; one that cannot be asked is no
    difference: its commit is fetched, or that fails."""
    source = document.spec.build.source
    address, _, before = str(run.metadata.annotations.get(SOURCE, "")).partition("#")
    if not before:
        return []
    try:
        after = remote_commit(source)
    except PackagingError:
        return []
    return [Difference("code", address, before, after)] if after and after != before else []


def compare_environment(environment: Environment) -> list[Difference]:
    """Python and the recorded packages that are installed otherwise here, or are missing."""
    found = []
    now = platform.python_version()
    if environment.python and environment.python != now:
        found.append(Difference("python", "version", environment.python, now))
    for name, version in sorted(environment.lock.items()):
        try:
            installed: str | None = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            installed = None
        if installed != version:
            found.append(Difference("package", name, version, installed))
    return found


def compare_inputs(store: Store, run: RunObject) -> tuple[list[Difference], dict[str, str]]:
    """Inputs whose bytes are not the recorded ones, and the digest of each as it is now.

    Artifacts have a recorded digest, and so have plain files that the run used; of what lies behind
    other URLs the place's own mark is recorded: an ETag, or time and size.
    """
    found, digests = [], {}
    for name, url in sorted(run.spec.inputs.items()):
        try:
            recorded, digests[name] = _input_digests(store, run.metadata.project, url)
            recorded = recorded or run.status.input_digests.get(name, "")
            if recorded and not is_digest(recorded):
                digests[name] = fingerprint_of(get_dataitem(url, store=store))
        except (MLRunLikeError, OSError) as exc:
            what = exc.what if isinstance(exc, MLRunLikeError) else str(exc)
            found.append(Difference("input", name, url, f"cannot be read: {what}"))
            continue
        if recorded and digests[name] and recorded != digests[name]:
            found.append(Difference("input", name, recorded, digests[name]))
    return found, digests


def _input_digests(store: Store, project: str, url: str) -> tuple[str, str]:
    recorded = ""
    if scheme_of(url) == "store":
        artifact = get_artifact(url, store=store, project=project)
        recorded, target = artifact.spec.digest, artifact.target_path
        if not target:
            text = artifact.spec.inline or ""
            return recorded, hashlib.sha256(text.encode()).hexdigest()
        # of a model's folder only what was logged counts
        return recorded, digest_of(target, artifact.status.get("files"))
    return recorded, digest_of(url)


def digest_of(url: str, only: Container[str] | None = None) -> str:
    """SHA-256 of a file, or of a folder's files together.

    Args:
        url: The file or folder.
        only: Of a folder only these files.

    Raises:
        NotFoundError: if it is not there.
    """
    place, path = open_file_store(url)
    folder = place.stat(path).is_dir
    digests = {}
    for name, inner in place.walk(path) if folder else [("", path)]:
        if folder and only is not None and name not in only:
            continue
        digest = hashlib.sha256()
        with place.open(inner, "rb") as stream:
            for chunk in read_chunks(stream):
                digest.update(chunk)
        digests[name] = digest.hexdigest()
    return combine(digests) if folder else digests[""]


def compare_runs(store: Store, before: RunObject, after: RunObject) -> list[Difference]:
    """State, parameters, results and artifacts that are not the same."""
    found = []
    if before.status.state != after.status.state:
        found.append(Difference("state", "run", before.status.state, after.status.state))
    found += _compare("parameter", before.spec.parameters, after.spec.parameters)
    found += _compare("result", before.status.results, after.status.results)
    first = {key: _artifact_digest(store, uri) for key, uri in before.status.artifact_uris.items()}
    again = {key: _artifact_digest(store, uri) for key, uri in after.status.artifact_uris.items()}
    return found + _compare("artifact", first, again)


def _compare(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    return [
        Difference(what, name, before.get(name), after.get(name))
        for name in dict.fromkeys((*before, *after))
        if not _same(before.get(name), after.get(name))
    ]


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, float) and isinstance(other, float) and math.isnan(one):
        return math.isnan(other)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[k], other[k]) for k in one)
    return bool(one == other)


def _artifact_digest(store: Store, uri: str) -> str:
    try:
        artifact = get_artifact(uri, store=store)
    except NotFoundError:
        return "no record"
    return str(artifact.spec.digest or artifact.spec.inline or artifact.target_path)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _short(value: object) -> str:
    text = str(value) if isinstance(value, str) else repr(value)
    return text if len(text) <= 70 else text[:67] + "..."
