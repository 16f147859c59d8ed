"""How long it takes to be told what is wrong with a project, and how often it is the right cause.

The corpus is that of `tests/e2e/test_broken_projects.py`: projects that cannot work, each in one
way. Each is diagnosed in a folder of its own; nothing is built or started. Expected: parsing and a
few lookups, so tens of milliseconds; what asks a server that is not there waits up to a second.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0:1] = [str(ROOT / "bench"), str(ROOT)]  # not this folder: it has a dask.py

import pytest  # noqa: E402
from common import arguments, median, report  # noqa: E402

import mlrun_like as ml  # noqa: E402
from mlrun_like.errors import MLRunLikeError  # noqa: E402
from tests.e2e.broken_projects import PROJECTS, Project  # noqa: E402
from tests.e2e.more_broken_projects import MORE  # noqa: E402

ALL = [*PROJECTS, *MORE]


def diagnose(project: Project) -> tuple[float, bool]:
    """Seconds until the error, and whether it names the cause and a fix."""
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        folder = Path(name)
        before = Path.cwd()
        os.chdir(folder)
        try:
            project.prepare(folder, patch)
            start = time.perf_counter()
            with contextlib.redirect_stderr(io.StringIO()):
                text = _told(project, folder)
            took = time.perf_counter() - start
        finally:
            os.chdir(before)
    right = all(re.search(pattern, text, re.S) for pattern in (project.cause, project.fix))
    return took, right


def _told(project: Project, folder: Path) -> str:
    try:
        project.act(folder)
    except MLRunLikeError as exc:
        found = getattr(exc, "findings", [])
        return "\n".join([str(exc), *(f"{item['what']}\n{item['fix']}" for item in found)])
    return ""


args = arguments(__doc__)
with ml.config.override(home=tempfile.mkdtemp()):
    found = {project.name: diagnose(project) for project in ALL}
wrong = [name for name, (_, right) in found.items() if not right]
times = [took for took, _ in found.values()]
slow = {name: took for name, (took, _) in found.items() if took > 1}
for name in wrong:
    print(f"not diagnosed: {name}")
for name, took in slow.items():
    print(f"slow: {name}: {took:.2f} s")
figures = {
    "projects": float(len(found)),
    "right cause and fix": float(len(found) - len(wrong)),
    "median, ms": median(times) * 1000,
    "slowest, s": max(times),
}
bars = {
    "95 % with the right cause and a fix": len(wrong) <= 0.05 * len(found),
    "each in < 2 s": max(times) < 2,
}
sys.exit(report("diagnosis", figures, bars, args.json))
