"""Files at URLs: local, memory, web, and what is said about the others."""

from __future__ import annotations

import http.server
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.artifacts.credentials import credential, storage_options
from mlrun_like.artifacts.data import open_url
from mlrun_like.artifacts.item import get_dataitem, set_in_memory_item
from mlrun_like.artifacts.local import TEMPORARY
from mlrun_like.artifacts.stores import SCHEMES, join_url, redact, scheme_of
from mlrun_like.errors import (
    InvalidArgumentError,
    MissingDependencyError,
    MissingFileError,
    StoreUnavailableError,
    UnknownNameError,
)


@pytest.mark.parametrize("prefix", ["", "file://"])
def test_local_put_stat_delete(tmp_path: Path, prefix: str) -> None:
    item = get_dataitem(f"{prefix}{tmp_path}/new/folder/a.txt")
    item.put("test string")
    assert item.stat().size == 11
    assert item.stat().content_type == "text/plain"
    assert (item.get(), item.get(encoding="utf-8"), item.get(4, offset=5)) == (
        b"test string", "test string", b"stri",
    )  # fmt: skip
    assert (item.kind, item.suffix, item.exists()) == ("file", ".txt", True)
    item.put("!", append=True)
    assert item.get() == b"test string!"
    item.delete()
    with pytest.raises(FileNotFoundError):
        item.stat()
    with pytest.raises(MissingFileError, match="does not exist"):
        item.get()
    assert not item.exists()
    item.delete()


def test_local_percent_and_tilde(tmp_path: Path) -> None:
    get_dataitem(f"file://{tmp_path}/a%20b.txt").put("x")
    assert (tmp_path / "a b.txt").read_text() == "x"
    assert get_dataitem(f"file://localhost{tmp_path}/a%20b.txt").get() == b"x"


def test_local_folder(tmp_path: Path) -> None:
    folder = get_dataitem(str(tmp_path))
    folder.child("sub/b.txt").put("b")
    folder.child("a.txt").put("a")
    (tmp_path / f"{TEMPORARY}left").write_text("unfinished")
    assert folder.ls() == ["a.txt", "sub/"]
    assert folder.listdir() == ["a.txt", "sub"]
    assert folder.isdir() and folder.stat().is_dir
    with pytest.raises(InvalidArgumentError, match="Is a directory"):
        folder.get()
    with pytest.raises(InvalidArgumentError, match="Is a directory|cannot be used"):
        folder.put("x")
    with pytest.raises(InvalidArgumentError, match="recursive"):
        folder.delete()
    with pytest.raises(InvalidArgumentError, match="Not a directory"):
        folder.child("a.txt").ls()
    copy = tmp_path / "copy"
    folder.child("sub").download(copy)
    assert (copy / "b.txt").read_text() == "b"
    get_dataitem("memory://up").upload(copy)
    assert get_dataitem("memory://up/b.txt").get() == b"b"
    folder.child("sub").delete(recursive=True)
    assert folder.listdir() == ["a.txt", "copy"]


