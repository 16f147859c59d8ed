from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.errors import BuildError, InvalidArgumentError
from mlrun_like.images.digests import canonical_json, digest_of
from mlrun_like.images.documents import OCI_INDEX, OCI_MANIFEST
from mlrun_like.images.image import Image
from mlrun_like.images.layers import Entry, build_layer
from mlrun_like.images.platform import Platform
from mlrun_like.images.registry import Registry
from tests.registries import DockerRegistry


def test_config_changes() -> None:
    base = Image.scratch("linux/amd64").with_config(
        env={"A": "1", "B": "x=y"},
        user="1000:1000",
        workdir="/app",
        entrypoint=["python", "-u"],
        cmd=["main.py"],
        labels={"who": "me"},
        ports=[8080, "53/udp"],
    )
    assert base.config["config"] == {
        "Env": ["A=1", "B=x=y"],
        "User": "1000:1000",
        "WorkingDir": "/app",
        "Entrypoint": ["python", "-u"],
        "Cmd": ["main.py"],
        "Labels": {"who": "me"},
        "ExposedPorts": {"8080/tcp": {}, "53/udp": {}},
    }
    later = base.with_config(env={"A": None, "C": ""}, labels={"who": None, "x": "y"}, ports=[1])
    assert later.environment == {"B": "x=y", "C": ""}
    assert later.config["config"]["Labels"] == {"x": "y"}
    assert set(later.config["config"]["ExposedPorts"]) == {"8080/tcp", "53/udp", "1/tcp"}
    assert later.config["config"]["Cmd"] == ["main.py"]
    assert "Cmd" not in base.with_config(entrypoint=["sh"]).config["config"]
    assert "Entrypoint" not in base.with_config(entrypoint=[], user="").config["config"]
    assert base.environment == {"A": "1", "B": "x=y"}, "the base is as it was"


@pytest.mark.parametrize(
    "changes",
    [
        {"env": {"A=B": "1"}},
        {"env": {"": "1"}},
        {"env": {"A": 1}},
        {"env": {"A": "x\0"}},
        {"env": ["A=1"]},
        {"user": 5},
        {"workdir": "app"},
        {"entrypoint": "python main.py"},
        {"cmd": [1]},
        {"labels": {"a": 1}},
        {"ports": [0]},
        {"ports": ["70000"]},
        {"ports": ["http"]},
    ],
)
def test_config_values_that_cannot_be(changes: dict[str, object]) -> None:
    with pytest.raises(InvalidArgumentError):
        Image.scratch().with_config(**changes)  # type: ignore[arg-type]


def test_layers_and_history() -> None:
    one, two = build_layer([Entry.data("a", b"1")]), build_layer([Entry.data("b", b"2")])
    image = Image.scratch("linux/amd64").with_layers(one, comment="first").with_layers(two)
    assert image.config["rootfs"]["diff_ids"] == [one.diff_id, two.diff_id]
    assert [line["created_by"] for line in image.config["history"]] == ["first", "mlrun-like"]
    document = json.loads(image.manifest_bytes)
    assert document["mediaType"] == OCI_MANIFEST and document["schemaVersion"] == 2
    assert document["config"]["digest"] == digest_of(image.config_bytes)
    assert [layer["digest"] for layer in document["layers"]] == [one.digest, two.digest]
    assert image.digest == digest_of(image.manifest_bytes)
    assert len(image.with_layers().config["history"]) == 3


_CHILD = """
from mlrun_like.images.image import Image
from mlrun_like.images.layers import Entry, build_layer
layer = build_layer([Entry.data("a", b"1"), Entry.directory("/b")])
image = Image.scratch("linux/amd64").with_config(labels={"b": "2", "a": "1"}, env={"E": "f"})
print(image.with_layers(layer).digest)
"""


@pytest.mark.slow
def test_the_same_image_in_another_process(home: Path) -> None:
    layer = build_layer([Entry.directory("b"), Entry.data("/a", b"1")])
    image = Image.scratch("linux/amd64").with_config(env={"E": "f"}, labels={"a": "1", "b": "2"})
    for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo")):
        done = subprocess.run(
            [sys.executable, "-c", _CHILD],
            env={
                **os.environ,
                **{"PYTHONHASHSEED": seed, "TZ": zone, "MLRUN_LIKE_HOME": str(home / seed)},
            },
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        assert done.stdout.strip() == image.with_layers(layer).digest


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none()))
def test_canonical_json_is_one_for_equal_documents(document: dict[str, object]) -> None:
    data = canonical_json(document)
    assert canonical_json(dict(reversed(list(document.items())))) == data
    if all(text.isprintable() for text in document):
        assert json.loads(data) == document


def test_platforms() -> None:
    assert Platform.parse("") == Platform.parse(os.uname().machine)
    assert str(Platform.parse("linux/arm64/v8")) == "linux/arm64/v8"
    assert Platform.parse("arm64").matches(Platform("linux", "arm64", "v8"))
    assert not Platform.parse("arm/v6").matches(Platform.parse("arm/v7"))
    for bad in ("linux", "linux/z80", "a/b/c/d", "plan9/amd64", "linux/amd64/v1/x", "/", "é"):
        with pytest.raises(InvalidArgumentError, match="linux/amd64"):
            Platform.parse(bad)


def test_a_platform_is_chosen(registry: DockerRegistry, small: Image) -> None:
    images = {name: Image.scratch(name).with_config(user=name) for name in ("amd64", "arm64/v8")}
    offered = []
    with Registry(registry.host) as here:
        for image in images.values():
            image.push(f"{registry.host}/multi/one:x")
            size = len(image.manifest_bytes)
            platform = {"os": "linux", "architecture": image.platform.architecture}
            offered.append(
                {
                    **{"mediaType": OCI_MANIFEST, "digest": image.digest, "size": size},
                    "platform": platform,
                }
            )
        unknown = {"platform": {"os": "unknown", "architecture": "unknown"}}
        index = {
            **{"schemaVersion": 2, "mediaType": OCI_INDEX},
            "manifests": [*offered, {**offered[0], **unknown}],
        }
        here.put_manifest("multi/one", "1", canonical_json(index), OCI_INDEX)
    name = f"{registry.host}/multi/one:1"
    assert Image.pull(name, "linux/amd64").digest == images["amd64"].digest
    assert Image.pull(name, "arm64").digest == images["arm64/v8"].digest
    with pytest.raises(BuildError) as caught:
        Image.pull(name, "s390x")
    assert "linux/amd64, linux/arm64" in str(caught.value)
    assert "unknown" not in str(caught.value)
    pushed = images["amd64"].push(f"{registry.host}/multi/two:1").name
    with pytest.raises(BuildError, match=r"not made for linux/arm64; it has: linux/amd64"):
        Image.pull(pushed, "arm64")
    assert Image.pull(pushed).digest == images["amd64"].digest


def test_what_a_base_can_be(registry: DockerRegistry, small: Image) -> None:
    assert Image.open("scratch", "arm64").platform.architecture == "arm64"
    name = small.push(f"{registry.host}/open/small:1").name
    assert Image.open(str(name)).digest == small.digest
    with pytest.raises(InvalidArgumentError):
        Image.open("no such file.tar")
