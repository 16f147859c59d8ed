"""Every public name of the packages that the switch stands for, as they had them.

A file in `known/` has a line for each module: its name, a colon, its public names. Taken from
MLRun 1.12.1, storey 1.14.1, nuclio-jupyter 0.13.2 and nuclio-sdk 0.6.3; what older versions had and
people still use is added, and of kfp what workflows of MLRun import. A file is read when a name is
missing, never before.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

__all__ = ["MLRUN_VERSION", "PACKAGES", "STAND_INS", "known_modules", "known_names"]

MLRUN_VERSION = "1.12.1"
"""The version of MLRun whose names are here: what `mlrun.__version__` says.

Old code compares it, and chooses files by it: sample models are stored once for each version.
"""

PACKAGES = ("mlrun", "mlrun_pipelines", "storey")
"""The packages that the switch stands for, even where the real ones are installed."""

STAND_INS = ("kfp", "nuclio", "nuclio_sdk")
"""Those it stands in for where the real ones are not installed: we use the real ones ourselves."""


@cache
def known_modules(package: str) -> Mapping[str, tuple[str, ...]]:
    """The public names of each module of a package.

    Args:
        package: One of `PACKAGES`.

    >>> "V2ModelServer" in known_modules("mlrun")["mlrun.serving"]
    True
    """
    found: dict[str, tuple[str, ...]] = {}
    # not by importlib.resources, which takes longer to import than the rest of the switch
    with open(f"{os.path.dirname(__file__)}/known/{package}.txt", encoding="utf-8") as file:
        for line in file:
            module, _, names = line.partition(":")
            found[module] = tuple(names.split())
    return found


def known_names(module: str) -> tuple[str, ...] | None:
    """The public names of a module; None: there is no such module."""
    return known_modules(module.partition(".")[0]).get(module)
