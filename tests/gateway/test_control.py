"""Deploying to a real gateway, what the control API answers, and what nobody may see."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import (
    EngineError,
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
    PreflightError,
    RunError,
)
from mlrun_like.gateway.control import starting
from mlrun_like.gateway.control.client import GatewayClient
from mlrun_like.gateway.control.deploying import rollout_of
from mlrun_like.gateway.places import control_socket, gateway_home
from mlrun_like.runtimes.nuclio.triggers import CronTrigger
from tests.gateway.gateways import family, gateway_at, get, noted, settle, until
from tests.servers import redis_server

pytestmark = pytest.mark.slow

ECHO = """
def init_context(context):
    print("begun", flush=True)

def handler(context, event):
    print("called", event.path, flush=True)
    if event.path == "/fail":
        raise ValueError("as asked")
    return {"path": event.path, "method": event.method, "body": event.body.decode()}
"""


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


def function(name: str, code: str = ECHO) -> Any:
    fn: Any = ml.new_function(name, project="p", kind="nuclio")
    return fn.with_code(body=code)


def test_a_handler_from_deploy_to_delete(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    fn = function("echo")
    assert fn.deploy() == f"{url}/p/echo"
    told = capsys.readouterr().out
    assert "p/echo: version 1 is ready" in told
    assert get(url, "/p/echo/a/b?c=1", b"hi")[0] == 200
    assert fn.invoke("/x", "hi") == {"path": "/x", "method": "POST", "body": "hi"}
    assert fn.invoke("", method="PUT")["method"] == "PUT"
    with pytest.raises(RunError, match="500"):
        fn.invoke("/fail")
    assert fn.wait_until_ready() == f"{url}/p/echo"
    assert (fn.status.state, fn.status.address) == ("ready", f"{url}/p/echo")
    assert "called /x" in fn.logs() and fn.logs(tail=1).count("\n") == 1
    for part in fn.logs(follow=True):
        assert "begun" in part
        break
    again = function("echo")  # another object finds it
    assert again.invoke("/y")["path"] == "/y"
    assert fn.delete() and not fn.delete()
    assert get(url, "/p/echo/")[0] == 404
    with pytest.raises(NotFoundError):
        fn.wait_until_ready()


def test_the_same_again_is_the_same_version(url: str) -> None:
    fn = function("same")
    fn.deploy()
    fn.deploy()
    assert GatewayClient().status("p/same")["version"] == 1
    fn.set_env("A", "2").deploy()
    assert GatewayClient().status("p/same")["version"] == 2
    found = GatewayClient().rollback("p/same")
    assert [row["version"] for row in found["traffic"]] == [1]


def test_a_version_that_does_not_start(url: str) -> None:
    function("good").deploy()
    bad = function("good", "raise KeyError('no model')\ndef handler(context, event):\n    pass\n")
    with pytest.raises(EngineError, match="no model") as caught:
        bad.deploy()
    assert "last lines of its log" in str(caught.value) and caught.value.fix
    assert function("good").invoke("/z")["path"] == "/z"  # the old one goes on
    with pytest.raises(EngineError, match="no model"):
        function("fresh", "raise KeyError('no model')\ndef handler(c, e): pass\n").deploy()
    with pytest.raises(NotFoundError):
        GatewayClient().status("p/fresh")


def test_mistakes_are_found_before_anything_starts(url: str) -> None:
    with pytest.raises(PreflightError, match="handler"):
        function("none", "def other(context, event):\n    pass\n").deploy()
    with pytest.raises(InvalidArgumentError, match="weight"):
        function("echo").deploy(wieght=10)
    with pytest.raises(InvalidArgumentError, match="no target"):
        function("echo").deploy(target="loca")
    assert not any(row["key"] == "p/none" for row in GatewayClient().deployed())


def test_a_canary(url: str) -> None:
    code = "def handler(context, event):\n    return {}\n"
    function("can", code.format(1)).deploy()
    function("can", code.format(2)).deploy(weight=50, max_error_rate=0.5)
    found = {get(url, "/p/can/")[1] for _ in range(20)}
    assert found == {b"1", b"2"}
    status = GatewayClient().status("p/can")
    assert sorted(row["weight"] for row in status["traffic"]) == [50.0, 50.0]
    GatewayClient().promote("p/can")
    assert {get(url, "/p/can/")[1] for _ in range(6)} == {b"2"}
    status = GatewayClient().shift("p/can", [{"version": 1, "weight": 100}])
    assert status["version"] == 1
    assert GatewayClient().scale("p/can", 1, 2)["replicas"] == {"min": 1, "max": 2}
    with pytest.raises(MLRunLikeError):
        GatewayClient().scale("p/can", 5, 2)


def test_a_graph(url: str) -> None:
    fn: Any = ml.new_function("twice", project="p", kind="serving")
    fn.set_topology("flow", engine="sync").to(name="twice", handler="(event * 2)").respond()
    assert fn.deploy() == f"{url}/p/twice"
    assert fn.invoke("/", 21) == 42


def test_a_graph_with_a_queue_in_memory_is_one_function(url: str) -> None:
    fn: Any = ml.new_function("flow", project="p", kind="serving")
    graph = fn.set_topology("flow", engine="async")
    graph.to(name="one", handler="(event + 1)").to(">>", "q", path="").to(
        name="two", handler="(event * 2)"
    ).respond()
    fn.deploy()
    assert fn.invoke("/", 1) == 4
    keys = [row["key"] for row in GatewayClient().deployed()]
    assert [key for key in keys if key.startswith("p/flow")] == ["p/flow"]


def test_a_graph_over_two_functions(url: str, tmp_path: Path) -> None:
    with redis_server() as server:
        fn: Any = ml.new_function("split", project="p", kind="serving")
        graph = fn.set_topology("flow", engine="async")
        graph.to(name="one", handler="(event + 1)").to(">>", "q", path=f"{server.url}/orders").to(
            name="two", handler="(print('got', event, flush=True))", function="child"
        )
        fn.add_child_function("child", kind="serving")
        fn.deploy()
        keys = [row["key"] for row in GatewayClient().deployed()]
        assert {"p/split", "p/split-child"} <= set(keys)
        fn.invoke("/", 1)
        until(lambda: b"got 2" in b"".join(GatewayClient().logs("p/split-child")))
        rows = GatewayClient().triggers()
        assert [row["function"] for row in rows] == ["p/split-child"]
        for key in ("p/split", "p/split-child"):
            GatewayClient().delete(key)


def test_a_cron_trigger_wakes_a_function(url: str) -> None:
    fn = function("tick").add_trigger("t", CronTrigger(interval="100ms", body="go"))
    fn.deploy()
    until(lambda: "called" in fn.logs())
    GatewayClient().delete("p/tick")


def test_a_port_of_its_own(url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    fn = function("own").with_http(port=port)
    fn.deploy()
    assert json.loads(get(f"http://127.0.0.1:{port}", "/p/q")[1])["path"] == "/p/q"
    with pytest.raises(MLRunLikeError, match="belongs to function 'p/own'"):
        function("other").with_http(port=port).deploy()
    starting.restart()
    assert json.loads(get(f"http://127.0.0.1:{port}", "/r")[1])["path"] == "/r"
    fn.delete()
    until(lambda: not _answers(port))


def _answers(port: int) -> bool:
    try:
        get(f"http://127.0.0.1:{port}", "/r")
    except OSError:
        return False
    return True


def test_deployed_at_once(url: str) -> None:
    def one(number: int) -> None:
        client = GatewayClient()
        document = function(f"many{number % 2}").to_dict()
        client.deploy(f"p/many{number % 2}", document, "nuclio", {"queue": 100 + number})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(6)))
    found = [GatewayClient().status(f"p/many{number}") for number in range(2)]
    assert [len(row["versions"]) for row in found] == [3, 3]


def test_secrets_are_seen_nowhere(url: str, place: Path) -> None:
    fn = function("hidden").set_env("TOKEN", "s3cret-value-1")
    fn.with_auth(callers={"anna": "s3cret-token-2"}).deploy()
    assert get(url, "/p/hidden/")[0] == 401
    answer = fn.invoke("/", headers={"Authorization": "Bearer s3cret-token-2"})
    assert answer["path"] == "/"
    status, _, _ = GatewayClient().invoke("p/hidden")  # the private socket needs no token
    assert status == 200
    shown = json.dumps(GatewayClient().deployed()) + json.dumps(GatewayClient().info())
    assert "TOKEN" in shown and "anna" in shown
    files = [
        path for path in gateway_home().rglob("*") if path.is_file() and path.suffix != ".json"
    ]
    assert any(path.name == "audit.log" for path in files)
    texts = [path.read_text("utf-8", "replace") for path in files]
    texts += [Path(f"/proc/{pid}/cmdline").read_text() for pid in family(noted()["holder"])]
    for text in (shown, *texts):
        assert "s3cret" not in text
    for path in gateway_home().rglob("*"):
        if path.is_file() and path.suffix in (".json", ".log") and path.name != "up.lock":
            assert path.stat().st_mode & 0o077 == 0, path


def test_the_audit_log_tells_who_deployed_what(url: str) -> None:
    function("told").deploy()
    function("told").delete()
    rows = [json.loads(line) for line in (gateway_home() / "audit.log").read_text().splitlines()]
    mine = [row for row in rows if row["function"] == "p/told"]
    assert [row["what"] for row in mine] == ["deployed", "deleted"]
    assert mine[0]["by"] and mine[0]["time"] and re.fullmatch("[0-9a-f]{64}", mine[0]["digest"])


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "functions", b"", 200),
        ("POST", "functions", b"{", 400),
        ("POST", "functions", b"[" * 100_000, 400),
        ("POST", "functions", b"[1]", 400),
        ("POST", "functions", b'{"key": "../../etc/passwd"}', 200),
        ("POST", "functions", b'{"key": "p/x", "kind": 5}', 200),
        ("POST", "functions", b'{"key": "p/x", "kind": "nuclio", "document": []}', 200),
        ("PATCH", "functions", b"", 405),
        ("GET", "functions/p/none", b"", 404),
        ("GET", "functions/..%2f..%2fetc/passwd", b"", 400),
        ("GET", "functions/p", b"", 404),
        ("GET", "functions/p/a/b/c/d", b"", 404),
        ("POST", "functions/p/none/scale", b'{"min": "x"}', 404),
        ("POST", "functions/p/none/explode", b"", 404),
        ("GET", "restart", b"", 405),
        ("GET", "", b"", 404),
        ("GET", "functions/p/\xff\xfe", b"", 400),
        ("DELETE", "functions/p/none", b"", 404),
    ],
)  # fmt: skip
def test_requests_that_make_no_sense(
    url: str, method: str, path: str, body: bytes, status: int
) -> None:
    target = f"/-/api/{path}".encode("latin-1")
    head = b"%b %b HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"
    with socket.socket(socket.AF_UNIX) as plain:
        plain.settimeout(60)
        plain.connect(str(control_socket(gateway_home())))
        plain.sendall(head % (method.encode(), target, len(body)) + body)
        answer = b"".join(iter(lambda: plain.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 %d " % status), answer[:300]
    if status == 200:  # deploying tells line by line
        assert b'"error"' in answer
    assert GatewayClient().is_up()


def test_the_api_is_not_for_the_network(url: str) -> None:
    assert get(url, "/-/api/functions")[0] == 404
    assert get(url, "/-/api/down", b"")[0] == 404


def test_a_broken_state_file_hurts_nobody_else(url: str) -> None:
    function("kept").deploy()
    (gateway_home() / "functions" / "p" / "broken.json").write_text("{half")
    starting.restart()
    assert get(url, "/p/kept/")[0] == 200
    assert "broken.json" in until(lambda: GatewayClient().info()["broken"])[0]


def test_rollouts_from_keywords() -> None:
    assert rollout_of({}) == {}
    assert rollout_of({"header": "x-canary: yes", "max_latency": 0.5}) == {
        "header": "x-canary", "value": "yes", "limits": {"latency_p95": 0.5},
    }  # fmt: skip
    assert rollout_of({"shadow": 20}) == {"strategy": "shadow", "share": 20}
    with pytest.raises(InvalidArgumentError, match="steps"):
        rollout_of({"stepps": 1})
