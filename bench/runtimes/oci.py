"""A code-only change of an image, made and pushed by our own writer, against podman and bare HTTP.

Expected before measuring: one small tar (2 ms), a HEAD for each layer that is there, HEAD, POST and
PUT for the code and for the config, one PUT for the manifest: ten requests of 2 to 5 ms each, in
four threads. What is sent is the code, the config and the manifest: a few kilobytes.

The base is a Debian with Python (a root tar of 290 MB), the environment a layer of 30 MB.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import arguments, median, report, seconds

import mlrun_like as ml
from mlrun_like.images.image import Image
from mlrun_like.images.layers import Entry, build_layer, kept_layer
from mlrun_like.images.registries import Registries
from tests.containers import CACHE, base_image, podman_environment
from tests.registries import registry_server

REQUESTS = 10  # of one push of changed code, counted


def change(number: int, host: str, base: str) -> tuple[str, int, float]:
    """Build and push one change, as a build in a new process would: nothing is kept open."""
    start = time.perf_counter()
    with Registries() as registries:
        image = Image.pull(base, registries=registries)
        environment = kept_layer("bench environment", lambda: [])
        code = build_layer([Entry.data("/app/main.py", f"print({number})\n".encode() * 50)])
        image = (
            image.with_layers(environment)
            .with_layers(code)
            .with_config(entrypoint=["python3", "/app/main.py"])
        )
        pushed = image.push(f"{host}/bench/app:{number}", registries=registries)
    return pushed.digest, pushed.sent_bytes, time.perf_counter() - start


def bare(host: str) -> float:
    """As many requests on one connection that is kept open."""
    connection = http.client.HTTPConnection(host)

    def ask() -> None:
        for _ in range(REQUESTS):
            connection.request("GET", "/v2/")
            connection.getresponse().read()

    ask()
    spent = seconds(ask)
    connection.close()
    return spent


def by_podman(number: int, host: str, folder: Path) -> float:
    """The same change by `podman build` and `podman push`."""
    (folder / "main.py").write_text(f"print({number})\n" * 50)
    name = f"{host}/bench/podman:{number}"

    def build() -> None:
        for words in (
            ["build", "-q", "--isolation", "chroot", "-t", name, str(folder)],
            ["push", "-q", "--tls-verify=false", name],
        ):
            subprocess.run(["podman", *words], check=True, capture_output=True)

    spent = seconds(build)
    subprocess.run(["podman", "rmi", "-f", name], check=False, capture_output=True)
    return spent


def main() -> int:
    """Measure in turns, so that other load falls on all."""
    args = arguments(__doc__, no_podman={"action": "store_true"})
    engine = nullcontext() if args.no_podman else podman_environment()
    with tempfile.TemporaryDirectory() as name, registry_server() as server, engine:
        if not (CACHE / "base.tar").is_file():
            base_image()
        folder = Path(name)
        with ml.config.override(home=str(CACHE / "home")):  # the base is compressed once
            first = Image.open(CACHE / "base.tar").push(f"{server.host}/bench/base:1")
        ml.config.home = str(folder / "home")
        packages = os.urandom(30_000_000)
        warm = seconds(
            lambda: kept_layer("bench environment", lambda: [Entry.data("/opt/x", packages)])
        )
        base = f"{server.host}/bench/base:1"
        if not args.no_podman:
            context = folder / "context"
            context.mkdir()
            text = f"FROM {base_image()}\nCOPY main.py /app/main.py\n"
            (context / "Containerfile").write_text(text)
            by_podman(0, server.host, context)
        change(0, server.host, base)
        ours, sent, limit, peer = [], 0, [], []
        for number in range(1, max(args.reps, 7) + 1):
            limit.append(bare(server.host))
            digest, size, spent = change(number, server.host, base)
            ours.append(spent)
            sent = max(sent, size)
            if not args.no_podman:
                peer.append(by_podman(number, server.host, context))
        again = change(number, server.host, base)[0]
    figures = {
        "base pushed, s": first.seconds,
        "environment layer of 30 MB made, s": warm,
        "code-only change -> pushed, ms": median(ours) * 1e3,
        f"{REQUESTS} bare requests, ms": median(limit) * 1e3,
        "bytes sent": sent,
    }
    if peer:
        figures["podman build and push, ms"] = median(peer) * 1e3
        figures["podman / ours"] = median([b / a for a, b in zip(ours, peer, strict=True)])
    bars = {
        "pushed in <= 2 s": median(ours) <= 2,
        "pushed in <= 0.3 s": median(ours) <= 0.3,
        "<= 1 MB sent": sent <= 1_000_000,
        "same digest twice": again == digest,
    }
    return report("runtimes/oci", figures, bars, args.json)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
