"""Runs through the whole driver: they really execute, and the cluster misbehaves."""

from __future__ import annotations

import _thread
import random
import threading
import time
from typing import TYPE_CHECKING

import pytest

from mlrun_like.runtimes.kubernetes.client import Client
from mlrun_like.runtimes.kubernetes.manifest import function_objects
from mlrun_like.runtimes.kubernetes.rendering import Call
from mlrun_like.runtimes.kubernetes.runtime import KubernetesRuntime

if TYPE_CHECKING:
    from tests.runtimes.kubernetes.conftest import Bench

pytestmark = pytest.mark.slow

LINES = 80
SLOW = f"""
import time
def handler():
    print("begun", flush=True)
    for number in range({LINES}):
        print("line", number, flush=True)
        time.sleep(0.03)
"""
WAITS = """
import time
def handler():
    print("begun", flush=True)
    time.sleep(60)
"""


def test_success_with_secrets_and_labels(bench: Bench) -> None:
    run = bench.run(
        """
        import os
        def handler(context, x: int):
            print("level", os.environ["LEVEL"])
            context.log_result("token", len(os.environ["API_TOKEN"]))
            context.log_result("secret", context.get_secret("mine"))
            return x + 1
        """,
        {"env": [{"name": "LEVEL", "value": "3"}, {"name": "API_TOKEN", "value": "s3cret"}]},
        parameters={"x": 4},
    )
    assert run.status.state == "completed", run.status.error
    assert run.status.results["return"] == 5
    assert run.status.results["token"] == 6
    assert bench.log(run) == "level 3\n"
    (pod,) = bench.cluster.all("pods")
    assert pod["metadata"]["labels"]["mlrun/uid"] == run.metadata.uid
    assert "s3cret" not in str(pod)
    assert "s3cret" not in str(bench.cluster.all("configmaps"))
    assert not bench.cluster.all("secrets"), "what held secrets goes with the run's end"
    stored = bench.store.read_run("default", run.metadata.uid)
    assert stored["status"]["state"] == "completed"


def test_failure_has_a_traceback(bench: Bench) -> None:
    run = bench.run("def handler():\n    print('before')\n    raise ValueError('boom')\n")
    assert run.status.state == "error"
    assert run.status.error == "ValueError: boom"
    assert "raise ValueError('boom')" in run.status.traceback
    assert bench.log(run).startswith("before\n")


def test_log_is_live(bench: Bench) -> None:
    job, wait = bench.start(SLOW)
    bench.wait_log(job, "line 2")
    assert bench.store.read_run("default", job.run.metadata.uid)["status"]["state"] == "running"
    assert wait().status.state == "completed"
    lines = bench.log(job).splitlines()
    assert lines == ["begun", *(f"line {n}" for n in range(LINES))]


def test_retries_are_ours_and_recorded(bench: Bench, tmp_path: object) -> None:
    run = bench.run(
        f"""
        from pathlib import Path
        def handler():
            marks = Path({str(tmp_path)!r}, "marks")
            with marks.open("a") as stream:
                stream.write("x")
            if len(marks.read_text()) < 3:
                raise RuntimeError("flaky")
            return "done"
        """,
        retry={"count": 3, "backoff": 0.01},
    )
    assert run.status.state == "completed", run.status.error
    assert [row["attempt"] for row in run.status.attempts] == [1, 2]
    names = [job["metadata"]["name"] for job in bench.cluster.all("jobs")]
    assert len(names) == 3
    assert {job["spec"]["backoffLimit"] for job in bench.cluster.all("jobs")} == {0}


def test_abort_deletes_and_nothing_is_left(bench: Bench) -> None:
    job, wait = bench.start(WAITS)
    bench.wait_log(job, "begun")
    bench.store.set_run_state("default", job.run.metadata.uid, 0, "aborting", "")
    run = wait()
    assert run.status.state == "aborted"
    for plural in ("jobs", "pods", "secrets", "configmaps"):
        assert not bench.cluster.all(plural), plural


def test_abort_before_the_pod_runs(bench: Bench) -> None:
    bench.cluster.faults.scripts = ["unschedulable"]
    job, wait = bench.start(WAITS)
    bench.wait_log(job, "no node")
    bench.store.set_run_state("default", job.run.metadata.uid, 0, "aborting", "")
    assert wait().status.state == "aborted"
    assert not bench.cluster.all("pods")