def test_local_open_is_atomic(tmp_path: Path) -> None:
    item = open_url(tmp_path / "a.txt")
    item.put("old")
    with pytest.raises(RuntimeError), item.open("w") as file:
        file.write("half")
        raise RuntimeError("killed")
    assert item.get() == b"old"
    with pytest.raises(RuntimeError), item.open("wb") as file:
        file.write(b"half")
        raise RuntimeError("killed")
    with item.open("w") as file:
        file.write("né")
        assert item.get() == b"old"
    assert item.get(encoding="utf-8") == "né"
    with item.open("r") as file:
        assert file.read() == "né"
    with item.open("a") as file:
        file.write("w")
    assert item.get(encoding="utf-8") == "néw"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_local_write_fails_half_way(tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise RuntimeError("source broke")

    item = open_url(tmp_path / "a.bin")
    item.put(b"old")
    with pytest.raises(RuntimeError):
        item.write(chunks())
    assert item.get() == b"old"
    assert os.listdir(tmp_path) == ["a.bin"]


def test_writer_killed_half_way(tmp_path: Path) -> None:
    """Whatever moment the writer is killed at, the file is the old one or a whole new one."""
    target = tmp_path / "a.bin"
    target.write_bytes(b"0" * 1_000_000)
    code = textwrap.dedent(
        f"""
        from mlrun_like.artifacts.data import open_url
        item, n = open_url({str(target)!r}), 0
        print("ready", flush=True)
        while True:
            n = (n + 1) % 10
            item.write([str(n).encode() * 100_000] * 10)
        """
    )
    for wait in (0.0, 0.013, 0.031, 0.052):
        child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(wait)
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        data = target.read_bytes()
        assert len(data) == 1_000_000 and len(set(data)) == 1
    assert get_dataitem(str(tmp_path)).listdir() == ["a.bin"]


def test_local_devices_are_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    item = open_url(tmp_path / "pipe")
    got: list[bytes] = []
    reader = threading.Thread(target=lambda: got.append((tmp_path / "pipe").read_bytes()))
    reader.start()
    item.put(b"through")
    reader.join(10)
    assert got == [b"through"]
    assert (tmp_path / "pipe").is_fifo()


@pytest.mark.parametrize("url", ["", "  ", "a\0b", None, 3])
def test_hostile_urls(url: Any) -> None:
    with pytest.raises((InvalidArgumentError, TypeError)):
        get_dataitem(url)


def test_long_name(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="too long"):
        open_url(tmp_path / ("x" * 300)).put(b"")
    open_url(tmp_path / ("x" * 255)).put(b"fits")


@pytest.mark.parametrize("data", [{"a": 1}, 5, None, ["x"]])
def test_put_takes_only_text_and_bytes(tmp_path: Path, data: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="put"):
        open_url(tmp_path / "a").put(data)
    assert not (tmp_path / "a").exists()


def test_get_hostile_arguments(tmp_path: Path) -> None:
    item = open_url(tmp_path / "a")
    item.put(b"\xff\xfe\xfa")
    with pytest.raises(InvalidArgumentError, match="not utf-8 text"):
        item.get(encoding="utf-8")
    with pytest.raises(InvalidArgumentError, match="not nonsense text"):
        item.get(encoding="nonsense")
    with pytest.raises(InvalidArgumentError):
        item.get(-1)
    assert item.get(0) == b"" and item.get(5, offset=50) == b""


def test_memory() -> None:
    item = get_dataitem("memory:///path/file.txt")
    item.put("test string")
    assert item.stat().size == 11
    item.put(b"!", append=True)
    assert item.get(7, offset=5) == b"string!"
    with item.open("w") as file:
        file.write("new")
    with item.open("ab") as file:
        file.write(b"er")
    assert item.get() == b"newer"
    assert get_dataitem("memory:///path").ls() == ["file.txt"]
    item.delete()
    with pytest.raises(MissingFileError, match="item /path/file.txt not found in memory store"):
        item.stat()
    get_dataitem("memory:///path/to/not_exist.txt").delete()
    with pytest.raises(InvalidArgumentError):
        get_dataitem("memory://")
    with pytest.raises(InvalidArgumentError, match="int"):
        set_in_memory_item("x", 3)
    with pytest.raises(InvalidArgumentError, match="not a folder"):
        get_dataitem(set_in_memory_item("single", "x")).ls()


def test_local_copy_of_a_remote_item() -> None:
    set_in_memory_item("deep/a.csv", "x\n1\n")
    item = get_dataitem("memory://deep/a.csv")
    path = Path(item.local())
    assert path.name == "a.csv" and path.read_text() == "x\n1\n"
    assert item.local() == str(path)
    item.remove_local()
    assert not path.exists()
    with pytest.raises(MissingFileError):
        get_dataitem("memory://deep/none").local()


def test_download_never_leaves_its_folder(tmp_path: Path) -> None:
    set_in_memory_item("evil/../../outside.txt", b"x")
    set_in_memory_item("evil/ok.txt", b"x")
    with pytest.raises(InvalidArgumentError, match="outside"):
        get_dataitem("memory://evil").download(tmp_path / "in" / "side")
    assert not list(tmp_path.rglob("outside.txt"))


def test_unknown_scheme_lists_the_known() -> None:
    with pytest.raises(UnknownNameError, match="unsupported store scheme 's4'") as caught:
        get_dataitem("s4://bucket/key")
    assert "gs://" in str(caught.value) and "store://" in str(caught.value)
    with pytest.raises(ValueError, match="nope"):
        get_dataitem("nope://x")


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [
        ("s3://bucket/key", "s3fs", "s3"),
        ("gs://bucket/key", "gcsfs", "gcs"),
        ("az://container/key", "adlfs", "azure"),
        ("wasbs://c@account/key", "adlfs", "azure"),
        ("v3io:///projects/x", "v3iofs", "v3io"),
        ("oss://bucket/key", "ossfs", "oss"),
    ],
)
def test_missing_package_names_the_extra(url: str, package: str, extra: str) -> None:
    try:
        __import__(package)
    except ImportError:
        with pytest.raises(MissingDependencyError, match=package) as caught:
            get_dataitem(url)
        assert f"mlrun-like[{extra}]" in caught.value.fix


def test_every_scheme_row_loads() -> None:
    for row in set(SCHEMES.values()):
        module, _, name = row.partition(":")
        assert hasattr(__import__(module, fromlist=[name]), name)


