"""Deploying through the dashboard's API, with everything that goes wrong there."""

from __future__ import annotations

from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    EngineError,
    FunctionError,
    InvalidArgumentError,
    NotFoundError,
    PreflightError,
    RunError,
)
from mlrun_like.runtimes.nuclio.dashboard import Dashboard
from mlrun_like.runtimes.nuclio.deploying import deploy_config, wait_until_ready
from mlrun_like.runtimes.nuclio.failures import cause_of
from mlrun_like.runtimes.nuclio.gateways import GatewayOptions, delete_gateway, gateway_config
from mlrun_like.runtimes.nuclio.http import request, without_password
from mlrun_like.runtimes.nuclio.states import STATES, describe
from tests.runtimes.nuclio.dashboards import FakeDashboard
from tests.servers import free_port

CODE = "def handler(context, event):\n    return 'ok'\n"


def function(name: str = "fn") -> Any:
    return ml.new_function(name, project="shop", kind="nuclio").with_code(body=CODE)


def test_a_deployment(dashboard: FakeDashboard, capsys: pytest.CaptureFixture[str]) -> None:
    fn = function()
    address = fn.deploy(tag="v1")
    assert address == dashboard.url
    status = fn.status
    assert (status.state, status.nuclio_name) == ("ready", "shop-fn-v1")
    assert status.address == dashboard.url.removeprefix("http://")
    assert status.container_image == "registry/processor-shop-fn-v1:latest"
    assert status.internal_invocation_urls == ["nuclio-shop-fn-v1.nuclio.svc.cluster.local:8080"]
    assert dashboard.projects["shop"]["metadata"]["name"] == "shop"
    assert dashboard.sent("POST", "functions") == [fn.to_nuclio()]
    shown = capsys.readouterr().out.splitlines()
    assert [line.partition(") ")[2] for line in shown] == dashboard.log  # each line once
    stored = ml.import_function("db://shop/fn:v1")
    assert stored.status.address == status.address  # type: ignore[attr-defined]


def test_deploying_again_updates(dashboard: FakeDashboard) -> None:
    fn = function()
    fn.deploy()
    dashboard.stored["shop-fn"]["looks"] = 0
    fn.set_env("A", 1).deploy(force_build=True)
    assert len(dashboard.sent("POST", "functions")) == 1
    updated = dashboard.sent("PUT", "functions/shop-fn")
    assert updated[0]["spec"]["env"] == [{"name": "A", "value": "1"}]
    assert updated[0]["spec"]["build"]["noCache"] is True
    assert len(dashboard.sent("POST", "projects")) == 1


def test_not_waiting(dashboard: FakeDashboard) -> None:
    fn = function()
    assert fn.deploy(watch=False) == ""
    assert fn.status.state == "waitingForBuild"


@pytest.mark.parametrize(
    ("state", "message", "log", "what", "fix"),
    [
        (
            "error",
            "Failed to build",
            ["ERROR: No matching distribution found for nosuch==1"],
            "no version of nosuch==1",
            "index",
        ),
        ("error", "", ["ModuleNotFoundError: No module named 'sklearn'"], "'sklearn'", "scikit-le"),
        ("unhealthy", "ImagePullBackOff", [], "image cannot be pulled", "pull secret"),
        ("unhealthy", "0/3 nodes are available: 3 Insufficient memory", [], "no node", "requests"),
        ("error", "Timed out waiting for function to be ready", [], "in time", "readiness_timeout"),
        ("error", "something odd", [], "something odd", "build log"),
        ("error", "", [], "Pushing", "build log"),
    ],
)
def test_failures_are_explained(
    dashboard: FakeDashboard, state: str, message: str, log: list[str], what: str, fix: str
) -> None:
    dashboard.states = ["building", state]
    dashboard.message = message
    dashboard.log += log
    with pytest.raises(EngineError) as caught:
        function().deploy()
    assert f"state {state}" in caught.value.what and what in caught.value.what
    assert fix in caught.value.fix


def test_an_unhealthy_functions_own_log_is_asked(dashboard: FakeDashboard) -> None:
    dashboard.states = ["unhealthy"]
    dashboard.message = "function is not ready: readiness probe failed"
    dashboard.replica_log = "ModuleNotFoundError: No module named 'torch'"
    with pytest.raises(EngineError, match="'torch' is not installed"):
        function().deploy()


def test_what_the_dashboard_refuses(dashboard: FakeDashboard) -> None:
    dashboard.refuse = [("POST", "functions", 400, {"error": "Function name is wrong"})]
    with pytest.raises(EngineError, match="Function name is wrong") as caught:
        function().deploy()
    assert "fn.to_nuclio()" in caught.value.fix
    dashboard.refuse = [("GET", "projects", 401, {"error": "who are you"})]
    with pytest.raises(EngineError, match="who are you") as caught:
        function().deploy()
    assert "user:password" in caught.value.fix
    dashboard.refuse = [("POST", "projects", 500, {"error": "disk"})]
    with pytest.raises(EngineError, match="project 'new' cannot be created: disk"):
        function().deploy(project="new")


