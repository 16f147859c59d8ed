"""An application's code at deployment: what the gateway copies, and how a change of it shows."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

from mlrun_like.errors import NotFoundError
from mlrun_like.gateway.applications.folders import check_size
from mlrun_like.packaging.fetching import is_address
from mlrun_like.specs.function import FunctionDoc

__all__ = ["SOURCE_ANNOTATION", "pin_source"]

SOURCE_ANNOTATION = "mlrun-like/source"
"""Of a function: a mark of its local code, so that changed code is another version."""
_LEFT_OUT = frozenset({".git", "__pycache__", "venv", ".venv", "node_modules"})


def pin_source(document: FunctionDoc, folder: Path | None = None) -> None:
    """Note in a document where its local code is, and how it looks now.

    Without a source, the folder in which the command's files are is the source.

    Args:
        document: An application's; changed.
        folder: What relative paths mean; the current one by default.

    Raises:
        NotFoundError: if a local source does not exist.
        EngineError: if it is too large to be copied.
    """
    here = Path.cwd() if folder is None else folder
    spec = document.spec
    source = spec.build.source
    if not source and not spec.build.functionSourceCode and not spec.image:
        named = [str(item) for item in spec.args]
        with contextlib.suppress(ValueError):  # told with the other options
            named += shlex.split(spec.command or "")
        top = here / (spec.workdir or "")
        if any("/" not in word.strip("./") and (top / word).is_file() for word in named):
            source, spec.workdir = str(top), ""
    if not source or is_address(source):
        return
    path = (here / source.removeprefix("file://")).resolve()
    if not path.exists():
        raise NotFoundError(
            f"there is no {str(path)!r}",
            where=f"source of application {document.metadata.name!r}",
            fix="fn.with_source_archive(folder, archive or git://...)",
        )
    if path.is_dir():
        check_size(path, document.metadata.name)
    spec.build.source = str(path)
    mark = hashlib.sha256()
    for row in _rows(path):
        mark.update(row.encode("utf-8", "surrogateescape") + b"\n")
    notes = dict(document.metadata.annotations)
    document.metadata.annotations = {**notes, SOURCE_ANNOTATION: mark.hexdigest()[:16]}


def _rows(path: Path) -> Iterator[str]:
    """Names, sizes and times of what is there."""
    if path.is_file():
        found = path.stat()
        yield f"{found.st_size} {found.st_mtime_ns}"
        return
    for top, names, members in os.walk(path):
        names[:] = sorted(name for name in names if name not in _LEFT_OUT)
        for name in sorted(members):
            whole = os.path.join(top, name)
            with contextlib.suppress(OSError):
                found = os.lstat(whole)
                yield f"{os.path.relpath(whole, path)} {found.st_size} {found.st_mtime_ns}"
