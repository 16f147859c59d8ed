"""A packed CSV file becomes Parquet: `python example.py`."""

from __future__ import annotations

import gzip
import tempfile
from pathlib import Path

import mlrun_like as ml

if __name__ == "__main__":
    file = Path(tempfile.mkdtemp()) / "readings.csv.gz"
    with gzip.open(file, "wt") as text:
        text.write("sensor,value,note\n")
        text.writelines(f"s{at % 5},{at / 7:.3f},\n" for at in range(200_000))
    run = ml.import_function("hub://arc_to_parquet").run(
        inputs={"archive_url": str(file)}, params={"key": "readings"}, local=True
    )
    data = run.artifact("readings")
    print(data.as_df().head())
    print(f"{run.outputs['rows']:,} rows in {data.stat().size:,} bytes: {data.url}")
