"""Overhead of a run on Kubernetes, beyond bare client calls for the same objects.

Expected before measuring: the checks before the run (a dozen requests, 60 ms here), one more
request because the job starts suspended (5 ms), durable commits of the records (10 ms), the second
reading of the log (5 ms), and up to 50 ms until the last change of the pod is seen.

The bare client (the `kubernetes` package) makes equal work of the same server: it creates the same
ConfigMap, Secret and Job, whose pod executes the same payload, watches the pod, follows its log,
and deletes the Secret. The server is the one of the tests: its node starts real processes, whose
own time is taken off on both sides.
"""

from __future__ import annotations

import copy
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[0:1] = [str(ROOT / "bench"), str(ROOT)]  # not this folder: it has a kubernetes.py

import kubernetes.client  # noqa: E402
import kubernetes.config  # noqa: E402
import kubernetes.watch  # noqa: E402
from common import arguments, median, report  # noqa: E402

import mlrun_like as ml  # noqa: E402
from mlrun_like.names import new_uid  # noqa: E402
from mlrun_like.runs.entry import build_payload  # noqa: E402
from mlrun_like.runs.job import Job  # noqa: E402
from mlrun_like.runtimes.kubernetes.manifest import Objects, run_objects  # noqa: E402
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec  # noqa: E402
from mlrun_like.tracking.connect import close_stores, open_store  # noqa: E402
from tests.kubernetes_api import kubernetes_cluster  # noqa: E402

CODE = "def handler(x: int = 1):\n    print('here')\n    return x + 1\n"
NAMESPACE = "default"


def objects_of(function: Any) -> Objects:
    """What a run of the function is made of."""
    run = RunDoc(
        metadata=RunMetadata(name="bare", uid=new_uid(), project="default"),
        spec=RunSpec(handler="handler"),
    )
    job = Job(function=function._doc(), run=run, store=open_store())
    return run_objects(job, build_payload(job, relay=True))


def bare_ms(objects: Objects) -> float:
    """One bare run, in ms, the process in the pod included."""
    core, batch = kubernetes.client.CoreV1Api(), kubernetes.client.BatchV1Api()
    start = time.perf_counter()
    for item in objects.config_maps:
        core.create_namespaced_config_map(NAMESPACE, item)
    for item in objects.secrets:
        core.create_namespaced_secret(NAMESPACE, item)
    batch.create_namespaced_job(NAMESPACE, objects.job)
    name = objects.job["metadata"]["name"]
    watch, read = kubernetes.watch.Watch(), False
    for event in watch.stream(
        core.list_namespaced_pod, NAMESPACE, label_selector=f"mlrun/job={name}", timeout_seconds=60
    ):
        pod = event["object"]
        if pod.status.phase == "Running" and not read:
            read = True
            log = core.read_namespaced_pod_log(
                pod.metadata.name, NAMESPACE, follow=True, _preload_content=False
            )
            assert b"here" in log.read()
        if pod.status.phase in ("Succeeded", "Failed"):
            watch.stop()
    for item in objects.secrets:
        core.delete_namespaced_secret(item["metadata"]["name"], NAMESPACE)
    return (time.perf_counter() - start) * 1e3


def main() -> int:
    """Measure in turns, so that other load falls on both."""
    args = arguments(__doc__)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "code.py").write_text(CODE)
        (folder / "cluster").mkdir()
        with kubernetes_cluster(folder / "cluster", validate=False) as cluster:
            file = str(cluster.kubeconfig())
            kubernetes.config.load_kube_config(file)
            with ml.config.override(home=str(folder / "home"), kubeconfig=file):
                function = ml.code_to_function(
                    "bench",
                    kind="job",
                    image="registry/bench:1",
                    filename=str(folder / "code.py"),
                    handler="handler",
                )
                function.run(watch=False)
                bare_ms(objects_of(function))
                ours, bare = [], []
                lived = cluster.node.seconds
                for _ in range(max(args.reps, 9)):
                    spent = bare_ms(copy.deepcopy(objects_of(function)))
                    bare.append(spent - lived[-1] * 1e3)
                    start = time.perf_counter()
                    run = function.run(watch=False)
                    ours.append((time.perf_counter() - start - lived[-1]) * 1e3)
                    assert run.outputs["return"] == 2
                close_stores()
    overhead = median(ours) - median(bare)
    figures = {
        "process in the pod ms": round(median(lived) * 1e3, 1),
        "besides it, run on Kubernetes ms": round(median(ours), 1),
        "besides it, bare client calls ms": round(median(bare), 1),
        "overhead ms": round(overhead, 1),
    }
    bars = {"overhead <= 150 ms": overhead <= 150}
    return report("kubernetes", figures, bars, args.json)


if __name__ == "__main__":
    sys.exit(main())
