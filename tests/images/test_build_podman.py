"""Images that are built and run for real: by podman, as a user without rights, with records."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import BuildError
from mlrun_like.images.build import build_plan
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.plan import Plan, destination_of, plan_of
from mlrun_like.runs.entry import build_payload
from mlrun_like.runs.job import Job
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from tests.containers import CACHE, base_image, podman, podman_environment
from tests.registries import DockerRegistry

pytestmark = pytest.mark.slow

NAME = "localhost/mlrun-like-test-build"
CODE = """
import humanize
import helper

def train(context, x: int = 1):
    print("training", helper.NAME)
    context.log_result("y", humanize.intcomma(x * 1000))
"""


@pytest.fixture(autouse=True)
def engine(home: Path) -> Iterator[None]:
    """A working podman, and a cache that outlives the test: a base of this size is read once."""
    with podman_environment(), config.override(home=str(CACHE / "home")):
        BlobCache().prune(days=3)
        yield
        for tag in ("1", "2"):
            podman("rmi", "-f", f"{NAME}:{tag}", check=False)


def document(requirements: list[str]) -> FunctionDoc:
    return FunctionDoc.from_dict(
        {
            "kind": "process",
            "metadata": {"name": "train", "project": "shop"},
            "spec": {
                "default_handler": "train",
                "build": {
                    "functionSourceCode": base64.b64encode(CODE.encode()).decode(),
                    "modules": {"helper.py": "NAME = 'well'\n"},
                    "origin_module": "train",
                    "requirements": requirements,
                },
            },
        }
    )


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    os.chmod(tmp_path, 0o755)
    os.chmod(folder, 0o777)
    return folder


def test_a_run_in_a_new_image_is_recorded(store: Path, tmp_path: Path) -> None:
    doc = document(["humanize>=4"])
    doc.spec.build.base_image = base_image()
    built = build_plan(plan_of(doc), destination_of(f"{NAME}:1"))
    assert [layer.name for layer in built.layers] == ["environment", "package", "code"]
    assert build_plan(plan_of(doc), destination_of(f"{NAME}:1")).digest == built.digest

    run = RunDoc.model_validate(
        {
            "metadata": {"name": "t", "uid": "u1", "project": "shop"},
            "spec": {"handler": "train", "parameters": {"x": 5}},
        }
    )
    job = Job(function=doc, run=run, store=open_store(str(tmp_path / "unused")))
    payload = {**build_payload(job), "store": "/store", "settings": {}}
    out = podman(
        *("run", "--rm", "-v", f"{store}:/store", "-e", f"MLRUN_LIKE_EXEC={json.dumps(payload)}"),
        f"{NAME}:1",
    )
    assert "training well" in out
    record = open_store(str(store)).read_run("shop", "u1")
    assert record["status"]["state"] == "completed"
    assert record["status"]["results"]["y"] == "5,000"

    # by itself, without anything of the machine that submits
    podman(
        *("run", "--rm", "-v", f"{store}:/store", "-e", "MLRUN_LIKE_DBPATH=/store", f"{NAME}:1"),
        *("mlrun-like", "run", "/opt/mlrun-like/function.json", "--local", "-p", "x=2"),
    )
    runs = open_store(str(store)).list_runs(RunQuery(project="shop"))
    assert len(runs) == 2
    said = podman("run", "--rm", f"{NAME}:1", "sh", "-c", "id -u; pwd; echo $HOME; touch x")
    assert said.split() == ["1000", "/opt/mlrun-like/home", "/opt/mlrun-like/home"]


def plain(**changes: object) -> Plan:
    values: dict[str, object] = {
        "base": base_image(),
        "package": False,
        "files": {"train.py": CODE},
        "commands": ("echo $TOKEN | wc -c > /length", "id -u > /user"),
        "environ": {"TOKEN": "hunter2"},
        "extra": "ENV ADDED=1",
        "extra_args": "--isolation chroot",
    }
    return Plan(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("builder", ["podman", "buildah"])
def test_commands_run_in_a_container(builder: str) -> None:
    said: list[str] = []
    built = build_plan(plain(), destination_of(f"{NAME}:2"), builder=builder, say=said.append)
    assert built.builder == builder and built.destination == "machine"
    out = podman("run", "--rm", f"{NAME}:2", "sh", "-c", "cat /length /user; id -u; echo $ADDED")
    assert out.split() == ["8", "0", "1000", "1"]
    history = podman("history", "--no-trunc", "--format", "{{.CreatedBy}}", f"{NAME}:2")
    inspected = podman("image", "inspect", f"{NAME}:2")
    assert "hunter2" not in history + inspected + "".join(said)
    again = build_plan(plain(), destination_of(f"{NAME}:2"), builder=builder)
    assert again.digest == built.digest


def test_a_command_that_fails_is_named() -> None:
    plan = plain(commands=("echo so far", "echo broken >&2; exit 7"))
    with pytest.raises(BuildError, match="exit code 7") as caught:
        build_plan(plan, destination_of(f"{NAME}:2"))
    assert "'echo broken >&2; exit 7'" in caught.value.what
    assert "broken" in caught.value.what and "secret" not in caught.value.what


def test_a_tool_pushes(registry: DockerRegistry) -> None:
    name = f"{registry.host}/{registry.new_name()}/app:1"
    built = build_plan(plain(extra=""), destination_of(name), builder="podman")
    assert built.pushed_bytes is None and built.destination == "registry"
    # what is in a registry is a base for the other builder
    more = build_plan(
        plain(base=name, commands=(), extra="", extra_args=""), destination_of(f"{NAME}:1")
    )
    assert more.builder == "oci"
    assert podman("run", "--rm", f"{NAME}:1", "cat", "/user") == "0"
    podman("rmi", "-f", name, check=False)
