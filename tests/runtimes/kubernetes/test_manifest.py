"""Every manifest follows the API's schemas, whatever the function says."""

from __future__ import annotations

import base64
import copy
import json
import random
import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import FunctionError, InvalidArgumentError
from mlrun_like.functions.modifiers import mount_pvc
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.kubernetes import preflight
from mlrun_like.runtimes.kubernetes.manifest import (
    CronPolicy,
    cron_manifest,
    function_objects,
    run_objects,
)
from mlrun_like.runtimes.kubernetes.names import attempt_name, label_value, labels_of, object_name
from mlrun_like.runtimes.kubernetes.preflight import check_document
from mlrun_like.runtimes.kubernetes.rendering import Call, to_yaml
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata, FunctionSpec
from mlrun_like.specs.run import RunDoc, RunMetadata

SCHEMAS = "1.37"
LABEL = re.compile(r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?\Z")
NAME = re.compile(r"[a-z](?:[-a-z0-9]*[a-z0-9])?\Z")


def check_all(objects: list[dict[str, Any]]) -> None:
    """Schemas, names, labels, sizes."""
    for item in objects:
        kubernetes_validate.validate(item, SCHEMAS, strict=True)
        meta = item["metadata"]
        assert NAME.match(meta["name"])
        assert len(meta["name"]) <= (52 if item["kind"] == "CronJob" else 63)
        assert all(LABEL.match(v) and len(v) <= 63 for v in meta.get("labels", {}).values())
        held = {**item.get("data", {}), **item.get("binaryData", {})}
        assert sum(len(value) for value in held.values()) < 1.4 * 2**20
        yaml.safe_load(to_yaml([item]))


words = st.text("abcXYZ019-_.é ", min_size=1, max_size=70)
labels = st.dictionaries(
    st.sampled_from(["team", "a.org/b"]), st.sampled_from(["x", "y-z", ""]), max_size=2
)
resources = st.fixed_dictionaries(
    {},
    optional={
        kind: st.fixed_dictionaries(
            {},
            optional={
                "cpu": st.sampled_from([1, 0.5, "500m", None]),
                "memory": st.sampled_from(["1Gi", "512M", 1000000, None]),
                "nvidia.com/gpu": st.integers(1, 8),
            },
        )
        for kind in ("limits", "requests")
    },
)
tolerations: st.SearchStrategy[list[dict[str, Any]]] = st.lists(
    st.sampled_from(
        [
            {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"},
            {"key": "a", "operator": "Equal", "value": "b"},
            {"key": "x", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60},
        ]
    ),
    max_size=2,
)
TERM = {"matchExpressions": [{"key": "zone", "operator": "In", "values": ["a", "b"]}]}
affinities: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [
        {},
        {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [TERM]}
            }
        },
        {
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 1,
                        "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname"},
                    }
                ]
            }
        },
    ]
)
securities: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"runAsUser": 5, "privileged": False, "fsGroup": 7}, {"capabilities": {"add": ["X"]}}]
)
envs = st.lists(
    st.one_of(
        st.builds(
            lambda name, value: {"name": name, "value": value},
            st.sampled_from(["A", "B_C", "MY_PASSWORD", "x.y"]),
            st.text(max_size=20).filter(lambda text: "\0" not in text),
        ),
        st.just({"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}),
        st.just({"name": "S", "value_from": {"secret_key_ref": {"name": "s", "key": "k"}}}),
    ),
    max_size=4,
)
mounts = st.lists(st.sampled_from(["data", "models"]), max_size=3)


@st.composite
def documents(draw: st.DrawFn) -> FunctionDoc:
    volumes = draw(mounts)
    spec = FunctionSpec(
        image=draw(st.sampled_from(["reg:5000/a/b:1", "python", "x@sha256:" + "0" * 64])),
        env=draw(envs),
        resources=draw(resources),
        tolerations=draw(tolerations),
        affinity=draw(affinities),
        node_selector=draw(labels),
        node_name=draw(st.sampled_from(["", "n1"])),
        priority_class_name=draw(st.sampled_from(["", "high"])),
        preemption_mode=draw(st.sampled_from(["", "allow", "constrain", "prevent", "none"])),
        security_context=draw(securities),
        service_account=draw(st.sampled_from(["", "me"])),
        image_pull_policy=draw(st.sampled_from(["", "Always"])),
        image_pull_secret=draw(st.sampled_from(["", "pull"])),
        workdir=draw(st.sampled_from(["", "rel", "/abs"])),
        ttl=draw(st.sampled_from([None, 0, 100])),
        active_deadline=draw(st.sampled_from([None, 60])),
        volumes=[{"name": n, "persistentVolumeClaim": {"claimName": n}} for n in volumes],
        volume_mounts=[{"name": n, "mountPath": f"/{n}"} for n in volumes],
    )
    spec.build.functionSourceCode = base64.b64encode(draw(st.binary(max_size=200))).decode()
    return FunctionDoc(
        kind="job",
        metadata=FunctionMetadata(
            name=draw(words), project="p", labels=draw(labels), annotations=draw(labels)
        ),
        spec=spec,
    )


runs = st.builds(
    lambda name, uid, number: RunDoc(
        metadata=RunMetadata(
            name=name, uid=uid, iteration=number, project="p", labels={"owner": name}
        )
    ),
    words,
    st.text("0123456789abcdef", min_size=32, max_size=32),
    st.integers(0, 300),
)


@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), runs, st.integers(1, 101), st.booleans())
def test_every_manifest_is_valid(doc: FunctionDoc, run: RunDoc, attempt: int, spots: bool) -> None:
    nodes = {
        "preemptible_node_selector": '{"spot": "true"}' if spots else "",
        "preemptible_node_tolerations": '[{"key": "spot", "operator": "Exists"}]' if spots else "",
    }
    with config.override(**nodes):
        before = copy.deepcopy(doc)
        job = Job(function=doc, run=run, store=None, attempt=attempt)  # type: ignore[arg-type]
        objects = run_objects(job, {"function": {}, "run": run.to_dict(), "secrets": {"a": "b"}})
        check_all([objects.job, *objects.config_maps, *objects.secrets])
        check_all(function_objects(doc, Call(params={"x": 1, "y": "2"})))
        check_all(cron_manifest(doc, "0 * * * *", CronPolicy(time_zone="Europe/Rome")))
        assert function_objects(doc) == function_objects(doc)
        assert doc == before, "making a manifest changes nothing"
        for row in doc.spec.env:
            if row["name"] == "MY_PASSWORD" and len(row["value"]) > 8:
                shown = json.dumps([objects.job, objects.config_maps], ensure_ascii=False)
                assert row["value"] not in shown


