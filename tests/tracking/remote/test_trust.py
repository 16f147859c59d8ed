"""TLS with real certificates: an own authority's, and those that must not be believed."""

from __future__ import annotations

import datetime
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mlrun_like.api.app import create_app
from mlrun_like.api.options import ServiceOptions
from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError, StoreUnavailableError
from mlrun_like.tracking.remote.store import RemoteStore
from mlrun_like.tracking.remote.trust import service_tls
from tests.services import RPC


class Authority(NamedTuple):
    """Who signs."""

    key: ec.EllipticCurvePrivateKey
    name: x509.Name
    file: Path


def _write(path: Path, *parts: bytes) -> Path:
    path.write_bytes(b"".join(parts))
    return path


def _authority(folder: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "an own authority")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(2020, 1, 1))
        .not_valid_after(datetime.datetime(2099, 1, 1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    text = certificate.public_bytes(serialization.Encoding.PEM)
    return Authority(key, name, _write(folder / "ca.pem", text))


def _signed(authority: Authority, host: str, last_year: int) -> Path:
    """A file with a certificate for a host, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    given: x509.GeneralName = x509.DNSName(host)
    if host[0].isdigit():
        given = x509.IPAddress(ip_address(host))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]))
        .issuer_name(authority.name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.datetime(2020, 1, 1))
        .not_valid_after(datetime.datetime(last_year, 1, 1))
        .add_extension(x509.SubjectAlternativeName([given]), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    return _write(
        authority.file.with_name(f"{host}-{last_year}.pem"),
        certificate.public_bytes(serialization.Encoding.PEM),
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return _authority(tmp_path)


@contextmanager
def _secure(store: str, certificate: Path) -> Iterator[str]:
    """A service that speaks TLS with this certificate."""
    options = uvicorn.Config(
        create_app(ServiceOptions(store=store), RPC),
        host="127.0.0.1",
        port=0,
        log_config=None,
        lifespan="off",
        ssl_certfile=str(certificate),
    )
    server = uvicorn.Server(options)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        end = time.monotonic() + 30
        while not server.started:
            assert time.monotonic() < end
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"https://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)


def test_an_own_authority_is_believed_when_it_is_named(
    authority: Authority, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate = _signed(authority, "127.0.0.1", 2099)
    with _secure(f"sqlite:///{home / 'service.db'}", certificate) as url:
        with config.override(remote_ca=str(authority.file)):
            store = RemoteStore.at(url)
            store.connect()
            store.append_log("p", "u", b"over TLS")
            assert store.read_log("p", "u") == b"over TLS"
            store.close()
        unnamed = RemoteStore.at(url)
        with pytest.raises(StoreUnavailableError, match="not trusted") as caught:
            unnamed.connect()
        assert "remote_ca=ca.pem" in caught.value.fix
        # what is recorded meanwhile waits, and is there once the authority is named
        unnamed.append_log("p", "u", b"; and later")
        unnamed.flush()
        assert unnamed.writer.spooling
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        named = RemoteStore.at(url)
        named.connect()
        named.close()
        unnamed.close()


@pytest.mark.parametrize(
    ("host", "year", "word", "fix"),
    [
        ("elsewhere.example.org", 2099, "for another name", "write a name in 'dbpath'"),
        ("127.0.0.1", 2021, "not valid now", "renew it"),
    ],
)
def test_a_certificate_for_another_name_or_time_is_refused(
    authority: Authority, home: Path, host: str, year: int, word: str, fix: str
) -> None:
    certificate = _signed(authority, host, year)
    with (
        _secure(f"sqlite:///{home / 'service.db'}", certificate) as url,
        config.override(remote_ca=str(authority.file), access_key="mlt_x_secret"),
    ):
        store = RemoteStore.at(url)
        began = time.monotonic()
        with pytest.raises(StoreUnavailableError, match=word) as caught:
            store.read_log("p", "u")
        assert time.monotonic() - began < 20.0, "it is not tried again"
        assert fix in caught.value.fix and "secret" not in str(caught.value)
        store.close()


@pytest.mark.parametrize("text", ["no certificate", None])
def test_a_file_of_certificates_that_is_none(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    with config.override(remote_ca=str(path)):
        with pytest.raises(ConfigError, match="cannot be read") as caught:
            service_tls()
        assert "remote_ca" in caught.value.where
        store = RemoteStore.at("https://127.0.0.1:9")
        with pytest.raises(ConfigError):
            store.read_log("p", "u")
        store.append_log("p", "u", b"waits")
        store.flush()
        assert store.writer.spool.pending() == 1
        store.close()


def test_a_service_without_tls_is_no_secure_one() -> None:
    with (
        _plain() as port,
        config.override(remote_deadline=0.0),
        pytest.raises(StoreUnavailableError, match="no safe connection"),
    ):
        RemoteStore.at(f"https://127.0.0.1:{port}").client.spec()


@contextmanager
def _plain() -> Iterator[int]:
    server = uvicorn.Server(
        uvicorn.Config(_nothing, host="127.0.0.1", port=0, log_config=None, lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = server.force_exit = True
        thread.join(20)


async def _nothing(scope: object, receive: object, send: object) -> None:
    raise ssl.SSLError("not reached")
