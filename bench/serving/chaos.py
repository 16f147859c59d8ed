"""Kill -9 at random: every event must come out at the end, none lost.

A graph of three functions runs under `mlrun-like consume --all` while events are pushed. Again and
again one process is killed: a function, the supervisor of all, and with --server also Redis itself
(which then keeps its append-only file). At the end each event must have arrived, those of one key
in order; duplicates are counted. The exit code is 1 if an event is missing or out of order.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))

from servers import redis_server

from mlrun_like.errors import StoreUnavailableError
from mlrun_like.serving import Event
from mlrun_like.serving.queues.wrapping import to_record
from mlrun_like.streams import Stream, open_stream

GRAPH = str(Path(__file__).parent / "streams_graph.py") + ":make"
USERS = 50


class Producer:
    """Pushes numbered events at a steady rate; a push that fails is repeated."""

    def __init__(self, url: str, rate: int) -> None:
        self.count = self.repeated = 0
        self._url, self._rate = url, rate
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with open_stream(self._url, timeout=5.0, shards=2) as stream:
            while not self._stop.wait(0.02):
                numbers = range(self.count, self.count + max(1, self._rate // 50))
                records = [to_record(event(n), True) for n in numbers]
                while True:
                    try:
                        stream.push_records(records)
                        break
                    except StoreUnavailableError:
                        self.repeated += 1
                self.count += len(records)


def event(number: int) -> Event:
    user = number % USERS
    return Event({"n": number, "user": user, "amount": 1.0}, id=f"e{number}", key=f"u{user}")


class Functions:
    """`mlrun-like consume --all`, started again when it is killed."""

    def __init__(self, log: Path, replicas: int) -> None:
        self._log, self._replicas = log.open("ab"), str(replicas)
        self.supervisor = self.start()

    def start(self) -> subprocess.Popen[bytes]:
        self.supervisor = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "mlrun_like",
                "consume",
                GRAPH,
                "--all",
                "--replicas",
                self._replicas,
            ],
            stdout=self._log,
            stderr=self._log,
        )
        return self.supervisor

    def children(self) -> list[int]:
        pid = self.supervisor.pid
        try:
            return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        except OSError:
            return []

    def kill(self, chance: random.Random) -> str:
        children = self.children()
        if not children or chance.random() < 0.1:
            self.supervisor.kill()
            self.supervisor.wait()
            self.start()
            return "supervisor"
        try:
            os.kill(chance.choice(children), signal.SIGKILL)
        except ProcessLookupError:
            return "nobody"
        return "function"

    def stop(self) -> int:
        self.supervisor.terminate()
        code = self.supervisor.wait(60)
        self._log.close()
        return code


def wait_until_drained(stream: Stream, count: int, timeout: float) -> bool:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if stream.depth("nobody") >= count:
            return True
        time.sleep(0.1)
    return False


def arrived(stream: Stream) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with stream.consumer("judge") as consumer:
        while records := consumer.read(1000, 1.0):
            found += [json.loads(record.body)["body"] for record in records]
            consumer.ack(records)
    return found


def judge(found: list[dict[str, Any]], count: int) -> dict[str, int]:
    """How many events are missing, doubled, or came before an earlier one of their key."""
    counts = Counter(item["n"] for item in found)
    last: dict[int, int] = {}
    seen: set[int] = set()
    disorder = 0
    for item in found:
        number, user = item["n"], item["user"]
        if number in seen:
            continue
        seen.add(number)
        disorder += number < last.get(user, -1)
        last[user] = number
    return {
        "events": count,
        "missing": sum(n not in counts for n in range(count)),
        "duplicates": sum(counts.values()) - len(counts),
        "out of order": disorder,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--rate", type=int, default=1000, help="events a second")
    parser.add_argument("--every", type=float, default=1.5, help="seconds between kills")
    parser.add_argument("--server", action="store_true", help="kill Redis too")
    parser.add_argument("--replicas", type=int, default=1, help="processes of each function")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    args = parser.parse_args()
    chance = random.Random(args.seed)
    kills: Counter[str] = Counter()
    with redis_server(durable=args.server) as server, tempfile.TemporaryDirectory() as home:
        os.environ.update(
            STREAMS_URL=server.url, STREAMS_NAME="chaos", STREAMS_SHARDS="2", MLRUN_LIKE_HOME=home
        )
        functions = Functions(Path(home) / "log", args.replicas)
        producer = Producer(f"{server.url}/chaos-in", args.rate)
        producer.start()
        end = time.monotonic() + args.seconds
        while time.monotonic() < end:
            time.sleep(min(chance.expovariate(1 / args.every), max(0.0, end - time.monotonic())))
            if args.server and chance.random() < 0.15:
                server.kill()
                time.sleep(chance.random())
                server.start()
                kills["Redis"] += 1
            else:
                kills[functions.kill(chance)] += 1
        producer.stop()
        with open_stream(f"{server.url}/chaos-out", shards=2) as out:
            complete = wait_until_drained(out, producer.count, 60.0 + args.seconds)
            code = functions.stop()
            verdict = judge(arrived(out), producer.count)
        dead = 0
        for name in ("in", "cleaned", "enriched"):
            with open_stream(f"{server.url}/chaos-{name}-dead-letters") as letters:
                dead += letters.depth("nobody")
        if not complete or verdict["missing"]:
            sys.stderr.write((Path(home) / "log").read_text(errors="replace")[-5000:])
    report = {
        **verdict, "dead letters": dead, "kills": dict(kills), "exit code": code,
        "pushes repeated": producer.repeated, "seed": args.seed,
    }  # fmt: skip
    sys.stdout.write(json.dumps(report) + "\n")
    return int(bool(verdict["missing"] or verdict["out of order"] or dead))


if __name__ == "__main__":
    sys.exit(main())