@settings(max_examples=200, deadline=None)
@given(words, st.integers(1, 120), st.integers(0, 9999))
def test_names(name: str, attempt: int, number: int) -> None:
    run = RunDoc(metadata=RunMetadata(name=name, uid="0" * 22 + "abcdef0123", iteration=number))
    found = attempt_name(run, attempt)
    assert NAME.match(found) and len(found) <= 63
    assert found == attempt_name(run, attempt)
    assert found != attempt_name(run, attempt + 1)
    assert LABEL.match(label_value(name))


def test_long_names_that_begin_alike_differ() -> None:
    assert object_name("x" * 70 + "a", "e") != object_name("x" * 70 + "b", "e")


def test_labels_follow_mlrun() -> None:
    doc = FunctionDoc(kind="job", metadata=FunctionMetadata(name="train", project="fraud"))
    run = RunDoc(metadata=RunMetadata(name="r", uid="u1", project="fraud", labels={"owner": "me"}))
    assert labels_of(doc, run) == {
        "app.kubernetes.io/managed-by": "mlrun-like",
        "mlrun/class": "job",
        "mlrun/function": "train",
        "mlrun/name": "r",
        "mlrun/owner": "me",
        "mlrun/project": "fraud",
        "mlrun/tag": "latest",
        "mlrun/uid": "u1",
    }


def function_of(tmp_path: Path, code: str = "def handler(x: int = 1):\n    return x\n") -> Any:
    file = tmp_path / "train.py"
    file.write_text(code)
    return ml.code_to_function(
        "train", kind="job", filename=str(file), handler="handler", image="reg/train:1"
    )


