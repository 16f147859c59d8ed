"""Virtual environments of functions: one for each set of exact versions, built once and shared.

A function's requirements are locked within the bounds of this package's own, so that both can work
in one process. What the lock has in the very version that is installed here is taken from here;
only the rest is installed. Folder `envs/`:

    locks/<hash>.lock      the lock of a list of requirements
    <hash>/                a virtual environment, complete: it is built elsewhere and renamed
    .<hash>.<pid>.tmp      one that is being built
    <hash>.building        held by who builds it; locks/<hash>.locking by who locks
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mlrun_like.errors import BuildError, EngineError
from mlrun_like.gateway.deployment import Version
from mlrun_like.images.resolver import Resolver, choose_resolver
from mlrun_like.images.target import Target, here
from mlrun_like.images.vendored import fingerprint_of, local_of
from mlrun_like.packaging.requirements import distribution_name, normalize_dist
from mlrun_like.runtimes.processes import PACKAGE_ROOT

__all__ = ["Environments"]

_FORM = 1  # of what is built; another one means: build anew
_SECONDS = 300
_VERSION = re.compile(r"(?:python)?(\d+\.\d+)(?:\.\d+)?\Z")
_EXACT = re.compile(r"([A-Za-z0-9][\w.-]*)\s*(?:\[[^\]]*\]\s*)?==\s*([\w.!+]+)\Z")
_EXTRAS = re.compile(r"\[[^\]]*\]")
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*\Z")
_PACKAGE = "mlrun-like"


class Environments:
    """The environments of a gateway.

    Args:
        folder: Where they are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tasks: dict[str, asyncio.Future[str]] = {}
        self._known: dict[str, str] = {}
        self._threads = ThreadPoolExecutor(2, "environments")
        """Of their own: builds take minutes, and state files must be written meanwhile."""

    async def python_of(self, version: Version) -> str:
        """The interpreter of a version; its packages are installed first, if they are not.

        Args:
            version: Which; its options name `requirements` and `python`.

        Raises:
            EngineError: if a requirement cannot be had, with the installer's reason, or there is no
                such Python.
        """
        lines, wanted = version.options.requirements, version.options.python
        if not lines and not wanted:
            return sys.executable
        key = json.dumps([sorted(lines), wanted])
        found = self._known.get(key)
        if found is not None and os.path.exists(found):
            return found
        task = self._tasks.get(key)
        if task is None:
            loop = asyncio.get_running_loop()
            task = loop.run_in_executor(self._threads, self.build, lines, wanted)
            self._tasks[key] = task
            task.add_done_callback(lambda _: self._tasks.pop(key, None))
        found = self._known[key] = await asyncio.shield(task)
        return found

    def build(self, lines: Sequence[str], python: str = "") -> str:
        """The interpreter of an environment, which is built if it is not there.

        Args:
            lines: Requirements.
            python: A version such as `3.11`, or the path of an interpreter; empty: this one.

        Raises:
            EngineError: see `python_of`.
        """
        base = _interpreter(python)
        ours = base == sys.executable
        installed = _installed() if ours else {}
        if ours and all(_satisfied(line, installed) for line in lines):
            return sys.executable
        try:
            resolver = choose_resolver()
            target = here() if ours else here()._replace(python=_version_of(base))
            lock = self._lock(lines, resolver, target, installed)
            rest = [line for line in _statements(lock) if not _satisfied(line, installed)]
            if ours and not rest:
                return sys.executable
            return self._ready(lines, "\n".join(rest), base, resolver, target)
        except BuildError as exc:
            raise EngineError(f"the function's packages cannot be installed: {exc}") from exc
        except OSError as exc:
            raise EngineError(
                f"the function's packages cannot be installed: {exc.strerror or exc}",
                where=str(self._folder),
            ) from exc

    def _lock(
        self, lines: Sequence[str], resolver: Resolver, target: Target, installed: dict[str, str]
    ) -> str:
        own = _own_requirements()
        places = [fingerprint_of(local) for line in lines if (local := local_of(line))]
        parts = (_FORM, sorted(lines), own, places, target.python, target.libc, target.platform)
        key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
        path = self._folder / "locks" / f"{key}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path.with_suffix(".locking")):
            if not path.exists():
                text = self._resolve(lines, own, resolver, target, installed)
                temporary = path.with_name(f".{path.name}.{os.getpid()}")
                temporary.write_text(text, encoding="utf-8")
                temporary.replace(path)
            return path.read_text(encoding="utf-8")

    def _resolve(
        self,
        lines: Sequence[str],
        own: Sequence[str],
        resolver: Resolver,
        target: Target,
        installed: dict[str, str],
    ) -> str:
        names = {distribution_name(line) for line in lines}
        preferred = {name: value for name, value in installed.items() if name not in names}
        with tempfile.TemporaryDirectory(prefix="mlrun-like-lock-") as folder:
            bounds = Path(folder) / "bounds.txt"
            bounds.write_text("\n".join(own) + "\n", encoding="utf-8")
            try:
                return resolver.lock([*lines, f"-c {bounds}"], preferred, target, Path(folder))
            except BuildError as exc:
                if any(distribution_name(line) in str(exc) for line in own):
                    _say_whose(lines, resolver, target, Path(folder))
                raise

    def _ready(
        self, lines: Sequence[str], lock: str, base: str, resolver: Resolver, target: Target
    ) -> str:
        parts = (_FORM, lock, base, target.python, PACKAGE_ROOT, sorted(_shared(base)))
        mark = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
        done = self._folder / mark
        python = done / "bin" / "python"
        if python.exists():
            return str(python)
        self._folder.mkdir(parents=True, exist_ok=True)
        with _alone(self._folder / f"{mark}.building"):
            if python.exists():  # somebody else built it meanwhile
                return str(python)
            for old in self._folder.glob(f".{mark}.*.tmp"):  # of a build that was killed
                shutil.rmtree(old, ignore_errors=True)
            temporary = self._folder / f".{mark}.{os.getpid()}.tmp"
            try:
                _make(temporary, base)
                site = next(temporary.glob("lib/python*/site-packages"))
                options = [line for line in lines if line.lstrip().startswith("--")]
                resolver.install(lock, options, target, site)
                _link(site, base)
                shutil.rmtree(done, ignore_errors=True)
                temporary.rename(done)
            except BaseException:
                shutil.rmtree(temporary, ignore_errors=True)
                raise
        return str(python)


