"""Starts ranks without MPI: `python -m mlrun_like.runtimes.mpi.spawn SIZE [options] -- COMMAND`.

Each rank gets the variables that torchrun gives (RANK, WORLD_SIZE, LOCAL_RANK, …), so that
`torch.distributed.init_process_group` works. Output is marked as Open MPI marks it. The first rank
that fails ends the others.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from mlrun_like.configuration import environment_copy
from mlrun_like.runtimes.limits import die_with_parent
from mlrun_like.runtimes.mpi.addresses import place
from mlrun_like.runtimes.mpi.hosts import is_here, parse_hosts

__all__ = ["main", "remote_command"]

_GRACE = 5.0
_lock = threading.Lock()


def main(arguments: Sequence[str]) -> int:
    """Start all ranks, wait for them, and give the first bad exit code."""
    options, command = _options(list(arguments))
    hosts = parse_hosts([options.hosts], "--hosts")
    names = place(options.size, hosts)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    processes: list[subprocess.Popen[bytes]] = []
    code = 0
    try:
        for rank, name in enumerate(names):
            own = _variables(rank, names)
            processes.append(_start(name, command, own, options))
            for stream in (processes[-1].stdout, processes[-1].stderr):
                threading.Thread(target=_copy, args=(rank, stream), daemon=True).start()
        code = _wait(processes)
    except SystemExit as exc:
        code = int(exc.code or 0)
    finally:
        _end(processes)
    return code


def _options(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(prog="spawn")
    parser.add_argument("size", type=int)
    parser.add_argument("--hosts", default="")
    parser.add_argument("--agent", default="ssh")
    parser.add_argument("--variables", default="")
    parser.add_argument("--cwd", default="")
    cut = arguments.index("--")
    return parser.parse_args(arguments[:cut]), arguments[cut + 1 :]


def _variables(rank: int, names: list[str]) -> dict[str, str]:
    """See the torchrun manual, section "Environment Variables"."""
    local = [index for index, name in enumerate(names) if name == names[rank]]
    groups = list(dict.fromkeys(names))
    return {
        "RANK": str(rank),
        "WORLD_SIZE": str(len(names)),
        "LOCAL_RANK": str(local.index(rank)),
        "LOCAL_WORLD_SIZE": str(len(local)),
        "GROUP_RANK": str(groups.index(names[rank])),
        "GROUP_WORLD_SIZE": str(len(groups)),
        "ROLE_RANK": str(rank),
        "ROLE_WORLD_SIZE": str(len(names)),
    }


def _start(
    name: str, command: list[str], own: dict[str, str], options: argparse.Namespace
) -> subprocess.Popen[bytes]:
    inherited = environment_copy()
    given = {n: inherited[n] for n in options.variables.split(",") if n in inherited}
    far = bool(name) and not is_here(name)
    if far:
        path = {"PYTHONPATH": given["PYTHONPATH"]} if "PYTHONPATH" in given else {}
        command = remote_command(options.agent, name, [*command, "-"], path, options.cwd)
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,  # the other end learns from its end that this process is gone
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**inherited, **own},
        start_new_session=True,
    )
    if far and process.stdin is not None:  # a command line could be read by everybody there
        try:
            process.stdin.write(json.dumps({**given, **own}).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended already, which is seen below
    return process


def remote_command(
    agent: str, host: str, command: Sequence[str], variables: dict[str, str], cwd: str = ""
) -> list[str]:
    """What starts a command on another machine.

    Args:
        agent: `AGENT HOST COMMAND`.
        host: The machine.
        command: The program and its arguments.
        variables: Its variables.
        cwd: Its folder.

    >>> remote_command("ssh -p 22", "b", ["python", "a b"], {"X": "1"})
    ['ssh', '-p', '22', 'b', "exec env X=1 python 'a b'"]
    """
    given = [f"{name}={value}" for name, value in variables.items()]
    text = "exec " + shlex.join(["env", *given, *command])
    if cwd:
        text = f"cd {shlex.quote(cwd)} && {text}"
    return [*shlex.split(agent), host, text]


def _copy(rank: int, stream: object) -> None:
    mark = b"[1,%d]<stdout>:" % rank
    for line in stream:  # type: ignore[attr-defined]
        with _lock:
            sys.stdout.buffer.write(mark + (line if line.endswith(b"\n") else line + b"\n"))
            sys.stdout.buffer.flush()


def _wait(processes: list[subprocess.Popen[bytes]]) -> int:
    while True:
        codes = [process.poll() for process in processes]
        bad = [(rank, code) for rank, code in enumerate(codes) if code]
        if bad:
            for rank, code in bad:
                ending = f"signal {-code}" if code < 0 else f"exit code {code}"
                sys.stdout.write(f"spawn: rank {rank} ended with {ending}\n")
            return code if code > 0 else 128 - code
        if all(code == 0 for code in codes):
            return 0
        time.sleep(0.01)


def _end(processes: list[subprocess.Popen[bytes]]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        running = [process for process in processes if process.poll() is None]
        for process in running:
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                continue
        until = time.monotonic() + _GRACE
        while any(process.poll() is None for process in running) and time.monotonic() < until:
            time.sleep(0.01)
    time.sleep(0.05)  # the threads that copy take what was left
    sys.stdout.flush()


if __name__ == "__main__":
    die_with_parent(os.getppid())
    sys.exit(main(sys.argv[1:]))
