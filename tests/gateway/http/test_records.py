from __future__ import annotations

import asyncio
import base64
import datetime
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.errors import InvalidArgumentError, MissingDependencyError
from mlrun_like.gateway.http.accesslog import masked
from mlrun_like.gateway.http.audit import content_of
from mlrun_like.gateway.http.front import Front
from mlrun_like.gateway.http.lines import LineWriter
from mlrun_like.gateway.http.listen import Listener
from mlrun_like.gateway.http.metrics import render
from mlrun_like.gateway.http.routes import Router
from mlrun_like.gateway.http.tls import Certificate
from tests.gateway.http.fronts import Client, Echo, Held, request, serving, until


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_request_has_a_line_in_the_access_log(home: Path) -> None:
    with serving(Echo(), home=home) as server:
        server.ask(
            request("/p/f/x?user=anna&api_key=s3cret", "POST", b"hello", X_Request_Id="id-1")
        )
        server.ask(request("/none/such"))
        server.ask(b"broken\r\n\r\n")
    first, second, third = rows(home / "access.log")
    assert first["function"] == "p/f" and first["version"] == 1 and first["status"] == 200
    assert first["id"] == "id-1" and first["in"] == 5 and first["out"] > 50 and first["ms"] >= 0
    assert first["path"] == "/p/f/x?user=anna&api_key=***" and first["client"] == "127.0.0.1"
    assert abs(first["time"] - time.time()) < 100 and first["method"] == "POST"
    assert second["status"] == 404 and second["function"] == "" and third["status"] == 400
    assert (home / "access.log").stat().st_mode & 0o777 == 0o600


def test_secrets_in_queries_are_masked_however_they_are_written() -> None:
    for name in (
        "token",
        "access_token",
        "API_KEY",
        "p%61ssword",
        "X-Amz-Signature",
        "to%6Ben",
        "pwd",
    ):
        assert masked(f"/p/f?a=1&{name}=s3cret;b=2".encode()).count("s3cret") == 0, name
    assert masked(b"/p/f?" + b"a" * 5000)[2047:] == "a" and masked(b"") == ""
    assert masked(b"/\xff\x00?\xff=1") == "/\xff\x00?\xff=1"


def test_audit_records_hold_what_went_in_and_out(home: Path) -> None:
    with serving(Echo(audit=1.0), Echo("p/quiet"), home=home) as server:
        server.ask(request("/p/f/x?token=s3cret", "POST", b"hello", Content_Type="text/plain"))
        server.ask(request("/p/f/", "POST", b"\xff\x00" * 20_000))
        server.ask(request("/p/quiet/", "POST", b"hello"))
        server.ask(request("/p/f/", "BAD"))
    folder = home / "invocations" / "p"
    (path,) = folder.glob("f/*.jsonl")
    first, second = rows(path)
    assert not (folder / "quiet").exists()
    assert datetime.datetime.fromisoformat(first["time"]).tzinfo is not None
    assert (first["project"], first["function"], first["version"]) == ("p", "f", 1)
    assert first["path"] == "/x?token=***" and first["status"] == 200 and first["share"] == 1.0
    assert first["seconds"] >= first["queue_seconds"] >= 0 and first["complete"] and first["id"]
    assert first["input"] == {"size": 5, "type": "text/plain", "text": "hello"}
    assert json.loads(first["output"]["text"])["body"] == "hello"
    assert first["output"]["type"] == "application/json"
    kept = base64.b64decode(second["input"]["base64"])
    assert second["input"]["size"] == 40_000 and second["input"]["cut"] and len(kept) == 16 * 1024


def test_audit_of_streams_and_of_a_share(home: Path) -> None:
    service = Held(audit=1.0)
    with serving(service, home=home) as server:
        for complete in (True, False):
            with server.client() as client:
                client.send(request())
                call = service.next()
                server.do(call.reply.start, 200, b"content-type: text/plain\r\n")
                for _ in range(3):
                    server.do(call.reply.chunk, b"\xc3\xa4" * 4000)
                server.do(lambda call=call, ok=complete: call.reply.end(complete=ok))
                client.rest() if not complete else client.answer()
    (path,) = (home / "invocations").glob("p/f/*.jsonl")
    first, second = rows(path)
    assert first["output"]["size"] == 24_000 and first["output"]["cut"]
    assert first["output"]["text"] == "\u00e4" * 8192 and first["output"]["type"] == "text/plain"
    assert (first["complete"], second["complete"]) == (True, False)
    (home / "b").mkdir()
    with serving(Echo(audit=0.5), home=home / "b") as server, server.client() as client:
        for _ in range(200):
            client.ask(request())
    (path,) = (home / "b" / "invocations").glob("p/f/*.jsonl")
    assert 50 < len(rows(path)) < 150 and rows(path)[0]["share"] == 0.5


