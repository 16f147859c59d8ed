"""`import mlrun` through the switch: what a fresh interpreter pays, and what the real one takes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from common import arguments, process_ms, report

SWITCH = "import mlrun_like.compat; mlrun_like.compat.install(quiet=True); "
args = arguments(__doc__)
bare = process_ms("pass", args.reps)
ours = process_ms("import mlrun_like", args.reps)
switched = process_ms(f"{SWITCH}import mlrun", args.reps)
modules = process_ms(f"{SWITCH}import mlrun, mlrun.serving, mlrun.feature_store, storey", args.reps)
figures = {
    "bare interpreter, ms": bare,
    "import mlrun_like, ms above bare": ours - bare,
    "the switch and import mlrun, ms above bare": switched - bare,
    "and serving, feature_store and storey, ms above bare": modules - bare,
}
try:
    figures["the real import mlrun, ms above bare"] = (
        process_ms("import mlrun", args.reps, args.peers) - bare
    )
except (OSError, subprocess.CalledProcessError):
    sys.stderr.write("peer left out: mlrun is not installed there\n")
bars = {"import mlrun <= 100 ms above bare": switched - bare <= 100}
sys.exit(report("compat start", figures, bars, args.json))
