"""Requirements to exact versions, and these to installed files, for a Python elsewhere.

uv where it is installed, else pip; both are asked for wheels only. What has no wheel is built here,
if what is built here runs there.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlrun_like.configuration import config
from mlrun_like.errors import BuildError, ConfigError
from mlrun_like.images.complaints import explain
from mlrun_like.images.indexes import resolver_environment
from mlrun_like.images.target import Target

__all__ = ["Pip", "Resolver", "Uv", "choose_resolver"]

_SECONDS = 1800.0
_NO_WHEEL = re.compile(
    r"no usable wheels|no wheels with a matching|building (?:source distributions )?is disabled|"
    r"only-binary|No matching distribution|marked as `?--no-build",
    re.IGNORECASE,
)


class Resolver(ABC):
    """A program that chooses and fetches packages.

    Args:
        environ: The program's environment.
    """

    name = ""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = dict(environ)

    @abstractmethod
    def lock(
        self, lines: Sequence[str], preferred: Mapping[str, str], target: Target, folder: Path
    ) -> str:
        """Exact versions with digests, in the form of a requirements file.

        Args:
            lines: Requirements, with options such as `--index-url`.
            preferred: Versions to take where the requirements leave the choice.
            target: For whom.
            folder: An empty folder for files of this call.

        Raises:
            BuildError: naming the line that cannot be met, and why.
        """

    @abstractmethod
    def install(self, lock: str, options: Sequence[str], target: Target, folder: Path) -> None:
        """Install what a lock names, and nothing else, into `folder`.

        Raises:
            BuildError: if a package cannot be had.
        """

    @abstractmethod
    def wheel(self, source: Path, folder: Path) -> None:
        """Build a wheel of the project in `source` into `folder`.

        Raises:
            BuildError: with the build's last words.
        """

    def _run(self, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                [*self._program(), *arguments],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=_SECONDS,
                cwd=tempfile.gettempdir(),  # no project file lies there
            )
        except subprocess.TimeoutExpired as exc:
            raise BuildError(
                f"{self.name} did not end in {_SECONDS:g} seconds", fix="check the package index"
            ) from exc

    @abstractmethod
    def _program(self) -> list[str]: ...


class Uv(Resolver):
    """uv (docs.astral.sh/uv)."""

    name = "uv"

    def _program(self) -> list[str]:
        return [_uv()]

    def lock(
        self, lines: Sequence[str], preferred: Mapping[str, str], target: Target, folder: Path
    ) -> str:
        wanted, result = folder / "requirements.in", folder / "requirements.lock"
        wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")

        def attempt(*more: str) -> subprocess.CompletedProcess[str]:
            # uv keeps the versions it finds in the output file where they fit
            pins = "".join(f"{name}=={version}\n" for name, version in preferred.items())
            result.write_text(pins, encoding="utf-8")
            return self._run(
                [
                    *("pip", "compile", str(wanted), "--output-file", str(result)),
                    *("--no-header", "--no-annotate", "--generate-hashes", "--quiet"),
                    *self._for(target),
                    *more,
                ]
            )

        done = attempt("--no-build")
        if done.returncode and _NO_WHEEL.search(done.stderr):
            done = attempt()
        if done.returncode:
            raise explain(done.stderr, lines, target, "uv")
        return result.read_text(encoding="utf-8")

    def install(self, lock: str, options: Sequence[str], target: Target, folder: Path) -> None:
        with _file(lock, options) as path:

            def attempt(*more: str) -> subprocess.CompletedProcess[str]:
                return self._run(
                    [
                        *("pip", "install", "--target", str(folder), "--no-deps", "--quiet"),
                        *("--link-mode", "copy", "-r", str(path)),
                        *self._for(target),
                        *more,
                    ]
                )

            done = attempt("--no-build")
            if done.returncode and _NO_WHEEL.search(done.stderr):
                shutil.rmtree(folder, ignore_errors=True)
                done = attempt()
        if done.returncode:
            raise explain(done.stderr, lock.splitlines(), target, "uv")

    def wheel(self, source: Path, folder: Path) -> None:
        done = self._run(["build", "--wheel", "--quiet", "-o", str(folder), str(source)])
        if done.returncode:
            raise explain(done.stderr, [str(source)], None, "uv")

    def _for(self, target: Target) -> list[str]:
        return [
            *("--python-version", target.python, "--python-platform", target.uv_platform),
            *("--python", sys.executable, "--no-progress", "--color", "never"),
        ]


class Pip(Resolver):
    """pip (pip.pypa.io); markers such as `python_version` are those of this Python."""

    name = "pip"

    def _program(self) -> list[str]:
        return [sys.executable, "-m", "pip"]

    def lock(
        self, lines: Sequence[str], preferred: Mapping[str, str], target: Target, folder: Path
    ) -> str:
        wanted, pins, report = (folder / name for name in ("wanted.txt", "pins.txt", "report"))
        wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
        text = "".join(f"{name}=={version}\n" for name, version in preferred.items())
        pins.write_text(text, encoding="utf-8")
        ask = [
            *("install", "--dry-run", "--ignore-installed", "--quiet", "--report", str(report)),
            *("-r", str(wanted)),
        ]
        # pip cannot prefer versions: it is told to take them, and asked again without if it cannot
        choices = [["-c", str(pins)], []] if preferred else [[]]
        ways = [self._for(target, folder / "none")]
        ways += [[]] if target.is_here else []
        done = None
        for way in ways:
            for choice in choices:
                done = self._run([*ask, *way, *choice])
                if done.returncode == 0:
                    return _pins(json.loads(report.read_text(encoding="utf-8")))
        assert done is not None
        raise explain(done.stderr, lines, target, "pip")

    def install(self, lock: str, options: Sequence[str], target: Target, folder: Path) -> None:
        with _file(lock, options) as path:
            ask = ["install", "--no-deps", "--no-compile", "--quiet", "-r", str(path)]
            done = self._run([*ask, *self._for(target, folder)])
            if done.returncode and target.is_here:
                shutil.rmtree(folder, ignore_errors=True)
                done = self._run([*ask, "--ignore-installed", "--target", str(folder)])
        if done.returncode:
            raise explain(done.stderr, lock.splitlines(), target, "pip")

    def wheel(self, source: Path, folder: Path) -> None:
        done = self._run(["wheel", "--no-deps", "--quiet", "-w", str(folder), str(source)])
        if done.returncode:
            raise explain(done.stderr, [str(source)], None, "pip")

    def _for(self, target: Target, folder: Path) -> list[str]:
        platforms = [word for tag in target.pip_platforms for word in ("--platform", tag)]
        return [
            *("--target", str(folder), "--only-binary", ":all:", "--implementation", "cp"),
            *("--python-version", target.python, *platforms),
        ]


def _pins(report: Mapping[str, object]) -> str:
    """The lock of pip's installation report (pip.pypa.io, "Installation Report")."""
    lines = []
    rows = report.get("install")
    for row in rows if isinstance(rows, list) else []:
        name, version = row["metadata"]["name"], row["metadata"]["version"]
        info = row["download_info"]
        hashes = (info.get("archive_info") or {}).get("hashes") or {}
        digest = f" --hash=sha256:{hashes['sha256']}" if "sha256" in hashes else ""
        direct = row.get("is_direct")
        head = f"{name} @ {info['url']}" if direct else f"{name}=={version}"
        lines.append(head + digest)
    return "\n".join(sorted(lines, key=str.lower)) + "\n"


