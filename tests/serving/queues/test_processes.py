"""Functions as processes: started by the command line, killed, restarted."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.names import new_uid
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.queues.options import ConsumeOptions
from mlrun_like.serving.queues.supervisor import Process, Supervisor
from mlrun_like.serving.queues.workers import worker_of
from mlrun_like.streams.opening import open_stream

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
CODE = """
import os
from mlrun_like.serving import flow

def double(body):
    if body == "crash":
        os.kill(os.getpid(), 9)
    return body * 2

def text(body):
    return str(body)

size = 3
graph = flow()
graph.to(">>", "in", path="URL-in", deliveries=3)
graph.add_step(double, after="in", function="doubler")
graph.add_step(">>", "mid", after="double", path="URL-mid")
graph.add_step(text, after="mid", function="writer")
graph.add_step(">>", "out", after="text", path="URL-out")
"""


def wait_until(happens: Callable[[], Any], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


class Files:
    """A folder with a graph whose queues are at one Redis."""

    def __init__(self, folder: Path, redis: Any, code: str = CODE) -> None:
        self.folder = folder
        self.url = f"{redis.url}/{new_uid()}"
        (folder / "flows.py").write_text(code.replace("URL", self.url))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "mlrun_like", "consume", *arguments],
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "MLRUN_LIKE_HOME": str(self.folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def stream(self, name: str) -> Any:
        return open_stream(f"{self.url}-{name}")


@pytest.fixture
def files(tmp_path: Path, redis: Any) -> Files:
    return Files(tmp_path, redis)


def end(process: subprocess.Popen[str], number: int = signal.SIGTERM) -> tuple[int, str]:
    process.send_signal(number)
    output = process.communicate(timeout=30)[0]
    return process.returncode, output


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def test_all_functions_and_what_kills_them(files: Files) -> None:
    running = files.start("flows.py:graph", "--all")
    try:
        with files.stream("in") as into, files.stream("out") as out:
            into.push(['"a"', '"crash"', '"b"'])
            wait_until(lambda: out.depth("judge") == 2)
            with out.consumer("judge") as consumer:
                assert [record.body for record in consumer.read(10, 1)] == [b"aa", b"bb"]
            first = children(running.pid)
            assert len(first) == 2
            os.kill(first[0], signal.SIGKILL)
            os.kill(first[1], signal.SIGKILL)
            into.push(['"c"'])
            wait_until(lambda: out.depth("judge") == 3)
            assert not set(first) & set(children(running.pid))
            with files.stream("in-dead-letters") as dead, dead.consumer("judge") as consumer:
                letter = json.loads(consumer.read(1, 1)[0].body)
            assert "the process died" in letter["error"]
            assert letter["body"] == '"crash"'
        last = children(running.pid)
        running.kill()  # the supervisor: its processes must not outlive it
        running.wait()
        wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in last))
    finally:
        running.kill()
        running.communicate()


def test_one_function_stops_when_asked(files: Files) -> None:
    running = files.start("flows:graph", "--function", "doubler")
    with files.stream("in") as into, files.stream("mid") as mid:
        into.push(["a"])
        wait_until(lambda: mid.depth("x") == 1)
    code, output = end(running)
    assert code == 0
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["flows.py:graph"], "no queue comes before it"),
        (["flows.py:graph", "--function", "dubler"], "Did you mean 'doubler'?"),
        (["flows.py:graph", "--all", "--name", "x"], "--all runs every function"),
        (["flows.py:graf"], "Did you mean 'graph'?"),
        (["none.py:graph"], "there is no file 'none.py'"),
        (["none:graph"], "there is no module 'none'"),
        (["graph.yaml"], "there is no file 'graph.yaml'"),
        (["flows.py:size"], "is no graph"),
    ],
)
def test_mistakes_on_the_command_line(files: Files, arguments: list[str], text: str) -> None:
    process = files.start(*arguments)
    output = process.communicate(timeout=30)[0]
    assert process.returncode == 1
    assert text in output
    assert "Traceback" not in output


def test_a_graph_document(files: Files) -> None:
    document = files.folder / "graph.yaml"
    document.write_text(
        "steps:\n"
        f"  in: {{kind: queue, path: '{files.url}-in', after: []}}\n"
        "  size: {handler: builtins.abs, after: [in], function: sizer}\n"
        f"  out: {{kind: queue, path: '{files.url}-out', after: [size]}}\n"
    )
    running = files.start("graph.yaml", "--function", "sizer")
    with files.stream("in") as into, files.stream("out") as out:
        into.push([-7])
        wait_until(lambda: out.depth("x") == 1)
    assert end(running, signal.SIGINT)[0] == 0


def test_a_process_that_dies_again_and_again_is_started_less_and_less(
    caplog: pytest.LogCaptureFixture,
) -> None:
    process = Process("dying", [sys.executable, "-c", "raise SystemExit(3)"])
    supervisor = Supervisor([process])
    with caplog.at_level(logging.WARNING):
        thread = threading.Thread(target=supervisor.run)
        thread.start()
        time.sleep(1.5)
        supervisor.stop()
        thread.join(10)
    assert 2 <= process.restarts <= 6
    assert "dying ended with exit code 3" in caplog.text


def test_a_process_that_does_not_end_is_killed() -> None:
    code = "import signal, time; signal.signal(15, signal.SIG_IGN); print(1, flush=True)\n"
    process = Process("stubborn", [sys.executable, "-c", code + "time.sleep(60)"])
    supervisor = Supervisor([process], grace=0.5)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    wait_until(lambda: process.running is not None)
    time.sleep(0.5)
    supervisor.stop()
    thread.join(10)
    assert process.running is not None
    assert process.running.returncode == -signal.SIGKILL


def test_nothing_is_lost_when_processes_are_killed_at_random() -> None:
    script = ROOT / "bench" / "serving" / "chaos.py"
    done = subprocess.run(
        [sys.executable, str(script), "--seconds", "5", "--every", "0.4", "--server"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = json.loads(done.stdout.splitlines()[-1])
    assert verdict["events"] > 1000
    assert (verdict["missing"], verdict["out of order"], verdict["dead letters"]) == (0, 0, 0)
    assert sum(verdict["kills"].values()) >= 3


@pytest.fixture(scope="module")
def topics() -> Iterator[Callable[[], str]]:
    """New topics of librdkafka's own broker, which shares partitions out quickly."""
    from confluent_kafka import Producer

    settings = {"bootstrap.servers": "none:1", "test.mock.num.brokers": 1, "log_level": 2}
    producer = Producer(settings)
    found = next(iter(producer.list_topics(timeout=5).brokers.values()))

    def new_topic() -> str:
        name = new_uid()
        for topic in (name, f"{name}-dead-letters"):
            producer.list_topics(topic, timeout=5)
        return f"kafka://{found.host}:{found.port}/{name}"

    yield new_topic
    producer.flush(1)


