"""TLS, proxies and addresses that registries get wrong."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, InvalidArgumentError
from mlrun_like.images.image import Image
from mlrun_like.images.registries import Registries
from mlrun_like.images.registry import Registry
from mlrun_like.images.session import Session
from mlrun_like.images.sources import BytesSource
from tests.images.faking import Asked, Given, answering
from tests.registries import DockerRegistry, registry_server


@pytest.fixture(scope="module")
def tls_registry() -> Iterator[tuple[DockerRegistry, Path]]:
    """A registry with a certificate nobody knows."""
    with tempfile.TemporaryDirectory(prefix="tls") as folder:
        options = (
            "-newkey rsa:2048 -nodes -x509 -days 2 -subj /CN=test -keyout key -out cert "
            "-addext subjectAltName=IP:127.0.0.1"
        )
        command = ["openssl", "req", *options.split()]
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)
        tls = f'tls: {{certificate: "{folder}/cert", key: "{folder}/key"}}'
        with registry_server(http=tls) as server:
            yield server, Path(folder)


def test_tls(
    tls_registry: tuple[DockerRegistry, Path], small: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, folder = tls_registry
    name = f"{server.host}/tls/small:1"
    with Registries(Registry(server.host, insecure=False)) as strict:
        with pytest.raises(EngineError, match=r"is not trusted(.|\n)*certs\.d") as caught:
            small.push(name, registries=strict)
        assert "INSECURE_REGISTRIES" in caught.value.fix
        check = strict.of(server.host).can_push("x")
        assert check.state == "unreachable" and "not trusted" in str(check.error)
    # a registry of this machine may have any certificate
    assert small.push(name).digest == small.digest
    assert Registry(server.host).can_push("x").ok
    monkeypatch.setenv("SSL_CERT_FILE", str(folder / "cert"))
    with Registries(Registry(server.host, insecure=False)) as trusting:
        assert Image.pull(name, registries=trusting).digest == small.digest


def test_no_tls_where_it_is_wanted(registry: DockerRegistry) -> None:
    with (
        Registry(registry.host, insecure=False) as here,
        pytest.raises(EngineError, match=r"does not speak TLS(.|\n)*INSECURE_REGISTRIES"),
    ):
        here.exists("x", "1")


@contextmanager
def proxy(port: int) -> Iterator[tuple[str, list[str]]]:
    """A proxy that knows CONNECT, and leads every host to one port of this machine."""
    seen: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))
    ends: list[socket.socket] = []

    def pump(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                head = b""
                while b"\r\n\r\n" not in head:
                    head += client.recv(4096)
                seen.append(head.decode())
                server = socket.create_connection(("127.0.0.1", port))
                ends.extend((client, server))
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                for pair in ((client, server), (server, client)):
                    threading.Thread(target=pump, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}", seen
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        listener.close()
        for end in ends:
            end.close()


def test_proxies(registry: DockerRegistry, small: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy(registry.port) as (host, seen):
        monkeypatch.setenv("http_proxy", f"http://me:p%40ss@{host}")
        monkeypatch.setenv("no_proxy", "other.test")
        with config.override(insecure_registries="registry.test:5000 x.y"):
            small.push("registry.test:5000/proxy/small:1")
        assert seen[0].startswith("CONNECT registry.test:5000 ")
        assert "Proxy-Authorization: Basic bWU6cEBzcw==" in seen[0]
        count = len(seen)
        assert Image.pull(f"{registry.host}/proxy/small:1").digest == small.digest
        assert len(seen) == count, "this machine is reached directly"


def test_a_registry_that_calls_itself_http() -> None:
    session = Session("r.x", "r.x", insecure=False, find_login=lambda: None, timeout=1)
    assert session.url("http://r.x/up") == "https://r.x/up"
    assert session.url("http://other.x/up") == "http://other.x/up"
    assert session.url("/up") == "https://r.x/up"
    assert session.url("https://r.x:443/up") == "https://r.x:443/up"


def test_other_hosts_for_uploads_get_no_password(small: Image) -> None:
    seen: list[str | None] = []

    def storage(asked: Asked) -> Given:
        seen.append(asked.headers.get("Authorization"))
        return Given(201)

    with answering(storage) as there:

        def front(asked: Asked) -> Given:
            if "Authorization" not in asked.headers:
                return Given(401, {"WWW-Authenticate": "Basic realm=x"})
            if asked.method == "POST":
                return Given(202, {"Location": f"http://{there}/bucket?sign=1"})
            return Given(404)

        with (
            answering(front) as host,
            config.override(registry_auth=f"{host}=ann:secret"),
            Registry(host) as here,
        ):
            assert here.push_blob("x", BytesSource(b"abc")) == "sent"
    assert seen == [None]


@pytest.mark.parametrize("host", ["name", "team/name", "", "a b", "http://reg:5000"])
def test_what_is_no_registry(host: str) -> None:
    with pytest.raises(InvalidArgumentError):
        Registry(host)
