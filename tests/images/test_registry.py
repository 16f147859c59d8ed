from __future__ import annotations

import threading
import time

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import (
    BuildError,
    EngineError,
    InvalidArgumentError,
    MLRunLikeError,
    NotFoundError,
)
from mlrun_like.images.auth import Credentials
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.digests import digest_of
from mlrun_like.images.image import Image
from mlrun_like.images.layers import Entry, build_layer
from mlrun_like.images.reference import ImageName
from mlrun_like.images.registries import Registries
from mlrun_like.images.registry import Registry
from mlrun_like.images.sources import BytesSource
from mlrun_like.images.transfer import Transfer
from tests.images.faking import Asked, Given, answering, flaky_proxy
from tests.registries import PASSWORD, USER, DockerRegistry, token_registry
from tests.servers import free_port


def test_push_pull_and_the_same_digest(registry: DockerRegistry, small: Image) -> None:
    name = f"{registry.host}/team/small:1"
    pushed = small.push(name)
    assert pushed.digest == small.digest
    assert str(pushed.name) == f"{name}@{small.digest}"
    assert len(pushed.sent) == 3 and not pushed.mounted
    pulled = Image.pull(name)
    assert pulled.config == small.config
    assert [layer.digest for layer in pulled.layers] == [layer.digest for layer in small.layers]
    assert pulled.digest == small.digest
    again = small.push(name)
    assert again.sent == () and again.sent_bytes == len(small.manifest_bytes)
    assert Image.pull(str(pushed.name)).digest == small.digest


def test_layers_of_a_base_are_mounted_not_sent(registry: DockerRegistry, small: Image) -> None:
    small.push(f"{registry.host}/mount/base:1")
    for layer in small.layers:
        BlobCache().path(layer.digest).unlink()
    base = Image.pull(f"{registry.host}/mount/base:1")
    image = base.with_layers(build_layer([Entry.data("/app/c", b"new")]))
    pushed = image.push(f"{registry.host}/mount/other:1")
    assert set(pushed.mounted) == {layer.digest for layer in small.layers}
    assert pushed.sent_bytes < 3000
    assert Image.pull(f"{registry.host}/mount/other:1").digest == image.digest


def test_from_one_registry_to_another(
    registry: DockerRegistry, locked_registry: DockerRegistry, small: Image
) -> None:
    small.push(f"{registry.host}/copy/base:1")
    for layer in small.layers:
        BlobCache().path(layer.digest).unlink()
    base = Image.pull(f"{registry.host}/copy/base:1")
    moves: list[Transfer] = []
    login = Credentials(USER, PASSWORD)
    target = Registry(locked_registry.host, credentials=login, chunk=100)
    with Registries(target) as registries:
        pushed = base.push(
            f"{locked_registry.host}/copy/base:1", registries=registries, progress=moves.append
        )
        assert Image.pull(str(pushed.name), registries=registries).digest == small.digest
    assert {layer.digest for layer in small.layers} < set(pushed.sent)
    # nothing was kept on this machine on the way
    assert not any(BlobCache().size(layer.digest) for layer in small.layers)
    assert {move.state for move in moves} == {"moving", "sent"}
    assert all(move.done <= move.total for move in moves)


