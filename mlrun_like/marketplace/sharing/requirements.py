"""Whether an item's packages exist and can be installed together with this product's own."""

from __future__ import annotations

import importlib.metadata
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from mlrun_like.errors import MissingDependencyError
from mlrun_like.marketplace.sharing.report import Report
from mlrun_like.registry import require

__all__ = ["check_requirements", "product_requirements", "resolve_requirements"]

_WHERE = "item.yaml: spec.requirements"
_PRODUCT = "mlrun-like"
_SECONDS = 120.0
_AWAY = re.compile(
    r"dns error|error sending request|failed to fetch|client error \(connect\)|tcp connect|"
    r"connection refused|network is unreachable|network connectivity is disabled|timed out|"
    r"newconnectionerror|nameresolutionerror|temporary failure in name|proxyerror|sslerror|"
    r"connectionerror|no route to host",
    re.IGNORECASE,
)


def check_requirements(given: Any, report: Report, *, resolve: bool = True) -> None:
    """Report lines that are no requirements, and sets of packages that cannot be.

    Args:
        given: The list of `item.yaml`.
        report: Where mistakes and notes go.
        resolve: Ask the package index whether they can be installed.
    """
    lines = [line for line in given or () if isinstance(line, str)]
    try:
        packages = require("packaging.requirements", feature="checking requirements")
    except MissingDependencyError as exc:
        report.notes.append(exc.what)
        return
    good = []
    for line in lines:
        try:
            parsed = packages.Requirement(line)
        except packages.InvalidRequirement as exc:
            what = str(exc).splitlines()[0][:200]
            report.add(_WHERE, f"{line[:80]!r} is no requirement: {what}", '"scikit-learn>=1.4"')
            continue
        if parsed.url:
            report.add(_WHERE, f"{line[:80]!r} is an address", "name a package of an index")
            continue
        if parsed.name.lower().replace("_", "-") == _PRODUCT:
            report.add(_WHERE, "it names this product, which is there anyway",
                       "minProductVersion says which version it needs")  # fmt: skip
            continue
        good.append(line)
    if not (good and resolve):
        return
    problem, note = resolve_requirements(good)
    if problem:
        report.add(_WHERE, problem, "correct or loosen the versions")
    if note:
        report.notes.append(note)


@cache
def product_requirements() -> tuple[str, ...]:
    """What this product itself needs, without extras."""
    try:
        lines = importlib.metadata.requires(_PRODUCT) or []
    except importlib.metadata.PackageNotFoundError:
        return ()
    return tuple(line for line in lines if "extra ==" not in line.replace("extra==", "extra =="))


def resolve_requirements(lines: Sequence[str]) -> tuple[str, str]:
    """Why requirements cannot be installed together with this product's; nothing is installed.

    Args:
        lines: Valid requirements.

    Returns:
        What is wrong, or an empty text; and why that could not be found out, or an empty text.
    """
    with tempfile.TemporaryDirectory(prefix="mlrun-like-") as folder:
        path = Path(folder, "requirements.in")
        path.write_text("\n".join([*lines, *product_requirements()]) + "\n")
        uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
        if uv:
            command = [uv, "pip", "compile", "--quiet", "--no-header", "--python", sys.executable,
                       "--output-file", str(Path(folder, "out.txt")), str(path)]  # fmt: skip
        else:
            command = [sys.executable, "-m", "pip", "install", "--dry-run", "--quiet",
                       "--ignore-installed", "--disable-pip-version-check", "--retries", "1",
                       "-r", str(path)]  # fmt: skip
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=_SECONDS, check=False, cwd=folder
            )
        except subprocess.TimeoutExpired:
            return "", f"the package index gave no answer in {_SECONDS:.0f} s"
        except OSError as exc:
            return "", f"requirements were not resolved: {exc}"
    if done.returncode == 0:
        return "", ""
    told = (done.stderr or done.stdout).strip()
    if _AWAY.search(told) or "No module named pip" in told:
        return "", f"requirements were not resolved: {' '.join(told.split())[:200]}"
    return f"they cannot be installed together: {' '.join(told.split())[:600]}", ""
