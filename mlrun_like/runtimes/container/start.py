"""The first program in a run's container; a copy of this file is in the run's private folder.

It runs before this package is known to be there, and with whatever Python the image has. A last
line that begins with `mlrun-like cannot start` is what the submitter shows.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import sys
import tempfile
from typing import Any

__all__ = ["CANNOT_START", "COMPLAINT", "REQUEST", "SITE", "main"]

COMPLAINT = "mlrun-like cannot start: "
CANNOT_START = 70
REQUEST = "request.json"
SITE = "/mlrun-like/site"
"""Where this package and what it requires are mounted, for images that have not got them."""


def main(folder: str) -> None:
    """Run the request in `folder`; does not return."""
    with open(os.path.join(folder, REQUEST), encoding="utf-8") as file:
        request: dict[str, Any] = json.load(file)
    sys.path[:] = [path for path in sys.path if os.path.abspath(path or ".") != folder]
    if importlib.util.find_spec("mlrun_like") is None:
        _borrow(request["python"])
    configuration = _load("mlrun_like.configuration")
    child = _load("mlrun_like.runtimes.child")
    variables = {**configuration.environment_copy(), **request["variables"]}
    if not os.access(os.path.expanduser("~"), os.W_OK):
        variables["HOME"] = tempfile.gettempdir()
    cwd = os.path.abspath(request["workdir"]) if request["workdir"] else os.getcwd()
    if request["workdir"] and not os.path.isdir(cwd):
        _complain(
            f"working folder {cwd!r} is not in the image and not mounted",
            "create it when the image is built, mount a volume there, or leave workdir out",
        )
    if not request["workdir"] and (cwd == "/" or not os.access(cwd, os.W_OK)):
        cwd = os.path.join(folder, "work")
    path = tuple(os.path.join(cwd, part) for part in request["path"])
    sys.argv = ["mlrun-like"]
    child.run(child.Request(argument=request["payload"], cwd=cwd, path=path, env=variables))


def _borrow(wanted: str) -> None:
    """Use the package of the machine that submitted the run."""
    found = _python()
    if found != wanted or not os.path.isdir(SITE):
        _complain(
            f"the image has no mlrun_like, and its Python ({found}) is not the one that submitted "
            f"the run ({wanted}), whose packages could be used",
            "build an image that has it: fn.deploy(), or add mlrun-like to its requirements",
        )
    sys.path.append(SITE)


def _python() -> str:
    """What compiled packages are built for."""
    return f"{sys.implementation.cache_tag}-{os.uname().machine}"


def _load(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as exc:
        _complain(
            f"mlrun_like cannot be imported in this image: {exc}",
            "build the image again: fn.deploy(), or add mlrun-like to its requirements",
        )


def _complain(what: str, fix: str) -> None:
    sys.stderr.write(f"{COMPLAINT}{what} | {fix}\n")
    sys.stderr.flush()
    os._exit(CANNOT_START)


if __name__ == "__main__":
    main(os.path.dirname(os.path.abspath(__file__)))
