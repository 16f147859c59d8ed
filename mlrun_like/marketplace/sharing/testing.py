"""An item's test, run where nothing but the product and the item's requirements is installed."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlrun_like import __version__
from mlrun_like.configuration import environment_copy
from mlrun_like.errors import BuildError, InvalidArgumentError, MissingFileError
from mlrun_like.marketplace.item import HubItem
from mlrun_like.marketplace.sharing.checking import item_of
from mlrun_like.registry import require
from mlrun_like.types import Document

__all__ = ["TestResult", "test_item"]

_PRODUCT = "mlrun-like"
_LONGEST = 200_000
_PRIVATE = ("MLRUN_", "HUB_TOKEN_")


@dataclass(frozen=True)
class TestResult:
    """How an item's test ended.

    Args:
        name: The item.
        passed: Whether pytest found tests and all of them passed or were skipped.
        summary: pytest's last line.
        output: What it printed.
        seconds: How long the test took, without making the environment.
        environment: `clean`, or `here`: the caller's.
    """

    __test__ = False  # its name looks like a test to pytest

    name: str
    passed: bool
    summary: str
    output: str
    seconds: float
    environment: str

    def to_dict(self) -> Document:
        """As plain data."""
        return dict(vars(self))


def test_item(
    folder: str | os.PathLike[str], *, here: bool = False, timeout: float = 900.0
) -> TestResult:
    """Run an item's test; `hub://<name>` in it is the item of the folder.

    The test runs in a copy of the folder with a home folder of its own, and without the caller's
    settings and tokens of catalogues: its store is its own, and the shipped catalogue the only
    other one.

    Args:
        folder: The item's.
        here: Use the caller's environment instead of making one for it.
        timeout: Seconds for the test.

    Raises:
        SpecError: if its `item.yaml` cannot be read.
        BuildError: if the environment cannot be made.
        MissingDependencyError: if this environment is to be used and has no pytest.
    """
    place = Path(folder).expanduser().absolute()
    if not place.is_dir():
        raise MissingFileError(f"there is no folder {str(folder)!r}")
    if timeout <= 0:
        raise InvalidArgumentError(f"a timeout of {timeout!r} s leaves no time")
    item = item_of(place)
    test = str(item.foreign.get("test") or f"test_{place.name}.py")
    if not (place / test).is_file():
        raise MissingFileError(f"{place.name} has no test {test!r}", where=str(place))
    if here:
        require("pytest", feature="the test of an item in this environment")
    with tempfile.TemporaryDirectory(prefix="mlrun-like-hub-") as temporary:
        root = Path(temporary)
        copied = root / "hub" / place.name
        ignored = shutil.ignore_patterns("__pycache__", ".*")
        shutil.copytree(place, copied, symlinks=True, ignore=ignored)
        python = sys.executable if here else str(_made(root / "venv", item))
        own = {
            "MLRUN_LIKE_HOME": str(root / "home"),
            "MLRUN_LIKE_HUB_URL": str(root / "hub"),
            "MLRUN_LIKE_HUB_LOCK": str(root / "hub.lock"),
            "MLRUN_LIKE_DBPATH": "",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir",
                   str(copied), "-c", os.devnull, test]  # fmt: skip
        began = time.monotonic()
        done = _run(command, copied, own, timeout)
        seconds = time.monotonic() - began
    output = (done.stdout + done.stderr)[-_LONGEST:]
    lines = [line.strip("= ") for line in done.stdout.splitlines() if line.strip("= ")]
    return TestResult(
        place.name, done.returncode == 0, lines[-1] if lines else "nothing was printed", output,
        seconds, "here" if here else "clean",
    )  # fmt: skip


def _made(folder: Path, item: HubItem) -> Path:
    """The Python of an environment with the product, pytest and what the item needs."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = [*_product(), "pytest", *item.requirements]
    if uv:
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
        fill = [uv, "pip", "install", "--quiet", "--python", str(python), *wanted]
    else:
        make = [sys.executable, "-m", "venv", str(folder)]
        fill = [str(python), "-m", "pip", "install", "--quiet", *wanted]
    for command in (make, fill):
        done = _run(command, folder.parent, {}, 1800.0)
        if done.returncode:
            raise BuildError(
                f"no environment for {item.name} could be made: "
                f"{' '.join((done.stderr or done.stdout).split())[-800:]}",
                where=", ".join(wanted),
                fix="correct its requirements, or test it with what is installed: --here",
            )
    return python


def _product() -> Sequence[str]:
    """What installs this product as it is here: the folder it came from, or its version."""
    try:
        text = importlib.metadata.distribution(_PRODUCT).read_text("direct_url.json")
        url = urlsplit(str(json.loads(text or "{}").get("url") or ""))
    except (importlib.metadata.PackageNotFoundError, ValueError, AttributeError):
        return [f"{_PRODUCT}=={__version__}"]
    path = Path(unquote(url.path))
    if url.scheme == "file" and path.exists():
        return ["--editable", str(path)] if path.is_dir() else [str(path)]
    return [f"{_PRODUCT}=={__version__}"]


def _run(
    command: Sequence[str], folder: Path, own: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    # an item's test may be a stranger's: it gets no settings, stores and tokens of the caller
    env = {k: v for k, v in environment_copy().items() if not k.startswith(_PRIVATE)} | dict(own)
    for name in ("PYTHONPATH", "PYTEST_ADDOPTS", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST"):
        env.pop(name, None)
    try:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, errors="replace", start_new_session=True,
        )  # fmt: skip
    except OSError as exc:
        return subprocess.CompletedProcess(command, 127, "", str(exc))
    with process:
        try:
            told, wrong = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            _end(process)
            told, wrong = process.communicate()
            told += f"\nit did not end within {timeout:.0f} s\n"
            return subprocess.CompletedProcess(command, 124, told, wrong)
        except BaseException:
            _end(process)
            raise
    return subprocess.CompletedProcess(command, process.returncode, told, wrong)


def _end(process: subprocess.Popen[str]) -> None:
    """With all that it started: one of these would keep its output open."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
