"""Names of images, such as `registry:5000/team/app:1.0@sha256:...`."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError

__all__ = ["DOCKER_HUB", "ImageName"]

DOCKER_HUB = "docker.io"
_HUB_HOSTS = frozenset({DOCKER_HUB, "index.docker.io", "registry-1.docker.io"})
_HOST = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
    r"|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?"
)
_PART = re.compile(r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_LONGEST = 255  # characters of registry and repository together


@dataclass(frozen=True)
class ImageName:
    """The parts of an image's name, by the grammar of the distribution project's references.

    Args:
        registry: Host and port, such as `"docker.io"` or `"localhost:5000"`.
        repository: Path in the registry, such as `"library/python"`.
        tag: The tag; empty with a digest only.
        digest: `sha256:...`; empty if the name has none.

    >>> name = ImageName.parse("localhost:5000/team/app:1.0")
    >>> name.registry, name.repository, name.tag, name.digest
    ('localhost:5000', 'team/app', '1.0', '')
    >>> str(ImageName.parse("python"))
    'docker.io/library/python:latest'
    """

    registry: str
    repository: str
    tag: str = ""
    digest: str = ""

    @classmethod
    def parse(cls, text: str, default_registry: str | None = None) -> ImageName:
        """The parts of `text`; a name without tag and digest gets the tag `latest`.

        Args:
            text: The name. A leading `.` means the default registry: `.team/app:1`.
            default_registry: Used for a leading `.`; by default the setting `docker_registry`.
                It may hold a path, as in `registry:5000/team`.

        Raises:
            InvalidArgumentError: naming the part that is wrong.
        """
        if not isinstance(text, str) or not text.strip():
            raise _bad(text, "it is empty")
        full = text.strip()
        if full.startswith("."):
            full = f"{_default(default_registry, text)}/{full[1:].lstrip('/')}"
        rest, at, digest = full.partition("@")
        if at and not _DIGEST.fullmatch(digest):
            raise _bad(text, f"{digest!r} is not a digest such as sha256:<64 hex digits>")
        registry, rest = _split_registry(rest, text)
        repository, colon, tag = rest.partition(":")
        if colon and not _TAG.fullmatch(tag):
            raise _bad(text, f"{tag!r} is not a tag (letters, digits, '_', '.', '-', at most 128)")
        _check_repository(registry, repository, text)
        return cls(registry, repository, tag or ("" if digest else "latest"), digest)

    @property
    def reference(self) -> str:
        """What a registry is asked for: the digest, else the tag."""
        return self.digest or self.tag

    @property
    def host(self) -> str:
        """The host and port that answer for this registry."""
        return "registry-1.docker.io" if self.registry == DOCKER_HUB else self.registry

    @property
    def name(self) -> str:
        """Registry and repository, without tag and digest."""
        return f"{self.registry}/{self.repository}"

    def with_tag(self, tag: str) -> ImageName:
        """The same repository with another tag and no digest."""
        if not _TAG.fullmatch(tag):
            raise _bad(f"{self.name}:{tag}", f"{tag!r} is not a tag")
        return replace(self, tag=tag, digest="")

    def with_digest(self, digest: str) -> ImageName:
        """The same repository and tag, pinned to a digest."""
        if not _DIGEST.fullmatch(digest):
            raise _bad(f"{self.name}@{digest}", f"{digest!r} is not a digest")
        return replace(self, digest=digest)

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        digest = f"@{self.digest}" if self.digest else ""
        return f"{self.name}{tag}{digest}"


def _default(given: str | None, text: str) -> str:
    registry = config.docker_registry if given is None else given
    registry = registry.partition("://")[2] or registry
    if not registry.strip("/"):
        raise InvalidArgumentError(
            f"image {text!r} means the default registry, and none is set",
            where="setting docker_registry",
            fix="set MLRUN_LIKE_DOCKER_REGISTRY=host:port, or write the whole name",
        )
    return str(registry.strip("/"))


def _split_registry(rest: str, text: str) -> tuple[str, str]:
    """The registry and what follows it; a first part that looks like no host is a repository."""
    first, slash, path = rest.partition("/")
    named = slash and (
        "." in first or ":" in first or first == "localhost" or first.lower() != first
    )
    if not named:
        return DOCKER_HUB, rest if slash else f"library/{rest}"
    found = _HOST.fullmatch(first)
    if found is None or not 0 < int(found["port"] or 1) < 65536:
        raise _bad(text, f"{first!r} is not a registry such as host or host:port")
    if first in _HUB_HOSTS:
        return DOCKER_HUB, path if "/" in path else f"library/{path}"
    return first, path


def _check_repository(registry: str, repository: str, text: str) -> None:
    if repository.removeprefix("library/") == "":
        raise _bad(text, "it names no repository")
    for part in repository.split("/"):
        if not _PART.fullmatch(part):
            hint = " (it must be lower case)" if _PART.fullmatch(part.lower()) else ""
            raise _bad(text, f"{part!r} cannot be part of a repository{hint}")
    if len(registry) + 1 + len(repository) > _LONGEST:
        raise _bad(text, f"it has more than {_LONGEST} characters")


def _bad(text: object, why: str) -> InvalidArgumentError:
    shown = repr(text)
    return InvalidArgumentError(
        f"{shown if len(shown) <= 200 else shown[:200] + '...'} is not an image name: {why}",
        fix="write for example registry:5000/team/app:1.0",
    )
