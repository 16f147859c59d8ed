"""Mails to a real SMTP server of the test, with TLS, login, attachments and summaries of runs."""

from __future__ import annotations

import base64
import datetime
import email
import email.policy
import ipaddress
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

import mlrun_like as ml

ANN, BOB = "ann@example.org", "Bob <bob@example.org>"


class Mailbox(socketserver.ThreadingTCPServer):
    """A mail server: STARTTLS or TLS at once, AUTH PLAIN."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, secure: ssl.SSLContext | None = None, at_once: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), _Smtp)
        self.secure, self.at_once = secure, at_once
        self.letters: list[EmailMessage] = []
        self.people: list[str] = []
        self.logins: list[tuple[bool, str]] = []
        self.refuse = ""

    @property
    def addr(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # clients that do not trust it


class _Smtp(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        box, raw = self.server, self.request
        assert isinstance(box, Mailbox) and isinstance(raw, socket.socket)
        is_safe = box.at_once
        if box.secure and box.at_once:
            raw = box.secure.wrap_socket(raw, server_side=True)
        file = raw.makefile("rb")
        raw.sendall(b"220 ready\r\n")
        while line := file.readline():
            word, _, rest = line.decode().strip().partition(" ")
            answer = "250 fine"
            if word.upper() == "EHLO":
                more = ["mail", "AUTH PLAIN", *(["STARTTLS"] if box.secure and not is_safe else [])]
                answer = "\r\n".join(f"250-{one}" for one in more) + "\r\n250 SIZE 1000000"
            elif word.upper() == "STARTTLS" and box.secure:
                raw.sendall(b"220 go on\r\n")
                raw = box.secure.wrap_socket(raw, server_side=True)
                file, is_safe = raw.makefile("rb"), True
                continue
            elif word.upper() == "AUTH":
                given = base64.b64decode(rest.partition(" ")[2]).decode().split("\0")[1:]
                box.logins.append((is_safe, ":".join(given)))
                answer = "235 welcome" if given == ["me", "s3cret"] else "535 wrong password"
            elif word.upper() == "RCPT":
                refused = box.refuse and box.refuse in rest
                answer = "550 nobody here" if refused else answer
                box.people += [] if refused else [rest.partition("<")[2].partition(">")[0]]
            elif word.upper() == "DATA":
                raw.sendall(b"354 go on\r\n")
                text = b""
                while (one := file.readline()) != b".\r\n":
                    text += one.removeprefix(b".") if one.startswith(b"..") else one
                text = text.replace(b"\r\n", b"\n")
                letter = email.message_from_bytes(text, policy=email.policy.default)
                assert isinstance(letter, EmailMessage)
                box.letters.append(letter)
            elif word.upper() == "QUIT":
                raw.sendall(b"500 what?\r\n")  # what is said after the mail changes nothing
                break
            raw.sendall(answer.encode() + b"\r\n")
        file.close()
        raw.close()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 with its key in one file."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM
    plain = key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("certificate") / "mail.pem"
    path.write_bytes(made.public_bytes(form) + plain)
    return path


@pytest.fixture(autouse=True)
def _home(tmp_path: Path) -> Iterator[None]:
    with ml.config.override(home=str(tmp_path / "home")):
        yield


@pytest.fixture(params=["open"])
def box(request: pytest.FixtureRequest) -> Iterator[Mailbox]:
    secure = None
    if request.param != "open":
        secure = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secure.load_cert_chain(request.getfixturevalue("certificate"))
    with Mailbox(secure, request.param == "tls") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def send(box: Mailbox | None, **params: Any) -> Any:
    fn = ml.import_function("hub://send_email")
    given = {"sender": ANN, "to": BOB, "subject": "Hi", "tls": "none", "timeout": 20, **params}
    if box is not None:
        given["server_addr"] = box.addr
    return fn.run(params=given, local=True)


@pytest.mark.parametrize("box", ["starttls", "tls"], indirect=True)
def test_login_over_tls(box: Mailbox, certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_USER", "me")
    monkeypatch.setenv("SMTP_PASSWORD", "s3cret")
    tls = "tls" if box.at_once else "auto"
    done = send(box, tls=tls, ca_file=str(certificate), content="Grüße", cc=[ANN])
    assert box.logins == [(True, "me:s3cret")]
    [letter] = box.letters
    assert (letter["From"], letter["To"], letter["Subject"]) == (ANN, BOB, "Hi")
    assert letter.get_content() == "Grüße\n"
    assert box.people == ["bob@example.org", ANN]
    assert done.outputs["recipients"] == 2
    assert done.outputs["message_id"] == letter["Message-ID"]
    with pytest.raises(ml.errors.RunError, match=r"cannot be reached.*CERTIFICATE_VERIFY_FAILED"):
        send(box, tls=tls)
    assert send(box, tls=tls, verify=False).outputs["recipients"] == 1
    monkeypatch.setenv("SMTP_PASSWORD", "wr0ng")
    with pytest.raises(ml.errors.RunError, match="answered 535 wrong password"):
        send(box, tls=tls, ca_file=str(certificate))


def test_attachments(box: Mailbox, tmp_path: Path) -> None:
    project = ml.get_or_create_project("mailing", save=False)
    project.log_artifact("notes", body="an artifact", format="txt")
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "raw.bin.gz").write_bytes(b"\0\xff\r\n.\r\n")
    names = [str(tmp_path / "table.csv"), str(tmp_path / "raw.bin.gz"), str(tmp_path / "no.txt")]
    done = send(box, attachments=[*names, "store://artifacts/mailing/notes"])
    assert done.outputs["attached"] == ["table.csv", "raw.bin.gz", "notes.txt"]
    assert done.outputs["skipped"] == [str(tmp_path / "no.txt")]
    parts = {one.get_filename(): one for one in box.letters[0].iter_attachments()}
    kinds = {name: one.get_content_type() for name, one in parts.items()}
    assert kinds == {
        "table.csv": "text/csv", "raw.bin.gz": "application/octet-stream", "notes.txt": "text/plain"
    }  # fmt: skip
    assert parts["raw.bin.gz"].get_payload(decode=True) == b"\0\xff\r\n.\r\n"
    assert b"an artifact" in bytes(parts["notes.txt"].get_payload(decode=True))
    with pytest.raises(ml.errors.RunError, match="attachments have more than"):
        send(box, attachments=names, max_megabytes=1e-5)


def train(context: Any, depth: int = 2) -> None:
    context.log_result("auc", 0.91)
    context.log_result("note", "<script>alert(1)</script>")


def test_a_summary_of_runs(box: Mailbox) -> None:
    run = ml.new_function("train", kind="local").run(handler=train, params={"depth": 3}, local=True)
    for wanted in (1, [run.metadata.name], [run.metadata.uid]):
        send(box, content="a < b", runs=wanted)
        letter = box.letters[-1]
        plain = letter.get_body(("plain",))
        shown = letter.get_body(("html",))
        assert plain is not None and shown is not None
        text, page = plain.get_content(), shown.get_content()
        assert text.startswith("a < b\n") and "state: completed" in text
        assert "parameter depth: 3" in text and "result auc: 0.91" in text
        assert "a &lt; b" in page and "0.91" in page and run.metadata.uid in page
        assert "<script>" not in page
    with pytest.raises(ml.errors.RunError, match="there is no run 'other'"):
        send(box, runs=["other"])


def test_html_of_ones_own(box: Mailbox) -> None:
    send(box, html="<h1>Hello</h1>", content="Hello")
    kinds = [one.get_content_type() for one in box.letters[0].walk()]
    assert kinds == ["multipart/alternative", "text/plain", "text/html"]


def test_recipients_that_are_refused(box: Mailbox) -> None:
    box.refuse = "bob"
    done = send(box, to=[ANN, BOB])
    assert (done.outputs["recipients"], done.outputs["refused"]) == (1, ["bob@example.org"])
    with pytest.raises(ml.errors.RunError, match=r"all recipients were refused: .*nobody here"):
        send(box, to=BOB)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"to": ""}, "to='' is no address"),
        ({"to": "bob"}, "to='bob' is no address"),
        ({"to": "a@b.org\r\nBcc: x@y.org"}, "is no address"),
        ({"sender": "me"}, "sender='me' is no address"),
        ({"subject": "a\nBcc: x@y.org"}, "header of the mail cannot be used"),
        ({"tls": "ssl"}, "tls='ssl' is unknown"),
        ({"server_addr": None}, "there is no mail server"),
        ({"server_addr": "host:x"}, "cannot be used"),
        ({"server_addr": "127.0.0.1:9"}, "cannot be reached"),
    ],
)
def test_parameters_that_cannot_be_used(params: dict[str, Any], said: str) -> None:
    with pytest.raises(ml.errors.RunError) as caught:
        send(None, **{"server_addr": "127.0.0.1:9", **params})
    assert said in str(caught.value)


def test_passwords_do_not_go_openly(box: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ml.errors.RunError, match="cannot do this: STARTTLS"):
        send(box, tls="auto")
    monkeypatch.setenv("SMTP_USER", "me")
    with pytest.raises(ml.errors.RunError, match="no secret SMTP_PASSWORD"):
        send(box)
    monkeypatch.setenv("SMTP_PASSWORD", "s3cret")
    with pytest.raises(ml.errors.RunError, match="openly"):
        send(box)
    assert box.logins == []
