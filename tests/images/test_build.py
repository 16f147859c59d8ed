"""Plans to images, in a real registry: layers reused, digests the same, secrets nowhere."""

from __future__ import annotations

import contextlib
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import (
    BuildError,
    EngineError,
    MissingFileError,
    MLRunLikeError,
    NotFoundError,
)
from mlrun_like.images.build import BuiltImage, build_image, build_plan, dockerfile_text
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.image import Image
from mlrun_like.images.plan import Destination, Plan, destination_of
from mlrun_like.images.registries import Registries
from mlrun_like.images.transfer import fetch_layers
from tests.images.wheels import DEBIAN, base_with, index_lines, make_wheel
from tests.registries import PASSWORD, USER, DockerRegistry


@pytest.fixture
def plan(tmp_path: Path, registry: DockerRegistry) -> Plan:
    """A function on a base in the registry, with one package."""
    make_wheel(tmp_path / "index", "one", scripts={"one": "one:main"})
    base = f"{registry.host}/{registry.new_name()}/base:1"
    base_with(DEBIAN, env={"KEPT": "1"}).push(base)
    return Plan(
        base=base,
        package=False,
        requirements=(*index_lines(tmp_path / "index"), "one"),
        files={"train.py": "def train(context): ...\n"},
        document={"kind": "job"},
        labels={"team": "blue"},
    )


def target(registry: DockerRegistry, name: str = "app") -> Destination:
    return destination_of(f"{registry.host}/{registry.new_name()}/{name}:1")


def contents(image: Image) -> dict[str, bytes]:
    """The files of all layers; later ones win."""
    cache, found = BlobCache(), {}
    with Registries() as registries:
        fetch_layers(image.layers, cache, registries)
    for layer in image.layers:
        with cache.open(layer.digest) as file, tarfile.open(fileobj=file) as tar:
            for member in tar:
                stream = tar.extractfile(member) if member.isfile() else None
                found[member.name] = stream.read() if stream else b""
    return found


def test_the_image(plan: Plan, registry: DockerRegistry) -> None:
    where = target(registry)
    said: list[str] = []
    built = build_plan(plan, where, say=said.append)
    assert [layer.name for layer in built.layers] == ["environment", "code"]
    assert built.pushed_bytes and built.builder == "oci" and built.destination == "registry"
    image = Image.pull(where.name)
    assert image.digest == built.digest
    files = contents(image)
    assert files["opt/mlrun-like/code/train.py"] == b"def train(context): ...\n"
    assert b'"kind": "job"' in files["opt/mlrun-like/function.json"]
    assert "usr/local/lib/python3.11/dist-packages/one.py" in files
    inner = image.config["config"]
    assert inner["User"] == "1000:1000"
    assert inner["Cmd"] == ["/usr/bin/python3", "-m", "mlrun_like.runs.entry"]
    assert inner["WorkingDir"] == "/opt/mlrun-like/home"
    assert inner["Labels"]["team"] == "blue"
    assert inner["Labels"]["mlrun-like.lock"] == built.lock_hash
    assert image.environment["KEPT"] == "1"
    assert image.environment["PYTHONPATH"] == "/opt/mlrun-like/code"
    assert any("requirements" in line for line in said)


def test_a_change_of_code_sends_only_that(plan: Plan, registry: DockerRegistry) -> None:
    where = target(registry)
    first = build_plan(plan, where)
    said: list[str] = []
    second = build_plan(replace(plan, files={"train.py": "x = 2\n"}), where, say=said.append)
    assert not said  # nothing that takes longer
    assert second.digest != first.digest
    assert [layer.reused for layer in second.layers] == [True, False]
    assert second.pushed_bytes is not None and second.pushed_bytes < 10_000
    assert second.seconds < 2
    third = build_plan(plan, where)
    assert third.digest == first.digest


def test_the_same_inputs_give_the_same_digest(
    plan: Plan, registry: DockerRegistry, tmp_path: Path
) -> None:
    one = build_plan(plan, target(registry))
    with config.override(home=str(tmp_path / "elsewhere")):
        two = build_plan(plan, target(registry, "other"))
    assert one.digest == two.digest and one.layers[0].digest == two.layers[0].digest