def test_contents_of_records() -> None:
    assert content_of(b"", 0, b"") == {"size": 0, "type": "", "text": ""}
    cut = content_of("\u20ac".encode()[:2], 3, b"")
    assert cut["text"] == "" and cut["cut"]
    assert "base64" in content_of(b"\x80" * 5, 5, b"a/b")


# Whole lines --------------------------------------------------------------------------------


@pytest.mark.slow
def test_files_are_rotated_and_lines_stay_whole(tmp_path: Path) -> None:
    path = tmp_path / "a" / "log"
    writer = LineWriter(size=10_000, keep=2)
    for number in range(3000):
        writer.add(path, b'{"n": %d}\n' % number)
        if number % 500 == 0:
            writer.flush()
    writer.close()
    names = sorted(item.name for item in path.parent.iterdir())
    assert names == ["log", "log.1", "log.2"] and writer.dropped == 0
    last = [row["n"] for name in ("log.2", "log.1", "log") for row in rows(path.parent / name)]
    assert last == list(range(last[0], 3000))


def test_half_a_line_of_a_killed_process_is_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "log"
    for before in (b'{"a": 1}\n{"b', b'{"b' * 100_000, b""):
        path.write_bytes(before)
        writer = LineWriter()
        writer.add(path, b'{"c": 3}\n')
        writer.close()
        assert rows(path)[-1] == {"c": 3} and len(rows(path)) == 1 + before.count(b"\n")


@pytest.mark.slow
def test_a_writer_that_is_killed_leaves_whole_lines(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from mlrun_like.gateway.http.lines import LineWriter\n"
        "w = LineWriter(); p = Path(sys.argv[1]); n = 0\n"
        "while True:\n"
        '    w.add(p, b\'{"n": %d, "x": "%s"}\\n\' % (n, b\'y\' * 5000)); n += 1\n'
        "    if n % 100 == 0: w.flush()\n"
    )
    path = tmp_path / "log"
    processes = [subprocess.Popen([sys.executable, "-c", code, str(path)]) for _ in range(2)]
    try:
        until(lambda: path.exists() and path.stat().st_size > 3_000_000)
    finally:
        for process in processes:
            process.send_signal(signal.SIGKILL)
            process.wait(20)
    writer = LineWriter()
    writer.add(path, b'{"n": -1}\n')
    writer.close()
    found = rows(path)
    assert found[-1] == {"n": -1} and all(row.get("x", "y" * 5000) == "y" * 5000 for row in found)


