"""Functions whose code imports `mlrun` or `storey` find them, without anybody's doing.

Where the switch was on in the process that sent the code, it is on before the code is run. Else the
last finder of all waits for such an import: it is asked only if no real package was found, tells so
once, and answers the names. Settings and the environment stay as they are: nobody asked for more.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from mlrun_like.configuration import environment
from mlrun_like.registry import resolve

__all__ = ["OLD_NAMES", "answer_old_names"]

OLD_NAMES = ("mlrun", "mlrun_pipelines", "storey", "nuclio", "nuclio_sdk")
"""The packages whose names are answered."""

_SWITCH = "mlrun_like.compat.switch:"
_FINDER = "mlrun_like.compat.finder:"


class _Last:
    """Asked when everybody else has no such package."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top, _, below = fullname.partition(".")
        if top not in OLD_NAMES:
            return None
        if below and not _answered(top):
            return None  # of a real package
        finder: Any = resolve(f"{_FINDER}AliasFinder")(OLD_NAMES, _tell)
        spec: ModuleSpec | None = finder.find_spec(fullname, path, target)
        return spec


def _answered(name: str) -> bool:
    return isinstance(sys.modules.get(name), resolve(f"{_FINDER}AliasModule"))


def _tell(name: str) -> None:
    if not any(map(_answered, OLD_NAMES)):
        sys.stderr.write(
            f"mlrun_like: the code imports {name!r}, which is not installed; it gets "
            "mlrun_like under the old names (see mlrun-like compat)\n"
        )


_last = _Last()


def answer_old_names() -> None:
    """Call it before code of users is run; calling it again costs next to nothing."""
    if environment("MLRUN_LIKE_COMPAT"):
        resolve(f"{_SWITCH}install_if_asked")()
    if _last not in sys.meta_path:
        sys.meta_path.append(_last)