def test_timeout(bench: Bench) -> None:
    run = bench.run(WAITS, timeout=1.0)
    assert run.status.state == "error"
    assert "exceeded its timeout of 1 s" in (run.status.error or "")


def test_timeout_of_native_code(bench: Bench) -> None:
    run = bench.run(
        """
        import ctypes
        def handler():
            print("begun", flush=True)
            ctypes.PyDLL(None).usleep.argtypes = [ctypes.c_uint]
            ctypes.PyDLL(None).usleep(40_000_000)  # holds the interpreter
        """,
        timeout=0.5,
    )
    assert run.status.state == "error"
    assert "exceeded its timeout of 0.5 s" in (run.status.error or "")
    assert not bench.cluster.all("pods")


def test_slow_imports_do_not_count(bench: Bench) -> None:
    run = bench.run("import time\ntime.sleep(2)\ndef handler():\n    time.sleep(60)\n", timeout=1.5)
    assert run.status.error == "the run exceeded its timeout of 1.5 s"


def test_who_does_not_listen_to_the_limit_is_ended(bench: Bench) -> None:
    run = bench.run(
        """
        import time
        def handler():
            while True:
                try:
                    time.sleep(60)
                except BaseException:
                    pass
        """,
        timeout=0.5,
    )
    assert run.status.state == "error"
    assert "exceeded its timeout of 0.5 s" in (run.status.error or "")
    assert not bench.cluster.all("pods")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("oom", ["more memory than its limit", "with_limits(mem"]),
        ("evict", ["the run was lost", "evicted", "low on resource: memory"]),
        ("preempt", ["the run was lost", "preempted", "with_priority_class"]),
        ("delete", ["the run was lost", "deleted from outside"]),
    ],
)
def test_a_killed_pod_is_explained(bench: Bench, script: str, words: list[str]) -> None:
    bench.cluster.faults.scripts = [script]
    run = bench.run(WAITS)
    assert run.status.state == "error"
    for word in words:
        assert word in (run.status.error or ""), run.status.error
    assert "To fix it" in (run.status.error or "")


def test_a_killed_pod_is_tried_again(bench: Bench) -> None:
    bench.cluster.faults.scripts = ["preempt", "evict", ""]
    run = bench.run(
        "import time\ndef handler():\n    print('a', flush=True)\n    time.sleep(1)\n"
        "    return 7\n",
        retry={"count": 2, "backoff": 0.01},
    )
    assert run.status.state == "completed", run.status.error
    assert run.status.results["return"] == 7
    first, second = (row["error"] for row in run.status.attempts)
    assert "preempted" in first
    assert "evicted" in second


def test_a_lost_node(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlrun_like.runtimes.kubernetes.following._AFTER_GRACE", 1.0)
    bench.cluster.faults.scripts = ["node-lost"]
    run = bench.run(WAITS)
    assert run.status.state == "error"
    assert "node was lost" in (run.status.error or "")
    assert not bench.cluster.all("pods")


def test_a_missing_image_is_explained_at_once(bench: Bench) -> None:
    bench.cluster.faults.missing_images = {"registry/f:1"}
    begun = time.monotonic()
    run = bench.run(WAITS, retry={"count": 3})
    assert time.monotonic() - begun < 6
    assert run.status.state == "error"
    assert "'registry/f:1' cannot be pulled" in (run.status.error or "")
    assert "fn.deploy()" in (run.status.error or "")
    assert len(run.status.attempts) == 1, "trying again would end in the same way"
    assert not bench.cluster.all("pods")


@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"secretKeyRef": {"name": "absent", "key": "A"}}, "secret 'absent'"),
        ({"secretKeyRef": {"name": "there", "key": "B"}}, "has no key 'B'"),
        ({"configMapKeyRef": {"name": "absent", "key": "A"}}, "configmap 'absent'"),
    ],
)
def test_missing_references_are_explained(bench: Bench, env: dict[str, object], words: str) -> None:
    there = {"name": "there", "namespace": "default"}
    bench.cluster.put({"apiVersion": "v1", "kind": "Secret", "metadata": there, "data": {"A": ""}})
    run = bench.run(WAITS, {"env": [{"name": "X", "valueFrom": env}]})
    assert run.status.state == "error"
    assert words in (run.status.error or ""), run.status.error


