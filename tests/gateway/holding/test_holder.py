"""The holder: started once, keeps its sockets over deaths and restarts, takes all with it."""

from __future__ import annotations

import os
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, EngineError, MLRunLikeError
from mlrun_like.gateway.control import starting
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.holding.held_process import GatewayProcess
from mlrun_like.gateway.holding.holder import Holder
from mlrun_like.gateway.places import control_socket, gateway_home
from tests.gateway.gateways import alive, family, gateway_at, get, noted, settle, until

pytestmark = pytest.mark.slow

CODE = "import os\ndef handler(context, event):\n    return str(os.getpid())\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gateway")


@pytest.fixture(scope="module")
def _running(place: Path) -> Iterator[None]:
    before = dict(config._set)
    with gateway_at(place):
        config._set.clear()
        config._set.update(before)
        yield


@pytest.fixture
def url(home: Path, place: Path, _running: None) -> str:
    settle(place)
    return starting.up()[0]


@pytest.fixture
def path(url: str) -> str:
    fn = ml.new_function("pid", project="p", kind="nuclio").with_code(body=CODE)
    fn.deploy()
    return "/p/pid/"


def test_up_again_changes_nothing(url: str) -> None:
    before = noted()["pid"]
    assert starting.up() == (url, False) and noted()["pid"] == before
    assert get(url, "/-/health")[0] == 200 and get(url, "/-/api/info")[0] == 404
    info = GatewayClient().info()
    assert info["pid"] == before and info["state"] == "active"


def test_two_who_start_at_once(home: Path) -> None:
    settle(home)
    others = list(starting._children)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: starting.up(), range(4)))
        assert len({url for url, _ in found}) == 1
        assert sorted(begun for _, begun in found) == [False, False, False, True]
    finally:
        starting.down()
    assert not starting.is_held(gateway_home()) and not starting.down()
    assert starting._children == others, "its end is known: nothing warns of it later"


def test_a_killed_gateway_is_replaced(url: str, path: str) -> None:
    assert get(url, path)[:1] == (200,), get(url, path)
    pid, restarts = noted()["pid"], noted()["restarts"]
    workers = family(pid)
    os.kill(pid, signal.SIGKILL)
    status, body = get(url, path)  # waits in the backlog
    assert (status, int(body) in workers) == (200, False), body
    until(lambda: noted().get("ready"))
    assert noted()["restarts"] == restarts + 1 and noted()["pid"] != pid
    until(lambda: not any(map(alive, workers)))


def test_a_restart_loses_nothing(url: str, path: str) -> None:
    pid, ended, found = noted()["pid"], threading.Event(), []

    def ask() -> None:
        while not ended.is_set():
            found.append(get(url, path))

    with ThreadPoolExecutor(4) as pool:
        for _ in range(4):
            pool.submit(ask)
        try:
            assert starting.restart() == url
            until(lambda: not alive(pid))
        finally:
            ended.set()
    assert noted()["pid"] != pid and len(found) > 10
    assert {status for status, _ in found} == {200}


def test_a_killed_holder_takes_all_with_it(home: Path) -> None:
    settle(home)
    starting.up()
    ml.new_function("pid", project="p", kind="nuclio").with_code(body=CODE).deploy()
    members = family(noted()["holder"])
    assert len(members) >= 4  # holder, gateway, zygote, worker
    os.kill(noted()["holder"], signal.SIGKILL)
    until(lambda: not any(map(alive, members)))
    assert control_socket(gateway_home()).exists()  # stale, like gateway.json
    with pytest.raises(EngineError, match="no gateway runs"):
        GatewayClient().info()
    with gateway_at(home) as url:
        assert get(url, "/p/pid/")[0] == 200  # from the state file


def test_a_port_in_use(home: Path) -> None:
    settle(home)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config.gateway_port = taken.getsockname()[1]
        with pytest.raises(ConflictError, match="in use") as caught:
            starting.up()
    assert "GATEWAY_PORT" in caught.value.fix
    assert not starting.is_held(gateway_home())


def test_a_home_that_is_a_file(home: Path) -> None:
    settle(home)
    (home / "gateway").write_text("")
    with pytest.raises(MLRunLikeError, match="cannot write"):
        starting.up()


def test_a_gateway_that_cannot_start(home: Path) -> None:
    settle(home)
    config.gateway_tls_cert = str(home / "none.pem")
    with pytest.raises(EngineError, match="did not start") as caught:
        starting.up()
    assert "none.pem" in str(caught.value)
    assert not starting.is_held(gateway_home())


def test_a_second_holder(url: str) -> None:
    with pytest.raises(ConflictError, match="runs for this home"):
        Holder(gateway_home())


def test_nothing_secret_on_the_command_line(url: str) -> None:
    for pid in family(noted()["holder"]):
        words = Path(f"/proc/{pid}/cmdline").read_bytes()
        assert b"token" not in words.lower()


def test_a_hang_up_signal_restarts_without_a_loss(url: str, path: str) -> None:
    pid, worker = noted()["pid"], get(url, path)[1]
    os.kill(noted()["holder"], signal.SIGHUP)
    until(lambda: noted().get("ready") and noted()["pid"] != pid)
    assert GatewayClient().status("p/pid")["state"] == "ready"  # it has a replica already
    status, body = get(url, path)
    assert status == 200 and body != worker


def test_trouble_of_an_earlier_restart_is_not_told_again(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = "gateway process 7 ended (exit code 1); the restart did not take place"
    read = starting.process_file
    monkeypatch.setattr(starting, "process_file", lambda home: {"trouble": told, **read(home)})
    assert starting.restart() == url


def test_a_process_that_hangs_is_late() -> None:
    ours, theirs = socket.socketpair()
    gateway = GatewayProcess(None, ours)  # type: ignore[arg-type]
    assert not gateway.is_late
    gateway.born -= 1000.0
    assert gateway.is_late
    gateway.is_ready = True
    assert not gateway.is_late
    gateway.drain()
    assert not gateway.is_late and theirs.recv(100) == b'{"drain": true}'
    gateway._drained -= 1000.0
    assert gateway.is_late
    ours.close()
    theirs.close()


def test_what_cannot_be_written_or_started_ends_no_holder(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settle(home)

    def fails(*_: object, **__: object) -> None:
        raise OSError(28, "No space left")

    held = Holder(gateway_home())
    try:
        monkeypatch.setattr("mlrun_like.gateway.places.os.replace", fails)
        monkeypatch.setattr("mlrun_like.gateway.holding.held_process.subprocess.Popen", fails)
        held._start_at = 1.0
        held._tend()
        assert held._current is None and held._start_at > 1.0  # tried again soon
        told = capsys.readouterr().err
        assert "no gateway process can be started" in told and "gateway.json" in told
    finally:
        held._close()