def test_the_archive_of_an_image_in_a_registry(
    registry: DockerRegistry, small: Image, home: object, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("archives")
    small.write_archive(folder / "a.tar", "x/y:1")
    small.push(f"{registry.host}/archive/small:1")
    for layer in small.layers:
        BlobCache().path(layer.digest).unlink()
    pulled = Image.pull(f"{registry.host}/archive/small:1")
    assert pulled.write_archive(folder / "b.tar", "x/y:1") == small.digest
    assert (folder / "a.tar").read_bytes() == (folder / "b.tar").read_bytes()


def test_manifest_and_blobs(registry: DockerRegistry, small: Image) -> None:
    small.push(f"{registry.host}/parts/small:1")
    with Registry(registry.host) as here:
        assert here.exists("parts/small", "1")
        assert here.exists("parts/small", small.digest)
        assert here.digest("parts/small", "1") == small.digest
        assert not here.exists("parts/small", "2")
        assert not here.exists("parts/none", "1")
        assert here.manifest("parts/small", "1")[0] == small.manifest_bytes
        assert here.blob("parts/small", digest_of(small.config_bytes)) == small.config_bytes
        assert not here.has_blob("parts/small", digest_of(b"no"))
        assert here.push_blob("parts/small", BytesSource(b"abc")) == "sent"
        assert here.push_blob("parts/small", BytesSource(b"abc")) == "there"
        with pytest.raises(NotFoundError, match=r"cannot read image \S+:2(.|\n)*MANIFEST_UNKNOWN"):
            here.manifest("parts/small", "2")
        with pytest.raises(InvalidArgumentError, match="cannot be pushed as"):
            small.push(f"{registry.host}/parts/small@{digest_of(b'other')}")


def test_connections_are_kept(registry: DockerRegistry) -> None:
    with flaky_proxy(registry.port, after=0, cuts=0) as proxy, Registry(proxy.host) as here:
        for number in range(5):
            data = b"%d" % number
            assert here.push_blob("kept", BytesSource(data)) == "sent"
            assert here.blob("kept", digest_of(data)) == data
        assert not here.exists("kept", "1")
        assert proxy.opened == 1


def test_an_empty_layer_and_an_empty_image(registry: DockerRegistry, home: object) -> None:
    empty = build_layer([])
    image = Image.scratch().with_layers(empty, empty)
    pushed = image.push(f"{registry.host}/empty:1")
    assert Image.pull(str(pushed.name)).digest == image.digest


def test_large_blobs_go_in_chunks(registry: DockerRegistry) -> None:
    data = bytes(range(256)) * 4096
    seen: list[int] = []
    with Registry(registry.host, chunk=300_000) as here:
        assert here.push_blob("chunks", BytesSource(data), moved=seen.append) == "sent"
        assert seen == [300_000, 600_000, 900_000, len(data), len(data)]
        assert here.blob("chunks", digest_of(data)) == data


def test_registry_with_password(locked_registry: DockerRegistry, small: Image) -> None:
    name = f"{locked_registry.host}/team/small:1"
    with pytest.raises(BuildError, match=r"wants a login(.|\n)*podman login"):
        small.push(name)
    with (
        config.override(registry_auth=f"{locked_registry.host}={USER}:wrong"),
        pytest.raises(BuildError, match=r"login of 'ann' was not accepted") as caught,
    ):
        small.push(name)
    assert "wrong" not in str(caught.value) and "registry_auth" in str(caught.value)
    login = Credentials(USER, PASSWORD, origin="test")
    with Registries(Registry(locked_registry.host, credentials=login)) as registries:
        small.push(name, registries=registries)
        assert Image.pull(name, registries=registries).digest == small.digest


def test_tokens(small: Image) -> None:
    with token_registry() as (server, tokens):
        host = server.host
        with pytest.raises(BuildError, match="wants a login"):
            small.push(f"{host}/team/base:1")
        with config.override(registry_auth=f"{host}={USER}:{PASSWORD}"):
            small.push(f"{host}/team/base:1")
            small.push(f"{host}/public/base:1")
            # a mount needs the right to read the other repository, in one token
            pushed = Image.pull(f"{host}/team/base:1").push(f"{host}/team/other:1")
            assert len(pushed.mounted) == 2
            assert ["repository:team/other:pull,push", "repository:team/base:pull"] in tokens.asked
            with pytest.raises(BuildError, match="ann") as caught:
                small.push(f"{host}/foreign/base:1")
            assert PASSWORD not in str(caught.value)
        assert Image.pull(f"{host}/public/base:1").digest == small.digest
        with (
            config.override(registry_auth=f"{host}={USER}:wrong"),
            pytest.raises(BuildError, match="does not accept the login of 'ann'"),
        ):
            Image.pull(f"{host}/public/base:1")
        refresh = Credentials(identity="refresh")
        with Registries(Registry(host, credentials=refresh)) as registries:
            Image.pull(f"{host}/team/base:1", registries=registries)


def test_tokens_are_asked_for_again_when_they_end(small: Image) -> None:
    with token_registry() as (server, tokens):
        tokens.life = 11  # of which 10 s are kept as a margin
        with (
            config.override(registry_auth=f"{server.host}={USER}:{PASSWORD}"),
            Registry(server.host) as here,
        ):
            assert not here.exists("team/x", "1")
            asked = len(tokens.asked)
            assert not here.exists("team/x", "1")
            assert len(tokens.asked) == asked
            time.sleep(1.1)
            assert not here.exists("team/x", "1")
            assert len(tokens.asked) == asked + 1


def test_can_push(registry: DockerRegistry, locked_registry: DockerRegistry) -> None:
    begin = time.perf_counter()
    assert Registry(registry.host).can_push("any/thing").ok
    nobody = Registry(f"127.0.0.1:{free_port()}").can_push("any/thing")
    assert nobody.state == "unreachable" and "nothing listens" in str(nobody.error)
    locked = Registry(locked_registry.host).can_push("any/thing")
    assert locked.state == "login" and "podman login" in str(locked.error)
    wrong = Credentials(USER, "wrong", origin="test")
    refused = Registry(locked_registry.host, credentials=wrong).can_push("any/thing")
    assert refused.state == "login" and "not accepted" in str(refused.error)
    assert time.perf_counter() - begin < 3
    assert not list((registry.folder / "data").rglob("any/thing/_uploads/*/data"))


def test_can_push_with_a_setting_that_cannot_be_read(locked_registry: DockerRegistry) -> None:
    with config.override(registry_auth="{"):
        check = Registry(locked_registry.host).can_push("x")
    assert check.state == "login" and "registry_auth" in str(check.error)


def test_can_push_with_tokens() -> None:
    with token_registry() as (server, _):
        assert Registry(server.host).can_push("team/x").state == "login"
        login = Credentials(USER, PASSWORD)
        mine = Registry(server.host, credentials=login)
        assert mine.can_push("team/x").ok
        foreign = mine.can_push("foreign/x")
        assert foreign.state == "denied" and "permission" in str(foreign.error)
        wrong = Registry(server.host, credentials=Credentials(USER, "no"))
        assert wrong.can_push("team/x").state == "login"


def test_many_threads_use_one_registry(registry: DockerRegistry) -> None:
    failed: list[MLRunLikeError] = []
    with Registry(registry.host) as here:

        def work(number: int) -> None:
            try:
                for turn in range(5):
                    data = f"{number}-{turn}".encode()
                    here.push_blob(f"threads/{number}", BytesSource(data))
                    assert here.blob(f"threads/{number}", digest_of(data)) == data
            except MLRunLikeError as exc:
                failed.append(exc)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert not failed


def test_unreachable(small: Image) -> None:
    with pytest.raises(EngineError, match="nothing listens there"):
        small.push(f"127.0.0.1:{free_port()}/x:1")
    with pytest.raises(EngineError, match="the name is not known"):
        Image.pull("registry.invalid/x:1")


def test_docker_hub_has_another_host() -> None:
    assert ImageName.parse("python").host == "registry-1.docker.io"
    assert Registry("docker.io").name == "docker.io"


def test_one_failure_stops_the_other_transfers(home: object) -> None:
    """A layer that takes long does not hold up the news that another was refused."""

    def answer(asked: Asked) -> Given:
        if asked.method == "HEAD":
            return Given(404)
        if asked.method == "POST":
            return Given(202, {"Location": "/up"})
        if asked.method == "PATCH":
            time.sleep(0.2)
            return Given(202, {"Location": "/up"})
        time.sleep(0.3)
        return Given(403, body=b'{"errors":[{"code":"DENIED","message":"no"}]}')

    layer = build_layer([Entry.data("/x", bytes(3_000_000))], level=0)
    begin = time.perf_counter()
    with (
        answering(answer) as host,
        Registries(Registry(host, chunk=100_000)) as registries,
        pytest.raises(BuildError, match="no permission"),
    ):
        Image.scratch().with_layers(layer).push(f"{host}/x:1", registries=registries)
    assert time.perf_counter() - begin < 3


def test_an_error_of_the_progress_ends_the_push(registry: DockerRegistry, small: Image) -> None:
    def progress(transfer: Transfer) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small.push(f"{registry.host}/interrupted:1", progress=progress)
    with Registry(registry.host) as here:
        assert not here.exists("interrupted", "1")