def _make(folder: Path, base: str) -> None:
    command = [base, "-m", "venv", "--without-pip", "--symlinks", str(folder)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS
    )
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
        raise EngineError(f"a virtual environment cannot be made with {base}: {last[0]}")


def _link(site: Path, base: str) -> None:
    """Make this package importable there, behind what is installed there."""
    if base == sys.executable:
        (site / "mlrun_like_gateway.pth").write_text("\n".join(_shared(base)) + "\n")
        return
    # packages beside ours were made for another Python: only ours is taken
    (site / "mlrun_like").symlink_to(Path(PACKAGE_ROOT) / "mlrun_like")


def _shared(base: str) -> list[str]:
    if base != sys.executable:
        return []
    paths = sysconfig.get_paths()
    return list(dict.fromkeys([PACKAGE_ROOT, paths["purelib"], paths["platlib"]]))


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Held by one process at a time; a killed one lets go."""
    with open(path, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _interpreter(wanted: str) -> str:
    if not wanted:
        return sys.executable
    match = _VERSION.match(wanted)
    if match is None:
        if os.path.isabs(wanted) and os.access(wanted, os.X_OK):
            return wanted
    elif match[1] == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    elif (found := shutil.which(f"python{match[1]}")) is not None:
        return found
    raise EngineError(
        f"there is no Python {wanted!r} on this machine",
        fix="install it, or name the path of an interpreter",
    )


def _version_of(base: str) -> str:
    code = "import sys;print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run(
        [base, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=_SECONDS
    )
    if done.returncode or not _VERSION.match(done.stdout.strip()):
        raise EngineError(f"{base} is no Python that works: {done.stderr.strip()[-200:]}")
    return done.stdout.strip()


def _installed() -> dict[str, str]:
    found: dict[str, str] = {}
    for item in importlib.metadata.distributions():
        name = item.metadata["Name"]
        if name:
            found.setdefault(normalize_dist(name), item.version)
    return found


def _own_requirements() -> list[str]:
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found = importlib.metadata.requires(_PACKAGE) or []
        return sorted(_EXTRAS.sub("", line) for line in found if "extra ==" not in line)
    return []


def _satisfied(line: str, installed: dict[str, str]) -> bool:
    """Whether what is installed here is just that; a range of versions needs a resolver."""
    text = line.partition(" --hash")[0].partition(";")[0].strip()
    exact = _EXACT.match(text)
    if exact:
        return installed.get(normalize_dist(exact[1])) == exact[2]
    return bool(_NAME.match(text)) and normalize_dist(text) in installed


def _statements(text: str) -> list[str]:
    """The lines of a lock, continued ones joined."""
    lines = (" ".join(line.split()) for line in text.replace("\\\n", " ").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _say_whose(lines: Sequence[str], resolver: Resolver, target: Target, folder: Path) -> None:
    """If the requirements work without ours, say that it is with ours that they do not.

    Raises:
        EngineError: then.
    """
    inner = folder / "alone"
    inner.mkdir()
    try:
        resolver.lock(list(lines), {}, target, inner)
    except BuildError:
        return  # the first complaint is the one
    raise EngineError(
        "the function's requirements cannot be installed beside those of mlrun-like: "
        + ", ".join(lines),
        fix="allow versions that fit: " + ", ".join(_own_requirements()),
    )
