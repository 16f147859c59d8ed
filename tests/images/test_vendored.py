"""Folders, files and repositories as wheels."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import BuildError
from mlrun_like.images.resolver import choose_resolver
from mlrun_like.images.vendored import fingerprint_of, local_of, vendor
from tests.images.wheels import make_wheel

PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tools"
version = "3.0"
"""
BACKEND = """
import zipfile
INFO = {
    "METADATA": "Metadata-Version: 2.1\\nName: tools\\nVersion: 3.0\\n",
    "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
}
def build_wheel(folder, config_settings=None, metadata_directory=None):
    name = "tools-3.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as file:
        file.writestr("tools.py", open("tools.py").read())
        for item, text in INFO.items():
            file.writestr(f"tools-3.0.dist-info/{item}", text)
        file.writestr("tools-3.0.dist-info/RECORD", "tools.py,,\\n")
    return name
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that builds without any other package."""
    folder = tmp_path / "tools"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "backend.py").write_text(BACKEND)
    (folder / "tools.py").write_text("X = 1\n")
    return folder


def test_what_is_local() -> None:
    assert local_of("pandas>=2; python_version > '3'") is None
    assert local_of("--index-url https://host/simple") is None
    assert local_of("x @ https://host/x-1-py3-none-any.whl") is None
    assert local_of("-e ./tools[plot]") is not None
    editable = local_of("--editable=/srv/tools")
    assert editable is not None and editable.place == "/srv/tools"
    git = local_of("tools[a,b] @ git+ssh://git@host/t.git@v1#subdirectory=x ; python_version>'3'")
    assert git is not None and git.extras == "[a,b]" and git.is_repository
    assert git.marker == "python_version>'3'"
    file = local_of("file:///srv/a%20b-1.whl")
    assert file is not None and file.place == "/srv/a b-1.whl"


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_a_folder_becomes_a_wheel(project: Path, tmp_path: Path, tool: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with config.override(image_resolver=tool):
        lines = vendor(["six", f"tools[x] @ {project.as_uri()}"], choose_resolver(), out)
    assert lines[0] == "six"
    assert lines[1] == f"tools[x] @ {(out / 'tools-3.0-py3-none-any.whl').as_uri()}"


def test_a_repository_at_a_tag_and_at_a_commit(project: Path, tmp_path: Path) -> None:
    if not shutil.which("git"):
        pytest.skip("git is not installed")
    repo = tmp_path / "repo"
    shutil.copytree(project, repo / "sub")
    git = ["git", "-C", str(repo), "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run(["git", "init", "-q", str(repo)], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    subprocess.run([*git, "tag", "v1"], check=True)
    done = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    for ref in ("v1", done.stdout.strip()):
        out = tmp_path / f"out-{ref}"
        out.mkdir()
        line = f"tools @ git+file://{repo}@{ref}#subdirectory=sub"
        assert "tools-3.0" in vendor([line], choose_resolver(), out)[0]
    with pytest.raises(BuildError, match="cannot be cloned"):
        vendor([f"git+file://{repo}@nothing"], choose_resolver(), tmp_path)
    with pytest.raises(BuildError, match="no folder of the repository"):
        vendor([f"git+file://{repo}#subdirectory=../.."], choose_resolver(), tmp_path)


def test_a_wheel_is_copied(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path / "in", "thing", "2.0")
    out = tmp_path / "out"
    out.mkdir()
    assert vendor([str(wheel)], choose_resolver(), out) == [
        f"thing @ {(out / wheel.name).as_uri()}"
    ]
    assert (out / wheel.name).read_bytes() == wheel.read_bytes()


def test_the_fingerprint_is_of_the_content(project: Path) -> None:
    local = local_of(str(project))
    assert local is not None
    before = fingerprint_of(local)
    (project / "__pycache__").mkdir()
    (project / "__pycache__" / "x.pyc").write_text("")
    assert fingerprint_of(local) == before
    (project / "tools.py").write_text("X = 2\n")
    assert fingerprint_of(local) != before


def test_what_cannot_be_a_wheel(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="does not exist"):
        vendor(["./nothing-here"], choose_resolver(), tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(BuildError, match="cannot be made a wheel") as caught:
        vendor([str(tmp_path / "empty")], choose_resolver(), tmp_path)
    assert "pyproject.toml" in caught.value.fix
    with pytest.raises(BuildError, match="cannot be cloned"):
        vendor(["x @ git+file://--upload-pack=touch"], choose_resolver(), tmp_path)