def test_an_image_without_python(bench: Bench) -> None:
    bench.cluster.faults.scripts = ["no-command"]
    run = bench.run(WAITS)
    assert "no program 'python3'" in (run.status.error or "")


def test_no_node_is_said_while_it_waits(bench: Bench) -> None:
    bench.cluster.faults.scripts = ["unschedulable"]
    job, wait = bench.start(WAITS)
    begun = time.monotonic()
    bench.wait_log(job, "no node has enough memory free")
    assert time.monotonic() - begun < 5
    status = bench.store.read_run("default", job.run.metadata.uid)["status"]
    assert status["state"] == "pending"
    assert "fn.with_requests" in status["status_text"]
    bench.store.set_run_state("default", job.run.metadata.uid, 0, "aborting", "")
    wait()


def test_thresholds_abort(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "mlrun_like.runtimes.kubernetes.thresholds.parse_duration",
        lambda text: {"1m": 1.5}.get(text, float("inf")),
    )
    bench.cluster.faults.scripts = ["unschedulable", ""]
    run = bench.run(WAITS, {"state_thresholds": {"pending_not_scheduled": "1m"}})
    assert run.status.state == "aborted"
    assert "more than 1m (it got no node)" in (run.status.error or "")
    assert "no node has enough memory" in (run.status.error or "")
    run = bench.run(WAITS, {"state_thresholds": {"executing": "1m"}})
    assert run.status.state == "aborted"
    assert "it was running" in (run.status.error or "")
    assert not bench.cluster.all("pods")


def test_the_quota_is_explained(bench: Bench) -> None:
    bench.cluster.faults.quota = {"cpu": 1}
    run = bench.run(WAITS, {"resources": {"limits": {"cpu": "4"}}})
    assert run.status.state == "error"
    assert "quota 'compute'" in (run.status.error or "")


def test_active_deadline(bench: Bench) -> None:
    run = bench.run(WAITS, {"active_deadline": 1})
    assert run.status.state == "error"
    assert "active deadline of 1 s" in (run.status.error or "")


def test_a_refused_submission_leaves_nothing(bench: Bench) -> None:
    bench.cluster.faults.forbidden = {("create", "secrets")}
    run = bench.run(WAITS)
    assert run.status.state == "error"
    assert "'tester' may not create secrets" in (run.status.error or "")
    assert not bench.cluster.all("jobs")
    assert not bench.cluster.all("configmaps")


def test_a_missing_module_is_named(bench: Bench) -> None:
    run = bench.run("import not_there_at_all\ndef handler():\n    pass\n")
    assert "not_there_at_all" in (run.status.error or "")


def test_large_code_and_results(bench: Bench) -> None:
    noise = random.Random(1).randbytes(1_200_000).hex()
    run = bench.run(
        f"DATA = '{noise}'\ndef handler(context):\n"
        "    context.log_result('big', DATA[:200000])\n    return len(DATA)\n"
    )
    assert run.status.state == "completed", run.status.error
    assert run.status.results["return"] == len(noise)
    assert run.status.results["big"] == noise[:200000]
    assert len(bench.cluster.all("configmaps")) >= 2


def test_watches_that_expire_and_servers_that_fail(bench: Bench) -> None:
    job, wait = bench.start(SLOW)
    bench.wait_log(job, "line 5")
    faults = bench.cluster.faults
    for status in (500, 503, 0):
        bench.cluster.expire()
        faults.errors += [("GET .*/pods", status)]
        time.sleep(0.5)
    run = wait()
    assert run.status.state == "completed", run.status.error
    lines = bench.log(job).splitlines()
    assert lines == ["begun", *(f"line {n}" for n in range(LINES))]


@pytest.mark.parametrize("coarse", [False, True])
def test_logs_survive_broken_connections(bench: Bench, coarse: bool) -> None:
    bench.cluster.faults.coarse_clock = coarse
    bench.cluster.faults.cut_logs = [3, 0, 7, 1, 20, 4]
    job, wait = bench.start(SLOW)
    assert wait().status.state == "completed"
    lines = bench.log(job).splitlines()
    assert lines == ["begun", *(f"line {n}" for n in range(LINES))]


