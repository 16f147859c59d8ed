"""What Prometheus sees of a function that reads a queue."""

from __future__ import annotations

import urllib.request

from mlrun_like.names import new_uid
from mlrun_like.serving.definition.graph import flow
from mlrun_like.serving.queues.metrics import StreamMetrics, metrics_on
from mlrun_like.serving.queues.options import ConsumeOptions
from mlrun_like.serving.queues.supervisor import function_processes
from mlrun_like.serving.queues.workers import worker_of
from mlrun_like.streams.opening import open_stream


def test_records_dead_letters_and_depth() -> None:
    name = new_uid()
    url = f"memory://{name}"
    graph = flow()
    graph.to(">>", "in", path=url).to(abs, function="f")
    worker = worker_of(graph, "f", options=ConsumeOptions(attempts=1))
    with open_stream(url) as stream, metrics_on(worker, 0, "127.0.0.1") as port:
        stream.push([1, "x", 3])
        with stream.consumer(worker.group) as consumer:
            worker._settle(consumer, worker._runner.run(consumer.read(2, 0)))
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            text = answer.read().decode()
        stream.delete()
    prefix = "mlrun_like_serving_stream"
    assert f'{prefix}_records_total{{function="f"}} 2.0' in text
    assert f'{prefix}_dead_letters_total{{function="f"}} 1.0' in text
    assert f'{prefix}_depth{{function="f",stream="{name}"}} 1.0' in text
    assert 'mlrun_like_serving_requests_total{status="500"} 1' in text
    open_stream(f"{url}-dead-letters").delete()
    worker.close()


def test_a_stream_that_cannot_be_reached_has_no_depth() -> None:
    graph = flow()
    graph.to(">>", "in", path="redis://127.0.0.1:1/x", timeout=0.1).to(abs, function="f")
    worker = worker_of(graph, "f")
    found = {metric.name: metric for metric in StreamMetrics(worker).collect()}
    assert not found["mlrun_like_serving_stream_depth"].samples
    worker.close()


def test_each_process_has_a_port_and_a_name_of_its_own() -> None:
    made = function_processes("g.yaml", ["a", "b"], ["--batch", "5"], 2, metrics_port=9000)
    assert [process.name for process in made] == ["a-0", "a-1", "b-0", "b-1"]
    ports = [p.command[p.command.index("--metrics-port") + 1] for p in made]
    assert ports == ["9000", "9001", "9002", "9003"]
    assert len({p.command[p.command.index("--name") + 1] for p in made}) == 4
    assert "--metrics-port" not in function_processes("g.yaml", ["a"])[0].command
