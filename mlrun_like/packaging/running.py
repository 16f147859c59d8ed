"""The code of a running notebook whose file is not known, or of any IPython session.

What was executed so far is read as the cells of a notebook. If they mark their code (`# mlrun:
end-code`), the marked part is the function's. Else it is the functions and classes defined, with
what they use: a session also holds the calls that made, ran and deployed things, and these must not
happen again where the code is loaded.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

from mlrun_like.errors import NotebookError, PackagingError
from mlrun_like.packaging.local_modules import LocalModules
from mlrun_like.packaging.notebook import to_source
from mlrun_like.packaging.session import Session
from mlrun_like.packaging.slicing import slice_parts
from mlrun_like.packaging.source import Captured, capture_file
from mlrun_like.packaging.statements import DEFINITIONS, parts_of
from mlrun_like.parsing import parse

__all__ = ["RUNNING", "capture_code", "is_running"]

RUNNING = "<notebook>.ipynb"
"""Stands for the path of the notebook that is running."""

_WHERE = "the running notebook"
_MARK = re.compile(r"^\s*#\s*(?:nuclio|mlrun):\s*(?:start|end)(?:-code)?\b", re.MULTILINE)


def is_running() -> bool:
    """Whether this process is an IPython session in which something was defined."""
    found = _cells()
    return bool(found) and bool(_definitions("\n\n".join(map(_plain, found))))


def capture_code(
    path: str, name: str = "", handler: str = "", embed: bool = True
) -> tuple[Captured, dict[str, Any]]:
    """The code of a file, a notebook or the session, and the configuration that its magics make.

    Args:
        path: The file, or `RUNNING`.
        name: The function's name, which selects named sections.
        handler: The function to call in it; checked to be there.
        embed: Whether the code travels.

    Raises:
        PackagingError: if there is none, or something that is needed is nowhere defined.
    """
    if path != RUNNING:
        return capture_file(path, name, handler, embed)
    cells = _cells()
    rows = [{"cell_type": "code", "source": text} for text in cells]
    code, settings = to_source({"cells": rows}, name)
    if not any(_MARK.search(text) for text in cells):
        parts = parts_of(code, _WHERE)
        wanted = list(dict.fromkeys(_definitions(code)))
        if not wanted:
            raise PackagingError("no function or class was defined", where=_WHERE)
        live = Session(vars(sys.modules["__main__"]))
        # as in a file, a function that is never called may use what is not defined
        code = slice_parts(parts, wanted, _WHERE, live, strict=False).code
    tree = parse(code)
    if handler and handler.partition("::")[0] not in _definitions(code):
        raise PackagingError(f"there is no {handler!r}", where=_WHERE, fix="define it in a cell")
    local = LocalModules([Path.cwd()])
    local.follow(tree, "", _WHERE)
    return Captured(code, local.texts, "__main__", "", handler), settings


def _cells() -> list[str]:
    """What was executed, oldest first: once each, and only what is Python."""
    shell = vars(sys.modules["__main__"]).get("get_ipython")
    history = getattr(shell(), "history_manager", None) if callable(shell) else None
    texts = [text for text in getattr(history, "input_hist_raw", ()) if text.strip()]
    last = {text: number for number, text in enumerate(texts)}
    latest = [text for number, text in enumerate(texts) if last[text] == number]
    return [text for text in latest if _plain(text)]


def _plain(text: str) -> str:
    """A cell as Python; empty if it cannot be any, as one that failed and was corrected."""
    try:
        return to_source({"cells": [{"cell_type": "code", "source": text}]}, with_config=False)[0]
    except NotebookError:
        return ""


def _definitions(code: str) -> list[str]:
    return [node.name for node in parse(code).body if isinstance(node, DEFINITIONS)]
