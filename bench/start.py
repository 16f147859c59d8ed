"""Import, `--help` and declaring a function: what a fresh interpreter pays."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from common import arguments, process_ms, report

DECLARE = """
import mlrun_like as ml

@ml.function(kind="process", requirements=["pandas"], returns=["total"], retry=ml.Retry(count=1),
             resources=ml.Resources(memory="1Gi"))
def add(a: int, b: int = 1):
    return a + b

assert add(2) == 3
"""
args = arguments(__doc__)
script = str(Path(sys.executable).with_name("mlrun-like"))
bare = process_ms("pass", args.reps)
ours = process_ms("import mlrun_like", args.reps)
declared = process_ms(f"exec(compile({DECLARE!r}, 'declare.py', 'exec'))", args.reps)
help_ms = process_ms(
    f"import runpy, sys; sys.argv = ['mlrun-like', '--help']; runpy.run_path({script!r}, "
    "run_name='__main__')",
    args.reps,
)
figures = {
    "bare interpreter, ms": bare,
    "import mlrun_like, ms above bare": ours - bare,
    "declare a function, ms in all": declared,
    "mlrun-like --help, ms in all": help_ms,
}
for name in ("metaflow", "mlflow", "mlrun"):
    try:
        figures[f"import {name}, ms above bare"] = (
            process_ms(f"import {name}", args.reps, args.peers) - bare
        )
    except (OSError, subprocess.CalledProcessError):
        sys.stderr.write(f"peer left out: {name} is not installed there\n")
bars = {
    "import <= 30 ms above bare": figures["import mlrun_like, ms above bare"] <= 30,
    "declaring a function <= 250 ms": declared <= 250,
    "--help <= 250 ms": help_ms <= 250,
}
sys.exit(report("start", figures, bars, args.json))
