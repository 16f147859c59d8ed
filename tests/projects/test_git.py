"""Projects in git: real repositories, over files, git's own protocol and archives."""

from __future__ import annotations

import http.server
import socket
import subprocess
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from mlrun_like.errors import ConflictError, InvalidArgumentError, PackagingError
from mlrun_like.projects import get_or_create_project, load_project, new_project
from mlrun_like.projects.git import (
    Repository,
    clone_repository,
    hide_login,
    is_repository_url,
    split_git_url,
)

Git = Callable[..., str]


@pytest.fixture
def daemon(origin: Path) -> Iterator[str]:
    """The address of a git daemon that serves the repository."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = ["git", "daemon", "--reuseaddr", "--export-all", "--listen=127.0.0.1"]
    words += [f"--port={port}", f"--base-path={origin.parent}", str(origin.parent)]
    with subprocess.Popen(words, stderr=subprocess.DEVNULL) as process:
        for _ in range(100):
            with socket.socket() as trial:
                if trial.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        else:
            process.kill()
            pytest.skip("git daemon does not start here")
        yield f"git+git://127.0.0.1:{port}/{origin.name}"
        process.terminate()


def test_load_from_a_repository(origin: Path, tmp_path: Path) -> None:
    url = f"git+file://{origin}#refs/heads/main"
    project = load_project(tmp_path / "here", url)
    assert project.name == "fromgit" and project.source == url
    assert project.run_function("train", params={"depth": 3}).output("return") == 6
    assert not (tmp_path / "here" / "new.txt").exists()
    project.pull("next")
    assert (tmp_path / "here" / "new.txt").exists()
    # a folder that holds the project already is used as it is
    (tmp_path / "here" / "mine.txt").write_text("mine")
    load_project(tmp_path / "here", url)
    assert (tmp_path / "here" / "mine.txt").exists()
    load_project(tmp_path / "here", url, clone=True)
    assert not (tmp_path / "here" / "mine.txt").exists()


@pytest.mark.slow
def test_refs(origin: Path, tmp_path: Path, git: Git) -> None:
    commit = git("rev-parse", "next", cwd=origin)
    git("tag", "v1", "next", cwd=origin)
    for number, ref in enumerate(("next", "refs/heads/next", "refs/tags/v1", "v1", commit)):
        repository = clone_repository(f"git+file://{origin}#{ref}", tmp_path / str(number))
        assert repository.commit_id() == commit
    with pytest.raises(PackagingError, match=r"did not match|unknown|pathspec"):
        clone_repository(f"git+file://{origin}#nope", tmp_path / "x")
    assert not (tmp_path / "x").exists() and not list(tmp_path.glob(".clone-*"))


def test_gits_own_protocol(daemon: str, tmp_path: Path) -> None:
    project = get_or_create_project("fromgit", tmp_path / "d", f"{daemon}#next")
    assert (tmp_path / "d" / "new.txt").exists() and project.params == {"depth": 3}


def test_push_and_pull_between_two_folders(origin: Path, tmp_path: Path, git: Git) -> None:
    url = f"git+file://{origin}#refs/heads/main"
    first, second = load_project(tmp_path / "a", url), load_project(tmp_path / "b", url)
    first.params["depth"] = 9
    (tmp_path / "a" / "more.py").write_text("x = 1\n")
    first.push("main", "better", add=["more.py"], author_name="Bob", author_email="b@x.org")
    assert git("log", "-1", "--format=%an %ae %s", "main", cwd=origin) == "Bob b@x.org better"
    second.pull()
    assert second.reload().params == {"depth": 9}
    assert (tmp_path / "b" / "more.py").exists()
    first.push()  # nothing changed: nothing is committed, and that is no error
    second.params["depth"] = 10
    second.save()
    assert second.repository().changed() == ["project.yaml"]


def test_remotes(folder: Path, tmp_path: Path, git: Git) -> None:
    bare = tmp_path / "bare.git"
    git("init", "--quiet", "--bare", str(bare))
    project = new_project("demo", folder, init_git=True)
    with pytest.raises(InvalidArgumentError, match="no remote 'origin'"):
        project.push("main", add=["."])
    project.create_remote(f"git+file://{bare}")
    project.push("main", "first", add=["."])
    assert "train.py" in git("ls-tree", "--name-only", "main", cwd=bare)
    with pytest.raises(ConflictError, match="overwrite=True"):
        project.create_remote("git://host/other.git")
    project.set_remote("git://host/other.git", branch="dev")
    assert project.repository().remotes() == {"origin": "https://host/other.git"}
    assert project.source == "git://host/other.git#refs/heads/dev"
    project.remove_remote("origin")
    project.remove_remote("origin")  # only a warning
    assert project.repository().remotes() == {}


def test_secrets_are_not_pushed(folder: Path, tmp_path: Path, git: Git) -> None:
    git("init", "--quiet", "--bare", str(tmp_path / "bare.git"))
    project = new_project("demo", folder, remote=f"git+file://{tmp_path / 'bare.git'}")
    (folder / "my.env").write_text("TOKEN=very-secret-value\n")
    project.set_secrets(file_path=folder / "my.env")
    with pytest.raises(ConflictError, match=r"'my.env' holds the value of the secret 'TOKEN'"):
        project.push("main", add=["."])
    assert project.repository().commit_id() == ""
    (folder / ".gitignore").write_text("*.env\n")
    project.push("main", add=["."])
    assert "my.env" not in git("ls-tree", "--name-only", "main", cwd=tmp_path / "bare.git")


def test_no_repository(folder: Path) -> None:
    project = new_project("demo", folder)
    with pytest.raises(PackagingError, match="not a git repository"):
        project.pull()
    with pytest.raises(InvalidArgumentError, match="on this machine"):
        project.set_source("./", pull_at_runtime=True)
    project.set_source("git://host/x.git#main", workdir="src", pull_at_runtime=True)
    made = project.set_function("train.py", "repo", image="i:1", with_repo=True)
    assert made.spec.build.source == "git://host/x.git#main"
    assert (made.spec.command, made.spec.workdir) == ("train.py", "src")


class _Page(http.server.BaseHTTPRequestHandler):
    seen: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization") or "")
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def test_a_login_is_sent_and_never_shown(
    tmp_path: Path, git: Git, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/x.git"
        with pytest.raises(PackagingError) as caught:
            load_project(tmp_path / "x", url, secrets={"GIT_TOKEN": "very-secret"})
        with pytest.raises(PackagingError) as other:
            load_project(tmp_path / "x", url.replace("//", "//ann:pass-word@"))
        server.shutdown()
        thread.join()
    assert any(word.startswith("Basic ") for word in _Page.seen)
    assert "very-secret" not in str(caught.value) and "pass-word" not in str(other.value)


def test_addresses() -> None:
    assert split_git_url("git+ssh://git@host/x.git#v1") == ("ssh://git@host/x.git", "v1")
    assert is_repository_url("git@host:owner/x.git") and not is_repository_url("x.git.zip")
    for wrong in ("--upload-pack=evil", "git+--evil", "git://h/x.git#--evil"):
        with pytest.raises(InvalidArgumentError):
            split_git_url(wrong)
    assert hide_login("a https://u:p@h/x b") == "a https://***@h/x b"


def test_a_folder_that_is_in_use(origin: Path, tmp_path: Path, git: Git) -> None:
    del git
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(InvalidArgumentError, match="not empty"):
        load_project(tmp_path / "full", f"git+file://{origin}")
    assert (tmp_path / "full" / "thesis.txt").exists()
    assert Repository.at(tmp_path / "full") is None


@pytest.mark.slow
def test_archives(folder: Path, tmp_path: Path) -> None:
    project = new_project("demo", folder)
    (folder / "prod.env").write_text("TOKEN=1")
    project.set_function("train.py", "train", kind="local", handler="train")
    project.export(tmp_path / "p.zip")
    names = zipfile.ZipFile(tmp_path / "p.zip").namelist()
    assert names == ["project.yaml", "train.py"]
    loaded = load_project(tmp_path / "unpacked", tmp_path / "p.zip")
    assert loaded.run_function("train").output("return") == 4
    handler = partial(_Files, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/p.zip"
        assert load_project(tmp_path / "web", url).name == "demo"
        server.shutdown()
        thread.join()


class _Files(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


def test_a_hostile_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../evil.txt", "x")
    with pytest.raises(InvalidArgumentError, match="outside"):
        load_project(tmp_path / "e", tmp_path / "evil.zip")
    assert not (tmp_path / "evil.txt").exists() and not (tmp_path.parent / "evil.txt").exists()
