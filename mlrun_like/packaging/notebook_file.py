"""The notebook file format: reading it, and what a cell says about itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mlrun_like.errors import NotebookError

__all__ = ["cell_text", "cells_of", "is_wanted", "read_notebook"]

_MAX_FILE = 256 * 2**20
_MAX_CODE = 16 * 2**20


def read_notebook(path: Path) -> Mapping[str, Any]:
    """The notebook in a file.

    Raises:
        NotebookError: if it is missing, too large, empty, not text or not JSON.
    """
    where = str(path)
    try:
        if path.stat().st_size > _MAX_FILE:
            raise NotebookError(
                f"the notebook is larger than {_MAX_FILE >> 20} MB",
                where=where,
                fix="clear its outputs and save it",
            )
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as exc:
        raise NotebookError("the notebook does not exist", where=where) from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise NotebookError(f"the notebook cannot be read: {exc}", where=where) from exc
    if not text.strip():
        raise NotebookError("the notebook file is empty", where=where, fix="save the notebook")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise NotebookError(
            f"the file is not a notebook: {str(exc)[:200]}", where=where, fix="give an .ipynb file"
        ) from exc
    return document if isinstance(document, dict) else {"cells": document}


def cells_of(notebook: Mapping[str, Any], where: str) -> list[Any]:
    """The list of cells.

    Raises:
        NotebookError: if the format is not nbformat 4 or the language is not Python.
    """
    if not isinstance(notebook, Mapping):
        raise NotebookError(f"a notebook is a dict or a path, not {type(notebook).__name__}")
    version = notebook.get("nbformat", 4)
    if version != 4 or "worksheets" in notebook:
        raise NotebookError(
            f"notebook format {version!r} is not supported, only 4",
            where=where,
            fix="jupyter nbconvert --to notebook --nbformat 4 --inplace <file>.ipynb",
        )
    metadata = notebook.get("metadata") or {}
    if isinstance(metadata, Mapping):
        kernel = metadata.get("kernelspec") or {}
        language = kernel.get("language") if isinstance(kernel, Mapping) else None
        if isinstance(language, str) and language.lower() not in ("", "python", "ipython"):
            raise NotebookError(f"the notebook holds {language!r}, not Python", where=where)
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise NotebookError(
            "the notebook has no list of cells", where=where, fix="give a Jupyter notebook (.ipynb)"
        )
    return cells


def is_wanted(cell: Any, ignored: frozenset[str], where: str) -> bool:
    """Whether a cell holds code and none of its tags is ignored."""
    if not isinstance(cell, Mapping) or "cell_type" not in cell:
        raise NotebookError("the cell is not a notebook cell", where=where)
    if cell["cell_type"] != "code":
        return False
    metadata = cell.get("metadata") or {}
    tags = metadata.get("tags") if isinstance(metadata, Mapping) else None
    return not (isinstance(tags, list) and ignored.intersection(filter(_is_text, tags)))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def cell_text(cell: Mapping[str, Any], where: str) -> str:
    """The source of a cell, which may be stored as text or as lines."""
    source = cell.get("source", "")
    if isinstance(source, list) and all(map(_is_text, source)):
        source = "".join(source)
    if not isinstance(source, str):
        raise NotebookError("the cell's source is not text", where=where)
    if len(source) > _MAX_CODE:
        raise NotebookError(
            f"the cell holds more than {_MAX_CODE >> 20} MB of code",
            where=where,
            fix="keep data in a file",
        )
    return source
