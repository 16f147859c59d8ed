"""The chart: rendered by the template engine that Helm uses, and checked strictly."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from mlrun_like.runtimes.kubernetes import asking
from mlrun_like.settings import SETTINGS
from tests.servers import missing

ROOT = Path(__file__).parents[2] / "deploy"
CHART = ROOT / "helm" / "mlrun-like"
_SPRIG = Path("/usr/share/gocode/src/github.com/Masterminds/sprig")
Values = dict[str, Any]
Render = Callable[[Values], subprocess.CompletedProcess[str]]

EXTERNAL = {"postgresql": {"external": {"secret": "there"}}}
SQLITE = {"postgresql": {"enabled": False}, "service": {"secret": ""}}
LARGE = {
    **EXTERNAL,
    "service": {
        "replicas": 3,
        "url": "https://ml.example.com",
        "settings": {"artifact_path": "s3://bucket/x", "store_timeout": "20"},
        "annotations": {"a": "b"},
        "nodeSelector": {"disk": "fast"},
        "tolerations": [{"key": "x", "operator": "Exists"}],
        "affinity": {"nodeAffinity": {}},
    },
    "storage": {"enabled": False},
    "gateway": {"enabled": True, "secret": "gateway"},
    "workers": {"enabled": True, "replicas": 2},
    "ingress": {
        "enabled": True,
        "host": "ml.example.com",
        "className": "nginx",
        "tlsSecret": "tls",
        "annotations": {"x": "y"},
    },
    "autoscaling": {"enabled": True},
    "metrics": {"serviceMonitor": True, "tokenSecret": "numbers", "annotations": True},
    "rbac": {"engines": ["spark", "mpi", "dask"]},
    "networkPolicy": {"from": {"team": "ml"}},
    "backup": {"target": "s3://bucket/copies", "hours": 6, "keep": 3},
    "image": {"pullSecrets": ["registry"], "tag": "1"},
}
SETS: dict[str, Values] = {
    "default": {},
    "sqlite": SQLITE,
    "external": EXTERNAL,
    "large": LARGE,
    "bare": {
        **EXTERNAL,
        "storage": {"enabled": False},
        "service": {"firstAdmin": {"name": ""}},
        "rbac": {"create": False},
        "serviceAccount": {"create": False},
        "networkPolicy": {"enabled": False},
        "podDisruptionBudget": {"enabled": False},
        "metrics": {"annotations": False},
    },
}


def _merged(base: Values, change: Values) -> Values:
    result = dict(base)
    for name, value in change.items():
        both = isinstance(value, dict) and isinstance(base.get(name), dict)
        result[name] = _merged(base[name], value) if both else value
    return result


def _defaults() -> Values:
    found: Values = yaml.safe_load((CHART / "values.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def render(tmp_path_factory: pytest.TempPathFactory) -> Render:
    if shutil.which("go") is None or not _SPRIG.exists():
        missing(
            "Go and sprig are not here: apt install golang-go golang-github-masterminds-sprig-dev"
        )
    folder = tmp_path_factory.mktemp("go")
    environment = {
        **os.environ,
        "GO111MODULE": "off",
        "GOPATH": "/usr/share/gocode",
        "GOCACHE": str(folder / "cache"),
    }
    program = folder / "render"
    source = Path(__file__).with_name("render.go")
    command = ["go", "build", "-o", str(program), str(source)]
    subprocess.run(command, env=environment, check=True, capture_output=True)

    def run(change: Values) -> subprocess.CompletedProcess[str]:
        values = json.dumps(_merged(_defaults(), change))
        arguments = [str(program), str(CHART), "team", "ml"]
        return subprocess.run(arguments, input=values, capture_output=True, text=True, check=False)

    return run


def _objects(render: Render, change: Values) -> list[dict[str, Any]]:
    done = render(change)
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = []
    for name, text in json.loads(done.stdout).items():
        if name.endswith(".yaml"):
            found += [one for one in yaml.safe_load_all(text) if one]
    return found


def _schema() -> Any:
    # without stubs, and used by the checkers that are installed anyway
    return importlib.import_module("jsonschema").Draft7Validator(
        json.loads((CHART / "values.schema.json").read_text())
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_every_object_is_valid(render: Render, name: str) -> None:
    values = _merged(_defaults(), SETS[name])
    _schema().validate(values)
    objects = _objects(render, SETS[name])
    names = [(one["kind"], one["metadata"]["name"]) for one in objects]
    assert len(names) == len(set(names))
    for one in objects:
        if one["apiVersion"].startswith("monitoring.coreos.com"):
            continue
        kubernetes_validate.validate(one, "1.30", strict=True)


@pytest.mark.slow
def test_pods_have_no_rights(render: Render) -> None:
    for name in SETS:
        for one in _objects(render, SETS[name]):
            if one["kind"] not in ("Deployment", "StatefulSet"):
                continue
            pod = one["spec"]["template"]["spec"]
            assert pod["securityContext"]["runAsNonRoot"] is True
            for container in [*pod["containers"], *pod.get("initContainers", [])]:
                security = container["securityContext"]
                assert security["readOnlyRootFilesystem"] is True
                assert security["allowPrivilegeEscalation"] is False
                assert security["capabilities"] == {"drop": ["ALL"]}
                mounted = {mount["name"] for mount in container["volumeMounts"]}
                known = {volume["name"] for volume in pod["volumes"]}
                claims = one["spec"].get("volumeClaimTemplates", [])
                assert mounted <= known | {claim["metadata"]["name"] for claim in claims}


@pytest.mark.slow
def test_what_belongs_together_finds_each_other(render: Render) -> None:
    objects = _objects(render, LARGE) + _objects(render, {})
    labels = [
        one["spec"]["template"]["metadata"]["labels"]
        for one in objects
        if one["kind"] in ("Deployment", "StatefulSet")
    ]
    for one in objects:
        if one["kind"] == "Service":
            wanted = one["spec"]["selector"].items()
            assert any(wanted <= found.items() for found in labels), one["metadata"]
    secrets = {"MLRUN_LIKE_DBPATH", "POSTGRES_PASSWORD", "PASSWORD"}
    text = json.dumps(objects)
    for name in secrets:
        assert f'"name": "{name}", "value"' not in text
    service = next(one for one in objects if one["metadata"]["name"] == "team-mlrun-like")
    assert service["metadata"]["labels"]["app.kubernetes.io/instance"] == "team"


def _one(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    return next(one for one in objects if (one["kind"], one["metadata"]["name"]) == (kind, name))


@pytest.mark.slow
def test_pods_may_what_runs_as_jobs_need(render: Render) -> None:
    rules = _one(_objects(render, {}), "Role", "team-mlrun-like")["rules"]
    may = {
        (verb, group, *resource.partition("/")[::2])
        for rule in rules
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert set(asking._RIGHTS) <= may
    # a Job is made, then started; what held its secrets is removed; no secret of others is read
    needed = {("create", "batch", "jobs", ""), ("patch", "batch", "jobs", "")}
    assert needed | {("delete", "", "secrets", "")} <= may
    assert not {verb for verb, _, resource, _ in may if resource == "secrets"} & {"get", "list"}
    assert not any("*" in part for right in may for part in right)


@pytest.mark.slow
def test_the_schema_is_changed_before_a_pod_answers(render: Render) -> None:
    for name in ("default", "bare", "sqlite"):
        pod = _one(_objects(render, SETS[name]), "Deployment", "team-mlrun-like")["spec"]
        first, *_ = pod["template"]["spec"]["initContainers"]
        service = pod["template"]["spec"]["containers"][0]
        assert first["args"] == ["service", "migrate"]
        for part in ("env", "envFrom", "volumeMounts", "image"):
            assert first[part] == service[part]


@pytest.mark.slow
def test_services_named_like_settings_set_nothing(render: Render) -> None:
    for one in _objects(render, LARGE) + _objects(render, {}):
        if one["kind"] in ("Deployment", "StatefulSet"):
            assert one["spec"]["template"]["spec"]["enableServiceLinks"] is False


@pytest.mark.slow
def test_what_is_deployed_outlives_the_gateway(render: Render) -> None:
    objects = _objects(render, LARGE)
    pod = _one(objects, "Deployment", "team-mlrun-like-gateway")["spec"]["template"]["spec"]
    mounted = {one["mountPath"]: one["name"] for one in pod["containers"][0]["volumeMounts"]}
    volumes = {one["name"]: one for one in pod["volumes"]}
    claim = volumes[mounted["/var/lib/mlrun-like/gateway"]]["persistentVolumeClaim"]["claimName"]
    assert _one(objects, "PersistentVolumeClaim", claim)["spec"]["accessModes"] == ["ReadWriteOnce"]


@pytest.mark.slow
@pytest.mark.parametrize("annotated", [True, False])
def test_who_scrapes_by_annotations_may(render: Render, annotated: bool) -> None:
    objects = _objects(render, {"metrics": {"annotations": annotated}})
    settings = _one(objects, "ConfigMap", "team-mlrun-like")["data"]
    pod = _one(objects, "Deployment", "team-mlrun-like")["spec"]["template"]["metadata"]
    assert ("prometheus.io/scrape" in pod["annotations"]) is annotated
    assert ("MLRUN_LIKE_SERVICE_METRICS_OPEN" in settings) is annotated


@pytest.mark.slow
def test_each_variable_is_a_setting(render: Render) -> None:
    known = {row.name for row in SETTINGS}
    for name in SETS:
        for one in _objects(render, SETS[name]):
            if one["kind"] == "ConfigMap":
                for variable in one["data"]:
                    assert variable.removeprefix("MLRUN_LIKE_").lower() in known, variable


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({**SQLITE, "workers": {"enabled": True}}, "several pods need PostgreSQL"),
        ({**SQLITE, "gateway": {"enabled": True}}, "several pods need PostgreSQL"),
        ({"gateway": {"enabled": True}}, "ReadWriteMany"),
        ({"service": {"replicas": 2}}, "ReadWriteMany"),
        ({**SQLITE, "storage": {"enabled": False}}, "all is lost with the pod"),
        ({"service": {"secret": ""}}, "SERVICE_SECRET_KEYS"),
        ({"postgresql": {"secret": ""}}, "password and url"),
        ({"service": {"firstAdmin": {"secret": ""}}}, "with password"),
    ],
)
def test_what_would_lose_data_is_refused(render: Render, change: Values, error: str) -> None:
    done = render(change)
    assert done.returncode != 0
    assert error in done.stderr


@pytest.mark.parametrize(
    "change",
    [
        {"servce": {}},
        {"service": {"replicas": "3"}},
        {"service": {"port": 0}},
        {"service": {"url": "ml.example.com"}},
        {"service": {"settings": {"A-B": "x"}}},
        {"ingress": {"enabled": True}},
        {"storage": {"accessMode": "Many"}},
        {"image": {"repository": ""}},
        {"backup": {"hours": 0}},
        {"rbac": {"engines": ["slurm"]}},
        {"gateway": {"storage": {"sise": "1Gi"}}},
    ],
)
def test_wrong_values_are_refused_by_the_schema(change: Values) -> None:
    schema = _schema()
    schema.validate(_defaults())
    assert list(schema.iter_errors(_merged(_defaults(), change)))


@pytest.mark.slow
def test_the_manifests_are_the_chart(render: Render) -> None:
    path = ROOT / "manifests" / "mlrun-like.yaml"
    objects = _objects(render, {})
    for one in objects:
        one["metadata"].get("labels", {}).pop("helm.sh/chart", None)
    if os.environ.get("WRITE_MANIFESTS"):
        path.write_text(yaml.safe_dump_all(objects, sort_keys=False))
    assert list(yaml.safe_load_all(path.read_text())) == objects


def test_compose() -> None:
    document = yaml.safe_load((ROOT / "compose.yaml").read_text())
    assert set(document["services"]) == {"postgresql", "service"}
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run(
        [*command, str(ROOT / "compose.yaml")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_image_has_a_place_for_each_volume_of_compose() -> None:
    # a named volume gets the owner of the image's folder: without one it is root's
    text = (ROOT / "image" / "Dockerfile").read_text()
    made = text.split("install -d -o 10001", 1)[1].splitlines()[0].split()
    service = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]["service"]
    assert {volume.split(":")[1] for volume in service["volumes"]} <= set(made)


def test_systemd_unit() -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not here")
    unit = ROOT / "systemd" / "mlrun-like.service"
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    told = [
        line
        for line in done.stderr.splitlines()
        if unit.name in line and "not executable" not in line
    ]
    assert told == []
