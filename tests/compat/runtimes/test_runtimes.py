"""Functions of old code: kinds, modifiers, entry points as data, streams, sweeps."""

from __future__ import annotations

import importlib
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import ModuleType
from typing import Any

import pytest

from mlrun_like.configuration import exchange_environment
from mlrun_like.errors import InvalidArgumentError, InvalidTypeError, MissingSymbolError


@pytest.fixture
def old(compat: ModuleType) -> Any:
    exchange_environment(dict.fromkeys(("V3IO_USERNAME", "V3IO_ACCESS_KEY", "V3IO_API")))
    return importlib.import_module("mlrun")


def test_classes_of_kinds(old: Any) -> None:
    runtimes = old.runtimes
    for kind, name in [
        ("job", "KubejobRuntime"),
        ("nuclio", "RemoteRuntime"),
        ("serving", "ServingRuntime"),
        ("dask", "DaskCluster"),
        ("spark", "Spark3Runtime"),
        ("mpijob", "MpiRuntimeV1"),
        ("application", "ApplicationRuntime"),
    ]:
        made = old.new_function("f", kind=kind, image="img")
        assert isinstance(made, getattr(runtimes, name)), kind
        assert runtimes.get_runtime_class(kind) is type(made)
        assert isinstance(made, runtimes.base.BaseRuntime)
    with pytest.raises(MissingSymbolError, match="Databricks"):
        runtimes.DatabricksRuntime  # noqa: B018


def test_constants(old: Any) -> None:
    kinds = old.runtimes.RuntimeKinds
    assert "job" in kinds.all() and kinds.is_local_runtime("") and kinds.is_local_runtime("local")
    assert kinds.resolve_nuclio_sub_kind("nuclio:x") == (True, "x")
    assert not kinds.requires_image_name_for_execution("spark")
    assert kinds.requires_absolute_artifacts_path("job")
    assert not kinds.is_log_collectable_runtime("nuclio")
    pod = old.runtimes.pod
    fn = old.new_function("f", kind="job", image="i")
    fn.with_preemption_mode(pod.PreemptionModes.allow.value)
    assert pod.AutoMountType.is_auto_modifier(old.platforms.mount_pvc("claim")) in (True, False)


def test_modifiers_without_a_cluster(old: Any, capsys: pytest.CaptureFixture[str]) -> None:
    fn = old.new_function("f", kind="job", image="i")
    fn.apply(old.auto_mount()).apply(old.mount_v3io()).apply(old.platforms.auto_mount())
    assert not fn.spec.volumes and not fn.spec.env
    assert fn.run(handler=lambda: 3, local=True).output("return") == 3


def test_modifiers_with_a_login(old: Any) -> None:
    exchange_environment({"V3IO_USERNAME": "ann", "V3IO_ACCESS_KEY": "k-1"})
    fn = old.new_function("f", kind="job", image="i").apply(old.mount_v3io())
    assert [row["mountPath"] for row in fn.spec.volume_mounts] == ["/v3io", "/User"]
    assert fn.spec.volumes[0]["flexVolume"]["options"]["accessKey"] == "k-1"
    assert fn.get_env("V3IO_USERNAME") == "ann"
    mount = old.VolumeMount("/data", "sub")
    fn = old.new_function("g", kind="job", image="i")
    fn.apply(old.mount_v3io("vol", "~/x", volume_mounts=[mount], secret="login"))
    assert fn.spec.volumes[0]["flexVolume"]["options"]["subPath"] == "/ann/x"
    assert fn.get_env("V3IO_USERNAME") is None
    fn.apply(old.mounts.mount_v3iod("ns", "cfg")).apply(old.mounts.mount_spark_conf())
    assert "/etc/config/spark" in [row["mountPath"] for row in fn.spec.volume_mounts]
    with pytest.raises(InvalidArgumentError):
        old.mount_v3io(remote="~/x")
    with pytest.raises(InvalidTypeError):
        old.mount_v3io(volume_mounts=["/data"])


def test_variables_of_secrets(old: Any) -> None:
    make = old.mounts.set_env_vars_from_secret
    fn = old.new_function("f", kind="job", image="i")
    fn.apply(make("s", keys="A; B", cleartext_env="X:1;Y:2"))
    assert fn.get_env("A")["secretKeyRef"] == {"name": "s", "key": "A"} and fn.get_env("Y") == "2"
    for arguments in ((None, "A"), ("s",), (None, None, "X")):
        with pytest.raises(InvalidArgumentError):
            make(*arguments)


def test_paths_of_the_platform(old: Any) -> None:
    iguazio = importlib.import_module("mlrun.platforms.iguazio")
    assert iguazio.split_path("/a/b/c") == ("a", "/b/c") and iguazio.split_path("a") == ("a", "")
    assert iguazio.parse_path("v3ios://h:1/a/") == ("https://h:1", "a/")
    assert iguazio.parse_path("v3io:///a", "") == (None, "a")
    assert iguazio.sanitize_username("a_b") == "a-b"
    assert iguazio.is_iguazio_session("1234567890-1234567890-1") and not iguazio.is_iguazio_session(
        ""
    )
    assert iguazio.min_iguazio_versions("3.0")(len)("abc") == 3
    with pytest.raises(InvalidArgumentError):
        iguazio.parse_path("http://a/b")
    with pytest.raises(InvalidArgumentError):
        iguazio.v3io_to_vol("v", "~/x")


