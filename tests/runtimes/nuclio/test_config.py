"""Functions to Nuclio's configuration and back; everything that is wrong, at once."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import yaml

import mlrun_like as ml
from mlrun_like.errors import InvalidArgumentError, PackagingError, PreflightError
from mlrun_like.runtimes.nuclio.checks import check_config, checked_config
from mlrun_like.runtimes.nuclio.config import build_config
from mlrun_like.runtimes.nuclio.dotted import merge_settings, parts_of_key
from mlrun_like.runtimes.nuclio.foreign import document_of
from mlrun_like.runtimes.nuclio.source import form_of, source_file
from mlrun_like.specs.function import FunctionDoc

CODE = "def handler(context, event):\n    return 'ok'\n"


def function(code: str = CODE, **spec: Any) -> Any:
    fn: Any = ml.new_function("fn", project="shop", kind="nuclio").with_code(body=code)
    for key, value in spec.items():
        setattr(fn.spec, key, value)
    return fn


def code_of(config: dict[str, Any]) -> str:
    return base64.b64decode(config["spec"]["build"]["functionSourceCode"]).decode()


def test_the_smallest_configuration() -> None:
    fn = function()
    config = fn.to_nuclio()
    assert config == {
        "apiVersion": "nuclio.io/v1",
        "kind": "NuclioFunction",
        "metadata": {
            "name": "shop-fn",
            "labels": {"nuclio.io/project-name": "shop", "mlrun/class": "nuclio"},
        },
        "spec": {
            "handler": "handler:handler",
            "runtime": "python:3.11",
            "build": {"functionSourceCode": base64.b64encode(CODE.encode()).decode()},
        },
    }
    assert fn.to_dict()["spec"]["function_handler"] == "handler:handler"


def test_everything_a_function_says_is_there() -> None:
    fn = function(
        min_replicas=0, max_replicas=4, readiness_timeout=120, timeout=30,
        node_selector={"disk": "ssd"}, service_account="sa", priority_class_name="high",
        tolerations=[{"key": "gpu", "operator": "Exists"}], node_name="n1",
        security_context={"runAsUser": 1000}, no_cache=True, base_image_pull=True,
        image="repo/base:1", nuclio_runtime="python:3.12",
        volumes=[{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}],
        volume_mounts=[{"name": "data", "mountPath": "/data"}],
    )  # fmt: skip
    fn.metadata.tag = "v2"
    fn.with_limits(mem="1Gi", cpu="500m").with_requirements(["pandas>=2", "numpy"])
    fn.with_commands(["apt-get update"]).set_env("LEVEL", 3)
    fn.set_env_from_secret("TOKEN", "my-secret", "token").with_annotations({"team": "fraud"})
    fn.set_label("owner", "me").with_service_type("ClusterIP", "never")
    fn.set_config("spec.platform.attributes.restartPolicy", {"name": "always"})
    fn.set_config("spec.eventTimeout", "45s").disable_default_http_trigger()
    fn.with_http(workers=2, host="a.org", worker_timeout=10)
    config = fn.to_nuclio()
    spec, meta = config["spec"], config["metadata"]
    assert meta["name"] == "shop-fn-v2"
    assert meta["labels"]["owner"] == "me" and meta["labels"]["nuclio.io/tag"] == "v2"
    assert meta["annotations"] == {"team": "fraud"}
    assert (spec["minReplicas"], spec["maxReplicas"]) == (0, 4)
    assert spec["scaleToZero"]["scaleResources"][0]["windowSize"] == "10m"
    assert (spec["eventTimeout"], spec["readinessTimeoutSeconds"]) == ("45s", 120)
    assert spec["resources"]["limits"] == {"memory": "1Gi", "cpu": "500m"}
    assert spec["build"]["commands"] == [
        "apt-get update",
        "python -m pip install 'pandas>=2' numpy",
    ]
    assert spec["build"]["baseImage"] == "repo/base:1" and spec["build"]["noCache"] is True
    assert spec["build"]["noBaseImagesPull"] is False
    assert {"name": "LEVEL", "value": "3"} in spec["env"]
    secret = {"secretKeyRef": {"name": "my-secret", "key": "token"}}
    assert {"name": "TOKEN", "valueFrom": secret} in spec["env"]
    assert spec["volumes"] == [
        {
            "volume": {"name": "data", "persistentVolumeClaim": {"claimName": "c"}},
            "volumeMount": {"name": "data", "mountPath": "/data"},
        }
    ]
    assert spec["platform"] == {"attributes": {"restartPolicy": {"name": "always"}}}
    assert spec["serviceType"] == "ClusterIP" and spec["disableDefaultHTTPTrigger"] is True
    http = spec["triggers"]["http"]
    assert http["workerAvailabilityTimeoutMilliseconds"] == 10000
    assert http["annotations"]["nginx.ingress.kubernetes.io/proxy-read-timeout"] == "70"
    assert spec["nodeSelector"] == {"disk": "ssd"} and spec["nodeName"] == "n1"
    assert spec["runtime"] == "python:3.12" and spec["priorityClassName"] == "high"
    assert list(check_config(config)) == []


def test_mistakes_come_all_at_once() -> None:
    fn = function(
        min_replicas=3, max_replicas=2, nuclio_runtime="python:2.7",
        function_handler="a b:c", volumes=[{"name": "v"}],
    )  # fmt: skip
    fn.metadata.name = "x" * 60
    fn.spec.env = [{"name": "a=b", "value": "1"}]
    fn.spec.config = {"spec.triggers.a": {"kind": "cron"}, "nonsense": 1}
    fn.spec.resources = {"limits": {"memory": "lots"}}
    with pytest.raises(PreflightError) as caught:
        fn.to_nuclio()
    codes = [row["code"] for row in caught.value.findings]
    assert {"name", "setting", "volume"} <= set(codes)
    fn.spec.config = {"spec.triggers.a": {"kind": "cron"}}
    fn.metadata.name = "fn"
    with pytest.raises(PreflightError) as caught:
        fn.to_nuclio()
    codes = [row["code"] for row in caught.value.findings]
    assert {"scale", "runtime", "code", "env", "trigger", "resources", "volume"} <= set(codes)
    assert all(row["what"] for row in caught.value.findings)


@pytest.mark.parametrize(
    ("code", "handler", "message"),
    [
        ("def other(context, event): pass\n", "", "no handler 'handler'"),
        ("def handlr(context, event): pass\n", "", "Did you mean 'handlr'"),
        ("class A:\n    def run(self): pass\n", "A::run", "is a method"),
    ],
)
def test_a_handler_must_be_there(code: str, handler: str, message: str) -> None:
    fn = function(code, default_handler=handler)
    with pytest.raises(PreflightError, match=message):
        fn.to_nuclio()
    with pytest.raises(PackagingError, match=message):
        build_config(fn._doc())


def test_nothing_to_run_is_a_finding() -> None:
    fn: Any = ml.new_function("fn", project="shop", kind="nuclio")
    with pytest.raises(PreflightError, match="no code, image or archive"):
        fn.to_nuclio()


def test_lists_are_one_answer_only_where_they_may_come() -> None:
    assert code_of(function().to_nuclio()) == CODE
    listed = function("def handler(context, event):\n    return event.body\n").to_nuclio()
    assert "_one_answer" in code_of(listed)
    stays = "def handler(context, event):\n    x = {'a': 1}\n    return x if event else 'b'\n"
    assert code_of(function(stays).to_nuclio()) == stays


@pytest.mark.parametrize(
    ("kind", "sub", "form"),
    [
        ("nuclio", "", "handler"), ("remote", "", "handler"), ("nuclio:mlrun", "", "mlrun"),
        ("nuclio", "jobs", "mlrun"), ("serving", "", "serving_v2"), ("job", "", "mlrun"),
    ],
)  # fmt: skip
def test_forms(kind: str, sub: str, form: str) -> None:
    doc = FunctionDoc(kind=kind)
    doc.spec.function_kind = sub
    assert form_of(doc) == form


def test_a_job_written_as_a_handler_is_one() -> None:
    fn = ml.new_function("fn", kind="local").with_code(body=CODE)
    fn.spec.default_handler = "handler"
    assert form_of(fn._doc()) == "handler"


def test_the_users_init_context_is_called_too() -> None:
    code = "async def init_context(context):\n    pass\n\ndef handler(body):\n    return body\n"
    fn: Any = ml.new_function("fn", kind="serving").with_code(body=code)
    fn.set_topology("flow", engine="sync").to(name="one", handler="handler")
    made = source_file(fn._doc())
    assert made.function == "nuclio_handler"  # the step keeps its name
    assert "    await _own_init_context(context)" in made.text
    compile(made.text, "made", "exec")


def test_code_that_ends_as_mlruns_stays_as_it_is() -> None:
    code = (
        "from mlrun.runtimes import nuclio_init_hook\n"
        "def init_context(context):\n    nuclio_init_hook(context, globals(), 'serving_v2')\n"
        "def handler(context, event):\n    return context.mlrun_handler(context, event)\n"
    )
    fn: Any = ml.new_function("fn", kind="serving").with_code(body=code)
    fn.set_topology("flow", engine="sync").to(name="one", handler="abs")
    assert source_file(fn._doc()).text == code


@pytest.mark.parametrize("stem", ["json", "mlrun_like", "nuclio_sdk"])
def test_a_file_never_hides_another_module(stem: str, tmp_path: Path) -> None:
    (tmp_path / f"{stem}.py").write_text(CODE)
    fn: Any = ml.code_to_function(
        "fn", filename=str(tmp_path / f"{stem}.py"), kind="nuclio", handler="handler"
    )
    assert fn.to_nuclio()["spec"]["handler"] == f"{stem}-nuclio:handler"


def test_a_long_spec_stands_in_the_code() -> None:
    fn: Any = ml.new_function("fn", kind="serving")
    fn.set_topology("flow", engine="sync").to(name="one", handler="(event)")
    fn.spec.parameters["table"] = ["x" * 1000] * 120
    config = fn.to_nuclio()
    assert "SERVING_SPEC_ENV" not in [row["name"] for row in config["spec"]["env"]]
    assert "xxxxx" in code_of(config)


def test_what_pip_installs() -> None:
    fn: Any = ml.new_function("fn", kind="serving")
    fn.set_topology("flow", engine="sync").to(name="one", handler="(event)")
    line = fn.to_nuclio()["spec"]["build"]["commands"][-1]
    assert line == f"python -m pip install mlrun-like=={ml.__version__}"
    with ml.config.override(nuclio_requirement="https://host/mlrun_like.whl"):
        assert fn.to_nuclio()["spec"]["build"]["commands"][-1].endswith("mlrun_like.whl")
    fn.spec.build.requirements = ["-r reqs.txt", "mlrun-like>=0.1"]
    assert fn.to_nuclio()["spec"]["build"]["commands"] == [
        "python -m pip install -r reqs.txt 'mlrun-like>=0.1'"
    ]
    fn.spec.build.requirements, fn.spec.build.with_mlrun = [], False
    assert "commands" not in fn.to_nuclio()["spec"]["build"]


@pytest.mark.parametrize(
    ("source", "kind", "attributes"),
    [
        ("git://github.com/o/r#main", "git", {"branch": "main"}),
        ("git://github.com/o/r#refs/tags/v1", "git", {"reference": "refs/tags/v1"}),
        ("s3://bucket/key.zip", "s3", {"s3Bucket": "bucket", "s3ItemKey": "key.zip"}),
        ("https://h/a.tar.gz", "archive", {}),
    ],
)
def test_code_from_elsewhere(source: str, kind: str, attributes: dict[str, str]) -> None:
    fn: Any = ml.new_function("fn", project="shop", kind="nuclio")
    fn.with_source_archive(source, workdir="fns", handler="main:run")
    config = fn.to_nuclio()
    build = config["spec"]["build"]
    assert build["codeEntryType"] == kind and config["spec"]["handler"] == "main:run"
    assert {"workDir": "fns", **attributes}.items() <= build["codeEntryAttributes"].items()
    env = {"GIT_TOKEN": "t", "AWS_ACCESS_KEY_ID": "a", "V3IO_ACCESS_KEY": "v"}
    told = fn.nuclio_parts(env)[""][0]["spec"]["build"]["codeEntryAttributes"]
    assert (set(told) - set(build["codeEntryAttributes"])) or kind == "s3"


@pytest.mark.parametrize("source", ["ftp://h/a.zip", "https://h/page.html", "./folder"])
def test_code_that_nuclio_cannot_fetch(source: str) -> None:
    fn: Any = ml.new_function("fn", project="shop", kind="nuclio")
    with pytest.raises(PreflightError, match="Nuclio"):
        fn.with_source_archive(source).to_nuclio()


FOREIGN: dict[str, Any] = {
    "apiVersion": "nuclio.io/v1",
    "kind": "NuclioFunction",
    "metadata": {
        "name": "shop-echo",
        "namespace": "nuclio",
        "labels": {"nuclio.io/project-name": "shop", "own": "x"},
        "annotations": {"a": "b"},
    },
    "spec": {
        "description": "echoes",
        "handler": "echo:run",
        "runtime": "python:3.9",
        "env": [{"name": "A", "value": "1"}],
        "minReplicas": 1,
        "maxReplicas": 2,
        "loggerSinks": [{"level": "debug"}],
        "triggers": {"http": {"kind": "http", "name": "http", "maxWorkers": 3}},
        "volumes": [{"volume": {"name": "v"}, "volumeMount": {"name": "v", "mountPath": "/v"}}],
        "platform": {"attributes": {"network": "net"}},
        "build": {
            "functionSourceCode": base64.b64encode(
                b"def run(context, event):\n    return event.body\n"
            ).decode(),
            "commands": ["pip install requests"],
            "baseImage": "python:3.9-slim",
            "codeEntryType": "sourceCode",
            "noBaseImagesPull": True,
        },
    },
}


@pytest.mark.parametrize("kind", ["Function", "NuclioFunction"])
def test_configurations_of_others_are_kept(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "function.yaml"
    path.write_text(yaml.safe_dump({**FOREIGN, "kind": kind}))
    fn: Any = ml.import_function(str(path))
    assert (fn.kind, fn.metadata.name, fn.metadata.project) == ("nuclio", "echo", "shop")
    assert fn.spec.function_handler == "echo:run" and fn.spec.max_replicas == 2
    again = fn.to_nuclio()
    wanted = {**FOREIGN, "kind": kind}
    assert again["spec"] == wanted["spec"]
    assert {k: v for k, v in again["metadata"].items() if k != "labels"} == {
        k: v for k, v in FOREIGN["metadata"].items() if k != "labels"
    }
    assert again["metadata"]["labels"]["own"] == "x"
    assert fn.to_mock_server().test("/", "hi") == b"hi"
    fn.add_trigger("tick", {"kind": "cron", "attributes": {"interval": "5s"}})
    assert set(fn.to_nuclio()["spec"]["triggers"]) == {"http", "tick"}
    saved = tmp_path / "own.yaml"
    fn.export(str(saved))
    read: Any = ml.import_function(str(saved))
    assert read.to_nuclio() == fn.to_nuclio()


def test_other_languages_stay_as_they_are() -> None:
    code = base64.b64encode(b"package main\n").decode()
    config = {
        "kind": "NuclioFunction",
        "metadata": {"name": "go"},
        "spec": {
            "runtime": "golang", "handler": "main:Handler", "build": {"functionSourceCode": code}
        },
    }  # fmt: skip
    doc = document_of(config)
    made, source = checked_config(doc)
    assert made["spec"]["handler"] == "main:Handler" and source.text == "package main\n"


def test_dotted_settings() -> None:
    assert parts_of_key("spec.a.b") == ["spec", "a", "b"]
    config: dict[str, Any] = {"spec": {"a": [1]}}
    merge_settings(config, {"spec.a": [1, 2], "spec.b.c": 3})
    assert config == {"spec": {"a": [1, 2], "b": {"c": 3}}}
    for bad in ("", "a", "spec", "spec.", "spec..a", ".spec", "other.a", 5, "spec.\\a"):
        with pytest.raises(InvalidArgumentError, match="no setting"):
            parts_of_key(bad)
    with pytest.raises(InvalidArgumentError, match="cannot be set"):
        merge_settings({"spec": {"a": 1}}, {"spec.a.b": 2})


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"spec": {"triggers": []}},
        {"spec": {"minReplicas": "2"}},
        {"spec": {"env": ["A"]}},
        {"spec": {"scaleToZero": {"scaleResources": ["x"]}}},
        {"spec": {"serviceType": "NodePorts", "eventTimeout": 5}},
        {"spec": {"resources": {"limits": {"cpu": "many"}}}},
    ],
)
def test_broken_configurations_give_findings(config: Any) -> None:
    assert list(check_config(config))


def test_asynchronous_triggers_need_such_a_handler() -> None:
    fn = function().add_trigger("http", {"kind": "http", "mode": "async"})
    with pytest.raises(PreflightError, match="is not `async def`"):
        fn.to_nuclio()
    fn.with_code(body=f"async {CODE}")
    assert fn.to_nuclio()["spec"]["triggers"]["http"]["mode"] == "async"


def test_functions_that_mlrun_wrote() -> None:
    code = base64.b64encode(CODE.encode()).decode()
    base = {
        "apiVersion": "nuclio.io/v1", "kind": "Function", "metadata": {"name": "echo"},
        "spec": {"runtime": "python:3.9", "handler": "echo-nuclio:handler", "env": [],
                 "build": {"functionSourceCode": code, "commands": []}},
    }  # fmt: skip
    document = {
        "kind": "remote",
        "metadata": {"name": "echo", "project": "shop"},
        "spec": {
            "base_spec": base,
            "function_kind": "",
            "config": {"spec.triggers.http": {"kind": "http", "maxWorkers": 8, "attributes": {}}},
            "min_replicas": 1,
            "max_replicas": 4,
            "build": {"commands": []},
        },
    }
    fn: Any = ml.new_function(runtime=document)
    spec = fn.to_nuclio()["spec"]
    assert spec["handler"] == "echo-nuclio:handler" and spec["runtime"] == "python:3.9"
    assert spec["build"]["functionSourceCode"] == code
    assert (spec["minReplicas"], spec["maxReplicas"]) == (1, 4)
    assert spec["triggers"]["http"]["maxWorkers"] == 8
