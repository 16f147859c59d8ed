"""For whom packages are chosen: the Python and platform inside the base image."""

from __future__ import annotations

import sys
import sysconfig
from typing import NamedTuple

from mlrun_like.errors import BuildError
from mlrun_like.images.platform import Platform

__all__ = ["Target", "here"]

_MACHINES = {
    "amd64": "x86_64",
    "arm64": "aarch64",
    "386": "i686",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
    "arm": "armv7l",
}
_GLIBC = (28, 27, 26, 24, 17, 12, 5)  # newest first, as wheels of a newer one do not run on older


class Target(NamedTuple):
    """A Python on a platform.

    Attributes:
        python: Major and minor version, such as `3.11`.
        platform: `os/architecture` in the words of OCI images, such as `linux/arm64`.
        libc: `gnu` or `musl`.
        site: Folder of packages in the image.
        prefix: Folder of which `bin` and `share` belong to it.
        executable: The interpreter's path in the image.
        on_path: Whether that interpreter looks into `site` by itself; else `PYTHONPATH` names it.
    """

    python: str
    platform: str = "linux/amd64"
    libc: str = "gnu"
    site: str = "/usr/local/lib/python3/site-packages"
    prefix: str = "/usr/local"
    executable: str = "/usr/bin/python3"
    on_path: bool = True

    @property
    def machine(self) -> str:
        """The architecture in the words of wheels.

        Raises:
            BuildError: if there are no wheels for it.
        """
        system, _, rest = self.platform.partition("/")
        name = _MACHINES.get(rest.partition("/")[0])
        if system != "linux" or name is None:
            raise BuildError(
                f"images of platform {self.platform!r} cannot be built",
                fix=f"use a base image of linux/{{{','.join(sorted(_MACHINES))}}}",
            )
        return name

    @property
    def uv_platform(self) -> str:
        """The name of the platform for uv.

        >>> Target("3.11").uv_platform
        'x86_64-manylinux_2_28'
        """
        if self.libc == "musl":
            return f"{self.machine}-unknown-linux-musl"
        known = self.machine in ("x86_64", "aarch64")
        return f"{self.machine}-manylinux_2_28" if known else f"{self.machine}-unknown-linux-gnu"

    @property
    def pip_platforms(self) -> list[str]:
        """The platform tags that pip may choose from, best first.

        >>> Target("3.11", libc="musl").pip_platforms
        ['musllinux_1_2_x86_64', 'musllinux_1_1_x86_64']
        """
        if self.libc == "musl":
            return [f"musllinux_1_{minor}_{self.machine}" for minor in (2, 1)]
        tags = [f"manylinux_2_{minor}_{self.machine}" for minor in _GLIBC]
        return [*tags, *(f"manylinux{year}_{self.machine}" for year in (2014, 2010, 1))]

    @property
    def is_here(self) -> bool:
        """Whether what is compiled on this machine runs there."""
        return here()[:3] == self[:3]


def here() -> Target:
    """The Python and platform of this process."""
    libc = "musl" if "musl" in (sysconfig.get_config_var("SOABI") or "") else "gnu"
    python = f"{sys.version_info[0]}.{sys.version_info[1]}"
    return Target(python, str(Platform.parse()), libc)
