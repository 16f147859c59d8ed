"""Redis Streams: events through a graph of three functions in three processes, end to end.

A producer pushes events, the functions run as `mlrun-like consume` starts them, and the clock stops
when the last score is in the output stream. The limit beside it is one hop (add, read, acknowledge)
by raw commands of one client in large batches.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from common import arguments, median, report
from servers import redis_server

from mlrun_like.serving import Event
from mlrun_like.serving.queues.supervisor import Supervisor, function_processes
from mlrun_like.serving.queues.wrapping import to_record
from mlrun_like.streams import open_stream
from mlrun_like.streams.redis_client import RedisClient

GRAPH = str(Path(__file__).parent / "streams_graph.py") + ":make"
FUNCTIONS = ("cleaner", "enricher", "scorer")


def events(first: int, count: int) -> list[Event]:
    return [
        Event({"n": n, "user": n % 1000, "amount": n * 0.5}, id=f"e{n}", key=f"u{n % 1000}")
        for n in range(first, first + count)
    ]


def produce(url: str, count: int) -> None:
    with open_stream(url) as stream:
        for first in range(0, count, 1000):
            part = events(first, min(1000, count - first))
            stream.push_records([to_record(event, True) for event in part])


def drained(url: str, count: int, timeout: float = 300.0) -> float:
    """When `count` records have arrived at the end."""
    deadline = time.monotonic() + timeout
    with open_stream(url) as stream:
        while stream.depth("nobody") < count:
            if time.monotonic() > deadline:
                raise SystemExit(f"only {stream.depth('nobody')} of {count} arrived")
            time.sleep(0.01)
    return time.perf_counter()


def through_the_graph(url: str, name: str, count: int) -> tuple[float, float]:
    """Events a second through all functions, and processor time of an event in microseconds."""
    os.environ.update(STREAMS_URL=url, STREAMS_NAME=name)
    own = os.path.dirname(os.path.abspath(__file__))
    first, last = f"{url}/{name}-in", f"{url}/{name}-out"
    produce_rest = (
        f"import sys; sys.path[:0] = [{own!r}]; import streams; streams.produce({first!r}, 1000); "
        f"sys.stdin.readline(); streams.produce({first!r}, {count})"
    )
    processes = function_processes(GRAPH, FUNCTIONS, [], 1)
    supervisor = Supervisor(processes)
    for process in processes:
        process.start()
    producer = subprocess.Popen([sys.executable, "-c", produce_rest], stdin=subprocess.PIPE)
    try:
        drained(last, 1000)  # everybody is up and warm
        cpu = sum(os.times()[2:4]) + cpu_of([p.running.pid for p in processes if p.running])
        cpu += cpu_of([producer.pid])
        start = time.perf_counter()
        producer.communicate(b"go\n", timeout=300)
        end = drained(last, 1000 + count)
    finally:
        producer.kill()
        supervisor.stop()
        supervisor.end()
    spent = sum(os.times()[2:4]) - cpu
    return count / (end - start), spent / count * 1e6


def cpu_of(pids: list[int]) -> float:
    """Processor seconds of running processes so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def bare(url: str, count: int) -> float:
    """Events a second of one client that adds, reads and acknowledges, a thousand a command."""
    client = RedisClient(url, 10.0, {})
    add = "for i = 1, #ARGV do redis.call('XADD', KEYS[1], '*', 'body', ARGV[i]) end return 1"
    bodies = [to_record(event, True).body for event in events(0, 1000)]
    client.call("XGROUP", "CREATE", "bare", "g", "0", "MKSTREAM")
    start = time.perf_counter()
    for _ in range(count // 1000):
        client.script(add, ["bare"], bodies)
        found = client.call("XREADGROUP", "GROUP", "g", "c", "COUNT", 1000, "STREAMS", "bare", ">")
        client.call("XACK", "bare", "g", *[entry[0] for entry in found[0][1]])
    seconds = time.perf_counter() - start
    client.close()
    return count / seconds


def main() -> int:
    args = arguments(__doc__ or "", events={"type": int, "default": 100_000})
    rates, costs = [], []
    with redis_server() as server, tempfile.TemporaryDirectory() as home:
        os.environ["MLRUN_LIKE_HOME"] = home
        for number in range(max(1, min(args.reps, 3))):
            rate, cost = through_the_graph(server.url, f"b{number}", args.events)
            rates.append(rate)
            costs.append(cost)
        raw = bare(server.url, 50_000)
    figures = {
        "events/s through 3 processes": median(rates),
        "all runs": ", ".join(f"{rate:.0f}" for rate in rates),
        "processor time of an event in all four clients, us": median(costs),
        "one hop by raw commands of one client, events/s": raw,
    }
    return report("streams", figures, {"10,000 events/s": median(rates) >= 10_000}, args.json)


if __name__ == "__main__":
    sys.exit(main())
