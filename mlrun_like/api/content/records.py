"""What the record of an artifact says by itself, without its file."""

from __future__ import annotations

from typing import Any

from mlrun_like.types import Document

__all__ = ["model_record", "recorded_stats", "recorded_table"]

_CELLS = 200


def recorded_table(document: Document) -> dict[str, Any] | None:
    """The rows of a data set that its record keeps; None: it keeps none.

    >>> recorded_table({"spec": {"header": ["x"], "preview": [[1]], "length": 9}})["total"]
    9
    """
    spec = document.get("spec") or {}
    header, rows = spec.get("header"), spec.get("preview")
    if not isinstance(header, list) or not isinstance(rows, list) or not header:
        return None
    fields = (spec.get("schema") or {}).get("fields") or []
    types = {f.get("name"): f.get("type") for f in fields if isinstance(f, dict)}
    names = [str(name) for name in header[:_CELLS]]
    length = spec.get("length")
    return {
        "columns": [{"name": name, "type": str(types.get(name) or "")} for name in names],
        "rows": [list(row[:_CELLS]) for row in rows[:1000] if isinstance(row, list)],
        "offset": 0,
        "total": length if isinstance(length, int) else None,
        "hidden_columns": max(0, len(header) - _CELLS),
        "stats": recorded_stats(document),
    }


def recorded_stats(document: Document) -> dict[str, Any]:
    """Statistics of the columns, as they were computed when the data was logged."""
    stats = (document.get("spec") or {}).get("stats")
    if not isinstance(stats, dict):
        return {}
    return {str(name): one for name, one in stats.items() if isinstance(one, dict)}


def model_record(document: Document) -> dict[str, Any]:
    """What a model's record says of it."""
    spec, status = document.get("spec") or {}, document.get("status") or {}
    named = (
        "framework", "algorithm", "model_file", "parameters", "metrics", "inputs", "outputs",
        "feature_vector", "feature_stats", "label_column", "license", "extra_data",
    )  # fmt: skip
    found = {name: spec.get(name) for name in named if spec.get(name)}
    if isinstance(status.get("promotion"), dict):
        found["promotion"] = status["promotion"]
    if isinstance(status.get("files"), dict):
        found["digests"] = status["files"]
    return found
