"""Applications on a real gateway, deployed as users do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.errors import MLRunLikeError
from mlrun_like.gateway.applications.folders import run_base
from mlrun_like.gateway.applications.users import user_for
from mlrun_like.gateway.control.client import GatewayClient
from tests.containers import base_image, podman, podman_environment
from tests.gateway.gateways import gateway_at, get, settle, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="applications run on Linux"),
]

APP = Path(__file__).with_name("app.py")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    where = tmp_path_factory.mktemp("gateway")
    with gateway_at(where) as url:
        yield where, url
    if os.getuid() == 0:
        shutil.rmtree(run_base(where / "gateway", user_for("shop/ui")), ignore_errors=True)


@pytest.fixture(autouse=True)
def _here(place: tuple[Path, str], home: Path) -> None:
    settle(place[0])


def test_a_folder_with_a_program(
    place: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = place[1]
    shutil.copy(APP, tmp_path / "app.py")
    monkeypatch.chdir(tmp_path)
    fn: Any = ml.new_function("ui", project="shop", kind="application", command="python app.py")
    fn.set_env("TOKEN", "hidden")
    fn.with_gateway(min_replicas=0, idle_timeout=1.0)
    assert fn.deploy(target="local") == f"{url}/shop/ui"
    told = fn.invoke("/info")
    assert told["env"]["TOKEN"] == "hidden"
    assert told["cwd"] != str(tmp_path) and told["files"] == ["app.py"]
    if os.getuid() == 0:
        assert told["uid"] != 0
    first = fn.status.version
    until(_asleep)
    assert get(url, "/shop/ui/info")[0] == 200  # it was held while the application started
    fn.deploy(target="local")
    assert fn.status.version == first
    (tmp_path / "new.txt").touch()
    fn.deploy(target="local")
    assert fn.status.version != first
    assert json.loads(get(url, "/shop/ui/info")[1])["files"] == ["app.py", "new.txt"]
    folder = Path(told["cwd"]).parent.parent
    assert folder.exists()
    GatewayClient().delete("shop/ui")
    assert not folder.exists()
    assert get(url, "/shop/ui/info")[0] == 404


def _asleep() -> bool:
    versions = GatewayClient().status("shop/ui")["versions"]
    return all(not (row.get("pool") or {}).get("ready") for row in versions)


def test_what_fails_is_told_at_once(place: tuple[Path, str], tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("raise SystemExit('no model here')")
    fn: Any = ml.new_function("bad", project="shop", kind="application", command="python bad.py")
    fn.with_source_archive(str(tmp_path))
    with pytest.raises(MLRunLikeError, match="no model here"):
        fn.deploy(target="local")
    assert get(place[1], "/shop/bad/")[0] == 404


def test_an_image(tmp_path: Path) -> None:
    with podman_environment(), gateway_at(tmp_path) as url:
        code = (
            "import http.server as web, signal, sys; signal.signal(15, lambda *_: sys.exit());"
            "web.test(web.SimpleHTTPRequestHandler, port=38972)"
        )
        fn: Any = ml.new_function("box", project="shop", kind="application", image=base_image())
        fn.spec.command, fn.spec.args = "python3", ["-c", code]
        fn.set_internal_application_port(38972)
        fn.set_env("TOKEN", "hidden")
        fn.deploy(target="local")
        status, body = get(url, "/shop/box/etc/debian_version")
        assert status == 200 and body
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True).stdout
        assert "mlrun-like-shop.box" in listed and "hidden" not in listed
        GatewayClient().delete("shop/box")
        assert "shop.box" not in podman("ps", "-a", "--format", "{{.Names}}")
