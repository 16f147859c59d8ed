"""Overhead of a run in a container, beyond `podman run` of the same image and the same imports.

Expected before measuring: the request's files and mounts (10 ms), a shell that keeps the container
(5 ms), two durable commits on each side (4 ms), and the record read back.

The bare engine does equal work: the same image, network, log driver and limits, a Python that
imports what a run's process has imported at its end, opens the same store and calls the handler.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0:1] = [str(ROOT / "bench"), str(ROOT)]  # not this folder: it has a dask.py

from common import arguments, median, report  # noqa: E402

import mlrun_like as ml  # noqa: E402
from tests.containers import contract_image, podman_environment  # noqa: E402

CODE = """
import sys
def handler(context, x: int = 1):
    context.log_result("modules", sorted(n for n in sys.modules if n != "__main__"))
    return x + 1
"""
BARE = """
import importlib, json, sys
for name in json.load(open("/bare/modules.json")):
    try:
        importlib.import_module(name)
    except ImportError:
        pass
print("done")
"""


def bare_ms(image: str, folder: Path) -> float:
    """One bare run; removing the container, which ours does beside the run, is not counted."""
    command = ["podman", "run", "--name", "bare", "--network", "host", "--log-driver", "none"]
    command += ["--mount", f"type=bind,source={folder},target=/bare", image]
    start = time.perf_counter()
    subprocess.run([*command, "python3", "/bare/bare.py"], check=True, capture_output=True)
    spent = time.perf_counter() - start
    subprocess.run(["podman", "rm", "-f", "bare"], check=True, capture_output=True)
    return spent * 1e3


def main() -> int:
    """Measure in turns, so that other load falls on both."""
    args = arguments(__doc__)
    with tempfile.TemporaryDirectory() as name, podman_environment():
        folder, image = Path(name), contract_image()
        (folder / "bare.py").write_text(BARE)
        (folder / "code.py").write_text(CODE)
        with ml.config.override(home=str(folder / "home"), container_tool="podman"):
            function = ml.code_to_function(
                "bench",
                kind="container",
                image=image,
                filename=str(folder / "code.py"),
                handler="handler",
            )
            first = function.run(watch=False)
            modules = first.outputs["modules"]
            (folder / "modules.json").write_text(json.dumps(modules))
            bare_ms(image, folder)
            ours, bare = [], []
            for _ in range(max(args.reps, 11)):
                bare.append(bare_ms(image, folder))
                start = time.perf_counter()
                run = function.run(watch=False)
                ours.append((time.perf_counter() - start) * 1e3)
                assert run.outputs["return"] == 2
                time.sleep(0.5)  # the last container's removal is over
            ml.get_run_db().close()
    overhead = median([a - b for a, b in zip(ours, bare, strict=True)])
    figures = {
        "ours, ms a run": median(ours),
        "podman run with the same imports, ms": median(bare),
        "modules imported": len(modules),
        "overhead, ms": overhead,
    }
    return report("runtimes/container", figures, {"overhead <= 150 ms": overhead <= 150}, args.json)


if __name__ == "__main__":
    sys.exit(main())
