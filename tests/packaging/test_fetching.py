"""Sources from repositories, archives and folders; whole or not at all."""

from __future__ import annotations

import base64
import http.server
import subprocess
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, NotFoundError, PackagingError
from mlrun_like.packaging.fetching import clone, fetch_source


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "pack").mkdir(parents=True)
    (folder / "main.py").write_text("x = 1\n")
    (folder / "pack" / "__init__.py").write_text("")
    return folder


@pytest.fixture
def repository(project: Path) -> str:
    git = ["git", "-C", str(project), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    subprocess.run([*git, "branch", "other"], check=True)
    (project / "main.py").write_text("x = 2\n")
    subprocess.run([*git, "commit", "-q", "-a", "-m", "two"], check=True)
    return f"git+file://{project}"


def test_a_folder(project: Path, tmp_path: Path) -> None:
    (project / ".git").mkdir()
    (project / "__pycache__").mkdir()
    found = fetch_source(str(project), tmp_path / "out")
    assert sorted(path.name for path in found.iterdir()) == ["main.py", "pack"]
    assert fetch_source(f"file://{project}", tmp_path / "again") == tmp_path / "again"


def test_archives_lose_their_one_top_folder(project: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        tar.add(project, "name-1.0")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(project / "main.py", "main.py")
        archive.write(project / "main.py", "pack/other.py")
    one = fetch_source(str(tmp_path / "a.tar.gz"), tmp_path / "one")
    two = fetch_source((tmp_path / "b.zip").as_uri(), tmp_path / "two")
    assert (one / "main.py").read_text() == "x = 1\n" and (one / "pack").is_dir()
    assert (two / "main.py").exists() and (two / "pack" / "other.py").exists()


def test_a_repository_by_branch_and_commit(repository: str, project: Path, tmp_path: Path) -> None:
    assert (fetch_source(repository, tmp_path / "a") / "main.py").read_text() == "x = 2\n"
    for number, ref in enumerate(("other", "refs/heads/other")):
        found = fetch_source(f"{repository}#{ref}", tmp_path / f"b{number}")
        assert (found / "main.py").read_text() == "x = 1\n"
        assert not (found / ".git").exists()
    plain = fetch_source(f"{project}#refs/heads/other", tmp_path / "plain")
    assert (plain / "main.py").read_text() == "x = 1\n"
    words = ["git", "-C", str(project), "rev-parse", "other"]
    commit = subprocess.run(words, check=True, capture_output=True, text=True).stdout.strip()
    assert (fetch_source(f"{repository}#{commit}", tmp_path / "c") / "main.py").exists()


@pytest.mark.parametrize(
    ("source", "kind", "words"),
    [
        ("git+file:///nothing/here", PackagingError, "cannot be cloned"),
        ("git://--upload-pack=x", PackagingError, "cannot be cloned"),
        ("{repo}#nothing", PackagingError, "cannot be cloned"),
        ("{repo}#--orphan", PackagingError, "cannot be cloned"),
        ("/nothing/here.zip", NotFoundError, "no archive"),
        ("/nothing/here", NotFoundError, "no folder"),
        ("https://host/page.html", InvalidArgumentError, "neither a repository nor an archive"),
        ("", InvalidArgumentError, "empty"),
        ("  ", InvalidArgumentError, "empty"),
    ],
)
def test_what_cannot_be_fetched(
    repository: str, tmp_path: Path, source: str, kind: type[MLRunLikeError], words: str
) -> None:
    out = tmp_path / "folder" / "out"
    out.parent.mkdir()
    with pytest.raises(kind, match=words):
        fetch_source(source.replace("{repo}", repository), out)
    assert not list(out.parent.iterdir())


def test_broken_and_hostile_archives(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(b"no zip")
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.writestr("../../evil.py", "")
    with tarfile.open(tmp_path / "c.tar.gz", "w:gz") as tar:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)
    for name in ("a.zip", "b.zip", "c.tar.gz"):
        with pytest.raises(MLRunLikeError):
            fetch_source(str(tmp_path / name), tmp_path / "out")
        assert not (tmp_path / "out").exists()
    assert not (tmp_path.parent / "evil.py").exists()


def test_what_is_there_stays(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    assert (fetch_source(str(project), out) / "main.py").exists()
    with pytest.raises(InvalidArgumentError, match="there already"):
        fetch_source(str(project), out)


class _Recorder(http.server.BaseHTTPRequestHandler):
    seen: list[str] = []  # noqa: RUF012 - one list for the one server

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization") or "")
        self.send_response(404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Be quiet."""


@pytest.fixture
def host() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Recorder)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_login_is_sent_and_never_shown(host: str, tmp_path: Path) -> None:
    secrets = {"GIT_USERNAME": "ann", "GIT_TOKEN": "hunter2"}
    with pytest.raises(PackagingError) as caught:
        fetch_source(f"git+{host}/r.git#main", tmp_path / "out", secrets)
    wanted = "Basic " + base64.b64encode(b"ann:hunter2").decode()
    assert wanted in _Recorder.seen
    assert "hunter2" not in str(caught.value) and wanted not in str(caught.value)
    with pytest.raises(subprocess.SubprocessError) as failed:
        clone(f"{host.replace('://', '://bob:pw@')}/r.git", "", tmp_path / "x")
    assert "pw@" not in str(failed.value)