def test_what_passes_by_itself(dashboard: FakeDashboard) -> None:
    dashboard.refuse = [
        ("GET", "projects", 503, {"error": "starting"}),
        ("POST", "projects", 409, {"error": "exists"}),  # somebody else made it meanwhile
        ("POST", "functions", 409, {"error": "exists"}),
        ("POST", "functions", 503, {"error": "busy"}),
        ("GET", "functions/shop-fn", 502, None),
    ]
    function().deploy()
    assert not dashboard.refuse


def test_a_function_that_stays_in_the_way(dashboard: FakeDashboard) -> None:
    dashboard.refuse = [("POST", "functions", 409, {"error": "exists"})] * 4
    with pytest.raises(ConflictError, match="changed by somebody else"):
        function().deploy()


def test_names_of_other_projects(dashboard: FakeDashboard) -> None:
    other = {"metadata": {"name": "shop-fn", "labels": {"nuclio.io/project-name": "x"}}, "spec": {}}
    dashboard.stored["shop-fn"] = {"config": other, "looks": 9}
    with pytest.raises(ConflictError, match="belongs to project 'x'"):
        function().deploy()


def test_a_build_that_never_ends(dashboard: FakeDashboard) -> None:
    dashboard.states = ["building"]
    with (
        config.override(nuclio_deploy_timeout=0.2),
        pytest.raises(EngineError, match=r"not ready after 0.2 s: building"),
    ):
        function().deploy()


def test_a_function_deleted_while_it_is_built(dashboard: FakeDashboard) -> None:
    with pytest.raises(NotFoundError, match="somebody deleted it"):
        wait_until_ready(Dashboard(), "gone")


def test_scaled_to_zero_and_imported_are_ends(dashboard: FakeDashboard) -> None:
    for state in ("scaledToZero", "imported"):
        dashboard.states = ["building", state]
        found = deploy_config(Dashboard(), function(state.lower()).to_nuclio())
        assert found["state"] == state
    assert describe("imported").endswith("deploy it")
    assert "Did you mean 'ready'" in describe("redy")
    assert describe("building") == "building" and len(STATES) == 11


def test_nothing_is_sent_that_is_wrong(dashboard: FakeDashboard) -> None:
    fn = function()
    fn.spec.min_replicas, fn.spec.max_replicas = 3, 1
    with pytest.raises(PreflightError):
        fn.deploy()
    assert dashboard.requests == []


def test_deleting(dashboard: FakeDashboard) -> None:
    fn = function()
    fn.deploy()
    assert fn.delete_deployment() is True and fn.delete_deployment() is False
    dashboard.refuse = [("DELETE", "functions", 412, {"error": "is being provisioned"})]
    with pytest.raises(ConflictError, match="force=True"):
        fn.delete_deployment()
    fn.delete_deployment(force=True)
    headers = dashboard.requests[-1][2]
    assert headers["x-nuclio-delete-function-ignore-state-validation"] == "true"


def test_invoking(dashboard: FakeDashboard) -> None:
    fn = function()
    fn.deploy()
    dashboard.answer = (200, {"Content-Type": "application/json; charset=utf-8"}, b'{"a": 1}')
    assert fn.invoke("/x?y=1", {"q": 2}, headers={"A": "b"}) == {"a": 1}
    method, path, headers, raw = dashboard.requests[-1]
    assert (method, path, raw) == ("POST", "/x?y=1", b'{"q": 2}')
    assert headers["x-nuclio-target"] == "shop-fn" and headers["a"] == "b"
    assert headers["content-type"] == "application/json"
    dashboard.answer = (200, {"Content-Type": "text/plain"}, b"plain")
    assert fn.invoke("x") == b"plain" and dashboard.requests[-1][0] == "GET"
    dashboard.answer = (503, {}, b"no worker")
    with pytest.raises(RunError, match="bad function response 503: no worker") as caught:
        fn.invoke("/", b"raw", method="put", timeout=5)
    assert "workers" in caught.value.fix and dashboard.requests[-1][0] == "PUT"
    with pytest.raises(InvalidArgumentError, match="Did you mean 'timeout'"):
        fn.invoke("/", timeot=3)


def test_invoking_by_way_of_the_dashboard(dashboard: FakeDashboard) -> None:
    fn = function()
    fn.deploy()
    dashboard.answer = (200, {"Content-Type": "application/json"}, b"[]")
    assert fn.invoke("/p", "text", dashboard=dashboard.url) == []
    method, path, headers, raw = dashboard.requests[-1]
    assert (method, path, raw) == ("POST", "/api/function_invocations", b"text")
    assert headers["x-nuclio-function-name"] == "shop-fn" and headers["x-nuclio-path"] == "/p"
    assert headers["x-nuclio-invoke-url"] == dashboard.url.removeprefix("http://")


