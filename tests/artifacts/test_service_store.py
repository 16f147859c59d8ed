"""`service://` files through a real service, whose connections break, and which comes and goes."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import os
import socket
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import uvicorn

from mlrun_like.api.app import create_app
from mlrun_like.api.options import ServiceOptions
from mlrun_like.artifacts.base import Artifact
from mlrun_like.artifacts.data import open_url
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.service_http import ServiceHttp
from mlrun_like.artifacts.service_reading import ServiceReader
from mlrun_like.artifacts.service_root import UPLOADS
from mlrun_like.artifacts.service_writing import ServiceWriter
from mlrun_like.configuration import config
from mlrun_like.errors import (
    ConflictError,
    IntegrityError,
    InvalidArgumentError,
    MissingFileError,
    StoreUnavailableError,
)
from mlrun_like.tracking.connect import close_stores, open_store
from mlrun_like.tracking.gc import collect

MB = 1 << 20
_PARTS = ("mlrun_like.api.routes.health", "mlrun_like.api.routes.files")


class _Server:
    """The service in a thread, on a port of its own."""

    def __init__(self, home: Path, port: int = 0) -> None:
        options = ServiceOptions(store=f"sqlite:///{home}/store.db")
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                create_app(options, _PARTS), log_level="critical", timeout_graceful_shutdown=1
            )
        )
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(20)
        self._socket.close()
        close_stores()


class _Breaking:
    """A proxy that ends connections after so many bytes, `times` times."""

    def __init__(self, port: int, after: int, times: int, *, upward: bool) -> None:
        self._to, self._after, self.left, self._upward = port, after, times, upward
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._lock = threading.Lock()
        self.broken = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._socket.accept()
                far = socket.create_connection(("127.0.0.1", self._to))
                for one, other, counted in (
                    (near, far, self._upward),
                    (far, near, not self._upward),
                ):
                    args = (one, other, counted)
                    threading.Thread(target=self._pump, args=args, daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                passed += len(data)
                if counted and passed > self._after:
                    with self._lock:
                        broken = self.left > 0
                        self.left -= broken
                        self.broken += broken
                    if broken:
                        break
                    passed = -(1 << 60)
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def server(home: Path) -> Iterator[_Server]:
    started = _Server(home)
    config.dbpath = f"http://127.0.0.1:{started.port}"
    try:
        yield started
    finally:
        started.stop()


@pytest.fixture
def root(home: Path, server: _Server) -> Path:
    return home / "artifacts"


def test_all_that_a_file_can_do(root: Path) -> None:
    item = open_url("service://demo/a b/ü.txt")
    assert not item.exists()
    item.put("hello world")
    assert (root / "demo/a b/ü.txt").read_text() == "hello world"
    assert item.get(encoding="utf-8") == "hello world"
    assert item.get(5, 6) == b"world"
    assert item.get(0) == b""
    assert item.get(100, 100) == b""
    assert item.kind == "service"
    stat = item.stat()
    assert (stat.size, stat.is_dir) == (11, False)
    assert stat.modified is not None
    folder = open_url("service://demo/a b")
    assert folder.ls() == ["ü.txt"]
    assert folder.isdir()
    assert open_url("service://demo/").ls() == ["a b/"]
    assert open_url("service://empty/").ls() == []
    item.delete()
    item.delete()
    with pytest.raises(MissingFileError, match=r"service://demo/a b/ü\.txt"):
        item.get()
    with pytest.raises(MissingFileError):
        open_url("service://demo/nothing").ls()
    with pytest.raises(InvalidArgumentError, match="cannot be appended"):
        item.put("x", append=True)


@pytest.mark.parametrize("url", ["service://demo/../x", "service://../x", "service://demo//etc"])
def test_urls_that_lead_out_are_refused_here_already(root: Path, url: str) -> None:
    with pytest.raises(InvalidArgumentError):
        open_url(url)


def test_tables_are_read_by_their_parts(root: Path) -> None:
    frame = pd.DataFrame({"x": range(50_000), "y": ["text"] * 50_000})
    with open_url("service://demo/t.parquet").open("wb") as file:
        frame.to_parquet(file)
    found = get_dataitem("service://demo/t.parquet").as_df(columns=["x"])
    assert found.x.tolist() == frame.x.tolist()
    open_url("service://demo/t.csv").put(frame.head(3).to_csv(index=False))
    assert get_dataitem("service://demo/t.csv").as_df().equals(frame.head(3))


def test_folders_go_both_ways(root: Path, tmp_path: Path) -> None:
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "in/deep/a").write_text("a")
    (tmp_path / "in/b").write_text("b")
    target = open_url("service://demo/folder")
    target.upload(tmp_path / "in")
    assert dict(target.store.walk("demo/folder")).keys() == {"b", "deep/a"}
    target.download(tmp_path / "out")
    assert (tmp_path / "out/deep/a").read_text() == "a"
    with pytest.raises(InvalidArgumentError):
        target.delete()
    target.delete(recursive=True)
    assert not target.exists()


def test_a_large_file_is_sent_in_parts(root: Path) -> None:
    data = os.urandom(20 * MB + 17)
    item = open_url("service://demo/large.bin")
    assert item.write(data[n : n + 300_000] for n in range(0, len(data), 300_000)) == len(data)
    assert (root / "demo/large.bin").read_bytes() == data
    assert hashlib.sha256(b"".join(item.chunks())).digest() == hashlib.sha256(data).digest()
    with item.open() as file:
        file.seek(-5, os.SEEK_END)
        assert file.read() == data[-5:]
        file.seek(15 * MB)
        assert file.read(10) == data[15 * MB : 15 * MB + 10]
        file.seek(1)
        assert file.read(3) == data[1:4]


def test_parts_grow_with_the_file(root: Path) -> None:
    data = os.urandom(6 * MB + 3)
    with ServiceWriter(ServiceHttp(config.dbpath), "demo/many", part=MB // 16) as file:
        for start in range(0, len(data), 100_000):
            file.write(data[start : start + 100_000])
    assert (root / "demo/many").read_bytes() == data


def test_who_fails_while_writing_leaves_nothing(root: Path) -> None:
    item = open_url("service://demo/f.bin")
    item.put("before")

    def failing() -> Iterator[bytes]:
        yield os.urandom(20 * MB)
        raise KeyError("the source broke")

    with pytest.raises(KeyError):
        item.write(failing())
    with contextlib.suppress(KeyError), item.open("w") as file:
        file.write("half")
        raise KeyError
    forgotten = item.open("wb")
    forgotten.write(b"half")
    del forgotten
    gc.collect()
    assert item.get() == b"before"
    assert [path.name for path in (root / "demo" / UPLOADS).iterdir()] == []


def test_text_goes_through_unchanged(root: Path) -> None:
    item = open_url("service://demo/t.txt")
    with item.open("w", "utf-8") as file:
        file.write("ä\r\nb\n")
    assert (root / "demo/t.txt").read_bytes() == "ä\r\nb\n".encode()


def test_reading_goes_on_after_broken_connections(root: Path, server: _Server) -> None:
    data = os.urandom(12 * MB)
    open_url("service://demo/f").put(data)
    proxy = _Breaking(server.port, 2 * MB, 4, upward=False)
    config.dbpath = f"http://127.0.0.1:{proxy.port}"
    assert b"".join(open_url("service://demo/f").chunks()) == data
    assert proxy.broken == 4
    proxy.close()


def test_writing_goes_on_after_broken_connections(root: Path, server: _Server) -> None:
    data = os.urandom(20 * MB)
    proxy = _Breaking(server.port, 3 * MB, 4, upward=True)
    config.dbpath = f"http://127.0.0.1:{proxy.port}"
    open_url("service://demo/f").write(data[n : n + MB] for n in range(0, len(data), MB))
    assert proxy.broken == 4
    proxy.close()
    assert (root / "demo/f").read_bytes() == data
    assert sorted(path.name for path in (root / "demo").iterdir()) == [UPLOADS, "f"]


def test_a_service_that_comes_back_is_waited_for(root: Path, home: Path, server: _Server) -> None:
    open_url("service://demo/f").put("x")
    writer = ServiceWriter(ServiceHttp(config.dbpath), "demo/g", part=MB)
    data = os.urandom(5 * MB)
    writer.write(data[: 3 * MB])
    server.stop()
    again: list[_Server] = []
    timer = threading.Timer(0.5, lambda: again.append(_Server(home, server.port)))
    timer.start()
    try:
        writer.write(data[3 * MB :])
        writer.close()
        assert open_url("service://demo/g").get() == data
    finally:
        timer.join()
        again[0].stop()


def test_a_service_that_stays_away_is_named(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
    way = ServiceHttp(f"http://user:secret@127.0.0.1:{port}", patience=0.2)
    with pytest.raises(StoreUnavailableError, match=f"127.0.0.1:{port} cannot be reached") as told:
        way.json("GET", "/projects/demo/file-list/")
    assert "secret" not in str(told.value)


def test_a_file_that_is_replaced_while_it_is_read(root: Path) -> None:
    item = open_url("service://demo/f")
    item.put(b"a" * (4 * MB))
    reader = ServiceReader(ServiceHttp(config.dbpath), "demo/f")
    assert reader.read_fully(10) == b"a" * 10
    item.put(b"b" * (4 * MB))
    reader.seek(3 * MB)
    with pytest.raises(ConflictError, match="replaced while it was read"):
        reader.read_fully(10)
    reader.close()


def test_bytes_that_change_on_the_way_never_appear(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = ServiceHttp.send

    def corrupt(self: ServiceHttp, method: str, path: str, **more: Any) -> Any:
        if more.get("body") and "complete" not in path and method == "PUT":
            more["body"] = b"!" + more["body"][1:]
        return send(self, method, path, **more)

    monkeypatch.setattr(ServiceHttp, "send", corrupt)
    for size in (100, 20 * MB):
        with pytest.raises(IntegrityError):
            open_url("service://demo/f").put(b"x" * size)
    assert not (root / "demo/f").exists()


def test_memory_does_not_grow_with_the_file(root: Path) -> None:
    piece = os.urandom(MB)
    item = open_url("service://demo/f")
    item.put(b"warm")
    tracemalloc.start()
    try:
        item.write(piece for _ in range(100))
        written = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        assert sum(len(one) for one in item.chunks()) == 100 * MB
        read = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    # client and service are one process here
    assert written < 60 * MB
    assert read < 30 * MB


def test_on_the_machine_of_the_service_the_files_are_used_directly(home: Path) -> None:
    item = open_url("service://demo/a/f.txt")
    item.put("here")
    assert item.local() == str(home / "artifacts/demo/a/f.txt")
    assert open_url("service://demo/a").ls() == ["f.txt"]
    (home / "artifacts/demo/out").symlink_to("/etc")
    with pytest.raises(InvalidArgumentError):
        open_url("service://demo/out/passwd").get()
    with pytest.raises(MissingFileError) as told:
        open_url("service://demo/nothing").get()
    assert str(home) not in str(told.value)


def test_another_file_store_as_root(home: Path) -> None:
    config.service_artifact_root = "memory://files"
    item = open_url("service://demo/f.txt")
    item.put("kept elsewhere")
    assert open_url("memory://files/demo/f.txt").get() == b"kept elsewhere"
    assert item.get(4) == b"kept"


def test_gc_keeps_what_a_record_of_a_client_names(home: Path) -> None:
    for name in ("named.txt", "orphan.txt"):
        open_url(f"service://demo/{name}").put("x")
        os.utime(home / "artifacts/demo" / name, (1, 1))
    store = open_store()
    artifact = Artifact("a", project="demo", target_path="service://demo/named.txt")
    store.store_artifact(artifact.to_dict())
    assert collect(store).files == [str(home / "artifacts/demo/orphan.txt")]
    close_stores()


def test_parts_on_another_file_store(home: Path) -> None:
    config.service_artifact_root = "memory://parts"
    data = os.urandom(3 * MB)
    server = _Server(home)
    try:
        way = ServiceHttp(f"http://127.0.0.1:{server.port}")
        with ServiceWriter(way, "demo/a/large.bin", part=MB) as file:
            file.write(data)
    finally:
        server.stop()
    assert open_url("memory://parts/demo/a/large.bin").get() == data
