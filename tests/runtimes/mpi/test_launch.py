"""Command lines, and whose mpirun it is."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, InvalidArgumentError
from mlrun_like.runtimes.mpi.hosts import Host
from mlrun_like.runtimes.mpi.launch import (
    Launcher,
    Plan,
    command_line,
    find_launcher,
    vendor_of,
)
from mlrun_like.runtimes.mpi.spawn import remote_command

HOSTS = (Host("a", 2), Host("b", 1))


def _program(folder: Path, name: str, says: str) -> str:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\nprintf '%s\\n' '{says}'\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def _line(vendor: str, plan: Plan) -> str:
    return " ".join(command_line(Launcher(vendor, vendor), plan))


def test_open_mpi_here() -> None:
    line = _line("openmpi", Plan(2, rank=["rank"], arguments=["-x", "A=1"]))
    assert line.startswith("openmpi -np 2 --tag-output")
    assert ("--allow-run-as-root" in line) == (os.geteuid() == 0)
    assert line.endswith("-x A=1 rank")
    crowded = _line("openmpi", Plan((os.cpu_count() or 1) + 1, rank=["rank"]))
    assert "--oversubscribe" in crowded


def test_open_mpi_over_hosts() -> None:
    plan = Plan(4, HOSTS, rank=["rank"], agent="my agent", variables=["A", "B"], lost_after=9)
    line = _line("openmpi", plan)
    assert "--host a:3,b:1 --map-by slot" in line  # the fourth rank is dealt out
    assert "--mca plm_rsh_agent my agent" in line
    assert "-x A -x B" in line
    assert "--mca oob_tcp_keepalive_time 3" in line
    assert "--oversubscribe" in line
    assert "--oversubscribe" not in _line("openmpi", Plan(3, HOSTS, rank=["rank"]))


def test_mpich() -> None:
    plan = Plan(3, HOSTS, rank=["rank"], agent="ssh", variables=["A", "B"])
    assert _line("mpich", plan) == (
        "mpich -n 3 -prepend-rank -hosts a:2,b:1 -launcher ssh -genvlist A,B rank"
    )
    other = _line("mpich", Plan(3, HOSTS, rank=["rank"], agent="/x/agent", variables=["A"]))
    assert "-launcher rsh -launcher-exec /x/agent" in other


def test_horovodrun() -> None:
    assert _line("horovodrun", Plan(3, HOSTS, rank=["rank"])) == (
        "horovodrun -np 3 -H a:2,b:1 --gloo rank"
    )
    assert "--gloo" not in _line("horovodrun", Plan(2, arguments=["--mpi"], rank=["rank"]))


def test_spawn() -> None:
    plan = Plan(3, HOSTS, rank=["rank"], variables=["A"], agent="ssh -p 2")
    assert command_line(Launcher("spawn", "py"), plan) == [
        *("py", "-m", "mlrun_like.runtimes.mpi.spawn", "3", "--hosts", "a:2,b:1"),
        *("--agent", "ssh -p 2", "--variables", "A", "--", "rank"),
    ]


def test_the_command_of_a_rank() -> None:
    assert Plan(2, python="py").command == ["py", "-u", "-m", "mlrun_like.runtimes.mpi"]


def test_a_command_on_another_host_is_quoted() -> None:
    command = remote_command("ssh", "b", ["python", "x; rm -rf /"], {"A": "$(id)"}, "/a b")
    assert command[:2] == ["ssh", "b"]
    assert command[2] == "cd '/a b' && exec env 'A=$(id)' python 'x; rm -rf /'"


def test_vendors(tmp_path: Path) -> None:
    assert vendor_of(_program(tmp_path, "one", "mpirun (Open MPI) 5.0.1")) == "openmpi"
    assert vendor_of(_program(tmp_path, "two", "HYDRA build details:")) == "mpich"
    assert vendor_of(_program(tmp_path, "mpiexec.hydra", "")) == "mpich"
    with pytest.raises(EngineError, match="neither Open MPI's nor MPICH's"):
        vendor_of(_program(tmp_path, "three", "something else"))
    with pytest.raises(EngineError, match="does not run"):
        vendor_of(str(tmp_path / "none"))


def test_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_launcher("auto") == Launcher("spawn", sys.executable)
    assert find_launcher("torchrun").vendor == "spawn"
    with pytest.raises(EngineError, match="mpirun is not installed") as error:
        find_launcher("mpirun")
    assert "openmpi-bin" in str(error.value)
    program = _program(tmp_path, "mpirun", "mpirun (Open MPI) 4.1.4")
    assert find_launcher("auto") == Launcher("openmpi", program)
    assert find_launcher(program).vendor == "openmpi"
    with pytest.raises(EngineError, match="not installed"):
        find_launcher(str(tmp_path / "else" / "mpirun"))
    with pytest.raises(InvalidArgumentError, match="Did you mean 'mpirun'"):
        find_launcher("mpirunn")


def test_horovodrun_is_preferred_by_its_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineError, match="horovodrun is not installed"):
        find_launcher("horovodrun")
    assert find_launcher("auto", "horovod").vendor == "spawn"
    program = _program(tmp_path / "env", "horovodrun", "")
    with config.override(mpi_python=str(tmp_path / "env" / "python")):
        assert find_launcher("auto", "horovod") == Launcher("horovodrun", program)
    assert find_launcher(program).vendor == "horovodrun"
