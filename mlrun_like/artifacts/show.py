"""Artifacts in a notebook and in the terminal. Everything that comes from data is escaped."""

from __future__ import annotations

import base64
import html
import sys
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mlrun_like.artifacts.base import Artifact
from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.formats import TABLES, table_format
from mlrun_like.artifacts.lazy import preview
from mlrun_like.errors import InvalidArgumentError, NotFoundError

__all__ = ["artifact_html", "item_html", "show_artifact", "show_item", "table_html"]

_TEXT = frozenset(
    (
        "txt",
        "md",
        "py",
        "yaml",
        "yml",
        "json",
        "jsonl",
        "log",
        "cfg",
        "toml",
        "ini",
        "sql",
        "sh",
        "xml",
    )
)
_IMAGES = {"png": "png", "jpg": "jpeg", "jpeg": "jpeg", "gif": "gif"}
_MOST_TEXT = 100_000
_MOST_PAGE = 32 * 2**20
_ROWS = 20


class _Html:
    """Something a notebook shows as HTML and a terminal as text."""

    def __init__(self, page: str, text: str) -> None:
        self._page, self._text = page, text

    def _repr_html_(self) -> str:
        return self._page

    def __repr__(self) -> str:
        return self._text


def artifact_html(artifact: Artifact) -> str:
    """What the record says as a table, then its preview or page."""
    rows = [(name, value) for name, value in _facts(artifact) if value]
    parts = [table_html(["field", "value"], rows)]
    spec = artifact.spec
    if spec.preview:
        parts.append(table_html(spec.header, spec.preview))
    elif spec.format == "html" or artifact.kind in ("plot", "plotly", "bokeh"):
        parts.append(_page_of(artifact))
    elif artifact.kind == "table" and isinstance(artifact.body, str):
        parts.append(f"<pre>{html.escape(artifact.body[:_MOST_TEXT])}</pre>")
    return "".join(parts)


def _page_of(artifact: Artifact) -> str:
    try:
        page = artifact.body or artifact.to_dataitem().get(_MOST_PAGE)
    except NotFoundError as exc:
        return f"<p>{html.escape(exc.what)}</p>"
    return _frame(page if isinstance(page, str) else bytes(page).decode("utf-8", "replace"))


def _frame(page: str) -> str:
    """A page in a sandbox: its scripts run, but without access to the notebook around it."""
    return (
        f'<iframe sandbox="allow-scripts" srcdoc="{html.escape(page, quote=True)}" '
        'width="100%" height="480" style="border:0"></iframe>'
    )


def _facts(artifact: Artifact) -> list[tuple[str, Any]]:
    spec, metadata = artifact.spec, artifact.metadata
    return [
        ("uri", artifact.uri),
        ("kind", artifact.kind or "artifact"),
        ("tag", metadata.tag),
        ("target", spec.target_path),
        ("size", spec.size),
        ("rows", spec.length),
        ("framework", spec.framework),
        ("model file", spec.model_file),
        ("metrics", ", ".join(f"{name}={value}" for name, value in spec.metrics.items())),
        ("labels", ", ".join(f"{name}={value}" for name, value in metadata.labels.items())),
        ("digest", spec.digest),
        ("updated", metadata.updated),
    ]


def table_html(header: Any, rows: Any) -> str:
    """Rows as an HTML table.

    >>> table_html(["a"], [["<b>"]])
    '<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>&lt;b&gt;</td></tr></tbody></table>'
    """
    head = "".join(f"<th>{html.escape(str(name))}</th>" for name in header)
    body = "".join(
        "<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def show_artifact(artifact: Artifact) -> Any:
    """An object that a notebook shows as HTML, or the record printed to the terminal."""
    table = Table(show_header=False)
    for name, value in _facts(artifact):
        if value:
            table.add_row(name, Text(str(value)))
    parts = [table]
    if artifact.spec.preview:
        parts.append(_terminal_table(artifact.spec.header, artifact.spec.preview))
    return _shown(artifact_html(artifact), *parts)


def show_item(item: DataItem, format: str = "") -> Any:
    """An object that a notebook shows as HTML, or the content printed to the terminal.

    Raises:
        InvalidArgumentError: if the format cannot be shown.
    """
    form = (format or item.suffix).lower().lstrip(".")
    if form in _IMAGES or form in ("html", "htm"):
        # the text of a picture or page tells nobody anything; a chart's is megabytes of scripts
        page = item_html(item, form) if _in_notebook() else ""
        return _shown(page, Text(f"{item} ({item.stat().size} bytes, {form})"))
    if form in _TEXT:
        text = item.get(_MOST_TEXT).decode("utf-8", "replace")
        return _shown(item_html(item, form), Text(text))
    if form in TABLES:
        header, rows = _rows(item, form)
        return _shown(table_html(header, rows), _terminal_table(header, rows))
    raise InvalidArgumentError(
        f"{item} cannot be shown: {form or 'no'!r} format",
        fix=f"show(format=...) with {', '.join(sorted({*_IMAGES, *_TEXT, 'html', 'csv'}))}",
    )


def item_html(item: DataItem, format: str = "") -> str:
    """A file's content as safe HTML."""
    form = (format or item.suffix).lower().lstrip(".")
    if form in _IMAGES:
        data = base64.b64encode(item.get()).decode()
        return f'<img src="data:image/{_IMAGES[form]};base64,{data}">'
    if form in ("html", "htm"):
        return _frame(item.get(_MOST_PAGE).decode("utf-8", "replace"))
    if form in _TEXT:
        text = item.get(_MOST_TEXT).decode("utf-8", "replace")
        return f"<pre>{html.escape(text)}</pre>"
    return table_html(*_rows(item, form))


def _rows(item: DataItem, form: str) -> tuple[list[str], list[list[Any]]]:
    frame = item.as_df(format=table_format("", form)).head(_ROWS)
    plain = preview().plain
    rows = [[plain(value) for value in row] for row in frame.itertuples(index=False, name=None)]
    return [str(name) for name in frame.columns], rows


def _terminal_table(header: Any, rows: Any) -> Table:
    table = Table()
    for name in list(header)[:_ROWS]:
        table.add_column(Text(str(name)))
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in list(row)[:_ROWS]))
    return table


def _shown(page: str, *parts: Any) -> Any:
    notebook = _in_notebook()
    # a console that knows of the notebook displays what it captures, too
    console = Console(force_jupyter=False) if notebook else Console()
    with console.capture() as capture:
        for part in parts:
            console.print(part)
    text = capture.get()
    if notebook:
        return _Html(page, text)
    sys.stdout.write(text)
    return None


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"
