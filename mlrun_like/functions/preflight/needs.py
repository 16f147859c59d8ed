"""Requirements that cannot be met."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mlrun_like.packaging.requirements import distribution_name
from mlrun_like.registry import require
from mlrun_like.runtimes.finding import Finding

__all__ = ["check_installed", "check_requirements"]

_PIN = re.compile(r"===?\s*([\w.!+-]+)\Z")
_IMPORTED_AS = {
    "sklearn": "scikit-learn",
    "cv2": "opencv-python-headless",
    "pil": "pillow",
    "yaml": "pyyaml",
    "skimage": "scikit-image",
    "dotenv": "python-dotenv",
    "dateutil": "python-dateutil",
    "bs4": "beautifulsoup4",
}
"""Names that are imported, and are not what is installed."""


def check_requirements(requirements: Sequence[str], where: str) -> Iterator[Finding]:
    """Requirement lines that contradict each other, or name what cannot be installed."""
    lines: dict[str, list[str]] = {}
    for line in requirements:
        name = distribution_name(line)
        if not name:
            yield from _check_path(line, where)
        elif ";" not in line:  # a marker may say that it is not needed here
            lines.setdefault(name, []).append(line)
        if name in _IMPORTED_AS:
            yield Finding(
                "requirement-name",
                f"{line!r} is the name of a module; the package is called {_IMPORTED_AS[name]!r}",
                where,
                f"write {_IMPORTED_AS[name]!r} instead",
            )
    for same in lines.values():
        if not _possible(same):
            shown = " and ".join(map(repr, same))
            yield Finding(
                "requirements-conflict",
                f"{shown} cannot {'both ' if len(same) == 2 else ''}be met",
                where,
                "keep one of them, or versions that both allow" if len(same) > 1
                else "correct the versions: no version is above the one and below the other",
            )  # fmt: skip


def _check_path(line: str, where: str) -> Iterator[Finding]:
    text = re.sub(r"\A(?:-e|--editable)[\s=]+", "", line).partition("[")[0].strip()
    if text.startswith((".", "/")) and not Path(text).exists():
        yield Finding(
            "requirement-path",
            f"{line!r} is a path, and there is nothing",
            f"{where}; folder {str(Path.cwd())!r}",
            "correct the path; relative ones start from the current folder",
        )


def _possible(lines: Sequence[str]) -> bool:
    """Whether some version may fit all of the lines; True if there is nothing to tell it by."""
    parts = [part.strip(" ()") for line in lines for part in _versions(line).split(",")]
    pins = {found[1] for part in parts if (found := _PIN.match(part)) and "*" not in part}
    if importlib.util.find_spec("packaging") is None:
        return len(pins) <= 1
    sets = require("packaging.specifiers", feature="comparing versions")
    versions = require("packaging.version", feature="comparing versions")
    try:
        allowed = sets.SpecifierSet(",".join(part for part in parts if part))
        marks = {versions.Version(item.version.removesuffix(".*")) for item in allowed}
    except (sets.InvalidSpecifier, versions.InvalidVersion):
        return True
    if not marks:
        return True
    # a version that fits lies at one of the marks, or right above or below one
    tried = [f"{mark}{tail}" for mark in marks for tail in ("", ".0.0.1", ".99999")]
    return any(allowed.contains(item, prereleases=True) for item in [*tried, *_below(marks)])


def _below(marks: Iterable[Any]) -> Iterator[str]:
    for mark in marks:
        release = list(mark.release)
        for place in range(len(release)):
            if release[place]:
                lower = [*release[:place], release[place] - 1, 99999]
                yield ".".join(map(str, lower))
    yield "0.0.0.1"


def _versions(line: str) -> str:
    head = line.partition("@")[0] if "@" not in line else ""
    return re.sub(r"\A[\w.-]+\s*(?:\[[^]]*\])?", "", head.partition(" --")[0]).strip()


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
                f"pip install {line!r}, here or in an environment of its own; or run it as "
                "kind='container' in an image that has it",
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
