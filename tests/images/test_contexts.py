"""The build contexts in `runtimes/`: each builds with podman and runs as a user without rights."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.containers import base_image, podman, podman_environment

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
CONTEXTS = ROOT / "runtimes"
CHECKS = {
    "base": "python3 -c 'import mlrun_like, pandas'",
    "job": "python3 -c 'import sklearn, matplotlib'",
    "serving": "python3 -c 'import uvloop, httptools, h11'",
    "dask": "python3 -c 'import dask.dataframe, distributed'",
    "spark": "python3 -c 'import pyspark' && $SPARK_HOME/bin/spark-submit --version",
    "mpi": "mpirun --version && python3 -c 'from mpi4py import MPI; MPI.Get_library_version()'",
}
_FILES = (("pip", "/etc/pip.conf"), ("ca", "/etc/ssl/certs/ca-certificates.crt"))


@pytest.fixture(scope="module", autouse=True)
def engine() -> Iterator[None]:
    """A working podman."""
    with podman_environment():
        yield


def built(kind: str) -> str:
    """The image of a context, made anew where the context has changed (not what it installs)."""
    parts = [CONTEXTS / "base" / "Dockerfile", CONTEXTS / kind / "Dockerfile"]
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in parts)).hexdigest()[:16]
    name = f"localhost/mlrun-like-context/{kind}:{digest}"
    if subprocess.run(["podman", "image", "exists", name], check=False).returncode:
        base = base_image() if kind == "base" else built("base")
        # this machine's own settings for pip, which are in no file of the repository
        secrets = [f"--secret=id={id},src={path}" for id, path in _FILES if Path(path).is_file()]
        podman(
            *("build", "-q", "--isolation", "chroot", *secrets, "--build-arg", f"BASE={base}"),
            *("-f", str(CONTEXTS / kind / "Dockerfile"), "-t", name, str(ROOT)),
            timeout=900,
        )
    return name


@pytest.mark.parametrize("kind", sorted(CHECKS))
def test_it_builds_and_runs(kind: str) -> None:
    command = f"id -u && touch $HOME/x && mlrun-like version && {CHECKS[kind]} 2>&1"
    said = podman("run", "--rm", built(kind), "sh", "-c", command)
    assert said.startswith("1000\nmlrun-like ")


def test_every_context_is_documented() -> None:
    assert {path.name for path in CONTEXTS.iterdir() if path.is_dir()} == set(CHECKS)
    for kind in CHECKS:
        page = (CONTEXTS / kind / "README.md").read_text(encoding="utf-8")
        assert len(page.splitlines()) <= 10 and f"runtimes/{kind}/Dockerfile" in page
        lines = (CONTEXTS / kind / "Dockerfile").read_text(encoding="utf-8").splitlines()
        assert [line for line in lines if line.startswith("ARG BASE=")]
        assert [line for line in lines if line.startswith("USER ")][-1] == "USER 1000:1000"
