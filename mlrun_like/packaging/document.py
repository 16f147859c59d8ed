"""Function documents as files: YAML or JSON, in the layout of MLRun's `function.yaml`."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import fsspec
import yaml

from mlrun_like.errors import InvalidArgumentError, NotFoundError, PackagingError, SpecError
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.platform_key import without_platform_key

__all__ = ["parse_text", "read_document", "write_document"]

_MAX_FILE = 16 * 2**20
_MAX_NODES = 1_000_000
_SUFFIXES = (".yaml", ".yml", ".json")


def read_document(source: str | Path) -> FunctionDoc:
    """Read a function document from a file or any URL that fsspec opens.

    Keys that this package does not know are kept and written back.

    Raises:
        NotFoundError: if it is not there.
        SpecError: if it is empty, too large, not YAML or JSON, names a key twice, or a known key
            has a wrong type.
    """
    where = str(source)
    document = parse_text(_fetch(source), where)
    return FunctionDoc.from_dict(document, where)


def parse_text(text: str, where: str, noun: str = "function document") -> dict[str, Any]:
    """A mapping from YAML or JSON text that anybody may have written.

    Args:
        text: The text.
        where: Where it is from, for errors.
        noun: What it is, for errors.

    Raises:
        SpecError: if it is empty, neither YAML nor JSON, names a key twice, unfolds into too much,
            or is no mapping of names.

    >>> parse_text("kind: job", "function.yaml")
    {'kind': 'job'}
    """
    if not text.strip():
        raise SpecError(f"the {noun} is empty", where=where)
    try:
        document = _parse(text, where, noun)
    except yaml.YAMLError as exc:
        raise SpecError(f"the file is not YAML: {_problem(exc)}", where=where) from exc
    except (ValueError, RecursionError) as exc:
        if isinstance(exc, SpecError):
            raise
        raise SpecError(f"the file cannot be read: {str(exc)[:200]}", where=where) from exc
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        shape = "with 'kind' and 'spec', " if noun == "function document" else "of names, "
        raise SpecError(
            f"a {noun} is a mapping {shape}not a {type(document).__name__}",
            where=where,
        )
    return document


def write_document(doc: FunctionDoc, target: str | Path, format: str = "") -> str:
    """Write a function document; a reader sees the old file or the new one, never a half.

    Args:
        doc: The function.
        target: A path or URL; the folder is made if it is missing.
        format: `.yaml` or `.json`; by default the target's suffix, else YAML.

    Returns:
        The target.

    Raises:
        InvalidArgumentError: if the format is neither.
        PackagingError: if the file cannot be written.
    """
    place = str(target)
    kind = (format or Path(place).suffix or ".yaml").lower()
    kind = kind if kind.startswith(".") else f".{kind}"
    if kind not in _SUFFIXES:
        raise InvalidArgumentError(
            f"a function cannot be written as {kind!r}", where=place, fix="use .yaml or .json"
        )
    document = without_platform_key(doc.to_dict())
    if kind == ".json":
        text = json.dumps(document, indent=2, default=str, ensure_ascii=False) + "\n"
    else:
        plain = json.loads(json.dumps(document, default=str))
        text = yaml.safe_dump(plain, sort_keys=False, allow_unicode=True, width=100)
    data = text.encode()
    try:
        if "://" in place and not place.startswith("file://"):
            with fsspec.open(place, "wb") as file:
                file.write(data)
        else:
            _replace(Path(place.removeprefix("file://")), data)
    except (ImportError, OSError, ValueError) as exc:
        raise PackagingError(
            f"the function document cannot be written: {exc}",
            where=place,
            fix="choose a file in a folder you may write to",
        ) from exc
    return place


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes private files; a document is as readable as any other file of the user.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def _fetch(source: str | Path) -> str:
    where = str(source)
    try:
        if "://" in where:
            with fsspec.open(where, "rb") as file:
                data: bytes = file.read(_MAX_FILE + 1)
        else:
            with open(where, "rb") as file:
                data = file.read(_MAX_FILE + 1)
    except FileNotFoundError as exc:
        raise NotFoundError("the function document does not exist", where=where) from exc
    except (ImportError, OSError, ValueError) as exc:
        raise SpecError(f"the function document cannot be read: {exc}", where=where) from exc
    if len(data) > _MAX_FILE:
        raise SpecError(
            f"the function document is larger than {_MAX_FILE >> 20} MB",
            where=where,
            fix="keep large code in a module and import it",
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise SpecError("the function document is not UTF-8 text", where=where) from exc


def _parse(text: str, where: str, noun: str) -> Any:
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text, object_pairs_hook=_unique)
        except json.JSONDecodeError:
            pass  # YAML's own braces
    document = yaml.load(text, _Loader)
    _check_size(document, where, noun)
    return document


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise SpecError(f"key {twice!r} is there twice")
    return found


class _Loader(yaml.SafeLoader):
    """The safe loader, without timestamps (they are text here) and without repeated keys."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[object] = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is not None and name != "<<":
                if name in seen:
                    line = key.start_mark.line + 1
                    raise SpecError(f"key {name!r} is there twice", where=f"line {line}")
                seen.add(name)
        return super().construct_mapping(node, deep)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in rows if tag != "tag:yaml.org,2002:timestamp"]
    for first, rows in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _check_size(document: Any, where: str, noun: str) -> None:
    """Refuse a small file whose aliases multiply into a huge document."""
    count, stack = 0, [(document, 0)]
    while stack:
        value, depth = stack.pop()
        count += 1
        if count > _MAX_NODES or depth > 200:
            raise SpecError(f"the {noun} unfolds into too many values", where=where)
        if isinstance(value, dict):
            stack.extend((item, depth + 1) for item in value.values())
        elif isinstance(value, list):
            stack.extend((item, depth + 1) for item in value)


def _problem(exc: yaml.YAMLError) -> str:
    mark = getattr(exc, "problem_mark", None)
    text = str(getattr(exc, "problem", None) or exc).split("\n")[0][:200]
    return f"{text} (line {mark.line + 1})" if mark is not None else text
