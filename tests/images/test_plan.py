"""What an image is to hold, and where it goes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import BuildError, InvalidArgumentError, SpecError
from mlrun_like.images.plan import destination_of, plan_of
from mlrun_like.specs.function import FunctionDoc


def document(**build: Any) -> FunctionDoc:
    return FunctionDoc.from_dict(
        {
            "kind": "process",
            "metadata": {"name": "train", "project": "shop", "hash": "1", "updated": "now"},
            "spec": {
                "env": [{"name": "TOKEN", "value": "hunter2"}],
                "build": build,
                "environment": {"lock": {"pandas": "2.2.0", "numpy": "1.26.0"}},
            },
            "status": {"state": "ready"},
        }
    )


def code(text: str) -> str:
    import base64

    return base64.b64encode(text.encode()).decode()


def test_code_is_read_not_imported(tmp_path: Path) -> None:
    mark = tmp_path / "imported"
    path = tmp_path / "train.py"
    path.write_text(
        f"open({str(mark)!r}, 'w')\nimport helper\n\ndef train(context):\n    return helper.X\n"
    )
    (tmp_path / "helper.py").write_text(f"open({str(mark)!r}, 'w')\nX = 1\n")
    function = ml.code_to_function(name="t", filename=str(path), kind="process", handler="train")
    plan = plan_of(function._doc())
    assert sorted(plan.files) == ["helper.py", "train.py"]
    assert plan.document["spec"]["default_handler"] == "train"
    assert not mark.exists()


def test_what_is_secret_or_changes_by_itself_is_left_out() -> None:
    doc = document(
        functionSourceCode=code("x = 1\n"),
        builder_env={"GIT_TOKEN": "hunter2"},
        secret="pull-secret",
        image=".app:1",
        base_image="python:3.11-slim",
        requirements=[
            "--index-url https://me:hunter2@host/simple",
            "x @ git+https://t:hunter2@h/x",
        ],
        commands=["echo hunter2"],
        source="git+https://t:hunter2@h/r",
    )
    plan = plan_of(doc)
    text = repr(plan.document)
    for word in ("hunter2", "pull-secret", ".app:1", "ready", "updated", "slim"):
        assert word not in text
    assert plan.environ == {"GIT_TOKEN": "hunter2"}
    assert "GIT_TOKEN" not in repr(plan)


def test_the_base() -> None:
    assert plan_of(document()).base == config.default_image
    doc = document()
    doc.spec.image = "mine:1"
    assert plan_of(doc).base == "mine:1"
    assert plan_of(document(base_image="b:1")).base == "b:1"
    assert plan_of(document(base_image="b:1"), base="c:1").base == "c:1"


def test_versions_of_the_named_requirements_are_preferred() -> None:
    plan = plan_of(document(requirements=["pandas>=2", "# no", "six"]))
    assert plan.requirements == ("pandas>=2", "six")
    assert plan.preferred == {"pandas": "2.2.0"}  # a new import chooses no new environment


def test_a_source_is_baked_in_or_left_for_later() -> None:
    assert plan_of(document(source="git://h/r.git")).source == "git://h/r.git"
    assert plan_of(document(source="git://h/r.git", load_source_on_run=True)).source == ""
    plan = plan_of(document(source=".", source_code_target_dir="./work"))
    assert plan.source_dir == "/opt/mlrun-like/work"


def test_a_graph_is_served() -> None:
    doc = document()
    doc.spec.graph = {"kind": "router"}
    assert plan_of(doc).command[:3] == ("-m", "mlrun_like", "serve")


def test_why_a_tool_is_needed() -> None:
    assert plan_of(document()).needs_tool == ""
    assert "apt-get" in plan_of(document(commands=["apt-get update"])).needs_tool
    assert "Dockerfile" in plan_of(document(extra="EXPOSE 80")).needs_tool


def test_broken_code_is_named() -> None:
    with pytest.raises(BuildError, match="not valid Python") as caught:
        plan_of(document(functionSourceCode=code("def (:\n")))
    assert "train" in caught.value.where and ":1" in caught.value.where
    with pytest.raises(SpecError, match="base64"):
        plan_of(document(functionSourceCode="%%%"))
    with pytest.raises(SpecError, match="not allowed"):
        plan_of(document(functionSourceCode=code("x"), modules={"../../etc/x.py": ""}))


@pytest.mark.parametrize(
    ("target", "registry", "name", "push"),
    [
        ("host:5000/team/app:1", "", "host:5000/team/app:1", True),
        ("ghcr.io/team/app", "", "ghcr.io/team/app:latest", True),
        ("docker://host:5000/app", "", "host:5000/app:latest", True),
        (".app:1", "host:5000/team", "host:5000/team/app:1", True),
        (".app:1", "", "localhost/app:1", False),
        ("app", "host:5000", "localhost/app:latest", False),
        ("team/app:2", "", "localhost/team/app:2", False),
        ("localhost/app:2", "", "localhost/app:2", False),
        ("", "host:5000", "host:5000/func-shop-train:latest", True),
        ("", "", "localhost/func-shop-train:latest", False),
    ],
)
def test_where_an_image_goes(target: str, registry: str, name: str, push: bool) -> None:
    with config.override(docker_registry=registry):
        found = destination_of(target, document())
    assert (found.name, found.push) == (name, push)


def test_where_an_image_goes_when_told() -> None:
    assert not destination_of("host:5000/app", push=False).push
    assert destination_of("host:5000/app", push=False).name == "host:5000/app:latest"
    assert destination_of("team/app", push=True).name == "docker.io/team/app:latest"
    assert not destination_of("host:5000/app", archive="x.tar").push
    doc = document()
    doc.metadata.tag = "v2"
    with config.override(function_image_template="team/{project}/{name}"):
        assert destination_of("", doc).name == "localhost/team/shop/train:v2"


@pytest.mark.parametrize(
    "target",
    ["UPPER/App", "a b", "host:99999/x", "app@sha256:" + "0" * 64, "host:5000/", "a" * 300],
)
def test_names_that_are_none(target: str) -> None:
    with pytest.raises(InvalidArgumentError):
        destination_of(target)


def test_a_name_is_needed() -> None:
    with pytest.raises(InvalidArgumentError, match="needs a name"):
        destination_of("")
    with pytest.raises(InvalidArgumentError, match="default registry"):
        destination_of(".app", push=True)
    with (
        config.override(function_image_template="{nothing}"),
        pytest.raises(InvalidArgumentError, match="template"),
    ):
        destination_of("", document())
