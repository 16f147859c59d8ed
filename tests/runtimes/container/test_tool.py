"""podman and docker as programs: found, asked, kept watch over, and understood when they fail."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, InvalidArgumentError
from mlrun_like.runtimes.container import start
from mlrun_like.runtimes.container.explain import explain_container, tool_cause
from mlrun_like.runtimes.container.keeper import Keeper, client_command
from mlrun_like.runtimes.container.memory import kernel_killed
from mlrun_like.runtimes.container.tool import Tool, find_tool, has_image, tool_trouble
from mlrun_like.runtimes.explain import Clue

Program = Callable[[str, str], Tool]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """Puts a shell script of that name on PATH, in front of all others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/bin:/usr/bin")

    def write(name: str, script: str) -> Tool:
        path = folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return Tool(name, str(path))

    return write


def wait_for(check: Callable[[], object], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "not seen"
        time.sleep(0.02)


def test_the_setting_chooses(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    docker, podman = program("docker", "exit 0"), program("podman", "exit 0")
    monkeypatch.setenv("PATH", str(Path(podman.path).parent))
    assert find_tool() == podman
    with config.override(container_tool="docker"):
        assert find_tool() == docker
    with (
        config.override(container_tool="lxc"),
        pytest.raises(InvalidArgumentError, match="auto, podman or docker"),
    ):
        find_tool()
    os.unlink(podman.path)
    assert find_tool() == docker
    os.unlink(docker.path)
    with pytest.raises(EngineError, match="neither podman nor docker is on PATH"):
        find_tool()


@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("echo 28.0", ""),
        ("echo 'Cannot connect to the Docker daemon at x. Is it running?' >&2; exit 1", "start it"),
        ("echo 'permission denied while trying to connect' >&2; exit 1", "group 'docker'"),
        ("exit 1", "no message"),
    ],
)
def test_dockers_daemon(program: Program, script: str, text: str) -> None:
    found = tool_trouble(program("docker", script))
    assert text in found
    assert bool(found) == bool(text)
    assert tool_trouble(program("podman", "exit 1")) == "", "it has none"


@pytest.mark.skipif(not shutil.which("docker"), reason="the docker program is not installed")
def test_the_real_docker_without_its_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "unix:///not/there.sock")
    found = tool_trouble(Tool("docker", str(shutil.which("docker"))))
    assert "its daemon does not answer" in found


def test_a_tool_that_hangs_or_cannot_be_started(program: Program, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r"podman info gave no answer within 0\.2 s"):
        program("podman", "exec sleep 30").ask("info", timeout=0.2)
    with pytest.raises(EngineError, match="cannot be started"):
        Tool("podman", str(tmp_path / "none")).ask("info")


def test_an_answer_is_believed_for_a_while(program: Program, tmp_path: Path) -> None:
    counted = tmp_path / "count"
    tool = program("podman", f"echo x >> {counted}; exit 0")
    assert has_image(tool, f"localhost/{tmp_path}:1") and has_image(tool, f"localhost/{tmp_path}:1")
    assert counted.read_text() == "x\n"
    absent = program("podman", f"echo x >> {counted}; exit 1")
    assert not has_image(absent, "localhost/other:1") and not has_image(absent, "localhost/other:1")
    assert counted.read_text() == "x\n" * 3, "an image may come at any moment"


@pytest.mark.parametrize("output", ["", "not json", "[]", '{"Id": "x", "State": {}}'])
def test_inspecting(program: Program, output: str) -> None:
    found = program("podman", f"echo '{output}'").inspect("name")
    assert found == (json.loads(output) if output.startswith("{") else {})
    assert program("podman", "exit 125").inspect("name") == {}


def test_the_keeper_removes_at_the_end(program: Program, tmp_path: Path) -> None:
    told = tmp_path / "told"
    tool = program("podman", f'echo "$@" >> {told}')
    folder = tmp_path / "private"
    folder.mkdir()
    keeper = Keeper(tool, "c1", folder)
    assert not told.exists()
    keeper.release()
    keeper.release()
    wait_for(told.exists)
    assert told.read_text() == "rm -f c1\n"
    assert folder.is_dir()


