"""Preflight of Spark runs: what can be told in a second, before a JVM is started."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from mlrun_like.configuration import environment
from mlrun_like.errors import MLRunLikeError
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.spark.conf import gpus_of, jvm_memory_bytes, properties
from mlrun_like.runtimes.spark.master import (
    addresses_of,
    need_of,
    reachable,
    read_state,
    read_version,
    why_none_fits,
)
from mlrun_like.runtimes.spark.submit import deps_of, java_program, submit_program
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc

__all__ = ["LONGEST_NAME", "check_definition", "check_engine", "check_name", "check_sweep"]

LONGEST_NAME = 29
"""The operator puts its own endings behind the name, within Kubernetes' limit of 63."""
_LOCAL = re.compile(r"local(\[(\*|\d+)(,\d+)?\]|-cluster\[\d+,\d+,\d+\])?\Z")
_OLDEST_JAVA = {3: 8, 4: 17}
_IN_IMAGE = "local://"


def check_name(document: FunctionDoc, name: str) -> Iterator[Finding]:
    """The name's length, for Spark applications in a cluster."""
    if len(name) > LONGEST_NAME:
        yield Finding(
            "name-long",
            f"name {name!r} has {len(name)} characters, and a Spark application's may have "
            f"{LONGEST_NAME}",
            f"function {document.metadata.name!r}",
            f"fn.run(name={name[:LONGEST_NAME].rstrip('-')!r})",
        )


def check_definition(document: FunctionDoc, master: str = "") -> Iterator[Finding]:
    """What is wrong with the function itself, wherever it runs."""
    where = f"function {document.metadata.name!r}"
    spec = document.spec
    yield from _refused("spark-conf", where, lambda: properties(document, master))
    yield from _refused("spark-deps", where, lambda: deps_of(document))
    yield from _refused("spark-gpus", where, lambda: gpus_of(spec.driver_resources))
    yield from _refused("spark-gpus", where, lambda: gpus_of(spec.executor_resources))
    known = master.startswith(("spark://", "k8s://", "yarn")) or _LOCAL.match(master)
    if master and not known:
        yield _bad_master(master, where)
    elif master.startswith("spark://"):
        yield from _refused("spark-master", where, lambda: addresses_of(master))
    if master.startswith("k8s://"):
        yield from _check_pods(document, where)
    else:
        yield from _missing_files(document, where, in_pods=not master)


def check_sweep(document: FunctionDoc, run: RunDoc) -> Iterator[Finding]:
    """Trials of a sweep share the driver and its session, so they go one after another."""
    if int(run.spec.hyper_param_options.get("parallel_runs") or 0) > 1:
        yield Finding(
            "spark-parallel",
            "parallel_runs starts processes, which would have no Spark session",
            f"function {document.metadata.name!r}",
            "leave parallel_runs out: each trial already uses all executors",
        )


def check_engine(document: FunctionDoc, master: str) -> Iterator[Finding]:
    """Whether Spark can start here and the master can take the run."""
    where = f"function {document.metadata.name!r}, master {master}"
    try:
        submit_program()
    except MLRunLikeError as exc:
        yield Finding("spark-missing", exc.what, exc.where or where, exc.fix)
        return
    yield from _check_java(where)
    wanted = properties(document, master)
    yield from _check_memory(wanted, where)
    if master.startswith("spark://"):
        yield from _check_master(document, master, wanted, where)


def _check_pods(document: FunctionDoc, where: str) -> Iterator[Finding]:
    spec = document.spec
    if spec.spark_conf.get("spark.submit.deployMode") == "cluster":
        yield Finding(
            "spark-deploy-mode",
            "with a k8s:// master the driver is here, where it can be followed; in a pod it is a "
            "SparkApplication",
            f"{where}, spec.spark_conf['spark.submit.deployMode']",
            "leave out spark_master and deployMode: with a kubeconfig the driver runs in a pod",
        )
    if not (spec.image or spec.spark_conf.get("spark.kubernetes.container.image")):
        yield Finding(
            "image-missing",
            "executors in pods need an image with Spark in it",
            where,
            'fn.deploy() builds one, or fn.spec.image = "registry/name:tag"',
        )


def _refused(code: str, where: str, ask: Callable[[], object]) -> Iterator[Finding]:
    try:
        ask()
    except MLRunLikeError as exc:
        yield Finding(code, exc.what, exc.where or where, exc.fix)


