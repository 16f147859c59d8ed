"""What the site is built with besides pages: notebooks become tutorials, links lead to them.

Read by MkDocs (`hooks` in mkdocs.yml). Folders of the repository are told as plain text, because a
site that came with a wheel has nothing to lead to.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import nbformat
from mkdocs.structure.files import File, Files

__all__ = ["on_files", "on_page_markdown"]

_LINK = re.compile(r"\[([^\]]+)\]\(((?:\.\./)+)([^)]*)\)")


def on_files(files: Files, config: Any) -> Files:
    """Add a page for each notebook."""
    folder = Path(config["config_file_path"]).parent / "notebooks"
    for path in sorted(folder.glob("*.ipynb")):
        uri = f"tutorials/{path.stem}.md"
        files.append(File.generated(config, uri, content=_page(path)))
    for uri, text in _reference():
        files.append(File.generated(config, uri, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Lead links out of the folder of pages to where their target is on the site."""
    up = "../" * page.file.src_uri.count("/")
    """From the page to the folder of pages."""

    def led(match: re.Match[str]) -> str:
        text, steps, path = match.groups()
        if len(steps) <= len(up):  # to another page
            return match.group(0)
        if path.startswith("notebooks/") and path.endswith(".ipynb"):
            return f"[{text}]({up}tutorials/{path[len('notebooks/') : -len('.ipynb')]}.md)"
        return f"{text} (`{path}`)" if path.strip("/") not in text else text

    return _LINK.sub(led, _beside("site_flowcharts").with_pictures(markdown))


def _reference() -> Iterator[tuple[str, str]]:
    """Pages made from the code."""
    yield from _beside("site_api").api_pages()
    yield "reference/http.md", _beside("site_http").http_page()


def _beside(name: str) -> Any:
    """A module of this folder; a hook belongs to no package, so it cannot import its neighbours."""
    sys.path.insert(0, str(Path(__file__).parent))
    try:
        return import_module(name)
    finally:
        sys.path.pop(0)


def _page(path: Path) -> str:
    notebook: Any = nbformat.read(path, as_version=4)
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source.replace("](../docs/", "](../"))
        elif cell.cell_type == "code" and cell.source.strip():
            parts.append(f"```python\n{cell.source}\n```")
    parts.append(f"This page is the notebook `notebooks/{path.name}`; its cells run as they are.")
    return "\n\n".join(parts) + "\n"
