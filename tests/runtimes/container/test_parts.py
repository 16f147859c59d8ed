"""What a function asks for, as options of podman and docker: limits, users, volumes, variables."""

from __future__ import annotations

import base64
import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, InvalidArgumentError, MissingFileError, MLRunLikeError
from mlrun_like.runs.job import Job
from mlrun_like.runtimes.container.checking import check_container
from mlrun_like.runtimes.container.command import image_of, variables_of
from mlrun_like.runtimes.container.limits import gpu_count, limit_options
from mlrun_like.runtimes.container.mounts import Mount, mount_options, volume_mounts
from mlrun_like.runtimes.container.objects import object_files, referred_value, write_files
from mlrun_like.runtimes.container.pulling import pull_options
from mlrun_like.runtimes.container.sharing import (
    absolute_paths,
    local_path,
    needs_relay,
    shared_mounts,
)
from mlrun_like.runtimes.container.site import site_mounts
from mlrun_like.runtimes.container.tool import Tool
from mlrun_like.runtimes.container.user import security_options, user_of
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata, FunctionSpec
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec
from mlrun_like.tracking.connect import close_stores, open_store

FIELDS = {"metadata.name": "pod", "metadata.namespace": "p"}


def doc(**spec: Any) -> FunctionDoc:
    return FunctionDoc(
        kind="container", metadata=FunctionMetadata(name="f"), spec=FunctionSpec(**spec)
    )


def test_limits() -> None:
    resources = {
        "limits": {"memory": "1Gi", "cpu": "1500m", "nvidia.com/gpu": "2"},
        "requests": {"memory": "512Mi", "cpu": 0.5},
    }
    common = ["--memory", str(1 << 30), "--memory-swap", str(1 << 30)]
    common += ["--memory-reservation", str(512 << 20), "--cpus", "1.5", "--cpu-shares", "512"]
    docker, podman = limit_options(resources, "docker"), limit_options(resources, "podman")
    assert docker == [*common, "--gpus", "2"]
    assert podman == [*common, "--device", "nvidia.com/gpu=0", "--device", "nvidia.com/gpu=1"]
    assert limit_options({}, "podman") == []
    assert gpu_count({"limits": {"memory": "1G"}}) == 0


