"""Operating system and processor of an image, and the choice among several."""

from __future__ import annotations

import platform as machine
from collections.abc import Sequence
from typing import NamedTuple, TypeVar

from mlrun_like.errors import BuildError, InvalidArgumentError

__all__ = ["Platform", "choose"]

_NAMES = {
    "x86_64": "amd64",
    "x86-64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "armhf": "arm",
    "i386": "386",
    "i686": "386",
}
_VARIANTS = {"armv7l": "v7", "armhf": "v7"}
_KNOWN = frozenset(
    ("386", "amd64", "arm", "arm64", "loong64", "mips64le", "ppc64le", "riscv64", "s390x")
)
_Item = TypeVar("_Item")


class Platform(NamedTuple):
    """What an image runs on, in the words of the OCI image specification.

    >>> Platform.parse("linux/aarch64")
    Platform(os='linux', architecture='arm64', variant='')
    >>> str(Platform.parse("arm/v7"))
    'linux/arm/v7'
    """

    os: str = "linux"
    architecture: str = "amd64"
    variant: str = ""

    @classmethod
    def parse(cls, text: str = "") -> Platform:
        """The platform named `os/architecture[/variant]` or `architecture`; empty: this machine's.

        Raises:
            InvalidArgumentError: if it is none that images are made for.
        """
        parts = (text or machine.machine()).lower().split("/")
        if parts[0] not in ("linux", "windows"):
            parts.insert(0, "linux")
        name = parts[1] if len(parts) > 1 else ""
        found = cls(
            parts[0],
            _NAMES.get(name, name),
            parts[2] if len(parts) > 2 else _VARIANTS.get(name, ""),
        )
        if len(parts) > 3 or found.architecture not in _KNOWN:
            raise InvalidArgumentError(
                f"{text or name!r} is not a platform of images",
                fix=f"write linux/amd64 or linux/arm64 (known: {', '.join(sorted(_KNOWN))})",
            )
        return found

    def matches(self, other: Platform) -> bool:
        """Whether an image for `other` runs here (a missing variant fits any)."""
        return self[:2] == other[:2] and (
            not self.variant or not other.variant or self.variant == other.variant
        )

    def __str__(self) -> str:
        return "/".join(filter(None, self))


def choose(wanted: Platform, offered: Sequence[tuple[Platform, _Item]], where: str) -> _Item:
    """The item of the platform that fits best.

    Raises:
        BuildError: listing the platforms there are.
    """
    fitting = [pair for pair in offered if wanted.matches(pair[0])]
    if not fitting:
        names = ", ".join(dict.fromkeys(str(platform) for platform, _ in offered)) or "none"
        first = str(offered[0][0]) if offered else "linux/amd64"
        raise BuildError(
            f"the image is not made for {wanted}; it has: {names}",
            where=where,
            fix=f"choose one of these, as in platform={first!r} or --platform {first}, or another "
            "base image",
        )
    return min(fitting, key=lambda pair: pair[0].variant != wanted.variant)[1]
