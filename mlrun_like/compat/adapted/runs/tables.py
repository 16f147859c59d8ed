"""The tables of `mlrun.render`: runs and artifacts as HTML, for notebooks and files."""

from __future__ import annotations

import html
import re
import sys
from collections.abc import Iterable, Mapping
from typing import Any

from mlrun_like.registry import resolve
from mlrun_like.runs.object import RunObject

__all__ = [
    "artifacts_html",
    "artifacts_to_html",
    "dict_html",
    "get_style",
    "get_tblframe",
    "html_crop",
    "html_dict",
    "html_summary",
    "inputs_html",
    "ipython_display",
    "is_jupyter",
    "link_html",
    "link_to_ipython",
    "run_to_html",
    "runs_to_html",
    "sources_list_html",
    "table_sum",
]

_STYLE = "table{border-collapse:collapse}td,th{padding:2px 8px;text-align:left}"
_SHORT = ("project", "uid", "iter", "start", "state", "name", "parameters", "results")


def _in_notebook() -> bool:
    shell = sys.modules.get("IPython")
    return shell is not None and type(shell.get_ipython()).__name__ == "ZMQInteractiveShell"


is_jupyter = _in_notebook()


def html_crop(x: Any) -> str:
    """A text that is cut at the width of its cell, whole in its title."""
    text = html.escape(str(x))
    return f'<div title="{text}">{text}</div>'


def link_html(text: Any, link: str = "") -> str:
    """A link, or only its text if there is none, or one that would run something."""
    shown = html.escape(str(text))
    if _scheme_of(link) in ("javascript", "vbscript", "data"):
        return shown
    return f'<a href="{html.escape(link)}" target="_blank">{shown}</a>' if link else shown


def _scheme_of(link: str) -> str:
    """As browsers see it: they drop control characters and blanks."""
    head, mark, _ = re.sub(r"[\x00-\x20]", "", link).partition(":")
    return head.lower() if mark else ""


def link_to_ipython(link: str) -> tuple[str, str]:
    """The address of a path in a notebook, and what is put after it; here the path itself."""
    return link, ""


def dict_html(x: Any) -> str:
    """`name=value` lines."""
    rows = x.items() if isinstance(x, Mapping) else ()
    return "".join(f"<div>{html.escape(str(k))}={html.escape(str(v))}</div>" for k, v in rows)


def inputs_html(x: Any) -> str:
    """The names of inputs, with their addresses as links."""
    rows = x.items() if isinstance(x, Mapping) else ()
    return "".join(f"<div>{link_html(key, str(url))}</div>" for key, url in rows)


def artifacts_html(artifacts: Any, attribute_name: str = "path") -> str:
    """The keys of artifacts, with their places as links."""
    parts = []
    for artifact in artifacts if isinstance(artifacts, Iterable) else ():
        meta, spec = artifact.get("metadata") or {}, artifact.get("spec") or {}
        place = spec.get(attribute_name) or spec.get("target_path") or ""
        parts.append(f"<div>{link_html(meta.get('key', ''), str(place))}</div>")
    return "".join(parts)


def sources_list_html(x: Any) -> str:
    """The names of sources, with their paths as links."""
    rows = x if isinstance(x, list) else []
    return "".join(
        f"<div>{link_html(row.get('name', ''), str(row.get('path', '')))}</div>" for row in rows
    )


def html_dict(
    title: str, data: Mapping[str, Any], open: bool = False, show_nil: bool = False
) -> str:
    """A title over a table of names and values."""
    rows = "".join(
        f"<tr><td>{html.escape(str(key))}</td><td>{html_crop(value)}</td></tr>"
        for key, value in data.items()
        if value or show_nil
    )
    return html_summary(title, f"<table>{rows}</table>", open=open)


def html_summary(title: str, data: str, num: int | None = None, open: bool = False) -> str:
    """A title that unfolds what is below it."""
    more = f" ({num})" if num is not None else ""
    shown = " open" if open else ""
    return f"<details{shown}><summary>{html.escape(title)}{more}</summary>{data}</details>"


def table_sum(title: str, df: Any) -> str:
    """A frame below a title that unfolds it."""
    return html_summary(title, df.to_html(index=False), num=len(df))


def ipython_display(text: str, display: bool = True, alt_text: str | None = None) -> str | None:
    """Show HTML in a notebook, elsewhere the other text; give the HTML with `display=False`."""
    if not display:
        return text
    if is_jupyter:
        resolve("IPython.display:display")(resolve("IPython.display:HTML")(text))
    else:
        sys.stdout.write(f"{alt_text or text}\n")
    return None


def get_style() -> str:
    """The style of the tables."""
    return f"<style>{_STYLE}</style>"


def get_tblframe(df: Any, display: bool, classes: Any = None) -> str | None:
    """A frame as a table whose cells may hold HTML."""
    table = df.to_html(escape=False, index=False, classes=classes, notebook=True)
    return ipython_display(f"{get_style()}{table}", display, df.to_string())


def _cells(df: Any, makers: Mapping[str, Any]) -> Any:
    """A frame whose cells are HTML; what no maker stands for is escaped."""
    found = df.copy()
    for name in found.columns:
        make = makers.get(name) or (lambda value: html.escape("" if value is None else str(value)))
        found[name] = [make(value) for value in df[name]]
    return found


def runs_to_html(
    df: Any, display: bool = True, classes: Any = None, short: bool = False
) -> str | None:
    """A frame of runs as a table.

    Args:
        df: From `RunList.to_df`.
        display: Show it; else its HTML is given.
        classes: Its CSS classes.
        short: Fewer columns.
    """
    if short:
        df = df[[name for name in _SHORT if name in df]]
    makers = {
        "labels": dict_html,
        "inputs": inputs_html,
        "parameters": dict_html,
        "results": dict_html,
        "artifacts": artifacts_html,
        "artifact_uris": dict_html,
    }
    return get_tblframe(_cells(df, makers), display, classes)


def artifacts_to_html(df: Any, display: bool = True, classes: Any = None) -> str | None:
    """A frame of artifacts as a table; arguments as for `runs_to_html`."""
    makers = {
        "path": lambda path: link_html(path, str(path)),
        "labels": dict_html,
        "producer": dict_html,
        "sources": sources_list_html,
    }
    return get_tblframe(_cells(df, makers), display, classes)


def run_to_html(results: Any, display: bool = True) -> str | None:
    """A run as a table.

    Args:
        results: A run, or its plain data.
        display: Show it; else its HTML is given.
    """
    run = RunObject.from_dict(results) if isinstance(results, Mapping) else results
    return ipython_display(run._repr_html_(), display, repr(run))
