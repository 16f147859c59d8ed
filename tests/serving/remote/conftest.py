from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mlrun_like.serving.event import Event
from tests.servers import missing
from tests.serving.remote.upstream import Upstream


@pytest.fixture(scope="session")
def _upstream() -> Iterator[Upstream]:
    server = Upstream()
    yield server
    server.stop()


@pytest.fixture
def upstream(_upstream: Upstream) -> Upstream:
    _upstream.clear()
    return _upstream


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost that nobody trusts, and its key, in one file."""
    if shutil.which("openssl") is None:
        missing("openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    key, found, both = folder / "key.pem", folder / "cert.pem", folder / "both.pem"
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
            "-keyout", str(key), "-out", str(found),
        ],
        check=True,
        capture_output=True,
    )  # fmt: skip
    both.write_text(found.read_text() + key.read_text())
    return both


@pytest.fixture(scope="session")
def tls_upstream(certificate: Path) -> Iterator[Upstream]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = Upstream(context)
    yield server
    server.stop()


class Form:
    """One of the two forms in which a step answers events."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, step: Any, body: Any = None, **values: Any) -> Any:
        """The body that the step makes of an event."""
        event = body if isinstance(body, Event) else Event(body, **values)
        try:
            if self.name == "thread":
                found = step.do_event(event)
            else:
                found = asyncio.run(step.do_event_async(event))
        finally:
            step.close()
        return found.body if isinstance(found, Event) else found

    def many(self, step: Any, bodies: list[Any]) -> list[Any]:
        """The same for several events, over the same connections."""
        if self.name == "thread":
            found = [step.do_event(Event(body)).body for body in bodies]
        else:

            async def main() -> list[Any]:
                return [(await step.do_event_async(Event(body))).body for body in bodies]

            found = asyncio.run(main())
        step.close()
        return found


@pytest.fixture(params=["thread", "loop"])
def form(request: pytest.FixtureRequest) -> Form:
    return Form(request.param)