def test_functions_over_kafka(topics: Callable[[], str]) -> None:
    graph = flow()
    into, out = topics(), topics()
    graph.to(">>", "in", path=into).to(_work, "work", function="f").to(">>", "out", path=out)
    with open_stream(into) as stream:
        stream.push_records([record(n) for n in range(100)])
        worker = worker_of(graph, "f", options=ConsumeOptions(backoff=0.01))
        thread = threading.Thread(target=worker.run)
        thread.start()
        wait_until(lambda: worker.done == 100)
        worker.stop()
        thread.join(20)
        worker.server.close()
        assert stream.depth("f-consumer-group") == 0
    with open_stream(out) as stream, stream.consumer("g", shards=range(4)) as consumer:
        found: list[Any] = []
        while len(found) < 99:
            found += consumer.read(100, 5)
    assert sorted(int(item.body) for item in found) == [n * 2 for n in range(100) if n != 7]
    for key in range(5):
        own = [int(item.body) for item in found if item.key == f"k{key}"]
        assert own == sorted(own)
    with open_stream(f"{into}-dead-letters") as stream:
        assert stream.depth("g") == 1


def record(number: int) -> Any:
    from mlrun_like.streams.base import Record

    return Record(str(number).encode(), f"k{number % 5}")


def _work(body: int) -> int:
    if body == 7:
        raise RuntimeError("seven")
    return body * 2