class _file:
    """A requirements file for the length of a `with` block."""

    def __init__(self, text: str, options: Sequence[str]) -> None:
        self.text = "\n".join([*options, text])

    def __enter__(self) -> Path:
        self.folder = Path(tempfile.mkdtemp(prefix="mlrun-like-lock-"))
        path = self.folder / "requirements.lock"
        path.write_text(self.text, encoding="utf-8")
        return path

    def __exit__(self, *_: object) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)


def _uv() -> str:
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.is_file() else shutil.which("uv") or ""


def choose_resolver(extra: Mapping[str, str] | None = None) -> Resolver:
    """uv or pip, by the setting `image_resolver`.

    Args:
        extra: Environment of the build, such as `UV_INDEX_URL` or `PIP_INDEX_URL`.

    Raises:
        ConfigError: if the setting names neither.
        BuildError: if it is not installed.
    """
    wanted = config.image_resolver or "auto"
    if wanted not in ("auto", "uv", "pip"):
        raise ConfigError(
            f"image_resolver cannot be {wanted!r}", fix="MLRUN_LIKE_IMAGE_RESOLVER=uv, pip or auto"
        )
    environ = resolver_environment(extra or {})
    if wanted in ("auto", "uv") and _uv():
        return Uv(environ)
    if wanted in ("auto", "pip"):
        pip = Pip(environ)
        if pip._run(["--version"]).returncode == 0:
            return pip
    raise BuildError(
        f"{'neither uv nor pip is' if wanted == 'auto' else wanted + ' is not'} installed here, "
        "so packages for an image cannot be chosen",
        fix="pip install uv",
    )