def test_to_manifest_is_the_same_each_time(tmp_path: Path) -> None:
    function = function_of(tmp_path)
    function.apply(mount_pvc("claim", volume_mount_path="/data")).with_limits(mem="1Gi", gpus=1)
    text = str(function.to_manifest(params={"x": 3, "name": "1"}))
    assert text == str(function.to_manifest(params={"x": 3, "name": "1"}))
    holder, job = yaml.safe_load_all(text)
    assert (holder["kind"], job["kind"]) == ("ConfigMap", "Job")
    container = job["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["--project", "default", "-p", "x=3", "-p", "name='1'"] or (
        container["args"] == ["-p", "x=3", "-p", "name='1'"]
    )
    assert container["resources"]["limits"] == {"memory": "1Gi", "nvidia.com/gpu": "1"}
    assert "uid" not in text.replace("runAsUser", "")
    check_all([holder, job])
    other = function.to_manifest(params={"x": 4})
    assert other[-1]["metadata"]["name"] != job["metadata"]["name"]


def test_a_schedule_makes_a_cron_job(tmp_path: Path) -> None:
    function = function_of(tmp_path)
    policy = CronPolicy(time_zone="Asia/Tokyo", concurrency="Replace", starting_deadline=30)
    *_, cron = function.to_manifest(schedule="*/5 * * * *", policy=policy)
    assert cron["spec"]["timeZone"] == "Asia/Tokyo"
    assert cron["spec"]["concurrencyPolicy"] == "Replace"
    check_all([cron])
    with pytest.raises(InvalidArgumentError, match="names a time zone"):
        function.to_manifest(schedule="CRON_TZ=UTC 0 * * * *")
    with pytest.raises(InvalidArgumentError, match="concurrency policy 'Forbidd' is unknown"):
        function.to_manifest(schedule="0 * * * *", policy=CronPolicy(concurrency="Forbidd"))
    with pytest.raises(InvalidArgumentError, match="policy must be CronPolicy"):
        function.to_manifest(schedule="0 * * * *", policy="Forbid")
    with pytest.raises(InvalidArgumentError, match="version 'v2' is not known for Job"):
        function.to_manifest(version="v2")


def test_secrets_are_never_in_a_manifest(tmp_path: Path) -> None:
    function = function_of(tmp_path)
    function.set_env("DB_PASSWORD", "canary-1").set_env("URL", "redis://me:canary-2@host/0")
    function.set_env_from_secret("KEY", secret="mine", secret_key="k")
    text = str(function.to_manifest())
    assert "canary" not in text
    assert text.startswith("# once before: kubectl create secret generic train-env ")
    env = function.to_manifest()[-1]["spec"]["template"]["spec"]["containers"][0]["env"]
    rows = {row["name"]: row for row in env}
    assert rows["DB_PASSWORD"]["valueFrom"]["secretKeyRef"]["name"] == "train-env"
    assert rows["KEY"]["valueFrom"]["secretKeyRef"] == {"name": "mine", "key": "k"}


def test_what_cannot_be_a_manifest(tmp_path: Path) -> None:
    function = function_of(tmp_path)
    with pytest.raises(FunctionError, match=r"no handler 'handlr'. Did you mean 'handler'\?"):
        function.to_manifest(handler="handlr")
    function.spec.image = "Not An Image"
    with pytest.raises(InvalidArgumentError):
        function.to_manifest()
    function.spec.image = ""
    with pytest.raises(InvalidArgumentError, match="has no image"):
        function.to_manifest()


def test_a_service_is_no_job() -> None:
    with pytest.raises(InvalidArgumentError, match="a cluster needs an image"):
        ml.new_function("s", kind="serving").to_manifest()


def test_code_that_is_too_large() -> None:
    doc = FunctionDoc(kind="job", metadata=FunctionMetadata(name="f"), spec=FunctionSpec(image="a"))
    noise = random.Random(1).randbytes(12_000_000)
    doc.spec.build.functionSourceCode = base64.b64encode(noise).decode()
    with pytest.raises(InvalidArgumentError, match="MB after compression"):
        function_objects(doc)
    doc.spec.build.functionSourceCode = base64.b64encode(noise[:1_000_000]).decode()
    with pytest.raises(InvalidArgumentError, match="too large for a manifest"):
        function_objects(doc)


