"""What is wrong, found before anything is started."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.configuration import config
from mlrun_like.runtimes.mpi import findings
from mlrun_like.runtimes.mpi.findings import find
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
