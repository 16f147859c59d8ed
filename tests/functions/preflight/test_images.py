"""Registries that cannot be written to, found before anything is built."""

from __future__ import annotations

import http.server
import threading
import time
from pathlib import Path

import pytest

import mlrun_like as ml
from mlrun_like.errors import PreflightError
from mlrun_like.functions.preflight.images import check_destination
from mlrun_like.images.plan import Destination
from tests.registries import DockerRegistry, locked_registry, registry

__all__ = ["locked_registry", "registry"]


def test_a_registry_that_takes_images(registry: DockerRegistry) -> None:
    assert not list(check_destination(Destination(f"{registry.host}/app:1", push=True)))


def test_a_registry_that_wants_a_login(
    locked_registry: DockerRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("def train(): ...")
    Path("base.tar").write_text("never read")
    fn = ml.code_to_function("train", filename="train.py", kind="job", handler="train")
    start = time.monotonic()
    with pytest.raises(PreflightError) as caught:
        fn.build(f"{locked_registry.host}/app:1", base_image="base.tar")
    assert time.monotonic() - start < 5
    assert "login" in str(caught.value)
    assert [item["code"] for item in caught.value.findings] == ["registry-login"]


def test_nobody_there() -> None:
    (found,) = check_destination(Destination("127.0.0.1:1/app:1", push=True))
    assert (found.code, found.severity) == ("registry-unreachable", "error")
    assert found.fix


@pytest.mark.parametrize(
    "destination", [Destination("127.0.0.1:1/app:1"), Destination("127.0.0.1:1/a:1", True, "x.tar")]
)
def test_what_is_not_pushed_asks_nobody(destination: Destination) -> None:
    assert not list(check_destination(destination))


def test_a_slow_registry_is_a_warning() -> None:
    class Slow(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            time.sleep(3)

        def log_message(self, *arguments: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    server.block_on_close = False
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        (found,) = check_destination(Destination(f"127.0.0.1:{server.server_port}/app:1", True))
    finally:
        server.shutdown()
        server.server_close()
    assert found.severity == "warning"
