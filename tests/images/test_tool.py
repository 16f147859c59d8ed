"""Container tools by their command lines; docker, which is not here, is played by a script."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from mlrun_like.errors import BuildError, InvalidArgumentError
from mlrun_like.images.bases import is_file, open_base
from mlrun_like.images.build import build_plan
from mlrun_like.images.builders import choose_builder
from mlrun_like.images.image import Image
from mlrun_like.images.plan import Plan, destination_of
from mlrun_like.images.registries import Registries
from mlrun_like.images.sending import Meter, later
from mlrun_like.images.tool import Tool, find_tool
from mlrun_like.images.transfer import Transfer
from tests.images.wheels import DEBIAN, base_with

DIGEST = "sha256:" + "a" * 64
DOCKER = f"""#!/bin/sh
echo "$@" >> "$(dirname "$0")/calls"
case "$1" in
  version) echo 24.0 ;;
  image) [ -e "$(dirname "$0")/has-$(echo "$5" | tr '/:' '__')" ] && echo {DIGEST} || exit 1 ;;
  build) cat "$(dirname "$0")/printed" 2>/dev/null
    exit $(cat "$(dirname "$0")/exit" 2>/dev/null || echo 0) ;;
  push) echo "1: digest: {DIGEST} size: 5" ;;
  load) echo "Loaded image ID: {DIGEST}" ;;
  save) cp "$(dirname "$0")/saved.tar" "$3" ;;
  tag) ;;
  *) exit 9 ;;
esac
"""


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a docker that notes how it is called."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "docker"
    program.write_text(DOCKER)
    program.chmod(0o755)
    for name in ("sh", "cat", "dirname", "tr", "cp", "mkdir"):
        for place in ("/bin", "/usr/bin"):
            if Path(place, name).exists() and not (folder / name).exists():
                (folder / name).symlink_to(Path(place, name))
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def base(tmp_path: Path) -> str:
    path = tmp_path / "base.tar"
    base_with(DEBIAN).write_archive(path)
    return str(path)


def plan(base: str) -> Plan:
    return Plan(base=base, package=False, files={"train.py": "x = 1\n"}, commands=("make",))


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_docker_builds_and_pushes(docker: Path, base: str) -> None:
    built = build_plan(plan(base), destination_of("host:5000/app:1"))
    assert built.builder == "docker" and built.digest == DIGEST and built.pushed_bytes is None
    words = [line.split()[0] for line in calls(docker)]
    assert words.count("build") == 2 and words[-1] == "push"
    lower = next(line for line in calls(docker) if line.startswith("build"))
    assert "--timestamp" not in lower and "Dockerfile.lower" in lower


def test_docker_takes_an_image(docker: Path, base: str) -> None:
    build_plan(Plan(base=base, package=False), destination_of("app:1"))
    assert [line.split()[0] for line in calls(docker)][-2:] == ["load", "tag"]
    assert calls(docker)[-1] == f"tag {DIGEST} localhost/app:1"


def test_a_base_that_only_docker_has(docker: Path, base: str) -> None:
    Path(base).rename(docker / "saved.tar")
    (docker / "has-localhost_mine_1").touch()
    said: list[str] = []
    with Registries() as registries:
        for _ in range(2):
            image = open_base("localhost/mine:1", "", registries, said.append)
    assert image.digest == Image.from_archive(docker / "saved.tar").digest
    assert said == ["taking the base image localhost/mine:1 from docker"]
    assert len([line for line in calls(docker) if line.startswith("save")]) == 1


@pytest.mark.parametrize(
    ("printed", "words"),
    [
        (
            'Error: building at STEP "RUN make": while running runtime: exit status 2',
            "'make' failed",
        ),
        ("Error: something else\n", "cannot be built: something else"),
        ("", "no reason given"),
        ("\x1b[31m\0 " * 1000, "cannot be built"),
        ("Error: pull https://me:hunter2@host/x", "https://***@host"),
    ],
)
def test_what_a_failed_build_says(docker: Path, base: str, printed: str, words: str) -> None:
    (docker / "printed").write_text(printed)
    (docker / "exit").write_text("1")
    with pytest.raises(BuildError) as caught:
        build_plan(plan(base), destination_of("app:1"))
    assert words in caught.value.what and "hunter2" not in caught.value.what
    assert len(caught.value.what) < 700


def test_which_tool(docker: Path, base: str) -> None:
    tool = find_tool()
    assert tool is not None and tool.name == "docker"
    assert choose_builder(plan(base)).name == "docker"
    assert Tool("podman").unavailable() == "podman is not installed"
    (docker / "docker").write_text("#!/bin/sh\necho 'Cannot connect to the daemon' >&2; exit 1\n")
    assert find_tool() is None
    with pytest.raises(BuildError, match="Cannot connect to the daemon"):
        choose_builder(plan(base))


def test_words_for_the_tool_that_do_not_split(docker: Path, base: str) -> None:
    bad = Plan(base=base, package=False, commands=("make",), extra_args='--volume "x')
    with pytest.raises(InvalidArgumentError, match="extra_args"):
        build_plan(bad, destination_of("app:1"))


def test_a_tool_that_hangs_or_is_gone(docker: Path) -> None:
    (docker / "docker").write_text("#!/bin/sh\nread line\nexit 0\n")
    assert Tool("docker").unavailable() == ""
    (docker / "docker").unlink()
    with pytest.raises(BuildError, match="not installed"):
        Tool("docker").image_id("x")


def test_files_as_bases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert is_file("base.tar"), "it means a file, which is not there"
    (tmp_path / "base.tar").touch()
    assert is_file("base.tar") and is_file("oci-archive:x") and not is_file("host/base:1.tar")


def test_progress_of_slow_work_only() -> None:
    said: list[str] = []
    with later(said.append, "slow"), Meter(said.append) as meter:
        for done in (1, 2):
            meter(Transfer("d", "moving", done, 10))
    assert said == []
    spoken = threading.Event()
    with later(lambda line: spoken.set(), "slow"), Meter(said.append) as meter:
        assert spoken.wait(10)
        time.sleep(0.1)
        meter(Transfer("d", "moving", 5_000_000, 10_000_000))
        meter(Transfer("e", "there", 0, 99))
    assert said == ["moved 5.0 MB of 10.0 MB"]
