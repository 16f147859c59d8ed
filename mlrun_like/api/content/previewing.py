"""What somebody sees of a file before downloading it: one answer, whatever is in it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from mlrun_like.api.content.heads import as_text, head_of, on_disk, unpacked_head
from mlrun_like.api.content.markdown import markdown
from mlrun_like.api.content.media import image_type, language_of
from mlrun_like.api.content.notebooks import notebook_cells
from mlrun_like.api.content.places import Target, artifact_target, project_file
from mlrun_like.api.content.records import model_record, recorded_stats, recorded_table
from mlrun_like.api.content.sandbox import parse_safely
from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.formats import executes, suffix_of
from mlrun_like.configuration import config
from mlrun_like.errors import (
    AccessDeniedError,
    InvalidArgumentError,
    MissingFileError,
    MLRunLikeError,
    OverloadedError,
)

__all__ = ["Preview", "PreviewRequest", "Target", "artifact_target", "preview", "project_file"]

_TEXT = 256 << 10
_WHOLE = 10 << 20
_ENTRIES = 1000
_COMPRESSED = {"gz": "gzip", "bz2": "bz2", "xz": "xz"}
_TABLES = {
    "csv": "csv", "tsv": "tsv", "tab": "tsv", "jsonl": "jsonl", "ndjson": "jsonl",
    "parquet": "parquet", "pq": "parquet", "feather": "feather", "arrow": "feather",
}  # fmt: skip
_ARCHIVES = {"zip": "zip", "npz": "zip", "whl": "zip", "tar": "tar", "tgz": "tar"}


@dataclass(frozen=True)
class PreviewRequest:
    """Which part of it.

    Args:
        offset: The first row of a table.
        rows: How many rows.
        columns: Only these columns; empty: all.
        stats: Whether columns are described as well.
        format: What it is read as; empty: by its name.
    """

    offset: int = 0
    rows: int = 50
    columns: Sequence[str] = ()
    stats: bool = False
    format: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.offset <= 10**12 or not 1 <= self.rows <= 1000 or len(self.columns) > 200:
            raise InvalidArgumentError(
                f"rows {self.rows} from {self.offset} cannot be shown",
                fix="1 to 1000 rows from 0 on, at most 200 columns",
            )


@dataclass(frozen=True)
class Preview:
    """What is seen.

    Args:
        kind: `table`, `text`, `markdown`, `json`, `image`, `svg`, `html`, `notebook`, `archive`,
            `folder`, `model`, `binary`, `refused` or `missing`.
        title: The file's name.
        size: Its bytes, if known.
        truncated: Whether there is more than is shown.
        note: What people should know about it.
        data: What belongs to the kind.
    """

    kind: str
    title: str
    size: int | None = None
    truncated: bool = False
    note: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "kind": self.kind, "title": self.title, "size": self.size,
            "truncated": self.truncated, "note": self.note, "data": self.data,
        }  # fmt: skip


def preview(target: Target, request: PreviewRequest | None = None) -> Preview:
    """What somebody sees of a target; a file that cannot be shown says why, and is no error.

    Args:
        target: The file or folder.
        request: Which part of it.
    """
    asked = request or PreviewRequest()
    if target.document.get("kind") == "model" and "path=" not in target.view:
        return _model(target)
    if target.inline is not None:
        data = target.inline.encode("utf-8", "replace")
        return _of_bytes(target, asked, data[:_WHOLE], len(data))
    try:
        item = target.open()
        stats = item.stat()
        if stats.is_dir:
            return _folder(target, item)
        return _file(target, asked, item, stats.size)
    except AccessDeniedError as exc:
        return _recorded(target, asked, "refused", f"{exc.what} {exc.fix}".strip())
    except MissingFileError:
        return _recorded(target, asked, "missing", "the file is not there any more")
    except OverloadedError:
        raise
    except MLRunLikeError as exc:
        if asked.columns and "no column" in exc.what:
            raise
        return _recorded(target, asked, "binary", exc.what)


def _recorded(target: Target, asked: PreviewRequest, kind: str, note: str) -> Preview:
    """What the record itself remembers of a table, when its file cannot be shown."""
    data = recorded_table(target.document) if not asked.offset else None
    if data is None:
        return Preview(kind, target.name, note=note)
    return Preview("table", target.name, truncated=True, note=note, data=data)


def _form(target: Target, asked: PreviewRequest) -> str:
    spec = target.document.get("spec") or {}
    own = str(spec.get("format") or "") if "path=" not in target.view else ""
    return (asked.format or suffix_of(target.name) or own).lower().lstrip(".")


def _file(target: Target, asked: PreviewRequest, item: DataItem, size: int | None) -> Preview:
    form = _form(target, asked)
    compression = _COMPRESSED.get(form, "")
    inner = suffix_of(target.name.rpartition(".")[0]) if compression else form
    if inner in _TABLES:
        return _table(target, asked, item, _TABLES[inner], compression)
    if form in _ARCHIVES or inner == "tar":
        kind = _ARCHIVES.get(form, "tar")
        with on_disk(item, config.service_preview_bytes) as (path, cut):
            if cut:
                return Preview("binary", target.name, size, note="it is too large to look into")
            found = parse_safely({"kind": "archive", "format": kind, "path": path})
        unsafe = any(entry["unsafe"] for entry in found["entries"])
        note = "some names would lead out of the folder it is unpacked into" if unsafe else ""
        more = found["total"] != len(found["entries"])
        return Preview("archive", target.name, size, more, note, found)
    if executes(target.name):
        note = "opening this kind of file runs code that is in it, so it is not opened here"
        return Preview("binary", target.name, size, note=note)
    most = _WHOLE if inner in ("ipynb", "json") else _TEXT
    if compression:
        return _of_bytes(target, asked, unpacked_head(item, compression, most), None, inner)
    return _of_bytes(target, asked, head_of(item, most), size)


def _of_bytes(
    target: Target, asked: PreviewRequest, data: bytes, size: int | None, form: str = ""
) -> Preview:
    form, name = form or _form(target, asked), target.name
    cut = size is None or len(data) < size
    if image_type(data):
        return Preview("image", name, size, data={"url": target.view})
    if form == "svg":
        return Preview("svg", name, size, data={"url": target.view})
    if form in ("html", "htm"):
        return Preview("html", name, size, data={"url": target.view})
    if form in _TABLES and _TABLES[form] in ("csv", "tsv", "jsonl") and target.inline is not None:
        with tempfile.NamedTemporaryFile(prefix="mlrun-like-preview-") as file:
            file.write(data)
            file.flush()
            return _shown_table(target, asked, file.name, _TABLES[form], "", cut)
    text = as_text(data)
    if text is None:
        return Preview("binary", name, size)
    if form == "ipynb" and not (cut and len(data) >= _WHOLE):
        cells = notebook_cells(data)
        if cells is not None:
            return Preview("notebook", name, size, data={"cells": cells})
    if form in ("json", "plotly") and not (cut and len(data) >= _WHOLE):
        try:
            value = orjson.loads(data)
            text = orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
            whole = len(text) <= _TEXT
            shown = {"text": text[:_TEXT], "value": value if whole else None}
            return Preview("json", name, size, not whole, data=shown)
        except ValueError:
            pass  # shown as the text that it is
    cut = cut or len(text) > _TEXT
    text = text[:_TEXT]
    if form in ("md", "markdown"):
        return Preview("markdown", name, size, cut, data={"text": text, "html": markdown(text)})
    shown = {"text": text, "language": language_of(name), "lines": text.count("\n") + 1}
    return Preview("text", name, size, cut, data=shown)


def _folder(target: Target, item: DataItem) -> Preview:
    names = item.ls()
    entries = [
        {"name": name.rstrip("/"), "is_dir": name.endswith("/")} for name in names[:_ENTRIES]
    ]
    data = {"entries": entries, "total": len(names)}
    return Preview("folder", target.name, truncated=len(names) > _ENTRIES, data=data)


def _model(target: Target) -> Preview:
    data, note = model_record(target.document), ""
    try:
        item = target.open()
        # a model may be one file, beside which nothing belongs to it
        data["files"] = item.ls()[:_ENTRIES] if item.stat().is_dir else [target.name]
    except MLRunLikeError as exc:
        note = exc.what
    card = next(
        (n for n in data.get("files", ()) if n.lower() in ("readme.md", "model_card.md")), ""
    )
    if card:
        with contextlib.suppress(MLRunLikeError):
            text = as_text(head_of(target.child(card).open(), _TEXT))
            data["card"] = {"text": text or "", "html": markdown(text or "")}
    return Preview("model", target.name, note=note, data=data)


def _table(
    target: Target, asked: PreviewRequest, item: DataItem, form: str, compression: str
) -> Preview:
    most = config.service_preview_bytes
    with on_disk(item, most) as (path, cut):
        if cut and form in ("parquet", "feather"):
            return _recorded(target, asked, "binary", "it is too large to be read over the network")
        return _shown_table(target, asked, path, form, compression, cut)


def _shown_table(
    target: Target, asked: PreviewRequest, path: str, form: str, compression: str, cut: bool
) -> Preview:
    job = {
        "kind": "table", "path": path, "format": form, "compression": compression,
        "offset": asked.offset, "rows": asked.rows, "columns": list(asked.columns),
        "most": config.service_preview_bytes, "stats": asked.stats,
    }  # fmt: skip
    try:
        data = parse_safely(job)
    except InvalidArgumentError as exc:
        if asked.columns and "no column" in exc.what:
            raise
        return _recorded(target, asked, "binary", exc.what)
    if cut:
        data["total"] = None
    own = recorded_stats(target.document)
    if own and "path=" not in target.view:
        data["stats"], data["stats_rows"] = own, None
    more = data["total"] is None or asked.offset + len(data["rows"]) < data["total"]
    note = f"{data['hidden_columns']} more columns" if data["hidden_columns"] else ""
    return Preview("table", target.name, None, more, note, data)
