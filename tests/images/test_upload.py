from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlrun_like.errors import BuildError, EngineError, IntegrityError
from mlrun_like.images import session
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.digests import digest_of
from mlrun_like.images.documents import Descriptor
from mlrun_like.images.registry import Registry
from mlrun_like.images.sources import BytesSource, CacheSource
from tests.images.faking import Asked, Given, answering, flaky_proxy
from tests.registries import DockerRegistry

DATA = os.urandom(3_000_000)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses between tries."""
    monkeypatch.setattr(session, "_FIRST_PAUSE", 0.005)


@pytest.mark.parametrize("chunk", [500_000, 10_000_000])
@pytest.mark.parametrize("after", [0, 400, 1_300_000, 2_999_900])
def test_upload_goes_on_after_broken_connections(
    registry: DockerRegistry, chunk: int, after: int
) -> None:
    repository = f"flaky/{chunk}-{after}"
    with (
        flaky_proxy(registry.port, after=after, cuts=3) as proxy,
        Registry(proxy.host, chunk=chunk) as here,
    ):
        assert here.push_blob(repository, BytesSource(DATA)) in ("sent", "there")
        assert proxy.cuts == 0
    with Registry(registry.host) as direct:
        assert digest_of(direct.blob(repository, digest_of(DATA), len(DATA))) == digest_of(DATA)


@pytest.mark.parametrize("after", [0, 150, 100_000, 1_300_000])
def test_download_goes_on_after_broken_connections(registry: DockerRegistry, after: int) -> None:
    with Registry(registry.host) as direct:
        direct.push_blob("flaky/down", BytesSource(DATA))
    seen: list[int] = []
    cache = BlobCache()
    with (
        flaky_proxy(registry.port, after=after, cuts=3, backwards=True) as proxy,
        Registry(proxy.host) as here,
    ):
        blob = Descriptor("", digest_of(DATA), len(DATA))
        here.fetch("flaky/down", blob, cache, seen.append)
    assert cache.get(digest_of(DATA)) == DATA
    assert seen == sorted(seen), "what was there already is not read again"


class Resuming:
    """A registry that keeps what came of a chunk that broke off, as the specification wants."""

    def __init__(self) -> None:
        self.data = b""
        self.done = False
        self.begun = 0

    def __call__(self, asked: Asked) -> Given:
        if asked.method == "HEAD":
            return Given(200 if self.done else 404)
        if asked.method == "PATCH":
            first = int(asked.headers["Content-Range"].partition("-")[0])
            if first != len(self.data):
                return Given(416)
            self.data += asked.body
        if asked.method == "PUT":
            self.done = True
            return Given(201)
        self.begun += asked.method == "POST"
        status = 204 if asked.method == "GET" else 202
        last = max(len(self.data) - 1, 0)
        return Given(status, {"Location": "/up?_state=x", "Range": f"0-{last}"})


def test_what_arrived_is_not_sent_again() -> None:
    fake = Resuming()
    with (
        answering(fake) as host,
        flaky_proxy(int(host.rpartition(":")[2]), after=700_000, cuts=3) as proxy,
        Registry(proxy.host, chunk=1_500_000) as here,
    ):
        here.push_blob("x", BytesSource(DATA))
        assert proxy.cuts == 0
        assert fake.data == DATA
        assert fake.begun == 1


def test_a_connection_that_always_breaks_ends(registry: DockerRegistry) -> None:
    with (
        flaky_proxy(registry.port, after=100_000, cuts=10_000) as proxy,
        Registry(proxy.host) as here,
        pytest.raises(EngineError, match="cannot be reached"),
    ):
        here.push_blob("flaky/never", BytesSource(DATA))


class Fake:
    """A registry in memory that takes blobs, with faults."""

    def __init__(self) -> None:
        self.blobs: dict[str, int] = {}
        self.log: list[str] = []
        self.faults: list[Given] = []
        self.chunks = True
        self.range = True
        self.whole: Given | None = None

    def __call__(self, asked: Asked) -> Given:
        method, path, headers, _ = asked
        self.log.append(f"{method} {path}")
        if method == "HEAD":
            return Given(200 if path.rpartition("/")[2] in self.blobs else 404)
        if method != "HEAD" and self.faults:
            return self.faults.pop(0)
        if method == "POST":
            return Given(202, {"Location": "/up?_state=secret"})
        if method == "PATCH":
            if not self.chunks:
                return Given(416)
            last = int(headers["Content-Range"].partition("-")[2])
            extra = {"Range": f"0-{last}"} if self.range else {}
            return Given(202, {"Location": "/up?_state=secret", **extra})
        if method == "PUT" and self.whole is not None and int(headers["Content-Length"]):
            return self.whole
        if method == "PUT":
            found = re.search("digest=([^&]*)", path)
            assert found is not None
            self.blobs[found[1].replace("%3A", ":")] = 1
            return Given(201)
        return Given(404)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_errors_that_pass(status: int) -> None:
    fake = Fake()
    fake.faults = [Given(status)] * 3
    with answering(fake) as host, Registry(host) as here:
        assert here.push_blob("x", BytesSource(b"abc")) == "sent"
    assert fake.log.count("POST /v2/x/blobs/uploads/") == 4


def test_errors_that_stay() -> None:
    body = b'{"errors":[{"code":"UNKNOWN","message":"disk \\u001b[31mbroken"}]}'
    with (
        answering(lambda _: Given(503, body=body)) as host,
        Registry(host) as here,
        pytest.raises(EngineError, match=r"status 503") as caught,
    ):
        here.put_manifest("x", "1", b"{}", "y")
    assert "\x1b" not in str(caught.value) and "broken" in str(caught.value)


def test_a_quick_look_is_not_patient() -> None:
    fake = Fake()
    fake.faults = [Given(503)]
    with (
        answering(fake) as host,
        Registry(host, tries=1) as here,
        pytest.raises(EngineError, match="status 503"),
    ):
        here.manifest("x", "1")
    assert len(fake.log) == 1


def test_retry_after_is_respected() -> None:
    fake = Fake()
    fake.faults = [Given(429, {"Retry-After": "1"})]
    begin = time.perf_counter()
    with answering(fake) as host, Registry(host) as here:
        here.push_blob("x", BytesSource(b"abc"))
    assert 1 <= time.perf_counter() - begin < 3


def test_registries_without_chunks_get_one_piece() -> None:
    fake = Fake()
    fake.chunks = False
    with answering(fake) as host, Registry(host, chunk=1000) as here:
        here.push_blob("x", BytesSource(DATA[:5000]))
    assert sum(line.startswith("PATCH") for line in fake.log) == 1
    assert digest_of(DATA[:5000]) in fake.blobs


def test_answers_without_range_count_as_everything_taken() -> None:
    fake = Fake()
    fake.range = False
    with answering(fake) as host, Registry(host, chunk=1000) as here:
        here.push_blob("x", BytesSource(DATA[:2500]))
    assert sum(line.startswith("PATCH") for line in fake.log) == 3


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Given(413, body=b"<html>413 too large</html>"), ["no room", "quota"]),
        (Given(507), ["no room"]),
        (
            Given(403, body=b'{"errors":[{"code":"DENIED","message":"storage quota exceeded"}]}'),
            ["no room", "storage quota exceeded"],
        ),
        (
            Given(403, body=b'{"errors":[{"code":"DENIED","message":"not you"}]}'),
            ["no permission", "not you", "podman login"],
        ),
        (
            Given(400, body=b'{"errors":[{"code":"DIGEST_INVALID","message":"no"}]}'),
            ["DIGEST_INVALID", "changed on the way"],
        ),
        (
            Given(405, body=b'{"errors":[{"code":"UNSUPPORTED","message":"read-only"}]}'),
            ["UNSUPPORTED", "read-only", "push to another"],
        ),
        (Given(418, body=b"\xff\xfe{{{"), ["status 418", "/v2/"]),
        (Given(400, body=b'{"errors":[]}'), ["status 400"]),
        (Given(400, body=b'{"errors":"x"}'), ["status 400"]),
        (Given(400, body=b"[[" * 50_000), ["status 400"]),
    ],
)
def test_refusals_are_explained(given: Given, words: list[str]) -> None:
    fake = Fake()
    fake.whole = given
    with answering(fake) as host, Registry(host) as here, pytest.raises(BuildError) as caught:
        here.push_blob("x", BytesSource(b"abc"))
    text = str(caught.value)
    assert all(word in text for word in words), text
    assert "secret" not in text and len(text) < 1500
    assert caught.value.fix and caught.value.where


def test_an_upload_without_address() -> None:
    with (
        answering(lambda asked: Given(404 if asked.method == "HEAD" else 202)) as host,
        Registry(host) as here,
        pytest.raises(EngineError, match="where to send"),
    ):
        here.push_blob("x", BytesSource(b"abc"))


def test_a_blob_that_became_shorter(registry: DockerRegistry) -> None:
    cache = BlobCache()
    digest = cache.put(DATA)
    cache.path(digest).write_bytes(DATA[:1000])
    with Registry(registry.host) as here, pytest.raises(IntegrityError, match="too early"):
        here.push_blob("short", CacheSource(cache, digest, len(DATA)))


def test_a_damaged_blob_is_not_accepted(registry: DockerRegistry) -> None:
    cache = BlobCache()
    digest = cache.put(DATA)
    cache.path(digest).write_bytes(b"!" + DATA[1:])
    with Registry(registry.host, chunk=1_000_000) as here, pytest.raises(BuildError) as caught:
        here.push_blob("damaged", CacheSource(cache, digest, len(DATA)))
    assert "DIGEST_INVALID" in str(caught.value)


@pytest.mark.slow
def test_a_push_killed_half_way_can_be_repeated(registry: DockerRegistry, home: Path) -> None:
    code = (
        "import sys; from mlrun_like.images.registry import Registry\n"
        "from mlrun_like.images.sources import BytesSource\n"
        "data = bytes(200_000_000)\n"
        "Registry(sys.argv[1], chunk=1_000_000).push_blob('killed', BytesSource(data), "
        "moved=lambda done: print(done, flush=True))"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, registry.host], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    with child.stdout as lines:
        while int(lines.readline() or "200000000") < 20_000_000:
            pass
        child.kill()
    child.wait(10)
    data = bytes(200_000_000)
    with Registry(registry.host) as here:
        assert not here.has_blob("killed", digest_of(data))
        assert here.push_blob("killed", BytesSource(data)) == "sent"
