"""`project.yaml`: read from a file or URL, written whole or not at all."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import fsspec
import yaml

from mlrun_like.artifacts.stores import redact
from mlrun_like.errors import InvalidArgumentError, NotFoundError, PackagingError, SpecError
from mlrun_like.specs.project import ProjectDoc

__all__ = ["read_bytes", "read_project_file", "write_file", "yaml_of"]

_MAX_FILE = 16 * 2**20
_MAX_NODES = 1_000_000
_SUFFIXES = (".yaml", ".yml", ".json")


def read_bytes(source: str, limit: int, noun: str) -> bytes:
    """A file or URL that may not be larger than `limit` bytes.

    Raises:
        NotFoundError: if it is not there.
        SpecError: if it cannot be read, or is larger.
    """
    shown = redact(source)
    try:
        with fsspec.open(source, "rb") as file:
            data: bytes = file.read(limit + 1)
    except FileNotFoundError as exc:
        raise NotFoundError(f"the {noun} does not exist", where=shown) from exc
    except Exception as exc:  # any file system of any package may be behind this
        raise SpecError(
            f"the {noun} cannot be read: {str(exc)[:200] or type(exc).__name__}", where=shown
        ) from exc
    if len(data) > limit:
        raise SpecError(f"the {noun} is larger than {limit >> 20} MB", where=shown)
    return data


def read_project_file(source: str | Path) -> ProjectDoc:
    """Read a project document from a file or any URL that fsspec opens.

    Raises:
        NotFoundError: if it is not there.
        SpecError: if it is not UTF-8, not YAML, unfolds into very many values, or is no project.
    """
    where = redact(str(source))
    data = read_bytes(str(source), _MAX_FILE, "project document")
    try:
        document = yaml.safe_load(data.decode("utf-8-sig"))
        _check_size(document, where)
    except UnicodeDecodeError as exc:
        raise SpecError("the project document is not UTF-8 text", where=where) from exc
    except yaml.YAMLError as exc:
        mark = getattr(exc, "problem_mark", None)
        line = f" (line {mark.line + 1})" if mark is not None else ""
        problem = str(getattr(exc, "problem", None) or exc).split("\n")[0][:200]
        raise SpecError(f"the file is not YAML: {problem}{line}", where=where) from exc
    except (ValueError, RecursionError) as exc:
        if isinstance(exc, SpecError):
            raise
        raise SpecError(f"the file cannot be read: {str(exc)[:200]}", where=where) from exc
    # times become text, as everywhere in our documents
    return ProjectDoc.from_dict(json.loads(json.dumps(document, default=str)), where)


def _check_size(document: Any, where: str) -> None:
    """Refuse a small file whose aliases multiply into a huge document."""
    count, stack = 0, [(document, 0)]
    while stack:
        value, depth = stack.pop()
        count += 1
        if count > _MAX_NODES or depth > 200:
            raise SpecError("the project document unfolds into too many values", where=where)
        if isinstance(value, dict):
            stack.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            stack.extend((item, depth + 1) for item in value)


def yaml_of(document: Any) -> str:
    """Plain data as YAML text in its own order."""
    plain = json.loads(json.dumps(document, default=str))
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100))


def write_file(target: str, text: str) -> None:
    """Write a text file or URL; a reader of a local file sees the old one or the new one.

    Raises:
        InvalidArgumentError: if the suffix is neither YAML's nor JSON's.
        PackagingError: if it cannot be written.
    """
    if not target.lower().endswith(_SUFFIXES):
        raise InvalidArgumentError(
            f"a project cannot be written as {Path(target).suffix or target!r}",
            where=redact(target),
            fix="use .yaml, or .zip with the files of its folder",
        )
    try:
        if "://" in target and not target.startswith("file://"):
            with fsspec.open(target, "wb") as file:
                file.write(text.encode())
            return
        path = Path(target.removeprefix("file://"))
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            mask = os.umask(0)
            os.umask(mask)
            # mkstemp makes private files; this is as readable as any other file of the user
            os.chmod(temporary, 0o666 & ~mask)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
    except (ImportError, OSError, ValueError) as exc:
        raise PackagingError(
            f"the project document cannot be written: {exc}",
            where=redact(target),
            fix="choose a file in a folder you may write to",
        ) from exc
