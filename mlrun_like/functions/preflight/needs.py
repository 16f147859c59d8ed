"""Requirements that cannot be met."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator, Sequence

from mlrun_like.packaging.requirements import distribution_name
from mlrun_like.registry import require
from mlrun_like.runtimes.finding import Finding

__all__ = ["check_installed", "check_requirements"]

_PIN = re.compile(r"(?<![=!<>~])==\s*([\w.!+-]+)\s*(?:$|[;,)\s])")


def check_requirements(requirements: Sequence[str], where: str) -> Iterator[Finding]:
    """Requirement lines that contradict each other."""
    pins: dict[str, tuple[str, str]] = {}
    for line in requirements:
        name, pin = distribution_name(line), _PIN.search(line)
        if not name or pin is None or ";" in line:
            continue
        version, other = pin[1], pins.setdefault(name, (pin[1], line))
        if version != other[0]:
            yield Finding(
                "requirements-conflict",
                f"{other[1]!r} and {line!r} cannot both be met",
                where,
                "keep one of them",
            )


def check_installed(requirements: Sequence[str], where: str) -> Iterator[Finding]:
    """Requirements that this interpreter does not meet, for kinds that run with it."""
    for line in requirements:
        name = distribution_name(line)
        if not name or ";" in line:  # a marker may say that it is not needed here
            continue
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            yield Finding(
                "requirement-missing",
                f"{line!r} is required and not installed in this Python",
                where,
                f"pip install {line!r}",
            )
            continue
        if not _meets(line, version):
            yield Finding(
                "requirement-version",
                f"{line!r} is required, and version {version} is installed",
                where,
                f"pip install {line!r}, or change the requirement",
            )


def _meets(line: str, version: str) -> bool:
    """Whether a version is one that the line allows; True if there is nothing to tell it by."""
    if importlib.util.find_spec("packaging") is None or "@" in line:
        return True
    parser = require("packaging.requirements", feature="comparing versions")
    try:
        allowed: bool = parser.Requirement(line).specifier.contains(version, prereleases=True)
    except parser.InvalidRequirement:
        return True
    return allowed