def test_an_archive(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "new" / "app.tar"
    built = build_plan(plan, Destination("localhost/app:1", False, str(path)))
    assert built.destination == "archive" and built.name == str(path)
    assert Image.from_archive(path).digest == built.digest
    before = path.read_bytes()
    build_plan(plan, Destination("localhost/app:1", False, str(path)))
    assert path.read_bytes() == before


def test_a_base_in_an_archive(plan: Plan, registry: DockerRegistry, tmp_path: Path) -> None:
    base = tmp_path / "base.tar"
    Image.pull(plan.base).write_archive(base)
    built = build_plan(replace(plan, base=str(base)), target(registry))
    assert built.digest == build_plan(plan, target(registry)).digest


def test_a_source_is_baked_in(plan: Plan, registry: DockerRegistry, tmp_path: Path) -> None:
    source = tmp_path / "project"
    (source / "lib").mkdir(parents=True)
    (source / "main.py").write_text("x = 1\n")
    (source / ".env").write_text("TOKEN=hunter2\n")
    where = target(registry)
    baked = replace(
        plan, source=str(source), source_dir="/opt/mlrun-like/source", pythonpath="./lib"
    )
    build_plan(baked, where)
    image = Image.pull(where.name)
    files = contents(image)
    assert files["opt/mlrun-like/source/main.py"] == b"x = 1\n"
    assert "opt/mlrun-like/source/.env" not in files
    assert image.config["config"]["WorkingDir"] == "/opt/mlrun-like/source"
    paths = image.environment["PYTHONPATH"].split(":")
    assert paths == [
        "/opt/mlrun-like/code",
        "/opt/mlrun-like/source",
        "/opt/mlrun-like/source/lib",
    ]


def test_secrets_are_nowhere(plan: Plan, registry: DockerRegistry) -> None:
    secret = "s3cr3t-value-of-the-builder"
    where = target(registry)
    said: list[str] = []
    build_plan(
        replace(plan, environ={"GIT_TOKEN": secret, "PIP_INDEX_URL": f"https://u:{secret}@h/"}),
        where,
        say=said.append,
    )
    image = Image.pull(where.name)
    everything = b"".join(contents(image).values()) + image.config_bytes + image.manifest_bytes
    assert secret.encode() not in everything
    assert secret not in "".join(said)
    for path in config.path("images").rglob("*"):
        if path.is_file():
            assert secret.encode() not in path.read_bytes(), path


def test_a_registry_with_a_password(
    plan: Plan, locked_registry: DockerRegistry, tmp_path: Path
) -> None:
    where = destination_of(f"{locked_registry.host}/team/app:1")
    login = f"{locked_registry.host}={USER}:{PASSWORD}"
    with config.override(registry_auth=login):
        built = build_plan(plan, where)
        assert Image.pull(where.name).digest == built.digest
    wrong = config.override(registry_auth=f"{locked_registry.host}=ann:wrong")
    with wrong, pytest.raises(MLRunLikeError) as caught:
        build_plan(plan, where)
    assert "wrong" not in str(caught.value)


def test_packages_alone(plan: Plan, registry: DockerRegistry) -> None:
    where = target(registry)
    built = build_image(
        where.name, base_image=plan.base, requirements=plan.requirements, with_mlrun=False
    )
    assert isinstance(built, BuiltImage) and built.pinned.endswith(f"@{built.digest}")
    assert ":1@" not in built.pinned
    assert "usr/local/bin/one" in contents(Image.pull(where.name))


def test_a_summary_says_what_was_reused(plan: Plan, registry: DockerRegistry) -> None:
    where = target(registry)
    build_plan(plan, where)
    text = build_plan(plan, where).summary()
    assert where.name in text and "sha256:" in text and "sent" in text
    assert "reused" in text.splitlines()[2] and "environment" in text.splitlines()[2]


def test_the_dockerfile_can_be_kept(plan: Plan, registry: DockerRegistry, tmp_path: Path) -> None:
    built = build_plan(plan, target(registry), keep=str(tmp_path / "kept"))
    assert built.dockerfile == (tmp_path / "kept" / "Dockerfile").read_text()
    assert dockerfile_text(plan, str(tmp_path / "again")) == built.dockerfile


def test_the_dockerfile_alone_needs_neither_base_nor_index(plan: Plan) -> None:
    lines = ("--index-url https://ann:word@127.0.0.1:1/simple", "one>=1", 'two; sys_platform=="x"')
    text = dockerfile_text(replace(plan, base="127.0.0.1:1/nothing:1", requirements=lines))
    assert "FROM 127.0.0.1:1/nothing:1\nUSER 0\n" in text
    assert "pip install --no-cache-dir \\\n    --index-url 'https://***@" in text
    assert "    'one>=1' \\\n    'two; sys_platform==\"x\"'\n" in text
    assert text.endswith("ADD code.tar.gz /\n") and "word" not in text


def test_versions_are_chosen_before_a_large_archive_is_read(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "large.tar"
    with path.open("wb") as file:
        file.write(b"this is no archive")
        file.truncate(65 << 20)
    where, said = Destination("localhost/app:1", archive=str(tmp_path / "out.tar")), list[str]()
    large = replace(plan, base=str(path))
    with raises(BuildError, "requirement 'one==9'"):
        build_plan(replace(large, requirements=(*plan.requirements, "one==9")), where)
    for _ in range(2):
        with raises(BuildError, "large.tar"):
            build_plan(large, where, say=said.append)
    assert sum("before" in line for line in said) == 1, "what was possible once is not asked again"


@pytest.mark.parametrize("name", ["base.tar", "folder/base.tar.gz", "base.oci", "./base"])
def test_a_base_that_is_a_missing_file(plan: Plan, name: str, tmp_path: Path) -> None:
    where = Destination("localhost/app:1", archive=str(tmp_path / "out.tar"))
    with raises(MissingFileError, repr(name), "a file that does not exist"):
        build_plan(replace(plan, base=name), where)


@contextlib.contextmanager
def raises(kind: type[MLRunLikeError], *words: str) -> Iterator[None]:
    with pytest.raises(kind) as caught:
        yield
    for word in words:
        assert word in str(caught.value)
    assert caught.value.fix


def test_mistakes_are_explained(plan: Plan, registry: DockerRegistry, tmp_path: Path) -> None:
    where = target(registry)
    with raises(BuildError, "requirement 'one==9'", "Python 3.11"):
        build_plan(replace(plan, requirements=(*plan.requirements, "one==9")), where)
    with raises(NotFoundError, "nothing-here"):
        build_plan(replace(plan, base=f"{registry.host}/nothing-here:1"), where)
    with raises(EngineError, "127.0.0.1:1"):
        build_plan(plan, destination_of("127.0.0.1:1/app:1"))
    with raises(BuildError, "builder 'oci' only adds files", "podman"):
        build_plan(replace(plan, commands=("make",)), where, builder="oci")
    with raises(MLRunLikeError, "unknown builder 'kaniko'", "oci"):
        build_plan(plan, where, builder="kaniko")
    with raises(NotFoundError, "no folder"):
        build_plan(replace(plan, source=str(tmp_path / "none"), source_dir="/src"), where)
    with raises(BuildError, "no Python 3"):
        build_plan(replace(plan, base="scratch"), where)


def test_without_tool_and_registry_there_is_no_place(
    plan: Plan, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    build_plan(plan, Destination("localhost/a:1", False, str(tmp_path / "a.tar")))
    monkeypatch.setenv("PATH", str(tmp_path))
    with raises(BuildError, "nowhere to go", "archive"):
        build_plan(plan, destination_of("app"))
    with raises(BuildError, "no container tool", "podman is not installed"):
        build_plan(replace(plan, commands=("make",)), destination_of("app"))
    with raises(BuildError, "builder 'docker' cannot be used here"):
        build_plan(plan, destination_of("app"), builder="docker")
