"""The seam of builders: what makes an image of a plan.

`oci` assembles layers without any tool; `podman`, `buildah` and `docker` build a Dockerfile, which
commands need. Others register in the entry point group `mlrun_like.builders`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import BuildError
from mlrun_like.images.assembling import Assembly, Say
from mlrun_like.images.image import Image
from mlrun_like.images.plan import Destination, Plan
from mlrun_like.images.registries import Registries
from mlrun_like.images.tool import TOOLS
from mlrun_like.registry import known, load

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Builder", "Built", "Work", "choose_builder"]


@dataclass(frozen=True)
class Work:
    """What a builder is given.

    Args:
        plan: What is wanted.
        base: The base image.
        assembly: The layers over it, in the cache.
        destination: Where the image goes.
        folder: An empty folder for files of this build.
        registries: Open registries.
        say: Called with lines of progress.
        renew: Make anew what may have changed outside.
    """

    plan: Plan
    base: Image
    assembly: Assembly
    destination: Destination
    folder: Path
    registries: Registries
    say: Say = field(default=lambda line: None)
    renew: bool = False


class Built(NamedTuple):
    """What a builder has made.

    Args:
        digest: Of the image's manifest.
        sent_bytes: Bytes sent to a registry; None if the tool does not tell.
    """

    digest: str
    sent_bytes: int | None = 0


class Builder(ABC):
    """Makes images."""

    name: ClassVar[str] = ""
    runs_commands: ClassVar[bool] = False

    @abstractmethod
    def unavailable(self) -> str:
        """Why it cannot be used here; empty if it can."""

    @abstractmethod
    def build(self, work: Work) -> Built:
        """Make the image and bring it to its destination.

        Raises:
            BuildError: saying what failed, with the tool's own reason.
        """


def choose_builder(plan: Plan, wanted: str = "") -> Builder:
    """The builder for a plan.

    Args:
        plan: What is wanted; commands need a container tool.
        wanted: A builder's name; empty: by the setting `image_builder`.

    Raises:
        UnknownNameError: if there is no builder of that name.
        BuildError: if it cannot do what the plan needs, or cannot be used here.
    """
    name = wanted or config.image_builder or "auto"
    if name != "auto":
        builder = _builder(name)
        if plan.needs_tool and not builder.runs_commands:
            raise BuildError(
                f"builder {name!r} only adds files: {plan.needs_tool}",
                fix=f"builder='podman' or --builder podman (or {', '.join(TOOLS[1:])}), or take a "
                "base image that has what the commands install",
            )
        reason = builder.unavailable()
        if reason:
            raise BuildError(f"builder {name!r} cannot be used here: {reason}", fix=_fix(plan))
        return builder
    if not plan.needs_tool:
        return _builder("oci")
    reasons = []
    for other in [*TOOLS, *(n for n in known("builders") if n not in TOOLS)]:
        builder = _builder(other)
        if not builder.runs_commands:
            continue
        reason = builder.unavailable()
        if not reason:
            return builder
        reasons.append(reason)
    raise BuildError(
        f"no container tool can be used here ({'; '.join(reasons)}), and {plan.needs_tool}",
        fix=_fix(plan),
    )


def _builder(name: str) -> Builder:
    make: Callable[[], Builder] = load("builders", name)
    return make()


def _fix(plan: Plan) -> str:
    if plan.needs_tool:
        return (
            "install podman, or leave the commands out and use a base image that has what they "
            "install"
        )
    return "builder='oci' needs no tool"
