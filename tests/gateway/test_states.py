"""What is deployed, in files: whole or not at all, and one broken file hurts nobody else."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from mlrun_like.errors import ConflictError, InvalidArgumentError, StoreUnavailableError
from mlrun_like.gateway.deployment import Deployment, Options, Share, Version
from mlrun_like.gateway.places import control_socket, private_folder, write_private
from mlrun_like.gateway.states import DeploymentFiles, check_key


def deployment(name: str = "f", secret: str = "s3cret") -> Deployment:
    version = Version(1, "nuclio", {"kind": "nuclio"}, Options(env={"TOKEN": secret}), digest="d")
    return Deployment("p", name, {1: version}, [Share(1, 100.0)])


def test_round_trip(tmp_path: Path) -> None:
    files = DeploymentFiles(tmp_path)
    assert files.load() == {}
    files.save(deployment())
    assert DeploymentFiles(tmp_path).load()["p/f"] == deployment()
    assert stat.S_IMODE(files.path("p/f").stat().st_mode) == 0o600
    files.delete("p/f")
    files.delete("p/f")
    assert DeploymentFiles(tmp_path).load() == {} and files.set_aside == []


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", '"x"', "{}", "\x00\x01", '{"project": "p"}',
        '{"project": "p", "name": "broken", "versions": []}',
        '{"project": "p", "name": "broken", "versions": 5, "traffic": []}',
        '{"project": "p", "name": "broken", "versions": [{"number": 1}], "traffic": []}',
        '{"project": "../x", "name": "broken", "versions": [], "traffic": []}',
        "[" * 100_000,
    ],
)  # fmt: skip
def test_a_broken_file_is_set_aside_and_named(tmp_path: Path, text: str) -> None:
    files = DeploymentFiles(tmp_path)
    files.save(deployment("good"))
    files.path("p/broken").write_text(text)
    assert list(files.load()) == ["p/good"]
    assert "broken.json" in files.set_aside[0] and "s3cret" not in files.set_aside[0]
    assert (tmp_path / "functions/p/broken.json.broken").is_file()
    again = DeploymentFiles(tmp_path)
    assert list(again.load()) == ["p/good"] and again.set_aside == []


def test_traffic_to_nobody_is_broken(tmp_path: Path) -> None:
    files = DeploymentFiles(tmp_path)
    wrong = deployment()
    wrong.traffic = [Share(7, 100.0)]
    files.save(wrong)
    assert files.load() == {} and "version 7" in files.set_aside[0]


def test_killed_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    files = DeploymentFiles(tmp_path)
    files.save(deployment())
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from mlrun_like.gateway import places\n"
        "os.replace = lambda *_: os._exit(9)\n"
        "places.write_private(Path(sys.argv[1]), 'half')\n"
    )
    path = files.path("p/f")
    assert subprocess.run([sys.executable, "-c", code, str(path)], timeout=60).returncode == 9
    assert len(list(path.parent.iterdir())) == 2
    assert files.load()["p/f"] == deployment()
    assert list(path.parent.iterdir()) == [path]  # what was left is removed


@pytest.mark.parametrize(
    "key", ["", "f", "/", "p/", "/f", "../f", "p/..", "p/a/b", "p/a b", "p/\0"]
)
def test_keys_that_are_no_paths(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidArgumentError, match="names no deployed function"):
        check_key(key)
    with pytest.raises(InvalidArgumentError):
        DeploymentFiles(tmp_path).path(key)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StoreUnavailableError, match="cannot write") as caught:
        private_folder(file / "gateway")
    assert "MLRUN_LIKE_HOME" in caught.value.fix
    with pytest.raises(StoreUnavailableError):
        write_private(file / "x.json", "{}")


def test_a_long_home_has_its_socket_elsewhere(tmp_path: Path) -> None:
    short = Path("/h/gateway")
    assert control_socket(short) == short / "control.sock"
    long = tmp_path / ("x" * 120)
    found = control_socket(long)
    assert len(os.fsencode(found)) <= 100 and found == control_socket(long)
    assert found != control_socket(tmp_path / ("y" * 120))


def test_a_socket_folder_of_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = tmp_path / f"mlrun-like-{os.getuid()}"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    with pytest.raises(ConflictError, match="not private"):
        control_socket(tmp_path / ("x" * 120))


def test_the_file_is_readable_json(tmp_path: Path) -> None:
    files = DeploymentFiles(tmp_path)
    files.save(deployment())
    found = json.loads(files.path("p/f").read_text())
    assert found["versions"][0]["options"] == {"env": {"TOKEN": "s3cret"}}