def test_a_function_deployed_before_is_found(dashboard: FakeDashboard) -> None:
    function().deploy()
    dashboard.answer = (200, {"Content-Type": "application/json"}, b"1")
    again = function()
    assert again.invoke("/") == 1 and again.get_url() == dashboard.url
    with pytest.raises(FunctionError, match=r"first run \.deploy"):
        function("never").invoke("/")


def test_nobody_there(dashboard: FakeDashboard) -> None:
    with config.override(nuclio_dashboard_url=f"http://me:secret@127.0.0.1:{free_port()}"):
        with pytest.raises(EngineError, match="cannot be reached") as caught:
            function().deploy()
        assert "secret" not in str(caught.value)
    fn = function()
    fn.status.address = f"127.0.0.1:{free_port()}"
    with pytest.raises(EngineError, match="cannot be reached"):
        fn.invoke("/")


@pytest.mark.parametrize("url", ["localhost:8070", "ftp://h", "http://", "http://h:x"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(InvalidArgumentError):
        Dashboard(url).function("x")


def test_without_a_dashboard() -> None:
    with pytest.raises(FunctionError, match="no Nuclio dashboard is configured") as caught:
        function().deploy(target="nuclio")
    for way in ("mock=True", "mlrun-like serve", "export_nuclio", "nuclio_dashboard_url"):
        assert way in caught.value.fix
    with pytest.raises(EngineError, match="no Nuclio dashboard"):
        Dashboard()


def test_namespaces_and_passwords(dashboard: FakeDashboard) -> None:
    port = dashboard.url.rpartition(":")[2]
    client = Dashboard(f"http://me:pass@127.0.0.1:{port}/api/", namespace="ns")
    deploy_config(client, function().to_nuclio())
    headers = dashboard.requests[-1][2]
    assert headers["x-nuclio-function-namespace"] == "ns"
    assert headers["authorization"] == "Basic bWU6cGFzcw=="
    assert dashboard.sent("POST", "functions")[0]["metadata"]["namespace"] == "ns"
    assert list(client.functions("shop")) == ["shop-fn"]


def test_child_functions_go_first(dashboard: FakeDashboard, tmp_path: Any) -> None:
    code = tmp_path / "part.py"
    code.write_text("def add(body):\n    return body\n")
    fn: Any = ml.code_to_function("g", project="shop", filename=str(code), kind="serving")
    graph = fn.set_topology("flow", engine="async")
    queue = graph.to(name="a", handler="add").to(">>", "q", path="kafka://k:9092/t")
    queue.to(name="b", handler="add", function="child")
    fn.add_child_function("child", str(code))
    fn.deploy()
    names = [body["metadata"]["name"] for body in dashboard.sent("POST", "functions")]
    assert names == ["shop-g-child", "shop-g"]


def test_gateways(dashboard: FakeDashboard) -> None:
    fn: Any = ml.new_function("board", project="shop", kind="application", image="repo/board:1")
    url = fn.deploy(
        authentication_mode="basic", authentication_creds=("me", "pw"), host="board.org",
        ssl_redirect=True, gateway_timeout=30, path="/in",
    )  # fmt: skip
    assert url == fn.url == "https://board.org/in"
    made = dashboard.gateways["board"]
    assert made["spec"]["authenticationMode"] == "basicAuth"
    assert made["spec"]["upstreams"][0]["nucliofunction"] == {"name": "shop-board"}
    assert fn.create_api_gateway("other", direct_port_access=True).startswith("http://other-shop.")
    assert dashboard.gateways["other"]["spec"]["upstreams"][0]["port"] == 8050
    fn.create_api_gateway("other")
    assert dashboard.sent("PUT", "api_gateways/other")
    assert delete_gateway(Dashboard(), "other") and not delete_gateway(Dashboard(), "other")
    dashboard.refuse = [("POST", "api_gateways", 400, {"error": "host is taken"})]
    with pytest.raises(EngineError, match="host is taken"):
        fn.create_api_gateway("third")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"authentication_mode": "digest"}, "unknown"),
        ({"authentication_mode": "basic"}, "a user and a password"),
        ({"canary": 101}, "from 0 to 100"),
    ],
)
def test_gateways_that_cannot_be(values: Any, message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        GatewayOptions(**values)
    with pytest.raises(InvalidArgumentError, match="one or two functions"):
        gateway_config("g", "p", [], GatewayOptions())


def test_shown_urls_have_no_passwords() -> None:
    assert without_password("https://u:p@h:1/a@b") == "https://***@h:1/a@b"
    assert without_password("h/a") == "h/a"
    with pytest.raises(InvalidArgumentError, match="cannot be sent"):
        request("GET", "http://127.0.0.1:1/", headers={"a": "b\r\nc: d"})


def test_causes_without_a_word() -> None:
    assert cause_of({}).what == "Nuclio gave no reason"
    assert cause_of({"logs": ["x", {"time": None, "message": "last"}]}).what == "last"
