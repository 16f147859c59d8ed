"""`Pickler`: an object as a file, with notes on what it was written with."""

from __future__ import annotations

import platform
import tempfile
from pathlib import Path
from typing import Any

from mlrun_like.artifacts import pickles

__all__ = ["Pickler"]


class Pickler:
    """Writes and opens pickles. Opening one runs code that is stored in it."""

    @staticmethod
    def pickle(
        obj: Any, pickle_module_name: str, output_path: str | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Write an object.

        Args:
            obj: Any object.
            pickle_module_name: `cloudpickle`, `pickle`, `joblib`...
            output_path: The file; None: one in a new temporary folder, which is the caller's.

        Returns:
            The file's path, and what `unpickle` takes besides it.
        """
        path = output_path or str(Path(tempfile.mkdtemp(), "obj.pkl"))
        return path, pickles.dump(obj, path, pickle_module_name)

    @staticmethod
    def unpickle(
        pickle_path: str,
        pickle_module_name: str,
        object_module_name: str | None = None,
        python_version: str | None = None,
        pickle_module_version: str | None = None,
        object_module_version: str | None = None,
    ) -> Any:
        """Open an object; warns if it was written with other versions."""
        notes = {
            "pickle_module_name": pickle_module_name,
            "pickle_module_version": pickle_module_version,
            "object_module_name": object_module_name,
            "object_module_version": object_module_version,
            "python_version": python_version,
        }
        return pickles.load(Path(pickle_path).read_bytes(), notes, pickle_path)

    @staticmethod
    def _get_python_version() -> str:
        return platform.python_version()
