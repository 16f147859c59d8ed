"""The file that spark-submit runs: `driver.py PACKAGE_ROOT PAYLOAD`.

spark-submit puts the folder of this file, and pyspark as an archive without byte code, before
everything else: the installed pyspark of the same version loads in a fifth of the time.
"""

from __future__ import annotations

import atexit
import os
import sys
from importlib import import_module
from pathlib import Path

__all__ = ["leave", "settle_path"]


def settle_path(path: list[str], package_root: str) -> None:
    """Put the module search path in order, in place.

    Args:
        path: `sys.path`.
        package_root: The folder that holds this package, added at the end; `-`: it is installed.
    """
    own = str(Path(__file__).resolve().parent)
    path[:] = [part for part in path if not part or str(Path(part).resolve()) != own]
    if package_root != "-" and package_root not in path:
        path.append(package_root)
    installed = _installed(path)
    for archive in [part for part in path if part.endswith(".zip")]:
        # pyspark/python/lib/*.zip belong to the installed package around them
        owner = Path(archive).parents[2] if len(Path(archive).parents) > 2 else None
        name = Path(archive).name.partition("-")[0].partition(".")[0]
        if installed is not None and owner == installed and (installed.parent / name).is_dir():
            path.remove(archive)
            path.append(archive)


def _installed(path: list[str]) -> Path | None:
    for part in path:
        folder = Path(part, "pyspark")
        if not part.endswith(".zip") and (folder / "__init__.py").is_file():
            return folder
    return None


def leave(code: list[int]) -> None:
    """End at once with the code in the list, if there is one: what Python would do besides, taking
    some thousand modules apart, takes half a second."""
    if code:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code[0])


if __name__ == "__main__":
    ended: list[int] = []
    atexit.register(leave, ended)  # the first to be registered is the last to be called
    # The root is no PYTHONPATH: that would go before the standard library and reach executors.
    settle_path(sys.path, sys.argv[1])
    ended.append(import_module("mlrun_like.runtimes.spark.driving").main(sys.argv[2:]))
    sys.exit(ended[0])
