"""Requirement lines and files, as pip reads them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mlrun_like.errors import PackagingError

__all__ = ["distribution_name", "normalize_dist", "read_requirements"]

_NAME = re.compile(r"([A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)\s*(?:\[[-\w\s.,]*\])?\s*")
_VERSION = re.compile(r"(?:===|[<>=!~]=|[<>])\s*[\w.*+!-]+\Z")
_MAX_LINE = 4000
_URL = re.compile(
    r"(?:[a-z][a-z0-9]*\+)?[a-z][a-z0-9]*://\S+|\.{0,2}/\S*|\S+\.(?:whl|tar\.gz|zip)$"
)
_OPTION = re.compile(
    r"(?:--(?:index-url|extra-index-url|find-links|trusted-host|pre|no-binary|only-binary|"
    r"no-index|prefer-binary|editable)|-[eif])(?:[\s=]|$)"
)
_INCLUDE = re.compile(r"(?:-r|--requirement)(?:\s*=\s*|\s+)?(?P<file>\S.*)$")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_MAX_DEPTH = 20


def read_requirements(requirements: Sequence[str] | str | None = None, file: str = "") -> list[str]:
    """All requirement lines, those of the file first; comments, blanks and repetitions left out.

    Args:
        requirements: Lines, or the path of a requirements file.
        file: Path of a requirements file; it may include others with `-r`.

    Raises:
        PackagingError: naming the file and line that is not a requirement.

    >>> read_requirements(["pandas>=2  # frames", "", "pandas>=2"])
    ['pandas>=2']
    """
    if isinstance(requirements, str):
        file = file or requirements
        requirements = None
    found: dict[str, None] = {}
    if file:
        _read_file(Path(file), found, ())
    for number, line in enumerate(requirements or [], 1):
        if not isinstance(line, str):
            raise PackagingError(
                f"requirement {line!r} is not text", where=f"requirements, item {number}"
            )
        _read_line(line, f"requirements, item {number}", Path(), found, ())
    return list(found)


def _read_file(path: Path, found: dict[str, None], parents: tuple[Path, ...]) -> None:
    real = path.resolve()
    if real in parents or len(parents) >= _MAX_DEPTH:
        raise PackagingError("requirements files include each other", where=str(path))
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError, ValueError) as exc:
        raise PackagingError(
            f"requirements file cannot be read: {exc}",
            where=str(path.absolute()),
            fix="give the path of a text file with one package a line",
        ) from exc
    pending, start = "", 0
    for number, line in enumerate(text.split("\n"), 1):
        start = start if pending else number
        line = line.rstrip("\r")
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            pending += line[:-1] + " "
            continue
        _read_line(pending + line, f"{path}:{start}", path.parent, found, (*parents, real))
        pending = ""
    if pending:
        _read_line(pending, f"{path}:{start}", path.parent, found, (*parents, real))


def _read_line(
    line: str, where: str, folder: Path, found: dict[str, None], parents: tuple[Path, ...]
) -> None:
    text = _COMMENT.sub("", line).strip()
    if not text:
        return
    include = _INCLUDE.match(text)
    if include:
        _read_file(folder / include["file"].strip(), found, parents)
        return
    if _OPTION.match(text) is None and _URL.match(text) is None and not _is_named(text):
        raise PackagingError(
            f"{text[:120]!r} is not a requirement", where=where, fix=_instead(text, where)
        )
    found.setdefault(text)


def _instead(text: str, where: str) -> str:
    """What to write for a line that is no requirement."""
    one = re.fullmatch(r"([\w.-]+)\s*=\s*([\d.]+)", text)
    if one:
        return f"write {one[1]}=={one[2]}"
    if re.search(r"\.ya?ml:\d+$", where):
        return "this is a YAML file, as conda's; list the packages in a requirements.txt instead"
    return "write for example scikit-learn>=1.4"


def _is_named(text: str) -> bool:
    """Whether this is `name[extras] versions; marker` or `name @ url`."""
    if len(text) > _MAX_LINE or "\0" in text or "\n" in text:
        return False
    head = re.split(r"\s--(?:hash|config-settings|global-option)", text, maxsplit=1)[0]
    name = _NAME.match(head)
    if name is None:
        return False
    rest = head[name.end() :]
    if rest.startswith("@"):
        return bool(rest[1:].strip())
    versions = rest.partition(";")[0].strip()
    if versions.startswith("(") and versions.endswith(")"):
        versions = versions[1:-1]
    parts = [part.strip() for part in versions.split(",")]
    return not versions or all(_VERSION.match(part) for part in parts if part)


def normalize_dist(name: str) -> str:
    """A distribution's name in the one form that indexes compare."""
    return re.sub(r"[-_.]+", "-", name).lower()


def distribution_name(requirement: str) -> str:
    """The distribution that a requirement line names, empty for urls and options.

    >>> distribution_name("Scikit_Learn[all]>=1.4; python_version>'3'")
    'scikit-learn'
    """
    found = _NAME.match(requirement[:_MAX_LINE])
    if found is None or _URL.match(requirement) or not _is_named(requirement):
        return ""
    return normalize_dist(found[1])
