"""Applications: a container behind Nuclio."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import FunctionError, InvalidArgumentError, PreflightError
from mlrun_like.functions.application import ApplicationFunction
from mlrun_like.runtimes.nuclio import proxy


def application(**values: Any) -> Any:
    return ml.new_function("board", project="shop", kind="application", **values)


def test_the_configuration() -> None:
    fn = application(image="repo/board:1")
    assert isinstance(fn, ApplicationFunction)
    fn.set_internal_application_port(8080)
    fn.spec.command, fn.spec.args = "gunicorn", ["app:server", "-b", "0.0.0.0:8080"]
    fn.with_limits(mem="1Gi").set_env("LEVEL", 1)
    fn.with_sidecar("cache", "redis:7", 6379)
    spec = fn.to_nuclio()["spec"]
    rows = {row["name"]: row for row in spec["sidecars"]}
    assert set(rows) == {"cache", "board-sidecar"}
    row = rows["board-sidecar"]
    assert row["image"] == "repo/board:1" and row["command"] == ["gunicorn"]
    assert row["args"] == ["app:server", "-b", "0.0.0.0:8080"]
    assert row["ports"] == [{"name": "board-sidecar-0", "containerPort": 8080, "protocol": "TCP"}]
    assert row["resources"]["limits"] == {"memory": "1Gi"} and "resources" not in spec
    env = {item["name"]: item["value"] for item in spec["env"]}
    assert env == {"LEVEL": "1", "SIDECAR_PORT": "8080", "SIDECAR_HOST": "http://localhost"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 1)
    assert spec["handler"] == "reverse_proxy:handler"
    notes = fn.to_nuclio()["metadata"]["annotations"]
    assert notes == {"kubectl.kubernetes.io/default-container": "board-sidecar"}


def test_the_project_holds_the_proxy(tmp_path: Path) -> None:
    fn = application(image="repo/board:1")
    fn.set_internal_application_port(81)
    fn.export_nuclio(tmp_path)
    text = (tmp_path / "reverse_proxy.py").read_text()
    assert 'PLACE = ("localhost", 81)' in text
    assert len(text.splitlines()) == len(Path(proxy.__file__).read_text().splitlines())
    assert "mlrun_like" not in text


def test_what_is_missing() -> None:
    fn = application()
    fn.spec.args = ["-x"]
    with pytest.raises(PreflightError) as caught:
        fn.to_nuclio()
    found = [row["what"] for row in caught.value.findings]
    assert any("no image" in what for what in found)
    assert any("without a command" in what for what in found)
    assert fn.from_image("repo/board:1") is fn
    with pytest.raises(InvalidArgumentError, match="needs an image"):
        fn.from_image("  ")
    for port in (0, 65536, "80", True):
        with pytest.raises(InvalidArgumentError, match="does not exist"):
            fn.set_internal_application_port(port)


def test_there_is_no_mock_of_a_container() -> None:
    with pytest.raises(FunctionError, match="no mock of it"):
        application(image="a").to_mock_server()
    with pytest.raises(FunctionError, match="no Nuclio dashboard"):
        application(image="a").deploy(target="nuclio")


def test_sources_go_into_the_image() -> None:
    fn = application().with_source_archive("git://github.com/o/app#main", target_dir="/app")
    assert fn.spec.build.source == "git://github.com/o/app#main"
    assert fn.requires_build()
