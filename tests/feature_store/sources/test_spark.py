"""Sources and Spark, in a process of its own."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.spark_servers import light_jvm

# a few rows: compiling costs more than it saves
_ARGUMENTS = " ".join(
    [
        "--master local[1]",
        *(
            f"--conf spark.{name}"
            for name in (
                "ui.enabled=false",
                "sql.shuffle.partitions=1",
                "sql.codegen.wholeStage=false",
                "sql.adaptive.enabled=false",
            )
        ),
        "pyspark-shell",
    ]
)


@pytest.mark.slow
def test_spark_gives_the_same_rows(tmp_path: Path) -> None:
    if importlib.util.find_spec("pyspark") is None or not shutil.which("java"):
        pytest.skip("Spark or Java is not installed")
    out = tmp_path / "out.json"
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("spark_cases.py")), str(tmp_path), str(out)],
        env={
            **os.environ,
            "TZ": "America/New_York",
            "PYTHONPATH": str(Path(__file__).parents[3]),
            "PYSPARK_SUBMIT_ARGS": f'--driver-java-options "{light_jvm()}" {_ARGUMENTS}',
        },
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(out.read_text())
    assert found["t"] == found["z"] == [None, 3]
    for name in ("in", "not in", "!=", ">"):
        ours, theirs = found[name]
        assert ours == theirs, name
    assert found["types"] == [["str", "Int64", "float64"]] * 2
    assert found["rest"] == 1
    assert found["moments"] == [0, 1, 2, 3]
