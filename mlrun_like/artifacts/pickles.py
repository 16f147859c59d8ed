"""Pickled objects. Opening one runs code, so only artifacts of the own store are opened."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import platform
import sys
import warnings
from collections.abc import Iterator
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

from mlrun_like.errors import IntegrityError, InvalidArgumentError, UntrustedFormatError

__all__ = ["check_trusted", "dump", "load", "trusting"]

_trust: ContextVar[bool] = ContextVar("trust", default=False)


@contextlib.contextmanager
def trusting(trust: bool) -> Iterator[None]:
    """Open pickles of any origin in this block if `trust` is true."""
    token = _trust.set(trust)
    try:
        yield
    finally:
        _trust.reset(token)


def check_trusted(item: Any, path: str | Path) -> None:
    """Make sure that opening the item's local file may execute what is in it.

    Raises:
        UntrustedFormatError: if the item is not an artifact of the store and nobody said to trust.
        IntegrityError: if the file is not the one that was logged.
    """
    meta = getattr(item, "meta", None)
    if meta is None:
        if _trust.get():
            return
        raise UntrustedFormatError(
            f"opening {Path(path).name!r} would execute code: it is not an artifact of this store",
            where=str(getattr(item, "url", "") or path),
            fix="pass the store:// address of a logged artifact, or say trust=True",
        )
    digest = str(getattr(meta.spec, "digest", "") or "").rpartition(":")[2]
    if digest and Path(path).is_file() and _sha256(path) != digest:
        raise IntegrityError(
            f"{Path(path).name!r} is not the file that was logged: its SHA-256 differs",
            where=str(item.url),
            fix="log it again; somebody wrote to the artifact folder",
        )


def _sha256(path: str | Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def dump(obj: object, path: str | Path, pickle_module_name: str = "cloudpickle") -> dict[str, Any]:
    """Write an object and return what is needed to open it again.

    Raises:
        InvalidArgumentError: if the module cannot pickle, or not this object.
    """
    module = _pickle_module(pickle_module_name)
    try:
        with open(path, "wb") as file:
            module.dump(obj, file)
    except Exception as exc:
        raise InvalidArgumentError(
            f"{type(obj).__name__} cannot be pickled: {exc}",
            where=f"module {pickle_module_name!r}",
            fix="log a part of it, or write a packer for its type",
        ) from exc
    module_name = (getattr(type(obj), "__module__", "") or "builtins").partition(".")[0]
    notes: dict[str, Any] = {
        "object_module_name": module_name,
        "pickle_module_name": pickle_module_name,
        "python_version": platform.python_version(),
    }
    for key, name in (
        ("pickle_module_version", pickle_module_name),
        ("object_module_version", module_name),
    ):
        version = _version(name)
        if version:
            notes[key] = version
    return notes


def load(path: str | Path, notes: dict[str, Any]) -> Any:
    """Open a pickled object; the caller has checked that it may be.

    Raises:
        InvalidArgumentError: if it cannot be opened; names the versions that differ.
    """
    module = _pickle_module(notes.get("pickle_module_name") or "cloudpickle")
    differences = _differences(notes)
    try:
        with open(path, "rb") as file:
            obj = module.load(file)
    except Exception as exc:
        raise InvalidArgumentError(
            f"pickled object cannot be opened: {type(exc).__name__}: {exc}",
            where=str(path),
            fix=f"use the versions it was written with ({differences})"
            if differences
            else "make the modules it needs importable here",
        ) from exc
    if differences:
        warnings.warn(f"{Path(path).name} was pickled with {differences}", stacklevel=2)
    return obj


def _differences(notes: dict[str, Any]) -> str:
    found = []
    written = str(notes.get("python_version") or "")
    if written and written.split(".")[:2] != platform.python_version().split(".")[:2]:
        found.append(f"Python {written} (here {platform.python_version()})")
    for key in ("object_module", "pickle_module"):
        name, version = notes.get(f"{key}_name"), notes.get(f"{key}_version")
        here = _version(str(name)) if name and version else ""
        if here and here != version:
            found.append(f"{name} {version} (here {here})")
    return ", ".join(found)


def _pickle_module(name: str) -> ModuleType:
    try:
        module = importlib.import_module(name)
    except ImportError as exc:
        raise InvalidArgumentError(
            f"pickle module {name!r} cannot be imported: {exc}", fix='use "cloudpickle"'
        ) from exc
    if not (hasattr(module, "dump") and hasattr(module, "load")):
        raise InvalidArgumentError(
            f"A pickle module is expected to have a `dump` and a `load` function: {name!r}",
            fix='use "cloudpickle", "pickle" or "joblib"',
        )
    return module


def _version(name: str) -> str:
    if name in sys.stdlib_module_names:
        return ""
    version = getattr(sys.modules.get(name), "__version__", None)
    if isinstance(version, str):
        return version
    try:
        return importlib.metadata.version(name)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return ""
