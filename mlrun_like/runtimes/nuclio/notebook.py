"""Notebooks converted by nuclio-jupyter itself, for those who rely on its very output."""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path
from typing import Any

from mlrun_like.errors import MissingFileError, NotebookError
from mlrun_like.registry import require

__all__ = ["notebook_config"]


def notebook_config(path: str | os.PathLike[str], name: str = "", handler: str = "") -> Any:
    """What `nuclio.build_file` of nuclio-jupyter makes of a notebook: Nuclio's configuration.

    `code_to_function(filename="x.ipynb", kind="nuclio")` gives the same code and settings without
    that package.

    Args:
        path: The notebook.
        name: The function's name; it selects named sections of the notebook.
        handler: The function to call.

    Raises:
        MissingFileError: if there is no such file.
        MissingDependencyError: if nuclio-jupyter is not installed.
        NotebookError: if it cannot convert the notebook.
    """
    file = Path(path)
    if not file.is_file():
        raise MissingFileError(f"there is no notebook {str(path)!r}", fix="check the path")
    package: Any = require("nuclio", feature="converting notebooks its way", extra="nuclio")
    told = io.StringIO()
    try:
        with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
            _, config, _ = package.build_file(str(file), name=name, handler=handler)
    except (package.utils.BuildError, NameError, ValueError) as exc:
        last = told.getvalue().strip().splitlines()[-1:]
        raise NotebookError(
            f"nuclio-jupyter cannot convert the notebook: {exc or type(exc).__name__}",
            where=str(path),
            fix=last[0][:300] if last else "see what it printed above, and the notebook's magics",
        ) from exc
    return config
