"""Graphs over HTTP against a bare ASGI handler on uvicorn, and peers, under wrk.

    python bench/serving/web.py [--venvs DIR] [--only tiny,predict,big,soak] [--secs 3] [--reps 3]

`--venvs DIR` holds virtual environments of peers: `web` (fastapi, litserve, mosec), `mlrun`,
`bentoml`, `rayx`. The client has core 0, a server core 1; the systems take turns within a round,
and a figure is the median over the rounds, so that other users of the machine disturb all alike.
Besides requests a second there is the server's processor time for a request, which they do not
disturb at all.

Expected before measuring: uvicorn parses with httptools, makes a task and two dozen objects, and
sends the head and the body of an answer as messages: 25 us of Python beside 25 us in the system.
Our protocol answers within the parser's call: 10 us. So tiny requests should go 1.3 times as fast
as the bare handler, limited by system calls; 100 kB is 300 us of decoding on either side, so 1.0.
As an ASGI application on uvicorn's own protocol we add 4 us: 0.93. A prediction costs 200 us alone
and 215 us for 32 rows, so batching should give a factor above 5 at 32 connections and nothing at
one, where it costs a task.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from common import arguments, median, report

HERE = Path(__file__).resolve().parent
PORT = 18600
BODIES = {
    "tiny": ("echo", {"name": "x", "value": 1}),
    "predict": ("predict", {"inputs": [[5.1, 3.5, 1.4, 0.2]]}),
    "big": ("big", {"inputs": [round(i * 0.001, 4) for i in range(11500)]}),
}
PEERS = {
    "fastapi": "web", "litserve": "web", "mosec": "web", "mlrun-sync": "mlrun",
    "mlrun-async": "mlrun", "bentoml": "bentoml", "ray": "rayx",
}  # fmt: skip
UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 6e7}


class Server:
    """One system, running."""

    def __init__(self, name: str, python: str, port: int) -> None:
        self.name = name
        self.port = port
        pinned = ["taskset", "-c", "1"] if shutil.which("taskset") else []
        self._process = subprocess.Popen(
            [*pinned, python, str(HERE / "web_apps.py"), name, str(port)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip

    def wait(self) -> bool:
        until = time.monotonic() + 90
        while time.monotonic() < until and self._process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return True
            except OSError:
                time.sleep(0.1)
        return False

    def processor_seconds(self) -> float:
        """Of the server and everything it started."""
        ticks = 0
        for pid in self._family():
            try:
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += int(fields[11]) + int(fields[12])
            except OSError:
                continue
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        for pid in reversed(self._family()):
            try:
                os.kill(pid, 15)
            except OSError:
                continue
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _family(self) -> list[int]:
        children: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                except OSError:
                    continue
                children.setdefault(parent, []).append(int(entry.name))
        found, todo = [], [self._process.pid]
        while todo:
            found.append(todo.pop())
            todo += children.get(found[-1], [])
        return found


def load(server: Server, case: str, connections: int, seconds: int, folder: Path) -> dict[str, Any]:
    """Run wrk once."""
    path, body = BODIES[case]
    script = folder / f"{case}.lua"
    script.write_text(
        'wrk.method="POST"\nwrk.headers["Content-Type"]="application/json"\n'
        f"wrk.body=[==[{json.dumps(body)}]==]\n"
    )
    url = f"http://127.0.0.1:{server.port}/{'predict' if server.name == 'litserve' else path}"
    pinned = ["taskset", "-c", "0"] if shutil.which("taskset") else []
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "20"]
    before = server.processor_seconds()
    out = subprocess.run(
        [*pinned, *words, "-s", str(script), url], capture_output=True, text=True, check=False
    ).stdout
    spent = server.processor_seconds() - before
    count = int((re.search(r"(\d+) requests in", out) or [0, "0"])[1])
    rate = float((re.search(r"Requests/sec:\s+([\d.]+)", out) or [0, "0"])[1])
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    cut = re.search(r"Socket errors: (.*)", out)
    return {
        "rps": rate,
        "cpu_us": spent / max(count, 1) * 1e6,
        "p50": _percentile(out, "50"),
        "p99": _percentile(out, "99"),
        "max": _longest(out),
        "errors": f"{bad[1] if bad else ''} {cut[1] if cut else ''}".strip(),
    }


def _percentile(out: str, share: str) -> float:
    found = re.search(rf"\s{share}%\s+([\d.]+)(us|ms|s|m)", out)
    return float(found[1]) * UNITS[found[2]] if found else 0.0


def _longest(out: str) -> float:
    found = re.search(r"Latency\s+\S+\s+\S+\s+([\d.]+)(us|ms|s|m)", out)
    return float(found[1]) * UNITS[found[2]] if found else 0.0


def compare(case: str, connections: int, servers: list[Server], given: Any, folder: Path) -> Any:
    """Medians of each system over rounds in which all take turns."""
    rounds: dict[str, list[dict[str, Any]]] = {server.name: [] for server in servers}
    for server in servers:
        load(server, case, min(connections, 8), 1, folder)
    for number in range(given.reps):
        # the order turns, so that nobody always comes after the same neighbour
        for place in range(len(servers)):
            server = servers[(place + number) % len(servers)]
            rounds[server.name].append(load(server, case, connections, given.secs, folder))
    found: dict[str, dict[str, Any]] = {}
    for name, rows in rounds.items():
        found[name] = {
            key: median([row[key] for row in rows]) for key in rows[0] if key != "errors"
        }
        found[name]["errors"] = " ".join(row["errors"] for row in rows if row["errors"])
    return found


def measure(given: Any, folder: Path) -> tuple[dict[str, Any], dict[str, bool]]:
    figures: dict[str, Any] = {}
    bars: dict[str, bool] = {}
    wanted = given.only.split(",")
    for case in (name for name in BODIES if name in wanted):
        names = {"bare": sys.executable, f"ours-{BODIES[case][0]}": sys.executable}
        names[f"asgi-{BODIES[case][0]}"] = sys.executable
        for name, venv in PEERS.items():
            python = Path(given.venvs, venv, "bin", "python")
            if given.venvs and python.exists():
                names[name] = str(python)
        servers = [Server(name, python, PORT + n) for n, (name, python) in enumerate(names.items())]
        try:
            servers = [server for server in servers if server.wait()]
            for connections in map(int, given.connections.split(",")):
                found = compare(case, connections, servers, given, folder)
                _note(case, connections, found, figures, bars)
        finally:
            for server in servers:
                server.stop()
    if "soak" in wanted:
        _soak(given, folder, figures, bars)
    return figures, bars


def _note(
    case: str, connections: int, found: Any, figures: dict[str, Any], bars: dict[str, bool]
) -> None:
    bare, ours = found["bare"], found[f"ours-{BODIES[case][0]}"]
    asgi = found[f"asgi-{BODIES[case][0]}"]
    for name, row in found.items():
        text = f"{row['rps']:.0f}/s, cpu {row['cpu_us']:.0f} us, p50 {row['p50']:.0f} us, "
        figures[f"{case} c{connections} {name}"] = (
            text
            + f"p99 {row['p99']:.0f} us"
            + (f" ERRORS {row['errors']}" if row["errors"] else "")
        )
    at = f"{case}, {connections} connections"
    figures[f"{at}: ours / bare"] = round(ours["rps"] / bare["rps"], 3)
    figures[f"{at}: bare / ours, processor time"] = round(bare["cpu_us"] / ours["cpu_us"], 3)
    figures[f"{at}: on uvicorn's protocol / bare, processor time"] = round(
        bare["cpu_us"] / asgi["cpu_us"], 3
    )
    if case == "predict":
        others = [row for name, row in found.items() if not name.startswith(("ours", "asgi"))]
        if connections == 32:
            bars[f"{at}: 4 x the best of all others"] = ours["rps"] >= 4 * max(
                row["rps"] for row in others
            )
            bars[f"{at}: p99 below theirs"] = ours["p99"] <= min(row["p99"] for row in others)
        elif connections == 1:
            bars[f"{at}: within 10 % of bare"] = ours["p50"] <= 1.1 * bare["p50"]
    elif connections >= 32:
        bars[f"{at}: at least 90 % of bare"] = ours["rps"] >= 0.9 * bare["rps"]
    if case == "tiny" and connections == 32 and "fastapi" in found:
        bars[f"{at}: at least 3 x FastAPI"] = ours["rps"] >= 3 * found["fastapi"]["rps"]
    bars[f"{at}: no error"] = not ours["errors"]


def _soak(given: Any, folder: Path, figures: dict[str, Any], bars: dict[str, bool]) -> None:
    server = Server("ours-echo", sys.executable, PORT + 50)
    try:
        server.wait()
        found = load(server, "tiny", 128, given.soak, folder)
    finally:
        server.stop()
    figures[f"soak, 128 connections, {given.soak} s"] = (
        f"{found['rps']:.0f}/s, p50 {found['p50']:.0f} us, p99 {found['p99']:.0f} us, "
        f"longest {found['max']:.0f} us {found['errors']}"
    )
    bars["soak: no error"] = not found["errors"]
    bars["soak: no stall (1 s)"] = found["max"] < 1e6
    bars["soak: p99 at most 5 x p50"] = found["p99"] <= 5 * found["p50"]


def main() -> int:
    given = arguments(
        __doc__ or "",
        venvs={"default": ""},
        only={"default": "tiny,predict,big,soak"},
        connections={"default": "1,32,128"},
        secs={"type": int, "default": 3},
        soak={"type": int, "default": 60},
    )
    if not shutil.which("wrk"):
        sys.stderr.write("wrk is not installed (Debian: apt-get install wrk)\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        figures, bars = measure(given, Path(folder))
    return report("graphs over HTTP", figures, bars, given.json)


if __name__ == "__main__":
    sys.exit(main())
