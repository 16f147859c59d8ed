"""The process between gateway and application: nothing outlives it, and it says what happened."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.gateway.applications import keeper

_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="Linux only")
pytestmark = [pytest.mark.slow, _LINUX]

_FAMILY = "sleep 91 & (setsid sleep 92 &) ; trap '' TERM; while :; do sleep 0.1; done"


@contextlib.contextmanager
def kept(**order: Any) -> Iterator[subprocess.Popen[bytes]]:
    order = {"env": {"PATH": os.environ["PATH"]}, "cwd": "/", **order}
    argv = [sys.executable, "-I", "-S", str(Path(keeper.__file__))]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps(order).encode() + b"\n")
            process.stdin.flush()
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[bytes]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline() or b"null")


def test_a_whole_family_ends_with_it() -> None:
    with kept(argv=["sh", "-c", _FAMILY]) as process:
        pid = said(process)["pid"]
        until = time.monotonic() + 20
        while len(keeper.descendants(process.pid)) < 4 and time.monotonic() < until:
            time.sleep(0.02)
        family = keeper.descendants(process.pid)
        assert pid in family and len(family) >= 4
        assert process.stdin is not None
        process.stdin.write(b"stop 0.2\n")
        process.stdin.flush()
        assert said(process) == {"ended": -9}  # it does not care about SIGTERM
        assert process.wait(20) == 0
        assert not [one for one in family if Path(f"/proc/{one}").exists()]


def test_it_ends_all_when_nobody_is_there_any_more() -> None:
    with kept(argv=["sh", "-c", "sleep 93"]) as process:
        pid = said(process)["pid"]
        assert process.stdin is not None
        process.stdin.close()
        assert said(process) == {"ended": -15}
        process.wait(20)
        assert not Path(f"/proc/{pid}").exists()


def test_it_says_why_nothing_starts() -> None:
    with kept(argv=["/no/such/program"]) as process:
        assert "No such file" in said(process)["error"]
    with kept(argv=["true"], cwd="/no/such/folder") as process:
        assert "cannot enter folder /no/such/folder" in said(process)["error"]


def test_it_says_how_it_ended() -> None:
    with kept(argv=["sh", "-c", "exit 7"]) as process:
        assert "pid" in said(process)
        assert said(process) == {"ended": 7}


def test_nothing_that_is_open_is_handed_on(tmp_path: Path) -> None:
    out = tmp_path / "fds"
    read, write = os.pipe()
    os.set_inheritable(write, True)
    try:
        with kept(argv=["sh", "-c", f"ls /proc/self/fd > {out}"]) as process:
            assert "pid" in said(process)
            assert said(process) == {"ended": 0}
    finally:
        os.close(read)
        os.close(write)
    assert len(out.read_text().split()) <= 4


@pytest.mark.skipif(os.getuid() != 0, reason="needs root")
def test_it_becomes_another_user_who_still_finds_python(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    (closed / "open").mkdir()
    (closed / "open" / "run.sh").write_text("#!/bin/sh\nid -u; ls -a " + str(closed) + "\n")
    (closed / "open" / "run.sh").chmod(0o755)
    (closed / "secret").write_text("secret")
    for part in closed.parents:
        if part.is_relative_to("/tmp") and part != Path("/tmp"):
            part.chmod(0o755)
    out = Path(os.environ.get("TMPDIR", "/tmp")) / f"mlrun-like-test-{os.getpid()}"
    out.touch(mode=0o666)
    out.chmod(0o666)
    try:
        script = f"{closed}/open/run.sh > {out} 2>&1; cat {closed}/secret >> {out} 2>&1"
        order = {"uid": 1_900_012_900, "gid": 1_900_012_900, "alone": True}
        with kept(argv=["sh", "-c", script], show=[str(closed / "open")], **order) as process:
            found = said(process)
            assert "pid" in found, found
            said(process)
        told = out.read_text()
        if "Permission denied" in told and "1900012900" not in told:
            pytest.skip("mounting is not allowed here")
        assert "1900012900" in told
        assert "secret\n" not in told.replace(f"{closed}/secret", "")
    finally:
        out.unlink()