def test_output_streams(old: Any) -> None:
    iguazio = importlib.import_module("mlrun.platforms.iguazio")
    stream = iguazio.OutputStream("projects/x", mock=True)
    stream.push([{"a": 1}, "b"], partition_key="p")
    assert stream._mock_queue[0] == {"data": '{"a": 1}', "partition_key": "p"}
    kafka = iguazio.KafkaOutputStream("t", "h:1", mock=True)
    kafka.push({"a": 1})
    assert kafka._mock_queue == [{"a": 1}]
    with pytest.raises(InvalidArgumentError):
        iguazio.V3ioStreamClient("v3io://h/a/b", seek_to="nowhere")
    got: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(400 if got[-1] == b"bad" else 200)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            del args

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        http = iguazio.HTTPOutputStream(f"http://127.0.0.1:{server.server_port}/")
        http.push([{"a": 1}, b"x"])
        with pytest.raises(InvalidArgumentError, match="status 400"):
            http.push("bad")
        server.shutdown()
    assert got == [b'{"a": 1}', b"x", b"bad"]


CODE = '''
# mlrun:handler
def train(data: mlrun.DataItem, rows: dict[str, int] = {}, *more, **others) -> int:
    """Train.

    :param data: where it is
    :returns: how many
    """

def other(): ...
'''


def test_entry_points_as_data(old: Any) -> None:
    funcdoc = importlib.import_module("mlrun.runtimes.funcdoc")
    (found,) = funcdoc.find_handlers(CODE)
    assert (found["name"], found["doc"], found["lineno"]) == ("train", "Train.", 3)
    assert [p["type"] for p in found["params"]] == ["DataItem", "dict[str, int]"]
    assert found["params"][1]["default"] == "{}" and found["return"]["doc"] == "how many"
    assert found["has_varargs"] and found["has_kwargs"]
    plain = funcdoc.as_func(found)
    assert plain["parameters"][1]["default"] == {} and plain["outputs"][0]["type"] == "int"
    assert [f["name"] for f in funcdoc.find_handlers(CODE, ["other"])] == ["other"]
    assert funcdoc.func_info(test_constants)["name"] == "test_constants"
    assert funcdoc.py_eval("a b") == "a b" and funcdoc.clean({}) is None
    fn = old.new_function("f", kind="job", image="i")
    funcdoc.update_function_entry_points(fn, CODE)
    assert "train" in fn.spec.entry_points
    with pytest.raises(SyntaxError):
        funcdoc.find_handlers("def (")


def test_generators(old: Any, tmp_path: Path) -> None:
    generators = importlib.import_module("mlrun.runtimes.generators")
    grid = generators.GridGenerator({"a": [1, 2], "b": [3, 4]})
    assert grid.grid_to_list() == {"a": [1, 2, 1, 2], "b": [3, 3, 4, 4]}
    runs = list(grid.generate(old.RunObject.from_template(old.new_task(params={"c": 5}))))
    assert runs[3].spec.parameters == {"a": 2, "b": 4, "c": 5} and runs[3].metadata.iteration == 4
    options = old.model.HyperParamOptions(stop_condition="x > 2", parallel_runs=2)
    listed = generators.ListGenerator({"a": [1]}, options)
    assert listed.use_parallel() and listed.eval_stop_condition({"x": 3})
    context = old.get_or_create_ctx("x")
    task = old.new_task(hyper_params={"a": [1, 2]})
    assert isinstance(generators.get_generator(task.spec, context), generators.GridGenerator)
    assert generators.get_generator(old.new_task().spec, context) is None
    (tmp_path / "p.csv").write_text("a\n1\n")
    task = old.new_task(param_file=str(tmp_path / "p.csv"))
    assert generators.get_generator(task.spec, context).strategy == "list"
    context.commit(completed=True)
    rows = [
        {"metadata": {"iteration": n}, "status": {"state": "completed", "results": {"x": x}}}
        for n, x in enumerate(["1", 3, "none"], 1)
    ]
    assert generators.selector(rows, "max.x") == (1, 2) and generators.selector([], "") == (0, 0)
    assert generators.selector(rows, "min.x") == (0, 1)


def test_small_helpers(old: Any) -> None:
    module = importlib.import_module("mlrun.runtimes.utils")
    assert module.generate_resources("1Gi", gpus=1) == {"memory": "1Gi", "nvidia.com/gpu": 1}
    assert module.get_gpu_from_resource_requirement({"cpu": 1}) == (None, None)
    named: dict[str, Any] = {}
    module.set_named_item(named, [{"name": "a"}, {"name": "b"}])
    assert list(named) == ["a", "b"]
    assert module.resolve_node_selectors({"a": "1", "b": "2"}, {"b": ""}) == {"a": "1"}
    assert module.resolve_run_user_template("/x/{{run.user}}", "ann") == "/x/ann"
    fn = old.new_function("f", kind="job", image="i")
    assert module.calc_hash(fn) == fn.metadata.hash
    with pytest.raises(InvalidArgumentError):
        module.verify_limits("resources", mem="much")


def test_model_servers(old: Any, tmp_path: Path) -> None:
    file = tmp_path / "model.py"
    file.write_text("class Model:\n    pass\n")
    v1 = old.new_model_server("m", "Model", {"a": "/x"}, str(file))
    assert v1.get_env("SERVING_MODEL_a") == "/x" and v1.get_env("MODEL_CLASS") == "Model"
    v2 = old.new_model_server("m", "Model", {"a": "/x"}, str(file), protocol="v2")
    assert v2.kind == "serving" and "a" in v2.to_dict()["spec"]["graph"]["routes"]
