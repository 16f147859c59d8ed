"""Pythons of their own for packages whose pins collide with ours: made once per machine, kept."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.containers import CACHE

__all__ = ["ROOT", "python_with"]

ROOT = Path(__file__).parents[3]


@functools.cache
def python_with(name: str, *packages: str) -> Path:
    """The interpreter of an environment with these packages; test processes make it once.

    Where it cannot be made, tests are skipped, or fail in CI.
    """
    version = f"py{sys.version_info.major}{sys.version_info.minor}"
    digest = hashlib.sha256("\n".join(packages).encode()).hexdigest()[:8]
    folder = CACHE / f"{name}-{version}-{digest}"
    python = folder / "bin" / "python"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not python.exists():
            for old in CACHE.glob(f"{name}-*{version}*"):
                shutil.rmtree(old, ignore_errors=True)
            _make(folder, packages)
    return python


def _make(folder: Path, packages: tuple[str, ...]) -> None:
    """Make it beside its place, so that it is there whole or not at all."""
    part = folder.with_name(f"part-{folder.name}")
    shutil.rmtree(part, ignore_errors=True)
    own = str(part / "bin" / "python")
    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    pip = [own, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if Path(uv).exists():  # ten times faster
        pip = [uv, "pip", "install", "--quiet", "--python", own]
    for command in ([sys.executable, "-m", "venv", str(part)], [*pip, *packages]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=500, check=False)
        if done.returncode:
            shutil.rmtree(part, ignore_errors=True)
            text = f"{' '.join(packages)} cannot be installed: {done.stderr[-2000:]}"
            pytest.fail(text) if os.environ.get("CI") else pytest.skip(text)
    part.rename(folder)  # only its scripts name the old place, and nothing calls them
