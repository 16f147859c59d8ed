"""Images: how long a change of code, of packages or of nothing takes to reach a registry.

Expected before measuring: a change of code costs reading this package's files (to see that they are
the same), one small layer and three requests, so a quarter of a second and some kilobytes; the bare
limit is one upload of a blob of that size to the same registry. A warm environment is a look into
the cache. Where podman is, its build of the same Dockerfile is the peer.

    python bench/runtimes/images.py [--base IMAGE-OR-ARCHIVE] [--reps 5]

It needs `docker-registry` (Debian) and a base image with Python 3.10 or newer.
"""

from __future__ import annotations

import functools
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path[0:1] = [str(Path(__file__).parents[1])]  # not this folder: it has a dask.py
from common import arguments, median, report, seconds  # noqa: E402

import mlrun_like as ml  # noqa: E402
from mlrun_like.configuration import config  # noqa: E402
from mlrun_like.images.registry import Registry  # noqa: E402
from mlrun_like.images.sources import BytesSource  # noqa: E402

BASE = Path("~/.cache/mlrun-like-tests/base.tar").expanduser()
CODE = "def train(context, x: int = 1):\n    context.log_result('y', x * {number})\n"
CONFIG = """version: 0.1
storage: {{filesystem: {{rootdirectory: {folder}/data}}}}
http: {{addr: "127.0.0.1:{port}"}}
"""


@contextmanager
def registry(folder: Path) -> Iterator[str]:
    """A registry of our own; its address."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = int(sock.getsockname()[1])
    (folder / "config.yml").write_text(CONFIG.format(folder=folder, port=port))
    process = subprocess.Popen(
        ["docker-registry", "serve", str(folder / "config.yml")],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            with socket.socket() as sock:
                if sock.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def function(folder: Path, number: int, base: str) -> Any:
    """A function whose code has this number in it."""
    path = folder / "train.py"
    path.write_text(CODE.format(number=number))
    made = ml.code_to_function(name="train", filename=str(path), kind="process", handler="train")
    return made.build_config(base_image=base, requirements=["humanize>=4"])


def code_changes(folder: Path, base: str, name: str, reps: int) -> list[Any]:
    """Builds of new code each."""
    return [function(folder, n, base).build(name, watch=False) for n in range(1, reps + 1)]


def bare_upload(host: str, size: int, reps: int) -> float:
    """Seconds to send one blob of so many bytes and look it up."""

    def send(number: int) -> None:
        client = Registry(host)
        client.push_blob("bare/blob", BytesSource(number.to_bytes(size, "big")))
        client.close()

    return median([seconds(functools.partial(send, number)) for number in range(reps)])


def podman_builds(folder: Path, base: str, reps: int) -> list[float]:
    """Seconds of podman's builds of the same function, each with new code."""
    if not shutil.which("podman"):
        return []
    name = "localhost/mlrun-like-bench:1"
    try:
        function(folder, 0, base).build(name, builder="podman", watch=False)
        return [
            function(folder, 100 + n, base).build(name, builder="podman", watch=False).seconds
            for n in range(reps)
        ]
    finally:
        subprocess.run(["podman", "rmi", "-f", name], capture_output=True, check=False)


def main() -> int:
    """Measure and report."""
    given = arguments(
        "images",
        base={"default": str(BASE), "help": "base image or archive"},
        podman={"action": "store_true", "help": "also measure podman's builds"},
    )
    with tempfile.TemporaryDirectory(prefix="bench-images-") as name:
        folder = Path(name)
        with config.override(home=str(folder / "home")), registry(folder) as host:
            image = f"{host}/bench/train:1"
            cold = function(folder, 0, given.base).build(image, watch=False)
            changes = code_changes(folder, given.base, image, given.reps)
            same = [
                function(folder, 0, given.base).build(image, watch=False) for _ in range(given.reps)
            ]
            elsewhere = f"{host}/bench/other:1"
            warm = seconds(lambda: function(folder, 7, given.base).build(elsewhere, watch=False))
            bare = bare_upload(host, changes[-1].pushed_bytes, given.reps)
            podman = podman_builds(folder, given.base, given.reps) if given.podman else []
    change = median([built.seconds for built in changes])
    sent = max(built.pushed_bytes for built in changes)
    figures = {
        "cold build and push, s": cold.seconds,
        "code change, s": change,
        "code change, bytes sent": sent,
        "bare upload of one blob, s": bare,
        "nothing changed, s": median([built.seconds for built in same]),
        "nothing changed, bytes sent": max(built.pushed_bytes for built in same),
        "warm environment, new repository, s": warm,
    }
    if podman:
        figures["podman build of a code change, s"] = median(podman)
    bars = {
        "a code change is pushed in 2 s": change <= 2,
        "a code change sends 1 MB at most": sent <= 1_000_000,
        "a warm environment takes 10 s at most": warm <= 10,
        "the same inputs give the same digest": {b.digest for b in same} == {cold.digest},
    }
    return report("images", figures, bars, given.json)


if __name__ == "__main__":
    sys.exit(main())
