"""What is wrong, found before anything is started."""

from __future__ import annotations

import base64
import contextlib
import sys
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import PackagingError
from mlrun_like.packaging.describe import entry_points_from_source
from mlrun_like.runtimes.mpi import findings
from mlrun_like.runtimes.mpi.findings import find
from mlrun_like.runtimes.mpi.needs import why_mpi4py
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata, FunctionSpec
from mlrun_like.specs.run import RunDoc


def _found(code: str = "def handler():\n    pass\n", kind: str = "mpijob", **spec: Any) -> Any:
    doc = FunctionDoc(kind=kind, metadata=FunctionMetadata(name="f"), spec=FunctionSpec(**spec))
    doc.spec.build.functionSourceCode = base64.b64encode(code.encode()).decode()
    found = list(find(doc, RunDoc()))
    assert all(item.what and item.fix for item in found)
    return {item.code: item for item in found}


def test_nothing_is_wrong() -> None:
    assert _found(launcher="spawn", replicas=2) == {}
    assert _found(launcher="spawn", hosts=["localhost:2"]) == {}


@pytest.mark.parametrize(
    ("spec", "code", "told"),
    [
        ({"replicas": 0}, "replicas-wrong", "replicas 0"),
        ({"replicas": -3}, "replicas-wrong", "replicas -3"),
        ({"replicas": 2, "min_replicas": 3}, "replicas-wrong", "min_replicas 3"),
        ({"clean_pod_policy": "Some"}, "clean-pod-policy", "'Some'"),
        ({"launcher": "mpirunn"}, "mpi-missing", "Did you mean 'mpirun'"),
        ({"hosts": ["a:x"]}, "host-wrong", "slots 'x'"),
        ({"hosts": ["-oProxyCommand=x"]}, "host-wrong", "is no host"),
    ],
)
def test_wrong_values(spec: dict[str, Any], code: str, told: str) -> None:
    found = _found(**{"launcher": "spawn", **spec})
    assert told in found[code].what


def test_no_mpirun(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = _found(launcher="mpirun")
    assert "openmpi-bin" in found["mpi-missing"].fix


def test_a_rank_that_does_not_exist_shall_record() -> None:
    with config.override(logging_worker=2):
        assert "rank 2" in _found(launcher="spawn", replicas=2)["logging-worker-wrong"].what


def test_accelerators(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "_count_gpus", lambda: 1)
    limits = {"limits": {"nvidia.com/gpu": 1}}
    assert _found(launcher="spawn", replicas=1, resources=limits) == {}
    found = _found(launcher="spawn", replicas=2, resources=limits)
    assert "need 2, and this machine has 1" in found["gpus-missing"].what


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import mpi4py.MPI\ndef go(): ...", "`import mpi4py` in handler.py:1"),
        ("def go():\n    with open('x'):\n        from mpi4py import MPI", "in handler.py:3"),
        ("try:\n    import mpi4py\nexcept KeyError: ...\ndef go(): ...", "in handler.py:2"),
        ("def go(context):\n    return context.comm.rank", "`context.comm` in go()"),
        ("def go(comm): ...", "argument `comm` of go()"),
    ],
)
@pytest.mark.parametrize("launcher", ["spawn", "mpirun"])
def test_mpi4py_is_missing(tmp_path: Path, code: str, told: str, launcher: str) -> None:
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -S -I "$@"\n')
    python.chmod(0o755)
    with config.override(mpi_python=str(python)):
        found = _checked(code, launcher)["mpi4py-missing"]
    assert told in found.what and str(python) in found.what and "[mpi]" in found.fix


@pytest.mark.parametrize(
    "code",
    [
        "try:\n    import mpi4py\nexcept ImportError: ...\ndef go(): ...",
        "def go(): ...\ndef other(comm):\n    import mpi4py",
        "def go(rank):\n    if rank:\n        import mpi4py",
        "def go(x): return x.comm",
        "from .mpi4py import x\ndef go(): ...",
        "def go(:",
    ],
)
def test_mpi4py_is_not_needed_for_certain(code: str) -> None:
    assert why_mpi4py(_document(code, "spawn"), "go") == ""


def _document(code: str, launcher: str) -> FunctionDoc:
    doc = FunctionDoc(kind="mpijob", metadata=FunctionMetadata(name="f"))
    doc.spec.build.functionSourceCode = base64.b64encode(code.encode()).decode()
    doc.spec.launcher = launcher
    with contextlib.suppress(PackagingError):
        doc.spec.entry_points = entry_points_from_source(code)
    return doc


def _checked(code: str, launcher: str) -> Any:
    run = RunDoc()
    run.spec.handler = "go"
    return {item.code: item for item in find(_document(code, launcher), run)}


def test_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "mpiexec.hydra"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    code = "from mpi4py import MPI\ndef handler():\n    pass\n"
    monkeypatch.setattr(findings, "_mpi4py_vendor", lambda python: "openmpi")
    if "mpi4py-missing" not in _found(code, launcher=str(program)):
        found = _found(code, launcher=str(program))
        assert "every rank would be rank 0 of 1" in found["mpi4py-other-mpi"].what
        monkeypatch.setattr(findings, "_mpi4py_vendor", lambda python: "mpich")
        assert _found(code, launcher=str(program)) == {}
    missing = _found("import horovod.torch\ndef handler():\n    pass\n", launcher="spawn")
    assert set(missing) <= {"horovod-missing"}


def test_a_cluster_is_asked_by_others() -> None:
    assert _found(launcher="kubernetes", hosts=["-x"]) == {}