def _bad_master(master: str, where: str) -> Finding:
    return Finding(
        "spark-master",
        f"master {master!r} is no master of Spark",
        where,
        "write local[2], spark://host:7077 or k8s://https://host:6443",
    )


def _missing_files(document: FunctionDoc, where: str, in_pods: bool) -> Iterator[Finding]:
    try:
        deps = deps_of(document)
    except MLRunLikeError:
        return
    for key in ("jars", "files", "archives", "pyFiles"):
        for row in deps.get(key, []):
            path = row.partition("#")[0].removeprefix("file://")
            if "://" in path or any(mark in path for mark in "*?"):
                continue
            if in_pods:
                yield Finding(
                    "file-not-shipped",
                    f"{key} {row!r} is a file of this machine, which pods do not see",
                    f"{where}, spec.deps",
                    f"give a URL, or put it into the image and write {_IN_IMAGE}/path",
                )
                continue
            if not Path(document.spec.workdir or ".", path).expanduser().exists():
                yield Finding(
                    "file-missing",
                    f"{key} {row!r} does not exist",
                    f"{where}, spec.deps",
                    f"correct the path; a file inside the image is written {_IN_IMAGE}/path",
                )


def _check_java(where: str) -> Iterator[Finding]:
    java = java_program()
    if not java:
        home = environment("JAVA_HOME")
        why = f" (JAVA_HOME={home!r} holds no bin/java)" if home else ""
        yield Finding(
            "java-missing",
            f"Spark needs Java, and there is none on this machine{why}",
            where,
            "install Java 17 (apt-get install openjdk-17-jre-headless) and set JAVA_HOME, or give "
            "the function another master",
        )
        return
    found, spark = _java_version(java), _spark_version()
    needed = _OLDEST_JAVA.get(int(spark.partition(".")[0] or 0), 0) if spark else 0
    if found and found < needed:
        yield Finding(
            "java-old",
            f"Spark {spark} needs Java {needed}, and {java} is Java {found}",
            where,
            f"install Java {needed} or newer and set JAVA_HOME",
        )


def _java_version(java: str) -> int:
    """The major version from the file `release` beside the program; 0: unknown."""
    release = Path(os.path.realpath(java)).parents[1] / "release"
    try:
        text = release.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    match = re.search(r'JAVA_VERSION="(?:1\.)?(\d+)', text)
    return int(match[1]) if match else 0


def _spark_version() -> str:
    """The version of the installed pyspark; empty where SPARK_HOME names another Spark."""
    if environment("SPARK_HOME"):
        return ""
    try:
        return version("pyspark")
    except PackageNotFoundError:
        return ""


def _check_memory(wanted: dict[str, str], where: str) -> Iterator[Finding]:
    """A driver that is larger than the machine: the JVM would not start, or be killed later."""
    text = wanted.get("spark.driver.memory")
    try:
        size = jvm_memory_bytes(text) if text else 0
        total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (MLRunLikeError, ValueError, OSError, AttributeError):
        return
    if size > total > 0:
        yield Finding(
            "memory-large",
            f"driver memory {text!r} is more than this machine has ({total / 2**30:.1f} GiB)",
            where,
            f'fn.with_driver_requests(mem="{max(1, total // 2**30 // 2)}g")',
        )


def _check_master(
    document: FunctionDoc, master: str, wanted: dict[str, str], where: str
) -> Iterator[Finding]:
    reason = reachable(master)
    if reason:
        yield Finding(
            "spark-master-unreachable",
            f"master {master} cannot be reached: {reason}",
            where,
            "start it, or correct the address (its web page shows the right URL); the function "
            'runs without it with fn.spec.spark_master = "local[*]"',
        )
        return
    state = read_state(master)
    if state is None:
        return
    own, theirs = _spark_version(), read_version(master)
    if own and theirs and own.split(".")[:2] != theirs.split(".")[:2]:
        yield Finding(
            "spark-version-differs",
            f"pyspark here is {own} and {master} runs Spark {theirs}, which cannot talk to each "
            "other",
            where,
            f"pip install pyspark=={theirs}",
        )
    need = need_of(wanted)
    reason = why_none_fits(state, need)
    if reason and state.alive:
        largest = state.alive[0]
        yield Finding(
            "spark-no-room",
            f"{reason}; Spark would wait for ever",
            f"function {document.metadata.name!r}",
            f'fn.with_executor_requests(mem="{largest.memory}m", cpu={largest.cores}) at most, or '
            "start a larger worker",
        )
