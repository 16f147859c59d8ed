"""An item's test, run where nothing but the product and the item's requirements is installed."""

from __future__ import annotations

import codecs
import contextlib
import importlib.metadata
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
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
_SUMMARY = re.compile(r"^(\d+ [a-z]+(, )?)+ in [\d.]+s|^no tests ran in |^it did not end within ")
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
        made: How long making the environment took.
    """

    __test__ = False  # its name looks like a test to pytest

    name: str
    passed: bool
    summary: str
    output: str
    seconds: float
    environment: str
    made: float = 0.0

    @property
    def skipped(self) -> bool:
        """Whether all tests were skipped, so that nothing is known of the item."""
        return self.passed and " skipped" in self.summary and " passed" not in self.summary

    def to_dict(self) -> Document:
        """As plain data."""
        return dict(vars(self))


def test_item(
    folder: str | os.PathLike[str],
    *,
    here: bool = False,
    timeout: float = 900.0,
    tell: Callable[[str], None] | None = None,
) -> TestResult:
    """Run an item's test; `hub://<name>` in it is the item of the folder.

    The test runs in a copy of the folder with a home folder of its own, and without the caller's
    settings and tokens of catalogues: its store is its own, and the shipped catalogue the only
    other one.

    Args:
        folder: The item's.
        here: Use the caller's environment instead of making one for it.
        timeout: Seconds for the test.
        tell: Gets pieces of text as they come: what is installed, which test runs.

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
        began = time.monotonic()
        python = sys.executable if here else str(_made(root / "venv", item, tell))
        made = time.monotonic() - began
        own = {
            "MLRUN_LIKE_HOME": str(root / "home"),
            "MLRUN_LIKE_HUB_URL": str(root / "hub"),
            "MLRUN_LIKE_HUB_LOCK": str(root / "hub.lock"),
            "MLRUN_LIKE_DBPATH": "",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
        }
        command = [python, "-m", "pytest", "-v", "--no-header", "-p", "no:cacheprovider",
                   "--rootdir", str(copied), "-c", os.devnull, test]  # fmt: skip
        began = time.monotonic()
        done = _run(command, copied, own, timeout, tell)
        seconds = time.monotonic() - began
    return TestResult(
        place.name, done.returncode == 0, _summary(done.stdout), done.stdout, seconds,
        "here" if here else "clean", made,
    )  # fmt: skip


def _summary(output: str) -> str:
    """pytest's last line; something of the test's may have been printed after it."""
    lines = [line.strip("= ") for line in output.splitlines() if line.strip("= ")]
    said = [line for line in lines if _SUMMARY.search(line)]
    return [*(lines[-1:] or ["nothing was printed"]), *said][-1][:500]


def _made(folder: Path, item: HubItem, tell: Callable[[str], None] | None) -> Path:
    """The Python of an environment with the product, pytest and what the item needs."""
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = [*_product(), "pytest", *item.requirements]
    if uv:
        make = [uv, "venv", "--quiet", "--python", sys.executable, str(folder)]
        fill = [uv, "pip", "install", "--no-progress", "--python", str(python), *wanted]
    else:
        make = [sys.executable, "-m", "venv", str(folder)]
        fill = [str(python), "-m", "pip", "install", "--progress-bar", "off", *wanted]
    if tell:
        tell(f"making an environment with {', '.join(w for w in wanted if w != '--editable')}\n")
    for command in (make, fill):
        done = _run(command, folder.parent, {}, 1800.0, tell)
        if done.returncode:
            raise BuildError(
                f"no environment for {item.name} could be made: "
                f"{' '.join(done.stdout.split())[-800:]}",
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
    command: Sequence[str],
    folder: Path,
    own: Mapping[str, str],
    timeout: float,
    tell: Callable[[str], None] | None,
) -> subprocess.CompletedProcess[str]:
    """What a program says on both outputs, told as it comes; the end of it is kept."""
    # an item's test may be a stranger's: it gets no settings, stores and tokens of the caller
    env = {k: v for k, v in environment_copy().items() if not k.startswith(_PRIVATE)} | dict(own)
    for name in ("PYTHONPATH", "PYTEST_ADDOPTS", "VIRTUAL_ENV", "PYTEST_CURRENT_TEST"):
        env.pop(name, None)
    try:
        process = subprocess.Popen(
            command, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
    except OSError as exc:
        return subprocess.CompletedProcess(command, 127, str(exc), "")
    with process:
        try:
            told, late = _followed(process, timeout, tell)
        finally:
            _end(process)  # with all that it started: one of these would keep its output open
    if late:
        told += f"\nit did not end within {timeout:.0f} s\n"
    return subprocess.CompletedProcess(command, 124 if late else process.returncode, told, "")


def _followed(
    process: subprocess.Popen[bytes], timeout: float, tell: Callable[[str], None] | None
) -> tuple[str, bool]:
    """The end of what it says, and whether it was still running when its time was over."""
    output = process.stdout
    assert output is not None
    decoder, kept = codecs.getincrementaldecoder("utf-8")("replace"), ""
    end = time.monotonic() + timeout
    with selectors.DefaultSelector() as ready:
        ready.register(output, selectors.EVENT_READ)
        while (left := end - time.monotonic()) > 0:
            if not ready.select(min(left, 0.2)):
                # it may have said its last between the two questions
                if process.poll() is not None and not ready.select(0):
                    return kept, False
                continue
            part = os.read(output.fileno(), 1 << 16)
            text = decoder.decode(part, not part)
            kept = (kept + text)[-_LONGEST:]
            if tell and text:
                tell(text)
            if not part:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, end - time.monotonic()))
                break
    return kept, process.poll() is None


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