def test_fsspec_file_system(tmp_path: Path) -> None:
    """Through fsspec's own implementations that need no package."""
    item = get_dataitem(f"local://{tmp_path}/deep/er/a.txt")
    assert item.kind == "local"
    item.put("hello")
    assert item.get(3, offset=1) == b"ell"
    item.put("!", append=True)
    assert item.get() == b"hello!"
    assert item.stat().size == 6 and item.stat().modified is not None
    assert get_dataitem(f"local://{tmp_path}/deep").ls() == ["er/"]
    with item.open("w") as file:
        file.write("né")
    with item.open("r") as file:
        assert file.read() == "né"
    get_dataitem(f"local://{tmp_path}/deep").download(tmp_path / "copy")
    assert (tmp_path / "copy" / "er" / "a.txt").read_text(encoding="utf-8") == "né"
    item.delete()
    item.delete()
    with pytest.raises(MissingFileError):
        item.get()
    with pytest.raises((InvalidArgumentError, StoreUnavailableError)):
        get_dataitem(f"local://{tmp_path}").get()


def test_credentials_order(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "MLRUN_K8S_SECRET__AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    assert credential("AWS_ACCESS_KEY_ID") is None
    monkeypatch.setenv("MLRUN_K8S_SECRET__AWS_ACCESS_KEY_ID", "project")
    assert credential("AWS_ACCESS_KEY_ID") == "project"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "env")
    assert credential("AWS_ACCESS_KEY_ID") == "env"
    assert credential("AWS_ACCESS_KEY_ID", lambda name: None) == "env"
    assert credential("AWS_ACCESS_KEY_ID", {"AWS_ACCESS_KEY_ID": "given"}.get) == "given"
    options = storage_options("s3", {"AWS_SECRET_ACCESS_KEY": "s", "S3_NON_ANONYMOUS": "false"})
    assert options["key"] == "env" and options["secret"] == "s" and options["anon"] is True
    assert storage_options("gs", {"GCP_CREDENTIALS": '{"a": 1}'}) == {"token": {"a": 1}}
    with pytest.raises(InvalidArgumentError) as caught:
        storage_options("gs", {"GCP_CREDENTIALS": "s3cr3t"})
    assert "s3cr3t" not in str(caught.value)
    azure = storage_options("az", {"AZURE_STORAGE_ACCOUNT_NAME": "n", "AZURE_TENANT_ID": "t"})
    assert azure == {"account_name": "n", "tenant_id": "t"}


def test_names() -> None:
    assert scheme_of("a/b://c") == "" and scheme_of("C:/x") == ""
    assert redact("s3://key:secret@bucket/a?x=1") == "s3://bucket/a"
    assert redact("wasbs://container@account/a") == "wasbs://container@account/a"
    assert redact("https://[bad/x?sig=1") == "https://..."
    assert join_url("/", "a", "", "b/") == "/a/b/"
    assert join_url("", "a") == "a"


class _Handler(http.server.BaseHTTPRequestHandler):
    seen: list[str | None]

    def do_GET(self) -> None:
        self.seen.append(self.headers.get("Authorization"))
        if self.path.startswith("/away"):
            self.send_response(302)
            port = self.server.server_address[1]
            self.send_header("Location", f"http://127.0.0.1:{port}/a.csv")
            self.end_headers()
            return
        if not self.path.startswith("/a.csv"):
            self.send_error(403 if "secret" in self.path else 404)
            return
        data = b"x,y\n1,2\n"
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "text/csv")
        self.send_header("Last-Modified", "Tue, 01 Jan 2030 00:00:00 GMT")
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""


@pytest.fixture
def web() -> Iterator[str]:
    _Handler.seen = []
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_web_reads(web: str, tmp_path: Path) -> None:
    item = get_dataitem(f"{web}/a.csv?token=secret")
    assert item.get() == b"x,y\n1,2\n"
    assert item.get(3, offset=2) == b"y\n1"
    assert item.suffix == ".csv" and "secret" not in str(item)
    found = item.stat()
    assert (found.size, found.content_type) == (8, "text/csv")
    assert found.modified is not None and found.modified.year == 2030
    assert item.as_df().y.tolist() == [2]
    assert Path(item.local()).read_bytes() == b"x,y\n1,2\n"
    item.remove_local()
    with item.open("r") as file:
        assert file.read() == "x,y\n1,2\n"
    assert item.exists() and not get_dataitem(f"{web}/none").exists()


def test_web_errors(web: str) -> None:
    item = get_dataitem(f"{web}/a.csv")
    for call in (lambda: item.put("x"), item.delete, item.ls, lambda: item.open("w")):
        with pytest.raises(InvalidArgumentError, match="read only|listed"):
            call()
    with pytest.raises(MissingFileError):
        get_dataitem(f"{web}/none").get()
    with pytest.raises(StoreUnavailableError, match="403") as caught:
        get_dataitem(f"{web}/secret?signature=abc").get()
    assert "abc" not in str(caught.value) and "HTTPS_AUTH_TOKEN" in caught.value.fix
    with pytest.raises(StoreUnavailableError, match="cannot be reached"):
        get_dataitem("http://127.0.0.1:9/x").get()


def test_web_token_does_not_follow_redirects(web: str) -> None:
    with pytest.warns(UserWarning, match="unencrypted"):
        get_dataitem(f"{web}/away", secrets={"HTTPS_AUTH_TOKEN": "abc"}).get()
    assert _Handler.seen == ["token abc", None]
