"""A small Spark cluster for tests: a standalone master and workers from pyspark's own classes."""

from __future__ import annotations

import fcntl
import functools
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.servers import free_port, missing

__all__ = ["LIGHT_JVM", "SparkCluster", "light", "light_jvm", "need_spark", "spark_cluster"]

LIGHT_JVM = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""A JVM that starts in half the time; what is measured in tests is not its speed."""

_CACHE = Path("~/.cache/mlrun-like-tests").expanduser()
_WARM_UP = """
import pandas
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
assert spark.range(10).selectExpr("sum(id) as x").collect()[0].x == 45
assert len(spark.createDataFrame(pandas.DataFrame({"a": [1, 2]})).toPandas()) == 2
java = spark.sparkContext._gateway.proc
spark.stop()
java.stdin.close()
assert java.wait(120) == 0
"""


def need_spark() -> None:
    """Skip without Spark or Java, or fail in CI."""
    try:
        import pyspark  # noqa: F401
    except ImportError as exc:
        missing(f"pyspark: {exc}")
    if shutil.which("java") is None and not os.environ.get("JAVA_HOME"):
        missing("java is not installed")


@functools.cache
def light_jvm() -> str:
    """Options of a light JVM that maps Spark's classes as one file instead of reading them anew.

    The file is made once per machine, Java and Spark. A Java that cannot make or use it starts as
    it does without, only later.
    """
    import pyspark

    told = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False)
    versions = f"{told.stderr} {pyspark.__version__} {pyspark.__file__}"
    path = _CACHE / f"spark-{hashlib.sha256(versions.encode()).hexdigest()[:16]}.jsa"
    _CACHE.mkdir(parents=True, exist_ok=True)
    with open(_CACHE / "spark.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists() and not _archive(path):
            return LIGHT_JVM
    return f"{LIGHT_JVM} -Xlog:disable -XX:SharedArchiveFile={path}"


def _archive(path: Path) -> bool:
    with tempfile.TemporaryDirectory(dir=_CACHE) as folder:
        made = Path(folder, "classes.jsa")
        options = f"{LIGHT_JVM} -Xlog:disable -XX:ArchiveClassesAtExit={made}"
        command = f'--master local[1] --driver-java-options "{options}" pyspark-shell'
        try:
            subprocess.run(
                [sys.executable, "-W", "ignore", "-c", _WARM_UP],
                env={**os.environ, "PYSPARK_SUBMIT_ARGS": command, "SPARK_LOCAL_IP": "127.0.0.1"},
                cwd=folder,
                capture_output=True,
                timeout=180,
                check=True,
            )
            os.replace(made, path)
        except (OSError, subprocess.SubprocessError):
            return False
    for old in _CACHE.glob("spark-*.jsa"):
        if old != path and time.time() - old.stat().st_mtime > 14 * 24 * 3600:
            old.unlink(missing_ok=True)
    return True


def light(function: Any, master: str = "local[1]") -> Any:
    """A function with a small and quick application."""
    function.spec.spark_master = master
    function.spec.driver_java_options = light_jvm()
    function.spec.executor_java_options = light_jvm()
    function.spec.spark_conf = {
        "spark.ui.enabled": False,
        "spark.sql.shuffle.partitions": 2,
        **function.spec.spark_conf,
    }
    return function


class SparkCluster:
    """A master, and workers of one core and 1 GiB each.

    Args:
        folder: For work and logs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.page_port = free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._start("Master", "--port", str(self.port), "--webui-port", str(self.page_port))

    @property
    def master(self) -> str:
        """The master's URL."""
        return f"spark://127.0.0.1:{self.port}"

    @property
    def page(self) -> str:
        """The address of the master's web page."""
        return f"http://127.0.0.1:{self.page_port}"

    def state(self) -> dict[str, Any]:
        """What the master's page says; empty while it does not answer."""
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"{self.page}/json/", timeout=2) as answer:
                found: dict[str, Any] = json.load(answer)
                return found
        except (OSError, ValueError):
            return {}

    def add_worker(self, cores: int = 1, memory: str = "1g") -> subprocess.Popen[bytes]:
        """Start a worker and wait until the master knows it."""
        before = self.state().get("aliveworkers", 0)
        options = ["--cores", str(cores), "--memory", memory, "--webui-port", str(free_port())]
        work = self.folder / f"work-{len(self._processes)}"
        process = self._start("Worker", *options, "-d", str(work), self.master)
        self.wait(lambda state: state.get("aliveworkers", 0) > before)
        return process

    def wait(self, check: Any, seconds: float = 60) -> dict[str, Any]:
        """Wait until the master's page says something."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            state = self.state()
            if state and check(state):
                return state
            time.sleep(0.1)
        raise AssertionError(f"not seen within {seconds:g} s: {self.state()}")

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a worker and its executors with SIGKILL."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        self._processes.remove(process)

    def close(self) -> None:
        """End everything."""
        for process in reversed(self._processes):
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._processes.clear()

    def _start(self, role: str, *arguments: str) -> subprocess.Popen[bytes]:
        import pyspark

        program = Path(pyspark.__file__).parent / "bin" / "spark-class"
        name = f"org.apache.spark.deploy.{role.lower()}.{role}"
        with (self.folder / f"{role.lower()}.log").open("ab") as log:
            process = subprocess.Popen(
                [str(program), name, "--host", "127.0.0.1", *arguments],
                stdout=log,
                stderr=log,
                start_new_session=True,
                env={
                    **os.environ,
                    "SPARK_LAUNCHER_OPTS": LIGHT_JVM,
                    "SPARK_DAEMON_JAVA_OPTS": light_jvm(),
                    "SPARK_DAEMON_MEMORY": "256m",
                    "SPARK_LOCAL_IP": "127.0.0.1",
                },
            )
        self._processes.append(process)
        return process


@contextmanager
def spark_cluster(folder: Path) -> Iterator[SparkCluster]:
    """A master that answers; workers are added by the tests."""
    need_spark()
    cluster = SparkCluster(folder)
    try:
        cluster.wait(lambda state: state.get("status") == "ALIVE")
        yield cluster
    finally:
        cluster.close()