def test_the_keeper_acts_when_the_submitter_is_killed(program: Program, tmp_path: Path) -> None:
    told = tmp_path / "told"
    tool = program("podman", f'echo "$@" >> {told}; [ "$1" != run ] || exec sleep 60')
    folder = tmp_path / "private"
    folder.mkdir()
    code = (
        "import subprocess, sys, time\nfrom pathlib import Path\n"
        "from mlrun_like.runtimes.container.keeper import *\n"
        "from mlrun_like.runtimes.container.tool import Tool\n"
        f"folder = Path({str(folder)!r})\n"
        f"keeper = Keeper(Tool('podman', {tool.path!r}), 'c1', folder)\n"
        f"argv = client_command([{tool.path!r}, 'run', 'c1'], folder)\n"
        "subprocess.Popen(argv, start_new_session=True)\ntime.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code])
    wait_for(told.exists)
    client = int((folder / "client.pid").read_text())
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    wait_for(lambda: not folder.exists())
    assert told.read_text() == "run c1\nstop -t 5 c1\nrm -f c1\n"
    wait_for(lambda: not _alive(client))


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_the_client_leaves_its_number(tmp_path: Path) -> None:
    argv = client_command(["/bin/sh", "-c", "echo $$; echo 'a b'"], tmp_path)
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout == (tmp_path / "client.pid").read_text() + "a b\n"


START = str(Path(start.__file__))


def run_start(folder: Path, **changes: object) -> subprocess.CompletedProcess[str]:
    """The first program in a Python that has none of our packages."""
    shutil.copy(START, folder / "start.py")
    request = {"payload": {}, "variables": {}, "workdir": "", "path": [], "python": "x", **changes}
    (folder / start.REQUEST).write_text(json.dumps(request))
    command = [sys.executable, "-I", "-S", str(folder / "start.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_another_python_is_refused(tmp_path: Path) -> None:
    done = run_start(tmp_path, python="cpython-27-x86_64")
    assert done.returncode == start.CANNOT_START
    found = explain_container(70, f"text\n{done.stderr}", Clue(image="i"), {"tool": "podman"})
    assert found.code == "image-unfit"
    assert "the image has no mlrun_like, and its Python" in found.what
    assert "fn.deploy()" in found.fix


@pytest.mark.parametrize(
    ("tail", "code", "what"),
    [
        (
            'Error: short-name "x" did not resolve to an alias and no unqualified-search '
            "registries are defined",
            "image-missing",
            "its name says no registry",
        ),
        (
            "Error: initializing source docker://q/x: reading manifest 1 in q/x: unauthorized: "
            "access to the requested resource is not authorized",
            "pull-denied",
            "no login",
        ),
        (
            "docker: Error response from daemon: pull access denied for x, repository does not "
            "exist or may require 'docker login'",
            "pull-denied",
            "no login",
        ),
        (
            "Error: initializing source docker://q/x:9: reading manifest 9: manifest unknown",
            "image-missing",
            "there is no image 'q/x:9'",
        ),
        ("Error: q/x:9: image not known", "image-missing", "there is no image"),
        (
            'Error: pinging container registry 127.0.0.1:1: Get "http://x": dial tcp 127.0.0.1:1: '
            "connect: connection refused",
            "registry-unreachable",
            "cannot be reached",
        ),
        (
            "docker: Error response from daemon: Get https://q/v2/: dial tcp: lookup q: "
            "no such host.",
            "registry-unreachable",
            "cannot be reached",
        ),
        (
            "docker: Cannot connect to the Docker daemon at unix:///var/run/docker.sock. "
            "Is the docker daemon running?",
            "daemon-absent",
            "does not answer",
        ),
        (
            "Error: setting up CDI devices: unresolvable CDI devices nvidia.com/gpu=0",
            "gpu-missing",
            "GPUs",
        ),
        (
            "Error: OCI runtime error: runc: unable to set memory limit to 7 (current usage: 9)",
            "memory-too-small",
            "memory limit of 7Mi",
        ),
        ("Error: statfs /not/there: no such file or directory", "mount-missing", "/not/there"),
        (
            "Error: unable to find network with name or ID x: network not found",
            "network-missing",
            "x",
        ),
        ("Error: writing blob: no space left on device", "disk-full", "the disk is full"),
    ],
)
def test_what_the_tools_say(tail: str, code: str, what: str) -> None:
    known = {"image": "q/x:9", "memory": "7Mi", "network": "x", "tool": "podman"}
    found = explain_container(125, f"some text\n{tail}\n", Clue(image="q/x:9"), known)
    assert (found.code, what in found.what) == (code, True), found
    assert found.fix


def test_other_ends() -> None:
    def explain(code: int | None, tail: str) -> tuple[str, str]:
        found = explain_container(code, tail, Clue(image="i:1"), {"tool": "podman"})
        return found.code, found.what

    absent = 'Error: runc: exec: "python3": executable file not found in $PATH'
    assert explain(127, absent)[0] == "python-missing"
    assert explain(125, "Error: odd thing")[1].endswith("the container: Error: odd thing")
    assert explain(125, "")[1].endswith("no message")
    assert explain(1, "MemoryError")[0] == "out-of-memory"
    assert explain(139, "")[0] == "exit-139"
    assert explain(None, "")[0] == "lost"
    assert tool_cause("podman", "", {}) is None


def test_the_kernels_log_is_asked_or_nobody_knows() -> None:
    assert kernel_killed("no-such-container-" + "0" * 40) in (False, None)
