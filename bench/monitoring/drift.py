"""A drift report of 100,000 x 20 reference and current, all metrics, beside Evidently and NannyML.

    python bench/monitoring/drift.py --peers /path/with/evidently-and-nannyml/python

Ours: tvd, Hellinger, KL, PSI, Jensen-Shannon, Kolmogorov and Smirnov with p, chi-square with p for
categories, moments, missing values, correlations. Evidently: its `DataDriftPreset`. NannyML: its
univariate calculator with Jensen-Shannon and Kolmogorov and Smirnov. Raw: NumPy's histograms alone.

Second: 1,000,000 x 100 from Parquet, time and peak memory of an own process.

Expected before measuring: sorting dominates, 40 sorts of 2.5 ms; histograms and quantiles are then
free. Found with others on the machine: 0.10 s, about what NumPy's histograms alone take. The first
try took up to 4 s there: OpenBLAS starts threads for the correlations that wait for each other at
full speed; products in small blocks do not. Of the Parquet files, 0.09 s a column on one processor.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from common import arguments, median, peer, report, seconds

from mlrun_like.statistics.compare import compare

DATA = """
import json, time, numpy as np, pandas as pd
r = np.random.default_rng(0)
names = [f"f{k}" for k in range(20)]
old = pd.DataFrame(r.normal(size=(100_000, 20)), columns=names)
new = pd.DataFrame(r.normal(size=(100_000, 20)), columns=names)
"""
EVIDENTLY = (
    DATA
    + """
from evidently import Dataset, Report
from evidently.presets import DataDriftPreset
start = time.perf_counter()
Report([DataDriftPreset()]).run(Dataset.from_pandas(new), Dataset.from_pandas(old)).dict()
print(json.dumps({"seconds": time.perf_counter() - start}))
"""
)
NANNYML = (
    DATA
    + """
import nannyml
start = time.perf_counter()
made = nannyml.UnivariateDriftCalculator(column_names=names, chunk_number=1,
    continuous_methods=["jensen_shannon", "kolmogorov_smirnov"])
made.fit(old).calculate(new)
print(json.dumps({"seconds": time.perf_counter() - start}))
"""
)
LARGE = """
import json, resource, sys, time
from mlrun_like.statistics.compare import compare
start = time.perf_counter()
found = compare(sys.argv[1], sys.argv[2])
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
took = time.perf_counter() - start
print(json.dumps({"seconds": took, "mb": memory, "page": len(found.to_html())}))
"""


def frames() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The data that the peers have, too."""
    random = np.random.default_rng(0)
    names = [f"f{at}" for at in range(20)]
    old = pd.DataFrame(random.normal(size=(100_000, 20)), columns=names)
    return old, pd.DataFrame(random.normal(size=(100_000, 20)), columns=names)


def raw(old: pd.DataFrame, new: pd.DataFrame) -> None:
    """Histograms of all columns, and nothing else."""
    for name in old:
        edges = np.histogram(old[name], 20)[1]
        np.histogram(new[name], edges)


def write(path: Path, seed: int, rows: int, columns: int) -> None:
    """A Parquet file in ten row groups; every tenth column has categories."""
    random = np.random.default_rng(seed)
    kinds = np.array(["red", "green", "blue"])
    writer = None
    for _ in range(10):
        part = {
            f"f{at}": random.normal(size=rows // 10)
            if at % 10
            else random.choice(kinds, rows // 10)
            for at in range(columns)
        }
        table = pa.table(part)
        writer = writer or pq.ParquetWriter(path, table.schema)
        writer.write_table(table)
    if writer:
        writer.close()


def large(rows: int) -> dict[str, Any]:
    """Time, memory and size of the page of two Parquet files, in an own process."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{seed}.parquet" for seed in range(2)]
        for seed, path in enumerate(paths):
            write(path, seed, rows, 100)
        command = [sys.executable, "-c", LARGE, *map(str, paths)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return dict(json.loads(done.stdout))


def main() -> int:
    """Run all."""
    options = arguments(__doc__ or "", rows={"type": int, "default": 1_000_000})
    old, new = frames()
    ours = median([seconds(lambda: compare(old, new)) for _ in range(options.reps)])
    figures: dict[str, Any] = {"ours s": ours, "raw NumPy s": seconds(lambda: raw(old, new))}
    bars = {"100,000 x 20 in 0.3 s": ours <= 0.3}
    for name, code in (("Evidently", EVIDENTLY), ("NannyML", NANNYML)):
        found = peer(options.peers, code)
        if found:
            figures |= {f"{name} s": found["seconds"], f"{name} / ours": found["seconds"] / ours}
    if "Evidently s" in figures:
        bars["20 x faster than Evidently"] = figures["Evidently / ours"] >= 20
    many = large(options.rows)
    figures |= {f"{options.rows:,} x 100 {key}": value for key, value in many.items()}
    bars["1,000,000 x 100 in 10 s and 500 MB"] = many["seconds"] < 10 and many["mb"] < 500
    bars["a page under 300 KB"] = many["page"] < 300_000
    return report("monitoring/drift", figures, bars, options.json)


if __name__ == "__main__":
    sys.exit(main())