def test_a_disk_that_fails_stops_no_request(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    writer = LineWriter()
    writer.add(tmp_path / "file" / "log", b"{}\n")
    writer.flush()
    until(lambda: writer.dropped == 1)
    writer.add(tmp_path / "log", b"{}\n")
    writer.close()
    assert (tmp_path / "log").read_bytes() == b"{}\n"
    writer.add(tmp_path / "log", b"{}\n")
    assert writer.dropped == 2


def test_lines_of_many_threads(tmp_path: Path) -> None:
    writer = LineWriter()

    def write(name: int) -> None:
        for number in range(500):
            writer.add(tmp_path / "log", b"[%d, %d]\n" % (name, number))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    writer.close()
    assert len(set((tmp_path / "log").read_text().splitlines())) == 2000


# Metrics and pages ------------------------------------------------------------------------------


class Told(Echo):
    def status(self) -> dict[str, Any]:
        pool = {
            "ready": 2,
            "starting": 1,
            "draining": 0,
            "waiting": 3,
            "restarts": 4,
            "started": 7,
            "cold_starts": [{"fork": 0.002, "import": 0.0}, {"fork": 0.004, "import": 0.1}],
        }
        return {"versions": [{"number": 1, "live": True, "pool": pool}, {"number": 2}]}


def test_metrics_of_functions(home: Path) -> None:
    with serving(Told(), Echo('p/od"d\\'), home=home) as server:
        for _ in range(3):
            server.ask(request("/p/f/", "POST", b"12345"))
        server.ask(request("/p/f/", "POST", Content_Length=str(1 << 40)))
        found = server.ask(request("/-/metrics"))
        assert found.status == 200 and found.headers["content-type"].startswith("text/plain")
        lines = found.body.decode().splitlines()
    one = 'mlrun_like_gateway_{}{{project="p",function="f",version="1"{}}} {}'
    for name, label, value in (
        ("requests_total", ',status="2xx"', 3),
        ("request_bytes_total", "", 15),
        ("request_seconds_count", "", 3),
        ("queue_seconds_count", "", 3),
        ("replicas", ',state="ready"', 2),
        ("waiting", "", 3),
        ("restarts_total", "", 4),
        ("cold_starts_total", "", 7),
        ("cold_start_seconds", ',phase="fork"', 0.003),
        ("request_seconds_bucket", ',le="+Inf"', 3),
        ("errors_total", ',reason="cancelled"', 0),
    ):
        assert one.format(name, label, value) in lines, name
    assert any('version="0",status="4xx"} 1' in line for line in lines)
    assert 'mlrun_like_gateway_in_flight{project="p",function="od\\"d\\\\"} 0' in lines
    pattern = re.compile(r'(# (HELP|TYPE) .+|[a-z_]+\{([a-z]+="([^"\\]|\\.)*",?)+\} [0-9.e+-]+)')
    assert all(pattern.fullmatch(line) for line in lines)
    assert len({line.split(" ")[2] for line in lines if line.startswith("# TYPE")}) == 12
    assert render([]) == b""


def test_health_and_readiness() -> None:
    with serving(Echo()) as server:
        assert server.ask(request("/-/health")).json == {"status": "ok"}
        assert server.ask(request("/-/ready")).json == {"status": "ready"}
        assert server.ask(request("/-/ready", "HEAD"), head=True).status == 200
        assert server.ask(request("/-/health", "POST", b"")).status == 405
        server.front.ready = lambda: False
        found = server.ask(request("/-/ready"))
        assert found.status == 503 and found.headers["retry-after"] == "1"
        assert server.ask(request("/-/none")).status == 404
        assert server.do(server.front.status)["draining"] is False


# TLS and sockets --------------------------------------------------------------------------------


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A new certificate with its key."""
    made, key = folder / "cert.pem", folder / "key.pem"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-keyout",
        str(key),
        "-out",
        str(made),
        "-days",
        "2",
        "-nodes",
        "-subj",
        f"/CN={name}",
        "-addext",
        "subjectAltName=DNS:localhost",
    ]
    subprocess.run(command, check=True, capture_output=True, timeout=30)
    return made, key


def secure(port: int) -> tuple[Client, str]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname="a")
    der = sock.getpeercert(binary_form=True) or b""
    return Client(sock), "second" if b"second" in der else "first"


@pytest.mark.slow
def test_tls_and_a_certificate_that_is_renewed(tmp_path: Path) -> None:
    files = certificate(tmp_path, "first")
    found = Certificate(*files)
    service = Held()
    with serving(service, certificate=found) as server:
        client, name = secure(server.port)
        with client:
            client.send(request("/p/f/", "POST", b"x" * 300_000))
            call = service.next()
            assert dict(call.headers)[b"x-forwarded-proto"] == b"https"
            server.do(call.reply.answer, 200, b"\r\n" + b"y" * 300_000)
            assert name == "first" and len(client.answer().body) == 300_000
            assert not found.renew()
            Path(files[0]).write_text("half a fi")
            assert not found.renew()
            certificate(tmp_path, "second")
            assert found.renew()
            other, name = secure(server.port)
            assert name == "second"
            other.close()
            client.send(request("/p/f/", "POST", Content_Length=str(1 << 40)))
            assert client.answer().status == 413 and client.is_over()
        with server.client() as plain:
            assert plain.send(request()).rest()[:8] != b"HTTP/1.1"


@pytest.mark.parametrize("content", [None, b"", b"no certificate"])
def test_certificates_that_cannot_be_used(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "cert.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidArgumentError, match="cannot be used"):
        Certificate(path)


def test_ports_of_functions_come_and_go() -> None:
    with serving(Echo(port=1)) as server:
        own = socket.socket()
        own.bind(("127.0.0.1", 0))
        own.listen(8)
        own.setblocking(False)
        port = own.getsockname()[1]
        server.set(Echo(port=port), Echo("p/g"))
        server.run(server.listener.add(own, port=port))
        assert server.listener.ports == {port}
        with Client(socket.create_connection(("127.0.0.1", port))) as client:
            assert client.ask(request("/p/g/x")).json["target"] == "/p/g/x"
            assert client.ask(request("/-/health")).json["target"] == "/-/health"
            server.do(server.listener.remove, port)
            assert client.ask(request("/still")).status == 200
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=5)


def test_without_httptools_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httptools", None)
    with pytest.raises(MissingDependencyError, match="serving"):
        Listener(Front(Router()))


def test_a_front_can_be_closed_that_never_served() -> None:
    asyncio.run(Front(Router()).close(0.1))
