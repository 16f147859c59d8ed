"""Pickled objects. Opening one runs code, so only artifacts of the own store are opened."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import importlib.metadata
import io
import platform
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

from mlrun_like.artifacts.ports import PackingWarning
from mlrun_like.artifacts.trust import verify
from mlrun_like.errors import InvalidArgumentError, UntrustedFormatError

__all__ = ["dump", "is_trusting", "load", "trusted_bytes", "trusting"]

_trust: ContextVar[bool] = ContextVar("trust", default=False)


@contextlib.contextmanager
def trusting(trust: bool) -> Iterator[None]:
    """Open pickles of any origin in this block if `trust` is true."""
    token = _trust.set(trust)
    try:
        yield
    finally:
        _trust.reset(token)


def is_trusting() -> bool:
    """Whether this is such a block."""
    return _trust.get()


def trusted_bytes(item: Any, path: str | Path, name: str = "") -> bytes:
    """The bytes of an input's local file, sure to be those that were logged.

    Args:
        item: The input.
        path: Its local file, or a file in its local folder.
        name: The file's name in the folder.

    Raises:
        UntrustedFormatError: if the input is not an artifact of the store, or its digest is not
            known, and nobody said to trust it.
        IntegrityError: if the bytes are not the ones that were logged.
    """
    data = Path(path).read_bytes()
    if _trust.get():
        return data
    meta = getattr(item, "meta", None)
    digest = hashlib.sha256(data).hexdigest()
    if meta is None or not verify(meta, name or Path(path).name, digest):
        reason = "its digest is not recorded" if meta else "it is not an artifact of this store"
        raise UntrustedFormatError(
            f"opening {Path(path).name!r} could execute code that is stored in it, and {reason}",
            where=str(getattr(item, "url", "") or path),
            fix="pass the store:// address of a logged artifact, or say trust=True",
        )
    return data


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


def load(data: bytes, notes: Mapping[str, Any], where: str = "") -> Any:
    """The object in `trusted_bytes`.

    Raises:
        InvalidArgumentError: if it cannot be opened; names the versions that differ.
    """
    module = _pickle_module(notes.get("pickle_module_name") or "cloudpickle")
    differences = _differences(notes)
    try:
        obj = module.load(io.BytesIO(data))
    except Exception as exc:
        raise InvalidArgumentError(
            f"pickled object cannot be opened: {type(exc).__name__}: {exc}",
            where=where,
            fix=f"use the versions it was written with ({differences})"
            if differences
            else "make the modules it needs importable here",
        ) from exc
    if differences:
        warnings.warn(
            f"{where or 'object'} was pickled with {differences}", PackingWarning, stacklevel=2
        )
    return obj


def _differences(notes: Mapping[str, Any]) -> str:
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
