"""uv and pip choose and install from a folder of wheels."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import BuildError, ConfigError
from mlrun_like.images.resolver import Resolver, choose_resolver
from mlrun_like.images.target import Target
from tests.images.wheels import index_lines, make_wheel

TARGET = Target("3.11")


@pytest.fixture(params=["uv", "pip"])
def resolver(request: pytest.FixtureRequest) -> Resolver:
    """Both."""
    with config.override(image_resolver=request.param):
        return choose_resolver()


@pytest.fixture
def index(tmp_path: Path) -> Path:
    """A folder with two versions of `one`, and `two` that needs it."""
    folder = tmp_path / "index"
    make_wheel(folder, "one", "1.0")
    make_wheel(folder, "one", "2.0")
    make_wheel(folder, "two", "1.0", requires=["one>=1"])
    make_wheel(folder, "win", "1.0", tag="cp311-cp311-win_amd64")
    make_wheel(folder, "elf", "1.0", tag="cp312-cp312-manylinux_2_28_aarch64")
    return folder


def lock(resolver: Resolver, lines: list[str], tmp_path: Path, **preferred: str) -> str:
    folder = tmp_path / f"work{len(list(tmp_path.iterdir()))}"
    folder.mkdir()
    return resolver.lock(lines, preferred, TARGET, folder)


def test_a_lock_has_versions_and_digests(resolver: Resolver, index: Path, tmp_path: Path) -> None:
    text = lock(resolver, [*index_lines(index), "two"], tmp_path)
    assert "one==2.0" in text and "two==1.0" in text
    assert text.count("--hash=sha256:") == 2


def test_preferred_versions_are_taken_where_they_fit(
    resolver: Resolver, index: Path, tmp_path: Path
) -> None:
    lines = [*index_lines(index), "two"]
    assert "one==1.0" in lock(resolver, lines, tmp_path, one="1.0")
    assert "one==2.0" in lock(resolver, [*lines, "one>=2"], tmp_path, one="1.0")
    assert "one==2.0" in lock(resolver, lines, tmp_path, one="0.5")


@pytest.mark.parametrize("line", ["one==7", "nowhere>=1", "win", "elf"])
def test_what_cannot_be_met_is_named(
    resolver: Resolver, index: Path, tmp_path: Path, line: str
) -> None:
    with pytest.raises(BuildError, match=r"cannot be met|no wheel") as caught:
        lock(resolver, [*index_lines(index), "two", line], tmp_path)
    assert repr(line) in caught.value.what
    assert "Python 3.11 on linux/amd64" in caught.value.what


def test_another_platform(resolver: Resolver, index: Path, tmp_path: Path) -> None:
    target = Target("3.12", "linux/arm64")
    text = resolver.lock([*index_lines(index), "elf"], {}, target, tmp_path)
    out = tmp_path / "out"
    resolver.install(text, index_lines(index), target, out)
    assert (out / "elf.py").is_file()


def test_installing_a_lock(resolver: Resolver, index: Path, tmp_path: Path) -> None:
    text = lock(resolver, [*index_lines(index), "two"], tmp_path)
    out = tmp_path / "out"
    resolver.install(text, index_lines(index), TARGET, out)
    assert (out / "one.py").read_text() == "VERSION = '2.0'\n"
    assert (out / "two-1.0.dist-info").is_dir()
    changed = text.replace("sha256:", "sha256:0")[:-1]
    with pytest.raises(BuildError):
        resolver.install(changed, index_lines(index), TARGET, tmp_path / "other")


def test_the_setting_is_checked() -> None:
    with config.override(image_resolver="conda"), pytest.raises(ConfigError, match="conda"):
        choose_resolver()


def test_without_resolver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setattr("sys.executable", str(fake))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="neither uv nor pip"):
        choose_resolver()
