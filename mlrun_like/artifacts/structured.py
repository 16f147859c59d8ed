"""Collections as text files: json, jsonl, yaml and txt (a Python literal)."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.artifacts.results import is_faithful
from mlrun_like.errors import InvalidArgumentError

__all__ = [
    "STRUCT_FORMATS",
    "default_struct_format",
    "read_struct",
    "struct_format_of",
    "write_struct",
]

STRUCT_FORMATS = ("json", "jsonl", "yaml", "txt")
_SUFFIXES = {"json": "json", "jsonl": "jsonl", "yaml": "yaml", "yml": "yaml", "txt": "txt"}


def struct_format_of(path: str | Path) -> str:
    """The format that a file's suffix stands for, or an empty string."""
    return _SUFFIXES.get(Path(path).suffix.lower().lstrip("."), "")


def default_struct_format(value: Any) -> str:
    """`json` when it gives the same value back, else `txt`, which keeps tuples, sets and keys."""
    return "json" if is_faithful(value) else "txt"


def write_struct(value: Any, path: str | Path, file_format: str) -> None:
    """Write a dict, list or other value that consists of plain data.

    Raises:
        InvalidArgumentError: if the format is unknown or cannot hold the value.
    """
    try:
        text = _to_text(value, file_format)
    except (TypeError, ValueError, SyntaxError, RecursionError, yaml.YAMLError) as exc:
        if isinstance(exc, InvalidArgumentError):
            raise
        raise InvalidArgumentError(
            f"{type(value).__name__} cannot be written as {file_format}: {exc}",
            fix='use artifact_type "object", or plain numbers, text, lists and dicts',
        ) from exc
    Path(path).write_text(text, encoding="utf-8")


def _to_text(value: Any, file_format: str) -> str:
    if file_format == "json":
        return json.dumps(value, ensure_ascii=True)
    if file_format == "jsonl":
        lines = value if isinstance(value, list) else [value]
        return "".join(f"{json.dumps(line)}\n" for line in lines)
    if file_format == "yaml":
        return str(yaml.safe_dump(value, sort_keys=False))
    if file_format == "txt":
        text = repr(value)
        if ast.literal_eval(text) != value:
            raise ValueError("it is more than literals")
        return text
    raise InvalidArgumentError(
        f"file format {file_format!r} is unknown", fix=f"use one of: {', '.join(STRUCT_FORMATS)}"
    )


def read_struct(path: str | Path, file_format: str = "", *, lines: bool = False) -> Any:
    """Read what `write_struct` wrote, or any file of these formats.

    Args:
        path: The file.
        file_format: One of `STRUCT_FORMATS`; "": by suffix, JSON when that says nothing.
        lines: What a `jsonl` file stands for: the list of its lines, or its only line.

    Raises:
        InvalidArgumentError: if it cannot be read as that.
    """
    file_format = file_format or struct_format_of(path) or "json"
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
        return _from_text(text, file_format, lines)
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError, yaml.YAMLError) as exc:
        if isinstance(exc, InvalidArgumentError):
            raise
        raise InvalidArgumentError(
            f"file cannot be read as {file_format}: {exc}", where=str(path)
        ) from exc


def _from_text(text: str, file_format: str, lines: bool) -> Any:
    if file_format == "json":
        return json.loads(text)
    if file_format == "jsonl":
        values = [json.loads(line) for line in text.split("\n") if line.strip()]
        if lines:
            return values
        if len(values) != 1:
            raise ValueError(f"one line expected, {len(values)} found")
        return values[0]
    if file_format == "yaml":
        return yaml.safe_load(text)
    if file_format == "txt":
        return ast.literal_eval(text.strip())
    raise InvalidArgumentError(
        f"file format {file_format!r} is unknown", fix=f"use one of: {', '.join(STRUCT_FORMATS)}"
    )
