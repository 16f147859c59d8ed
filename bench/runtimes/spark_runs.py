"""A recorded Spark run against a bare `spark-submit` of an equal script, same master, same options.

Expected before measuring: our imports (0.6 s) are hidden behind the JVM, which makes its context
meanwhile, and the installed pyspark loads 0.8 s faster than the archive that spark-submit puts
before it; so a run takes less than the bare script, which the bar allows 150 ms more. Two cores are
few for a JVM that starts: single runs of either side differ by some seconds, so look at the half of
the pairs in the middle, too.
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
import time

# not this folder: in it another `spark` would be found
sys.path[0] = str(pathlib.Path(__file__).resolve().parents[1])

from common import arguments, median, report  # noqa: E402

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

import mlrun_like as ml  # noqa: E402
from mlrun_like.functions.creators import code_to_function  # noqa: E402
from mlrun_like.runtimes.spark.submit import submit_program  # noqa: E402
from mlrun_like.tracking.connect import close_stores  # noqa: E402

BAR = 150.0
JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
CODE = """
def count(spark, rows: int = 1000):
    return spark.range(rows).selectExpr("sum(id)").first()[0]
"""
BARE = """
from pyspark.sql import SparkSession
spark = SparkSession.builder.getOrCreate()
print(spark.range(1000).selectExpr("sum(id)").first()[0])
"""


def bare_ms(script: pathlib.Path) -> float:
    """One bare run."""
    command = [submit_program(), "--master", "local[1]", "--driver-java-options", JVM]
    command += [
        "--conf",
        "spark.ui.enabled=false",
        "--conf",
        f"spark.pyspark.python={sys.executable}",
    ]
    start = time.perf_counter()
    subprocess.run([*command, str(script)], check=True, capture_output=True)
    return (time.perf_counter() - start) * 1e3


def cpu_ms() -> float:
    """Processor time of this process and its ended children: other load does not change it."""
    return sum(os.times()[:4]) * 1e3


def main() -> int:
    """Measure in turns, so that other load falls on both."""
    args = arguments(__doc__)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        ml.config.home = str(folder / "home")
        script, source = folder / "bare.py", folder / "count.py"
        script.write_text(BARE)
        source.write_text(CODE)
        function = code_to_function("count", filename=source, kind="spark", handler="count")
        function.spec.spark_master = "local[1]"
        function.spec.driver_java_options = JVM
        function.spec.spark_conf = {"spark.ui.enabled": False}
        bare, ours, bare_cpu, our_cpu = [], [], [], []
        for number in range(args.reps + 1):
            before = cpu_ms()
            first = bare_ms(script)
            between = cpu_ms()
            start = time.perf_counter()
            run = function.run(watch=False)
            second = (time.perf_counter() - start) * 1e3
            assert run.status.results["return"] == 499500
            if number:  # the first pair warms caches
                bare.append(first)
                ours.append(second)
                bare_cpu.append(between - before)
                our_cpu.append(cpu_ms() - between)
        close_stores()
    pairs = sorted(mine - theirs for mine, theirs in zip(ours, bare, strict=True))
    over = median(pairs)
    figures = {
        "bare spark-submit ms": median(bare),
        "recorded run ms": median(ours),
        "overhead ms": over,
        "overhead of half of the pairs ms": f"{pairs[len(pairs) // 4]:.0f} to "
        f"{pairs[-1 - len(pairs) // 4]:.0f}",
        "bare spark-submit cpu ms": median(bare_cpu),
        "recorded run cpu ms": median(our_cpu),
    }
    return report("spark", figures, {f"overhead <= {BAR:g} ms": over <= BAR}, args.json)


if __name__ == "__main__":
    sys.exit(main())
