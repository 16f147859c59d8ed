"""Captured code as files, in a private folder named by their content."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import importlib
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from mlrun_like.configuration import config
from mlrun_like.errors import IntegrityError, SpecError
from mlrun_like.specs.function import FunctionDoc

__all__ = ["add_path", "alone", "files_of", "unpack", "use_folder"]

_one = threading.RLock()
_PATIENCE = 10.0  # seconds


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One function is loaded at a time: its folder is where its modules are looked for meanwhile.

    Code whose top level waits for another thread that loads a function would wait for ever, so
    patience ends.
    """
    taken = _one.acquire(timeout=_PATIENCE)
    try:
        yield
    finally:
        if taken:
            _one.release()


def files_of(doc: FunctionDoc) -> tuple[dict[str, str], str]:
    """All files of a function by relative path, and which of them is the main module.

    Raises:
        SpecError: if the embedded code is damaged or a path leads elsewhere.
    """
    build = doc.spec.build
    where = doc.metadata.name or "function"
    try:
        code = base64.b64decode(build.functionSourceCode, validate=True).decode()
    except (binascii.Error, ValueError) as exc:
        raise SpecError(
            f"spec.build.functionSourceCode is not base64 text: {exc}", where=where
        ) from exc
    for relative in build.modules:
        path = PurePosixPath(relative)
        if path.is_absolute() or ".." in path.parts or "\\" in relative or path.suffix != ".py":
            raise SpecError(f"module path {relative!r} is not allowed", where=where)
    name = build.origin_module
    origin = PurePosixPath(build.origin_filename.replace("\\", "/"))
    if not name or name == "__main__" or not all(part.isidentifier() for part in name.split(".")):
        stem = origin.stem if origin.stem.isidentifier() else "handler"
        main = f"{stem}.py"
        while main in build.modules:
            main = f"_{main}"
    else:
        tail = "/__init__.py" if origin.name == "__init__.py" else ".py"
        main = name.replace(".", "/") + tail
    return {**build.modules, main: code}, main


def unpack(files: Mapping[str, str]) -> Path:
    """Write the files below a folder named by their content; whole or not at all."""
    text = json.dumps(sorted(files.items()))
    root = Path(config.code_path).absolute() if config.code_path else config.path("code")
    root.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = root / hashlib.sha256(text.encode()).hexdigest()[:32]
    if not folder.is_dir():
        temporary = Path(tempfile.mkdtemp(dir=root, prefix=".new-"))  # private by itself
        try:
            for relative, content in files.items():
                path = temporary / relative
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content, encoding="utf-8", newline="\n")
            os.rename(temporary, folder)
        except OSError:
            # Another process was first: a folder with content cannot be renamed over.
            if not folder.is_dir():
                raise
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    for relative, content in files.items():
        path = folder / relative
        if not path.is_file() or path.read_text(encoding="utf-8") != _as_read(content):
            raise IntegrityError(
                f"unpacked code {relative!r} was changed", where=str(folder), fix=f"rm -r {folder}"
            )
    return folder


def _as_read(content: str) -> str:
    return content.replace("\r\n", "\n").replace("\r", "\n")


def use_folder(folder: Path, files: Mapping[str, str]) -> None:
    """Make the folder's modules importable, and those of functions loaded before forgotten."""
    root = str(folder.parent) + os.sep
    sys.path[:] = [p for p in sys.path if not (p.startswith(root) and p != str(folder))]
    tops = {PurePosixPath(relative).parts[0].removesuffix(".py") for relative in files}
    loaded = {top for top in tops if top in sys.modules}
    # In a fork every module looked at is a page copied, so look only when there is a reason.
    for name, module in list(sys.modules.items()) if loaded else ():
        if name.partition(".")[0] not in loaded:
            continue
        file = getattr(module, "__file__", None) or ""
        if file.startswith(root) and not file.startswith(str(folder) + os.sep):
            sys.modules.pop(name, None)  # another thread may have been first
    add_path(str(folder))
    if config.code_path:  # a folder of this process alone, where nothing else is new
        _forget_listings(str(folder))
    else:
        importlib.invalidate_caches()


def _forget_listings(folder: str) -> None:
    """Let imports look anew at what is in the folder; only there, since a look costs time."""
    for path, finder in list(sys.path_importer_cache.items()):
        if path == folder or path.startswith(folder + os.sep):
            if finder is None:
                sys.path_importer_cache.pop(path, None)
            elif hasattr(finder, "invalidate_caches"):
                finder.invalidate_caches()


def add_path(path: str) -> None:
    """Make a folder the first place where imports look."""
    if path not in sys.path:
        sys.path.insert(0, path)
