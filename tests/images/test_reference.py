from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError
from mlrun_like.images.reference import ImageName

D = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("python", "docker.io", "library/python", "latest", ""),
        ("python:3.11-slim", "docker.io", "library/python", "3.11-slim", ""),
        ("mlrun/mlrun", "docker.io", "mlrun/mlrun", "latest", ""),
        ("docker.io/python", "docker.io", "library/python", "latest", ""),
        ("index.docker.io/a/b", "docker.io", "a/b", "latest", ""),
        ("localhost/app", "localhost", "app", "latest", ""),
        ("localhost:5000/app:1", "localhost:5000", "app", "1", ""),
        ("127.0.0.1:5000/a/b/c:1", "127.0.0.1:5000", "a/b/c", "1", ""),
        ("[::1]:5000/app", "[::1]:5000", "app", "latest", ""),
        ("ghcr.io/own-er/a__b.c-d:V1_.x", "ghcr.io", "own-er/a__b.c-d", "V1_.x", ""),
        (f"quay.io/x/y@{D}", "quay.io", "x/y", "", D),
        (f"reg:5000/x/y:1@{D}", "reg:5000", "x/y", "1", D),
        ("Host/app", "Host", "app", "latest", ""),
        ("  a/b:1\n", "docker.io", "a/b", "1", ""),
        (f"x@sha512:{'0' * 128}", "docker.io", "library/x", "", "sha512:" + "0" * 128),
    ],
)
def test_parts(text: str, registry: str, repository: str, tag: str, digest: str) -> None:
    name = ImageName.parse(text)
    assert (name.registry, name.repository, name.tag, name.digest) == (
        registry,
        repository,
        tag,
        digest,
    )
    assert ImageName.parse(str(name)) == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "it is empty"),
        ("  ", "it is empty"),
        ("a b", "cannot be part"),
        ("UPPER", "lower case"),
        ("a/B/c", "lower case"),
        ("a//b", "cannot be part"),
        ("/a", "cannot be part"),
        ("a/", "cannot be part"),
        ("reg:5000/", "names no repository"),
        ("docker.io/", "names no repository"),
        ("a:", "is not a tag"),
        ("a:x/y", "is not a registry"),
        ("a:1:2", "is not a tag"),
        ("a:-x", "is not a tag"),
        ("a:" + "t" * 129, "is not a tag"),
        ("a@sha256:abc", "is not a digest"),
        ("a@", "is not a digest"),
        ("a@md5:" + "0" * 32, "is not a digest"),
        ("a/../b", "cannot be part"),
        ("a/.b", "cannot be part"),
        ("reg:99999/a", "is not a registry"),
        ("reg:0/a", "is not a registry"),
        ("-reg.x/a", "is not a registry"),
        ("http://reg:5000/a", "is not a registry"),
        ("a?b", "cannot be part"),
        ("a\n/b", "cannot be part"),
        ("ä/b", "cannot be part"),
        ("a/b%2f", "cannot be part"),
        ("user:pass@reg.x/a", "is not a digest"),
        ("x" * 300, "more than 255"),
        ("a" * 10_000_000, "more than 255"),
    ],
)
def test_wrong_names(text: str, reason: str) -> None:
    with pytest.raises(InvalidArgumentError, match=reason) as caught:
        ImageName.parse(text)
    assert len(str(caught.value)) < 1000
    assert caught.value.fix


def test_default_registry() -> None:
    with pytest.raises(InvalidArgumentError, match="DOCKER_REGISTRY"):
        ImageName.parse(".app:1")
    assert str(ImageName.parse(".app:1", "reg:5000/team")) == "reg:5000/team/app:1"
    with config.override(docker_registry="https://reg.example/"):
        assert str(ImageName.parse("./a/b")) == "reg.example/a/b:latest"
        assert str(ImageName.parse(".mlrun-project-image-x")) == (
            "reg.example/mlrun-project-image-x:latest"
        )
    with config.override(docker_registry="a b"), pytest.raises(InvalidArgumentError):
        ImageName.parse(".x")


def test_other_tag_and_digest() -> None:
    name = ImageName.parse("reg:5000/a:1")
    assert str(name.with_tag("2")) == "reg:5000/a:2"
    assert str(name.with_digest(D)) == f"reg:5000/a:1@{D}"
    assert name.with_digest(D).reference == D and name.reference == "1"
    assert str(name.with_digest(D).with_tag("3")) == "reg:5000/a:3"
    for bad in ("a b", ""):
        with pytest.raises(InvalidArgumentError):
            name.with_tag(bad)
        with pytest.raises(InvalidArgumentError):
            name.with_digest(bad)


@given(st.text(max_size=60) | st.text("abA./:@-_[]0123456789", max_size=60))
def test_any_text_is_a_name_or_our_error(text: str) -> None:
    try:
        name = ImageName.parse(text, "reg:5000")
    except MLRunLikeError:
        return
    assert ImageName.parse(str(name)) == name
    assert not set("?#%\\ \n") & set(str(name))
