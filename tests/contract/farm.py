"""The contract suite's row for a kind that a package of somebody else brings."""

from __future__ import annotations

import importlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mlrun_like import registry
from tests.contract.kinds import Place

__all__ = ["install", "installed", "ready"]

PLUGIN = Path(__file__).parent / "plugin"
_WHEEL = (
    "import sys; from hatchling.build import build_wheel; "
    "sys.stdout.write('\\n' + build_wheel(sys.argv[1]))"
)


def install(folder: Path) -> Path:
    """Install the plug-in into a folder, without a network; the folder to import from."""
    source, target = folder / "source", folder / "target"
    shutil.copytree(PLUGIN, source, ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, "-c", _WHEEL, str(folder)]
    built = subprocess.run(command, cwd=source, check=True, capture_output=True, text=True)
    wheel = folder / built.stdout.split()[-1]
    options = ["install", "--quiet", "--no-index", "--no-deps", "--target", str(target)]
    pip = [sys.executable, "-m", "pip"]
    if importlib.util.find_spec("pip") is None:
        uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
        pip = [uv, "pip"]
    subprocess.run([*pip, *options, str(wheel)], check=True, capture_output=True)
    return target


@contextmanager
def installed(folder: Path) -> Iterator[None]:
    """Have the plug-in installed in this process."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(install(folder)))
        registry._entry_points.cache_clear()
        try:
            yield
        finally:
            for name in [n for n in sys.modules if n.partition(".")[0] == "mlrun_like_farm"]:
                del sys.modules[name]
    importlib.invalidate_caches()
    registry._entry_points.cache_clear()


@contextmanager
def ready(folder: Path) -> Iterator[Place]:
    """Install the plug-in and start its engine."""
    with installed(folder), pytest.MonkeyPatch.context() as patch:
        engine = subprocess.Popen(
            [sys.executable, str(PLUGIN / "mlrun_like_farm/engine.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with engine:
            assert engine.stdout is not None
            patch.setenv("FARM_ADDRESS", f"http://127.0.0.1:{engine.stdout.readline().strip()}")
            yield Place("farm")
