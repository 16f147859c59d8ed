"""Functions and their images: MLRun's words, and what they do here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml
from mlrun_like.configuration import config
from mlrun_like.errors import BuildError, FunctionError, InvalidArgumentError, PackagingError
from mlrun_like.functions.build_calls import BuildStatus, build_function, build_image
from mlrun_like.functions.deploying import ensure_built
from mlrun_like.functions.function import Function
from mlrun_like.images.image import Image
from tests.images.wheels import DEBIAN, base_with, index_lines, make_wheel
from tests.registries import DockerRegistry
from tests.registries import registry as registry  # a fixture

CODE = "raise SystemExit('imported')\n\ndef train(context, x=1):\n    return x\n"


@pytest.fixture
def function(tmp_path: Path) -> Function[..., Any]:
    path = tmp_path / "train.py"
    path.write_text(CODE)
    made = ml.code_to_function(
        name="train", project="shop", filename=str(path), kind="process", handler="train"
    )
    return made.build_config(with_mlrun=False)


@pytest.fixture
def base(registry: DockerRegistry) -> str:
    name = f"{registry.host}/{registry.new_name()}/base:1"
    base_with(DEBIAN).push(name)
    return name


def test_requirements_and_commands_move_the_image_to_the_base(function: Function[..., Any]) -> None:
    function.spec.image = "mine:1"
    function.with_requirements(["six"], prepare_image_for_deploy=False)
    assert function.spec.image == "mine:1"
    function.with_commands(["apt-get update"])
    assert (function.spec.image, function.spec.build.base_image) == ("", "mine:1")
    function.spec.image = "built:1"
    function.with_requirements(["pandas"])
    assert (function.spec.image, function.spec.build.base_image) == ("built:1", "mine:1")
    assert function.spec.build.requirements == ["six", "pandas"]


def test_build_config(function: Function[..., Any]) -> None:
    same = function.build_config(
        image="docker://host:5000/app:1",
        base_image="python:3.12",
        commands=["make"],
        requirements=["six"],
        secret="pull",
        extra="EXPOSE 80",
        with_mlrun=True,
        auto_build=True,
        builder_env={"TOKEN": "x"},
        extra_args="--volume /a:/a",
    )
    assert same is function
    build = function.spec.build
    assert (build.image, build.base_image, build.secret) == (
        "host:5000/app:1",
        "python:3.12",
        "pull",
    )
    assert (build.commands, build.requirements) == (["make"], ["six"])
    assert build.auto_build and build.with_mlrun and build.extra == "EXPOSE 80"
    function.build_config(commands=["test"], requirements=["attrs"])
    assert build.commands == ["make", "test"] and build.requirements == ["six", "attrs"]
    function.build_config(commands=[], requirements=["attrs"], overwrite=True)
    assert build.commands == [] and build.requirements == ["attrs"]
    assert build.image == "host:5000/app:1"
    with pytest.raises(FunctionError, match="not a requirement"):
        function.build_config(requirements=["not a requirement !"])
    with pytest.raises(InvalidArgumentError):
        function.build_config(builder_env=["x"])  # type: ignore[arg-type]


def test_when_a_build_is_needed(function: Function[..., Any]) -> None:
    assert not function.requires_build()
    function.with_source_archive("git://host/r.git#main", workdir="sub", handler="m.f")
    assert not function.requires_build()
    assert function.spec.workdir == "sub" and function.spec.default_handler == "m.f"
    function.with_source_archive(".", pull_at_runtime=False, target_dir="/src")
    assert function.requires_build()
    assert function.spec.build.source_code_target_dir == "/src"
    function.clean_build_params()
    assert not function.requires_build() and function.spec.build.functionSourceCode
    with pytest.raises(InvalidArgumentError, match="needs a source"):
        function.with_source_archive("")


def test_build_into_a_registry(
    function: Function[..., Any], base: str, registry: DockerRegistry, capsys: Any
) -> None:
    name = f"{registry.host}/{registry.new_name()}/app:1"
    built = function.build(name, base_image=base)
    assert function.spec.image == name == built.name
    assert function.is_deployed() and function._doc().status["state"] == "ready"
    assert function._doc().status["build"]["digest"] == built.digest
    assert built.digest in capsys.readouterr().out
    again = function.build(name, watch=False)
    assert again.digest == built.digest  # on the base, not on itself
    assert capsys.readouterr().out == ""


def test_deploy(function: Function[..., Any], base: str, registry: DockerRegistry) -> None:
    function.build_config(base_image=base)
    with config.override(docker_registry=f"{registry.host}/{registry.new_name()}"):
        assert function.deploy() is True
        assert function.spec.image.endswith("/func-shop-train:latest")
        first = Image.pull(function.spec.image).digest
        assert ml.import_function("db://shop/train").spec.image == function.spec.image
        assert function.deploy(skip_deployed=True)
        function.with_code(body="def train(context):\n    return 2\n")
        assert function.deploy(watch=False)
        assert Image.pull(function.spec.image).digest != first


def test_deploy_with_nothing_to_build(function: Function[..., Any]) -> None:
    with pytest.raises(FunctionError, match="nothing to build"):
        function.deploy(with_mlrun=False)
    function.spec.image = "mine:1"
    assert function.deploy(with_mlrun=False)
    assert function.spec.image == "mine:1"


def test_a_deploy_that_fails(
    function: Function[..., Any], base: str, tmp_path: Path, capsys: Any
) -> None:
    make_wheel(tmp_path / "index", "one")
    function.build_config(base_image=base, requirements=[*index_lines(tmp_path / "index"), "no==1"])
    with pytest.raises(BuildError, match="no==1"):
        function.deploy(watch=False)
    assert capsys.readouterr().out == ""
    with pytest.raises(BuildError):
        function.deploy(show_on_failure=True)
    assert "choosing versions" in capsys.readouterr().out
    assert function._doc().status["state"] == "error"
    assert not function.is_deployed()


def test_secrets_of_the_builder_are_not_in_the_image(
    function: Function[..., Any], base: str, registry: DockerRegistry
) -> None:
    function.build_config(base_image=base, builder_env={"A": "hunter2"})
    function.set_env("PASSWORD", "hunter3")
    name = f"{registry.host}/{registry.new_name()}/app:1"
    function.build_config(image=name).deploy(builder_env={"B": "hunter4"})
    image = Image.pull(name)
    assert not [word for word in ("hunter2", "hunter3", "hunter4") if word in str(image.config)]


def test_before_a_run(function: Function[..., Any], base: str, registry: DockerRegistry) -> None:
    ensure_built(function._doc())  # nothing is needed
    function.with_requirements(["six"])
    with pytest.raises(BuildError, match="not built yet") as caught:
        ensure_built(function._doc())
    assert "fn.deploy()" in caught.value.fix
    function.with_requirements([], overwrite=True)
    function.build_config(
        base_image=base, image=f"{registry.host}/{registry.new_name()}/app:1", auto_build=True
    )
    ensure_built(function._doc())
    assert function.is_deployed()
    with pytest.raises(BuildError):
        other = ml.new_function("other", kind="process").with_requirements(["six"])
        ensure_built(other._doc(), auto_build=False)


def test_words_of_projects(
    function: Function[..., Any], base: str, registry: DockerRegistry, tmp_path: Path
) -> None:
    host = f"{registry.host}/{registry.new_name()}"
    status = build_function(function, base_image=base, image=f"{host}/a:1")
    assert isinstance(status, BuildStatus) and status.ready
    assert status.outputs == {"image": f"{host}/a:1"}
    make_wheel(tmp_path / "index", "one")
    with config.override(docker_registry=host):
        status = build_image(
            project="shop",
            base_image=base,
            requirements=[*index_lines(tmp_path / "index"), "one"],
            with_mlrun=False,
        )
    assert status.outputs["image"] == f"{host}/mlrun-project-image-shop:latest"
    assert status.built is not None and status.built.pushed_bytes


def test_a_live_function_whose_code_cannot_travel(base: str) -> None:
    scope: dict[str, Any] = {}
    exec("def lost(context):\n    return 1\n", scope)
    function = ml.function(kind="process")(scope["lost"])
    with pytest.raises(PackagingError):
        function.build("app", base_image=base)


def test_the_dockerfile(function: Function[..., Any], base: str, tmp_path: Path) -> None:
    function.build_config(base_image=base, commands=["make"])
    text = function.dockerfile(str(tmp_path / "kept"))
    assert f"FROM {base}\nUSER 0\nRUN make\n" in text
    assert (tmp_path / "kept" / "code.tar.gz").is_file()


def test_the_document_survives_a_file(
    function: Function[..., Any], base: str, registry: DockerRegistry, tmp_path: Path
) -> None:
    name = f"{registry.host}/{registry.new_name()}/app:1"
    digest = function.build(name, base_image=base, watch=False).digest
    function.export(str(tmp_path / "function.yaml"))
    other = ml.import_function(tmp_path / "function.yaml")
    assert other.spec.image == name
    assert other.build(name, base_image=base, watch=False).digest == digest
    assert json.dumps(other.to_dict())