@pytest.mark.parametrize(
    ("resources", "message"),
    [
        ({"limits": {"memory": "lots"}}, "memory 'lots' is not a quantity"),
        ({"limits": {"memory": "512m"}}, "too little for any program"),
        ({"limits": {"cpu": "fast"}}, "cpu 'fast' is not a quantity"),
        ({"limits": {"nvidia.com/gpu": "one"}}, "'one' is not a whole number of GPUs"),
        ({"limits": {"nvidia.com/gpu": -1}}, "is not a whole number"),
        ({"limits": ["memory"]}, "must hold 'name: quantity'"),
    ],
)
def test_limits_that_cannot_be(resources: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        limit_options(resources, "podman")


def test_the_submitter_by_default() -> None:
    user = user_of({}, "docker")
    assert (user.uid, user.gid, user.own) == (os.getuid(), os.getgid(), True)
    assert user.options == ["--user", f"{os.getuid()}:{os.getgid()}"]


def test_a_user_of_the_security_context(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(os, "getuid", lambda: 1000)
    monkeypatch.setattr(os, "getgid", lambda: 1000)
    rootless = user_of({"runAsUser": 5}, "podman")
    assert rootless.own and rootless.options[-1] == "keep-id:uid=5,gid=5"
    assert user_of({}, "podman").options == ["--user", "1000:1000", "--userns", "keep-id"]
    docker = user_of({"run_as_user": 5, "run_as_group": 6}, "docker")
    assert (docker.uid, docker.gid, docker.own) == (5, 6, False)
    assert docker.options == ["--user", "5:6"]
    with pytest.raises(InvalidArgumentError, match="'me' is not a user or group number"):
        user_of({"runAsUser": "me"}, "podman")


def test_security_options() -> None:
    found = security_options(
        {
            "privileged": True,
            "allow_privilege_escalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]},
            "supplementalGroups": [7],
        }
    )
    assert found == [
        *("--privileged", "--security-opt", "no-new-privileges", "--read-only", "--tmpfs", "/tmp"),
        *("--cap-add", "NET_ADMIN", "--cap-drop", "ALL", "--group-add", "7"),
    ]


@given(st.text(st.characters(exclude_characters="\0\r\n", codec="utf-8"), min_size=1))
def test_any_path_can_be_mounted(path: str) -> None:
    (fields,) = csv.reader([Mount("/x", "/" + path).option()])
    assert fields == ["type=bind", f"source=/{path}", "target=/x"]


def test_outer_mounts_come_first_and_later_ones_win() -> None:
    mounts = [Mount("/a/b", "/1"), Mount("/a", "/2"), Mount("/a/b", "/3", True)]
    assert mount_options(mounts) == [
        *("--mount", "type=bind,source=/2,target=/a"),
        *("--mount", "type=bind,source=/3,target=/a/b,readonly"),
    ]


@pytest.mark.parametrize(
    ("volume", "mount", "message"),
    [
        ({"name": "v", "hostPath": {"path": "/"}}, {"name": "w", "mountPath": "/x"}, "'w', which"),
        ({"name": "v", "hostPath": {"path": "/"}}, {"name": "v", "mountPath": "x"}, "absolute"),
        ({"name": "v", "hostPath": {"path": "/"}}, {"name": "v"}, "absolute path"),
        (
            {"name": "v", "hostPath": {"path": "/not/there"}},
            {"name": "v", "mountPath": "/x"},
            "does not exist",
        ),
        (
            {"name": "v", "hostPath": {"path": "rel"}},
            {"name": "v", "mountPath": "/x"},
            "is not absolute",
        ),
        ({"name": "v", "nfs": {"server": "s"}}, {"name": "v", "mountPath": "/x"}, "of kind nfs"),
        ({"name": "v"}, {"name": "v", "mountPath": "/x"}, "of kind none"),
        ({"name": "a/b", "emptyDir": {}}, {"name": "a/b", "mountPath": "/x"}, "not a volume's"),
        (
            {"name": "v", "emptyDir": {}},
            {"name": "v", "mountPath": "/x", "subPath": "../up"},
            "leads out of volume",
        ),
        (
            {"name": "v", "secret": {"secretName": "none"}},
            {"name": "v", "mountPath": "/x"},
            "secret 'none' is not on this machine",
        ),
        (
            {"name": "v", "secret": {"secretName": "../../etc"}},
            {"name": "v", "mountPath": "/x"},
            "is not the name of a secret",
        ),
        (
            {"name": "v", "secret": {"secretName": "s", "items": [{"key": "../k"}]}},
            {"name": "v", "mountPath": "/x"},
            "is not a key of the secret",
        ),
        (
            {"name": "v", "persistentVolumeClaim": {"claimName": "c"}},
            {"name": "v", "mountPath": "/x", "subPath": "a"},
            "of the claim 'v' cannot be mounted",
        ),
        (
            {"name": "v", "emptyDir": {"medium": "Memory", "sizeLimit": "big"}},
            {"name": "v", "mountPath": "/x"},
            "memory 'big'",
        ),
    ],
)
def test_volumes_that_cannot_be(
    volume: dict[str, Any], mount: dict[str, Any], message: str
) -> None:
    with pytest.raises(MLRunLikeError, match=message):
        volume_mounts([volume], [mount])


def test_a_folder_that_may_be_made(tmp_path: Path) -> None:
    path = tmp_path / "new"
    volume = {"name": "v", "hostPath": {"path": str(path), "type": "DirectoryOrCreate"}}
    mount = [{"name": "v", "mountPath": "/x"}]
    assert volume_mounts([volume], mount) == [Mount("/x", str(path))]
    assert not path.exists(), "a check makes nothing"
    volume_mounts([volume], mount, tmp_path / "private")
    assert path.is_dir()


def test_secret_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "secrets/db"
    folder.mkdir(parents=True)
    (folder / "password").write_bytes(b"\xff\x00bin")
    assert object_files("secret", {"secretName": "db"}, {}) == {"password": b"\xff\x00bin"}
    items = {"secretName": "db", "items": [{"key": "password", "path": "a/b"}, {"key": "TOKEN"}]}
    with pytest.raises(MissingFileError, match="key 'TOKEN' of secret 'db'") as caught:
        object_files("secret", items, {})
    assert f"> {folder}/TOKEN" in caught.value.fix
    assert object_files("secret", items, {"TOKEN": "t"})["TOKEN"] == b"t"
    monkeypatch.setenv("MLRUN_K8S_SECRET__TOKEN", "env")
    assert object_files("secret", items, {})["TOKEN"] == b"env"
    assert object_files("secret", {"secretName": "none", "optional": True}, {}) == {}


def test_values_of_variables(home: Path) -> None:
    function = doc(
        env=[
            {"name": "PLAIN", "value": 1},
            {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "KEY", "value_from": {"secret_key_ref": {"name": "s", "key": "K"}}},
            {
                "name": "MAYBE",
                "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k", "optional": True}},
            },
        ]
    )
    plain, private = variables_of(function, {"K": "v"}, FIELDS)
    assert plain == {"PLAIN": "1"}
    assert private == {"POD": "pod", "KEY": "v"}
    with pytest.raises(MissingFileError, match="key 'K' of secret 's'"):
        variables_of(function, {}, FIELDS)
    with pytest.raises(InvalidArgumentError, match="there is only in a cluster"):
        referred_value({"fieldRef": {"fieldPath": "spec.nodeName"}}, {}, FIELDS)
    with pytest.raises(InvalidArgumentError, match="there is only in a cluster"):
        referred_value({"resourceFieldRef": {}}, {}, FIELDS)


