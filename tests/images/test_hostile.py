"""Registries that lie, break off, loop or flood."""

from __future__ import annotations

import json
import time
from contextlib import AbstractContextManager

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import BuildError, EngineError, IntegrityError, MLRunLikeError
from mlrun_like.images import session
from mlrun_like.images.auth import Credentials
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.challenge import parse_challenges
from mlrun_like.images.digests import canonical_json, digest_of
from mlrun_like.images.documents import DOCKER_MANIFEST, OCI_CONFIG, OCI_MANIFEST, Descriptor
from mlrun_like.images.image import Image
from mlrun_like.images.registries import Registries
from mlrun_like.images.registry import Registry
from tests.images.faking import Asked, Given, answering

LAYER = b"layer bytes"
CONFIG = canonical_json(
    {"architecture": "amd64", "os": "linux", "rootfs": {"diff_ids": [digest_of(b"plain")]}}
)


def descriptor(data: bytes, kind: str) -> dict[str, object]:
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


MANIFEST = {
    "schemaVersion": 2,
    "mediaType": OCI_MANIFEST,
    "config": descriptor(CONFIG, OCI_CONFIG),
    "layers": [descriptor(LAYER, "application/vnd.oci.image.layer.v1.tar+gzip")],
}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorter pauses between tries."""
    monkeypatch.setattr(session, "_FIRST_PAUSE", 0.001)


def serving(
    manifest: bytes, config_data: bytes = CONFIG, layer: bytes = LAYER, digest: str = ""
) -> AbstractContextManager[str]:
    """A registry with one image; `digest` is what it says about its manifest."""

    def answer(asked: Asked) -> Given:
        if "/manifests/" in asked.path:
            return Given(200, {"Docker-Content-Digest": digest} if digest else {}, manifest)
        return Given(200, {}, config_data if digest_of(CONFIG) in asked.path else layer)

    return answering(answer)


def test_an_honest_one() -> None:
    with serving(json.dumps(MANIFEST).encode()) as host:
        image = Image.pull(f"{host}/x")
        assert [layer.digest for layer in image.layers] == [digest_of(LAYER)]


@pytest.mark.parametrize(
    ("manifest", "words"),
    [
        (b"", "is no JSON"),
        (b"<html>login page</html>", "no proxy answers"),
        (b"[]", "no JSON object"),
        (b"\xff\xfe\x00", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b"{}", "malformed"),
        (b'{"schemaVersion": 1, "fsLayers": []}', "schema 1"),
        (b'{"config": 3, "layers": []}', "malformed"),
        (b'{"config": {}, "layers": []}', "malformed"),
        (b'{"manifests": {}}', "malformed"),
        (b'{"manifests": []}', "not made for"),
        (b'{"manifests": [1]}', "malformed"),
        (json.dumps({**MANIFEST, "layers": [1]}).encode(), "malformed"),
        (json.dumps({**MANIFEST, "layers": "x" * 9}).encode(), "malformed"),
        (json.dumps({**MANIFEST, "layers": []}).encode(), "has 0 layers and the config 1"),
        (json.dumps({**MANIFEST, "layers": MANIFEST["layers"] * 1001}).encode(), "at most 1000"),  # type: ignore[operator]
        (
            json.dumps({**MANIFEST, "config": descriptor(CONFIG, "application/chart")}).encode(),
            "no container image",
        ),
        (
            json.dumps(
                {**MANIFEST, "layers": [{**descriptor(LAYER, "x"), "urls": ["http://evil/"]}]}
            ).encode(),
            "foreign layer",
        ),
    ],
)
def test_broken_manifests(manifest: bytes, words: str) -> None:
    with serving(manifest) as host, pytest.raises(BuildError, match=words) as caught:
        Image.pull(f"{host}/x", "linux/amd64")
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(
    "digest", ["../../etc/passwd", "sha256:../x", "", None, 7, "md5:" + "0" * 32]
)
def test_digests_that_are_paths(digest: object) -> None:
    bad = {**descriptor(LAYER, "x"), "digest": digest}
    for manifest in ({**MANIFEST, "layers": [bad]}, {**MANIFEST, "config": bad}):
        with serving(json.dumps(manifest).encode()) as host, pytest.raises(IntegrityError):
            Image.pull(f"{host}/x")


@pytest.mark.parametrize("size", [-1, True, "5", None, 1.5])
def test_sizes_that_are_none(size: object) -> None:
    bad = {**MANIFEST, "layers": [{**descriptor(LAYER, "x"), "size": size}]}
    with serving(json.dumps(bad).encode()) as host, pytest.raises(BuildError, match="malformed"):
        Image.pull(f"{host}/x")


def test_other_bytes_than_asked_for() -> None:
    data = json.dumps(MANIFEST).encode()
    with serving(data) as host, pytest.raises(IntegrityError, match="expected bytes with digest"):
        Image.pull(f"{host}/x@{digest_of(b'other')}")
    with serving(data, digest=digest_of(b"other")) as host, pytest.raises(IntegrityError):
        Image.pull(f"{host}/x")
    with serving(data, b"{}") as host, pytest.raises(IntegrityError):
        Image.pull(f"{host}/x")


@pytest.mark.parametrize("layer", [b"", b"other bytes", b"layer byte", LAYER + b"!", LAYER * 9000])
def test_other_layers_than_announced(layer: bytes) -> None:
    with serving(json.dumps(MANIFEST).encode(), layer=layer) as host, Registry(host) as here:
        cache = BlobCache()
        blob = Descriptor("", digest_of(LAYER), len(LAYER))
        with pytest.raises((IntegrityError, EngineError)):
            here.fetch("x", blob, cache)
        assert cache.size(digest_of(LAYER)) is None
        assert not list((cache.folder / "partial").iterdir())


@pytest.mark.parametrize("length", [12, 10**15])
def test_answers_shorter_than_announced(length: int) -> None:
    given = Given(200, {}, LAYER, length)
    with answering(lambda _: given) as host, pytest.raises(EngineError, match="broke off"):
        Image.pull(f"{host}/x")


def test_answers_without_end() -> None:
    given = Given(200, {}, b" " * 5_000_000)
    begin = time.perf_counter()
    with answering(lambda _: given) as host, pytest.raises(MLRunLikeError, match="more than"):
        Image.pull(f"{host}/x")
    assert time.perf_counter() - begin < 5


def test_redirects_without_end() -> None:
    with (
        answering(lambda asked: Given(307, {"Location": asked.path + "x"})) as host,
        pytest.raises(EngineError, match="redirects more than 5 times"),
    ):
        Image.pull(f"{host}/x")


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://x/y", "gopher://x"])
def test_redirects_to_something_else(target: str) -> None:
    with (
        answering(lambda _: Given(302, {"Location": target})) as host,
        pytest.raises(EngineError, match="redirects to an address that is not used"),
    ):
        Image.pull(f"{host}/x")


def test_a_password_does_not_follow_a_redirect() -> None:
    seen: list[str | None] = []

    def other(asked: Asked) -> Given:
        seen.append(asked.headers.get("Authorization"))
        return Given(200, {}, json.dumps(MANIFEST).encode())

    with answering(other) as there:

        def first(asked: Asked) -> Given:
            if "Authorization" not in asked.headers:
                return Given(401, {"WWW-Authenticate": 'Basic realm="x"'})
            if "/blobs/" in asked.path:
                return Given(200, {}, CONFIG)
            return Given(307, {"Location": f"http://{there}/signed"})

        login = Credentials("ann", "secret")
        with answering(first) as host, Registries(Registry(host, credentials=login)) as registries:
            Image.pull(f"{host}/x", registries=registries)
    assert seen == [None]


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "wants a login|not accepted"),
        ("Negotiate", "wants a login|not accepted"),
        ("Bearer", "no address"),
        ('Bearer realm="file:///etc/passwd"', "no address"),
        ('Bearer realm="http://token.example/x"', "without encryption"),
        ('Bearer realm="' + "x" * 7000, "no address"),
    ],
)
def test_strange_challenges(header: str, words: str) -> None:
    login = Credentials("ann", "secret", origin="test")
    with (
        answering(lambda _: Given(401, {"WWW-Authenticate": header})) as host,
        Registries(Registry(host, credentials=login)) as registries,
        pytest.raises((BuildError, EngineError), match=words) as caught,
    ):
        Image.pull(f"{host}/x", registries=registries)
    assert "secret" not in str(caught.value) and len(str(caught.value)) < 1200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"token": 5}',
        b'{"token": "a\\r\\nX: y"}',
        b'{"token": "x", "expires_in": [1]}',
    ],
)
def test_strange_tokens(body: bytes) -> None:
    def answer(asked: Asked) -> Given:
        if asked.path.startswith("/token"):
            return Given(200, {}, body)
        realm = f'Bearer realm="http://{asked.headers["Host"]}/token",service="x"'
        return Given(401, {"WWW-Authenticate": realm})

    with answering(answer) as host, pytest.raises(EngineError, match="token server's answer"):
        Image.pull(f"{host}/x")


def test_challenges_are_parsed() -> None:
    assert parse_challenges('Basic realm="a, b=\\"c\\"", Bearer realm=x,scope="y"') == {
        "basic": {"realm": 'a, b="c"'},
        "bearer": {"realm": "x", "scope": "y"},
    }
    begin = time.perf_counter()
    for text in ('="' * 4000, "a " * 4000, '"' * 8000, "Bearer " + 'a="\\' * 2000, "," * 8000):
        parse_challenges(text)
    assert time.perf_counter() - begin < 1


def test_no_http_at_all() -> None:
    long = Given(200, {"X": "y" * 70_000})
    with answering(lambda _: long) as host, pytest.raises(EngineError):
        Image.pull(f"{host}/x")


def test_a_silent_registry() -> None:
    def slow(asked: Asked) -> Given:
        time.sleep(1)
        return Given(200)

    begin = time.perf_counter()
    with answering(slow) as host, config.override(registry_timeout=0.2):
        with pytest.raises(EngineError, match="no answer in time"):
            Image.pull(f"{host}/x")
        assert time.perf_counter() - begin < 1.5
        check = Registry(host).can_push("x", timeout=0.3)
        assert check.state == "unreachable"


def test_docker_format_is_kept() -> None:
    docker = {**MANIFEST, "mediaType": DOCKER_MANIFEST}
    docker["config"] = descriptor(CONFIG, "application/vnd.docker.container.image.v1+json")
    with serving(json.dumps(docker).encode()) as host:
        image = Image.pull(f"{host}/x")
    assert image.docker and image.media_type == DOCKER_MANIFEST
    document = json.loads(image.manifest_bytes)
    assert document["config"]["mediaType"].startswith("application/vnd.docker.")
    oci = json.loads(image.manifest(docker=False))
    assert oci["config"]["mediaType"] == OCI_CONFIG
    assert oci["config"]["digest"] == document["config"]["digest"]
