"""Images of ours under a real engine, and the engine's images as our bases."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.images.image import Image
from mlrun_like.images.layers import Entry, build_layer
from tests.containers import CACHE, base_image, podman, podman_environment
from tests.registries import DockerRegistry

pytestmark = pytest.mark.slow

CODE = b"""
import os, pathlib, sys
print(sys.argv[1:], os.environ["GREETING"], os.getcwd(), os.getuid())
print(pathlib.Path("/app/data").read_text(), pathlib.Path("/app/link").read_text())
print(pathlib.Path("/etc/debian_version").exists(), list(pathlib.Path("/usr/games").iterdir()))
print(oct(os.stat("/app/run.sh").st_mode), os.stat("/app/own").st_uid)
"""
OURS = "localhost/oci-test-ours:1"
BASE = "localhost/oci-test-base:1"
_KEPT = re.compile(
    r"(s?bin|lib(64)?|etc|usr|usr/(s?bin|lib(64)?|games)|usr/bin/(python3.*|da?sh)|usr/lib64/ld.*"
    r"|usr/lib/[^/]*-linux-gnu|usr/lib/[^/]*-linux-gnu/(ld-|lib(c|m|z|expat)[.-]).*"
    r"|usr/lib/python3\.11(/.*)?|etc/(passwd|group|debian_version))"
)
SAID = """['one', 'two'] hello /app 1000
42 42
False []
0o100755 1000"""


@pytest.fixture(scope="module", autouse=True)
def engine() -> Iterator[None]:
    """A working podman."""
    with podman_environment():
        yield


@pytest.fixture(scope="module")
def root_tar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root file system with little more than Python: a tenth of the base's bytes."""
    base_image()
    path = tmp_path_factory.mktemp("root") / "root.tar"
    with tarfile.open(CACHE / "base.tar") as base, tarfile.open(path, "w") as small:
        for member in base:
            if _KEPT.fullmatch(member.name.removeprefix("./")):
                small.addfile(member, base.extractfile(member) if member.isfile() else None)
    return path


@pytest.fixture(scope="module")
def engine_base(root_tar: Path) -> Iterator[str]:
    """The same as an image of podman."""
    podman("import", "-q", str(root_tar), BASE)
    yield BASE
    podman("rmi", "-f", BASE, check=False)


def extended(base: Image) -> Image:
    entries = [
        Entry.directory("/app"),
        Entry.data("/app/main.py", CODE),
        Entry.data("/app/data", b"42"),
        Entry.data("/app/run.sh", b"#!/bin/sh\n", mode=0o755),
        Entry.data("/app/own", b"", owner=1000),
        Entry.symlink("/app/link", "data"),
    ]
    removed = build_layer([Entry.whiteout("/etc/debian_version"), Entry.opaque("/usr/games")])
    return (
        base.with_layers(removed, comment="tidy")
        .with_layers(build_layer(entries), comment="code")
        .with_config(
            env={"GREETING": "hello"},
            user="1000:1000",
            workdir="/app",
            entrypoint=["python3", "main.py"],
            cmd=["one"],
            labels={"made.by": "tests"},
        )
    )


def run(name: str, *words: str) -> str:
    return podman("run", "--rm", name, *words)


def test_on_a_base_that_podman_pushed(registry: DockerRegistry, engine_base: str) -> None:
    """Docker's format (schema 2), as many bases have it."""
    name = f"{registry.host}/podman/base:1"
    podman("push", "-q", "--tls-verify=false", "--format", "v2s2", engine_base, name)
    base = Image.pull(name)
    assert base.docker and len(base.layers) == 1
    image = extended(base)
    pushed = image.push(f"{registry.host}/podman/app:1")
    assert pushed.mounted == (base.layers[0].digest,) and pushed.sent_bytes < 10_000
    assert extended(base).push(f"{registry.host}/podman/app:2").digest == pushed.digest
    try:
        podman("pull", "-q", "--tls-verify=false", str(pushed.name))
        assert run(str(pushed.name), "one", "two") == SAID
        found = json.loads(podman("image", "inspect", str(pushed.name)))[0]
        assert found["Digest"] == image.digest and found["Labels"] == {"made.by": "tests"}
        assert [line["created_by"] for line in found["History"]][-2:] == ["tidy", "code"]
    finally:
        podman("rmi", "-f", str(pushed.name), check=False)


def test_on_a_root_tar_as_an_archive(root_tar: Path, tmp_path: Path) -> None:
    image = extended(Image.open(root_tar))
    image.write_archive(tmp_path / "app.tar", OURS)
    try:
        assert OURS in podman("load", "-q", "-i", str(tmp_path / "app.tar"))
        assert run(OURS, "one", "two") == SAID
        assert podman("image", "inspect", "--format", "{{.Digest}}", OURS) == image.digest
    finally:
        podman("rmi", "-f", OURS, check=False)


def test_what_podman_saves(small: Image, tmp_path: Path) -> None:
    image = small.with_config(env={"A": "1"})
    image.write_archive(tmp_path / "app.tar", OURS)
    podman("load", "-q", "-i", str(tmp_path / "app.tar"))
    try:
        for form in ("oci-archive", "docker-archive"):
            path = tmp_path / f"{form}.tar"
            podman("save", "-q", "--format", form, "-o", str(path), OURS)
            saved = Image.from_archive(path)
            wanted = [layer.diff_id for layer in image.layers]
            assert [layer.diff_id for layer in saved.layers] == wanted
            assert saved.environment == {"A": "1"}
            assert Image.from_archive(path, OURS).config == saved.config
    finally:
        podman("rmi", "-f", OURS, check=False)


def test_from_scratch(registry: DockerRegistry) -> None:
    layer = build_layer([Entry.data("/hello", b"hi")])
    image = Image.scratch().with_layers(layer).with_config(cmd=["/hello"])
    name = f"{registry.host}/podman/scratch:1"
    image.push(name)
    try:
        podman("pull", "-q", "--tls-verify=false", name)
        container = podman("create", name)
        assert podman("diff", name) is not None
        podman("rm", container)
    finally:
        podman("rmi", "-f", name, check=False)