@pytest.mark.parametrize("name", ["../x", "/abs", "", "a/../../x"])
def test_files_stay_in_their_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="is not a path below"):
        write_files(tmp_path / "in", {name: b""})
    assert not (tmp_path / "x").exists()


def test_files_are_private(tmp_path: Path) -> None:
    write_files(tmp_path / "in", {"a/b": b"1"})
    assert (tmp_path / "in/a/b").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "in").stat().st_mode & 0o777 == 0o700


def job(run: RunDoc, **spec: Any) -> Job:
    return Job(function=doc(**spec), run=run, store=open_store())


def test_what_is_shared(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.csv").write_text("a\n1\n")
    (home / "kept.txt").write_text("below home")
    program = tmp_path / "proj/train.py"
    program.parent.mkdir()
    program.write_text("")
    run = RunDoc(
        metadata=RunMetadata(uid="u", project="p"),
        spec=RunSpec(
            inputs={
                "near": "in.csv",
                "home": str(home / "kept.txt"),
                "far": "s3://bucket/x",
                "system": "/etc/hosts",
                "wide": "/tmp",
                "absent": "/not/there",
                "unknown": "store://datasets/p/none",
            },
            output_path="out/{{run.uid}}",
        ),
    )
    whole = absolute_paths(run)
    assert whole.spec.inputs["near"] == str(tmp_path / "in.csv")
    assert whole.spec.inputs["far"] == "s3://bucket/x"
    assert run.spec.inputs["near"] == "in.csv", "the record keeps what was given"
    mounts = shared_mounts(job(run, command=str(program)), whole, relay=False)
    assert set(mounts) == {
        Mount(str(home), str(home)),
        Mount(str(tmp_path / "out/u"), str(tmp_path / "out/u")),
        Mount(str(tmp_path / "in.csv"), str(tmp_path / "in.csv"), True),
        Mount(str(tmp_path / "proj"), str(tmp_path / "proj"), True),
    }
    relayed = shared_mounts(job(run), whole, relay=True)
    assert str(home) not in [mount.target for mount in relayed]
    close_stores()


def test_stores_that_need_a_relay() -> None:
    found = job(RunDoc())
    assert not needs_relay(found, True, "bridge")
    assert needs_relay(found, False, "host")
    close_stores()


def test_local_paths() -> None:
    assert local_path("") == local_path("s3://b/k") == local_path("store://x") == ""
    assert local_path("FILE:///a%20b/../c") == "/c"


def test_links_name_this_package_and_what_it_requires(home: Path) -> None:
    first, *places = site_mounts()
    names = {path.name for path in Path(first.source).iterdir()}
    assert {"mlrun_like", "pydantic", "pandas", "numpy", "sqlalchemy", "yaml"} <= names
    assert "pytest" not in names
    assert all(mount.read_only for mount in (first, *places))
    by_target = {mount.target: mount.source for mount in places}
    for path in Path(first.source).iterdir():
        target = os.readlink(path)
        folder, _, name = target.rpartition("/")
        assert Path(by_target[folder], name).exists(), target
    assert site_mounts()[0] == first


def test_images() -> None:
    assert image_of(doc()) == config.default_image
    assert image_of(doc(image="localhost/a:1")) == "localhost/a:1"
    with config.override(docker_registry="reg:5000/team"):
        assert image_of(doc(image=".a:1")) == "reg:5000/team/a:1"
    with pytest.raises(InvalidArgumentError):
        image_of(doc(image="Not An Image"))


def test_how_an_image_is_pulled(home: Path, tmp_path: Path) -> None:
    def options(tool: str, image: str, **spec: str) -> list[str]:
        return pull_options(tool, doc(**spec), image, tmp_path)

    assert options("podman", "example.com/x:1") == ["--pull", "missing"]
    assert options("docker", "localhost:1/x:1", image_pull_policy="Always") == ["--pull", "always"]
    assert options("podman", "localhost:1/x:1")[2:] == ["--tls-verify=false"]
    with config.override(insecure_registries="a:1, b:2"):
        assert options("podman", "b:2/x:1")[2:] == ["--tls-verify=false"]
    with config.override(registry_auth="example.com=me:pässword"):
        file = options("podman", "example.com/x:1")[-1]
        assert options("podman", "other.com/x:1") == ["--pull", "missing"]
    login = json.loads(Path(file).read_text())["auths"]["example.com"]["auth"]
    assert base64.b64decode(login).decode() == "me:pässword"
    assert Path(file).stat().st_mode & 0o777 == 0o600
    with pytest.raises(InvalidArgumentError, match="Always, IfNotPresent or Never"):
        options("podman", "x", image_pull_policy="sometimes")
    with pytest.raises(MissingFileError, match="the image pull secret 'reg' is not") as caught:
        options("podman", "x", image_pull_secret="reg")
    assert f"mkdir -p {home}/secrets/reg" in caught.value.fix
    (home / "secrets/reg").mkdir(parents=True)
    (home / "secrets/reg/.dockerconfigjson").write_text("{}")
    assert options("podman", "x:1", image_pull_secret="reg")[2] == "--authfile"
    with pytest.raises(EngineError, match="docker cannot take the image pull secret"):
        options("docker", "x:1", image_pull_secret="reg")


def test_everything_wrong_is_told_at_once() -> None:
    function = doc(
        image="Not An Image",
        resources={"limits": {"memory": "lots"}},
        security_context={"runAsUser": "me"},
        volumes=[{"name": "v", "nfs": {}}],
        volume_mounts=[{"name": "v", "mountPath": "/x"}],
        env=[{"name": "A", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
    )
    tool = Tool("podman", "/not/called")
    found = list(check_container(tool, function, RunDoc()))
    assert [item.code for item in found] == [
        *("resources", "security-context", "volumes", "secret-missing", "image-name"),
    ]
    assert all(item.what for item in found)


def test_secrets_that_come_with_the_run_are_not_missing() -> None:
    reference = {"secretKeyRef": {"name": "s", "key": "k"}}
    function = doc(image="example.com/x:1", env=[{"name": "A", "valueFrom": reference}])
    tool = Tool("podman", "/bin/true")
    for source in ({"kind": "inline", "source": ["k"]}, {"kind": "file", "source": "x.env"}):
        run = RunDoc(spec=RunSpec(secret_sources=[source]))
        assert not list(check_container(tool, function, run))


def test_gpus_without_a_device() -> None:
    function = doc(image="example.com/x:1", resources={"limits": {"nvidia.com/gpu": 1}})
    found = list(check_container(Tool("podman", "/bin/true"), function, RunDoc()))
    if not Path("/dev/nvidia0").exists():
        assert [item.code for item in found] == ["gpu-missing"]
