"""Real containers for tests: podman with settings of its own, and images made on this machine.

The base image comes from a file that is made once (`debootstrap`) and kept beside the home folder,
so that no registry is needed. Images are named by what is in them and made once per machine.
"""

from __future__ import annotations

import fcntl
import functools
import hashlib
import importlib.metadata
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import missing

__all__ = ["BASE", "IMAGE", "base_image", "contract_image", "podman", "podman_environment"]

ROOT = Path(__file__).parents[1]
CACHE = Path("~/.cache/mlrun-like-tests").expanduser()
BASE = "localhost/mlrun-like-base:1"
IMAGE = "localhost/mlrun-like-test"
_MIRROR = "http://deb.debian.org/debian"
_CONF = """[containers]
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
netns = "host"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
"""
_SITE = "/usr/local/lib/python3.11/dist-packages"
_KEPT = 3


def podman(*arguments: str, check: bool = True, timeout: float = 300) -> str:
    """Run podman; its output."""
    done = subprocess.run(
        ["podman", *arguments], capture_output=True, text=True, timeout=timeout, check=False
    )
    if check and done.returncode:
        pytest.fail(f"podman {' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


@contextmanager
def podman_environment() -> Iterator[None]:
    """Have podman work as root without systemd, for as long as the block lasts."""
    if not shutil.which("podman"):
        missing("podman is not installed (Debian packages 'podman runc buildah')")
    with pytest.MonkeyPatch.context() as patch:
        if os.geteuid() == 0 and shutil.which("runc"):
            CACHE.mkdir(parents=True, exist_ok=True)
            conf = CACHE / "containers.conf"
            if not conf.is_file() or conf.read_text() != _CONF:
                _write(conf, _CONF)
            patch.setenv("CONTAINERS_CONF", str(conf))
        yield


def base_image() -> str:
    """The name of an image with a Debian, its Python 3.11 and pip."""
    with _one_at_a_time():
        if not _exists(BASE):
            podman("import", "-q", str(_base_tar()), BASE)
    return BASE


@functools.cache
def contract_image() -> str:
    """The name of an image with this package and what it requires, besides the base."""
    base_image()
    with _one_at_a_time():
        required = _image_with_requirements()
        name = f"{IMAGE}:{_digest_of_package()}"
        if not _exists(name):
            with tempfile.TemporaryDirectory() as folder:
                ignore = shutil.ignore_patterns("__pycache__")
                shutil.copytree(ROOT / "mlrun_like", Path(folder, "site/mlrun_like"), ignore=ignore)
                _build(name, required, Path(folder), f"{_SITE}/mlrun_like")
            _forget_old()
        podman("tag", name, f"{IMAGE}:1")
    return name


def _image_with_requirements() -> str:
    listed = importlib.metadata.requires("mlrun-like") or []
    wanted = [item for item in listed if "extra ==" not in item]
    lock = ROOT / "requirements.lock"
    digest = hashlib.sha256(repr(wanted).encode() + lock.read_bytes()).hexdigest()[:16]
    name = f"localhost/mlrun-like-requirements:{digest}"
    if not _exists(name):
        with tempfile.TemporaryDirectory() as folder:
            site = Path(folder, "site")
            _install(site, [*wanted, "-c", str(lock)])
            _build(name, BASE, Path(folder), _SITE)
    return name


def _install(site: Path, wanted: Sequence[str]) -> None:
    """Wheels for the image's Python, whatever Python runs the tests."""
    uv = shutil.which("uv") or str(Path(sys.executable).parent / "uv")
    common = ["install", "--target", str(site), "--python-version", "3.11", "--only-binary=:all:"]
    command = [sys.executable, "-m", "pip", *common]
    platform_name = f"{platform.machine()}-unknown-linux-gnu"
    if Path(uv).is_file():
        command = [uv, "pip", *common, "--python-platform", platform_name, "--link-mode", "copy"]
    done = subprocess.run(
        [*command, *wanted], capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        missing(f"the image's packages cannot be had: {done.stderr[-2000:]}")


def _build(name: str, base: str, folder: Path, compiled: str) -> None:
    text = f"FROM {base}\nCOPY site {_SITE}\nRUN python3 -m compileall -q {compiled} || true\n"
    (folder / "Containerfile").write_text(text)
    podman("build", "-q", "--isolation", "chroot", "-t", name, str(folder))


def _digest_of_package() -> str:
    digest = hashlib.sha256((ROOT / "pyproject.toml").read_bytes())
    for path in sorted((ROOT / "mlrun_like").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _forget_old() -> None:
    """Images of older states of the package are removed, but for the last few."""
    listed = podman("images", "--sort", "created", "--format", "{{.Tag}}", IMAGE, check=False)
    old = [tag for tag in listed.splitlines() if len(tag) == 16]
    for tag in old[_KEPT:]:
        podman("rmi", f"{IMAGE}:{tag}", check=False)


def _exists(name: str) -> bool:
    return subprocess.run(["podman", "image", "exists", name], check=False).returncode == 0


def _base_tar() -> Path:
    tar = CACHE / "base.tar"
    if tar.is_file():
        return tar
    if not shutil.which("debootstrap") or os.geteuid() != 0:
        missing("no base image: debootstrap (Debian package) makes one, as root")
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        include = "--include=python3,python3-pip,ca-certificates"
        root, mirror = f"{folder}/root", os.environ.get("DEBIAN_MIRROR", _MIRROR)
        for command in (
            ["debootstrap", "--variant=minbase", include, "bookworm", root, mirror],
            ["tar", "-C", root, "-cf", f"{folder}/base.tar", "."],
        ):
            done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
            if done.returncode:
                missing(f"no base image: {command[0]}: {(done.stdout + done.stderr)[-1000:]}")
        os.replace(f"{folder}/base.tar", tar)
    return tar


def _write(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    os.replace(name, path)


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    """Test processes that run side by side make an image once."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
