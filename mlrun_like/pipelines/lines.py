"""Where in the user's code something is written."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping

__all__ = ["here", "located"]

_NAMED = re.compile(r"(?:step|gate|loop|exit handler|nested pipeline) '([^']+)'")


def here() -> str:
    """The line of the user's code that is running, such as `flow.py:12`."""
    frame = sys._getframe(1)
    while frame.f_back is not None and _is_ours(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


def located(problem: str, lines: Mapping[str, str]) -> str:
    """A mistake, with the line of the node that it begins with.

    >>> located("step 'train': it needs 'x'", {"train": "flow.py:7"})
    "step 'train': it needs 'x' (flow.py:7)"
    """
    found = _NAMED.match(problem)
    line = lines.get(found[1], "") if found else ""
    return f"{problem} ({line})" if line else problem


def _is_ours(module: str) -> bool:
    return module.startswith("mlrun_like.") or module == "contextlib"