def test_the_api_server_is_away_for_a_while(bench: Bench) -> None:
    job, wait = bench.start(SLOW)
    bench.wait_log(job, "line 5")
    bench.cluster.faults.down = True
    threading.Timer(2.5, lambda: setattr(bench.cluster.faults, "down", False)).start()
    assert wait().status.state == "completed"
    lines = bench.log(job).splitlines()
    assert lines == ["begun", *(f"line {n}" for n in range(LINES))]


def test_a_token_that_expires(bench: Bench) -> None:
    bench.cluster.faults.tokens = {"t0"}
    job, wait = bench.start(SLOW)
    bench.wait_log(job, "line 5")
    bench.cluster.faults.tokens = {"t1"}
    bench.cluster.kubeconfig(token="t1")
    bench.cluster.expire()
    run = wait()
    assert run.status.state == "completed", run.status.error
    assert bench.log(job).splitlines()[-1] == f"line {LINES - 1}"


def test_a_submission_that_is_repeated_creates_nothing_twice(bench: Bench) -> None:
    # the server does what is asked and breaks the connection before it says so
    bench.cluster.faults.errors = [("POST .*/jobs", 503), ("POST .*/secrets", 502)]
    run = bench.run("def handler():\n    return 1\n")
    assert run.status.state == "completed", run.status.error
    assert len(bench.cluster.all("jobs")) == 1


def test_an_interrupt_ends_the_run_in_the_cluster(bench: Bench) -> None:
    job = bench.job(bench.doc(WAITS))
    timer = threading.Timer(2.0, _thread.interrupt_main)
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        KubernetesRuntime().launch(job)
    timer.join()
    assert job.run.status.state == "aborted"
    bench.wait_for(lambda: not bench.cluster.all("pods"))
    assert not bench.cluster.all("secrets")


@pytest.fixture
def direct(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """Pods of this machine reach the store's file as pods elsewhere reach a database server."""
    monkeypatch.setattr("mlrun_like.runtimes.kubernetes.attempt.reachable_store", lambda url: True)
    return bench


def test_a_store_that_the_pod_reaches(direct: Bench) -> None:
    run = direct.run(
        "def handler(x: int):\n    print('here')\n    return x + 1\n", parameters={"x": 1}
    )
    assert run.status.state == "completed", run.status.error
    assert run.status.results["return"] == 2
    assert direct.log(run) == "here\n"
    run = direct.run(
        "def handler():\n    raise ValueError('boom')\n", retry={"count": 1, "backoff": 0}
    )
    assert (run.status.state, run.status.error) == ("error", "ValueError: boom")
    assert len(run.status.attempts) == 2


def test_ends_in_a_store_that_the_pod_reaches(direct: Bench) -> None:
    direct.cluster.faults.scripts = ["preempt", ""]
    run = direct.run(
        "import time\ndef handler():\n    print('a', flush=True)\n    time.sleep(1)\n",
        retry={"count": 1, "backoff": 0.01},
    )
    assert run.status.state == "completed", run.status.error
    assert "preempted" in run.status.attempts[0]["error"]
    job, wait = direct.start(WAITS)
    direct.wait_log(job, "begun")
    direct.store.set_run_state("default", job.run.metadata.uid, 0, "aborting", "")
    assert wait().status.state == "aborted"
    stored = direct.store.read_run("default", job.run.metadata.uid)["status"]
    assert (stored["state"], stored["error"]) == ("aborted", "the run was aborted")
    assert not direct.cluster.all("pods", **{"mlrun/uid": job.run.metadata.uid})


def test_the_kind_stands_alone_without_a_cluster() -> None:
    runtime = KubernetesRuntime()
    assert runtime.local_form == "process"
    assert runtime.needs_image


def test_a_manifest_that_was_applied_runs(bench: Bench) -> None:
    doc = bench.doc("def handler(x: int):\n    print('sum', x + 1)\n    return x + 1\n")
    doc.spec.default_handler = "handler"
    client = Client()
    for item in function_objects(doc, Call(params={"x": 4})):
        client.create(item)
    ended = ("Succeeded", "Failed")
    (pod,) = bench.wait_for(
        lambda: [o for o in bench.cluster.all("pods") if o["status"].get("phase") in ended]
    )
    log = bench.cluster.node.log_of(pod)
    assert log is not None
    text = b"".join(line for _, line in log.lines(follow=False) if line).decode()
    assert pod["status"]["phase"] == "Succeeded", text
    assert "sum 5" in text