def test_rights_default_to_the_restricted_standard(tmp_path: Path) -> None:
    function = function_of(tmp_path)
    spec = function.to_manifest()[-1]["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    config.pod_security = "image"
    assert "securityContext" not in function.to_manifest()[-1]["spec"]["template"]["spec"]
    function.with_security_context({"runAsUser": 0, "privileged": True})
    spec = function.to_manifest()[-1]["spec"]["template"]["spec"]
    assert spec["securityContext"] == {"runAsUser": 0}
    assert spec["containers"][0]["securityContext"] == {"privileged": True}


def test_mounts_of_the_settings(tmp_path: Path) -> None:
    function = function_of(tmp_path)
    config.auto_mount_type, config.auto_mount_params = "pvc", "pvc_name=c,volume_mount_path=/m"
    spec = function.to_manifest()[-1]["spec"]["template"]["spec"]
    assert {"name": "shared-persistency", "mountPath": "/m"} in (
        spec["containers"][0]["volumeMounts"]
    )
    function.spec.disable_auto_mount = True
    text = str(function.to_manifest())
    assert "shared-persistency" not in text
    assert not function.spec.volumes, "the settings change no function"


BROKEN: list[tuple[str, Any, str, str]] = [
    ("image", "team/Case:1", "image", "Case"),
    ("resources", {"limits": {"memory": "1GB"}}, "quantity", '"1Gi"'),
    ("resources", {"requests": {"cpu": "two"}}, "quantity", "500m"),
    ("resources", {"limits": {"memory": 0}}, "quantity", "512Mi"),
    ("node_selector", {"bad key!": "x"}, "node-selector", "label"),
    ("tolerations", [{"key": "a", "operator": "Exist"}], "tolerations", "Exists"),
    ("tolerations", [{"key": "a", "effekt": "x"}], "tolerations", "effect"),
    ("affinity", {"node_affinity": {}}, "affinity", "nodeAffinity"),
    ("security_context", {"run_as_user": 1}, "security-context", "runAsUser"),
    ("state_thresholds", {"executing": "1s"}, "state-thresholds", "1m"),
    ("service_account", "Bad_Name", "name", "small letters"),
    ("image_pull_policy", "always", "pull-policy", "Always"),
    ("env", [{"name": "1 A", "value": "x"}], "variable", "NAME"),
    ("volume_mounts", [{"name": "v", "mountPath": "/x"}], "volume", "mount_pvc"),
    ("volumes", [{"name": "V V", "emptyDir": {}}], "volume", "63"),
]


@pytest.mark.parametrize(("key", "value", "code", "fix"), BROKEN)
def test_findings_of_a_document(key: str, value: Any, code: str, fix: str) -> None:
    doc = FunctionDoc(kind="job", metadata=FunctionMetadata(name="f"), spec=FunctionSpec(image="a"))
    setattr(doc.spec, key, value)
    found = list(check_document(doc))
    assert [item.code for item in found] == [code]
    assert fix in f"{found[0].what} {found[0].fix}"


def test_a_service_that_pods_reach_takes_their_files(monkeypatch: pytest.MonkeyPatch) -> None:
    doc = FunctionDoc(kind="job", metadata=FunctionMetadata(name="f"), spec=FunctionSpec(image="a"))
    run = RunDoc(metadata=RunMetadata(name="r", uid="u"))
    run.spec.returns = ["table:dataset"]
    monkeypatch.setattr(preflight, "service_artifact_path", lambda: "service://{{project}}")
    for address, severities in (
        ("http://ml.example.org:8080", []),
        ("http://127.0.0.1:8080", ["error"]),  # the pod sends its records with its output
    ):
        with config.override(dbpath=address):
            assert [item.severity for item in check_document(doc, run)] == severities


def test_paths_that_a_pod_cannot_reach() -> None:
    spec = FunctionSpec(image="a", volumes=[{"name": "v"}])
    spec.volume_mounts = [{"name": "v", "mountPath": "/data"}]
    doc = FunctionDoc(kind="job", metadata=FunctionMetadata(name="f"), spec=spec)
    run = RunDoc(metadata=RunMetadata(name="r", uid="u"))
    assert [item.severity for item in check_document(doc, run)] == ["warning"]
    run.spec.returns = ["table:dataset"]
    assert [item.severity for item in check_document(doc, run)] == ["error"]
    for good in ("s3://b/x", "/data/artifacts", "file:///data/x"):
        run.spec.output_path = good
        assert not list(check_document(doc, run))
    run.spec.output_path = "/database"
    (finding,) = check_document(doc, run)
    assert finding.code == "artifact-path"
    assert "mount_pvc" in finding.fix
    run.spec.output_path, run.spec.inputs = "s3://b", {"x": "data.csv", "y": "store://a/b"}
    (finding,) = check_document(doc, run)
    assert finding.code == "input-path"
    assert "'data.csv'" in finding.what
