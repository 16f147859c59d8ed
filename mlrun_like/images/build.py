"""Plans to images: inspect the base, make the layers, hand them to a builder."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mlrun_like.errors import BuildError
from mlrun_like.images.assembling import Assembly, Say, assemble
from mlrun_like.images.base import inspect_base
from mlrun_like.images.bases import open_base
from mlrun_like.images.builders import Work, choose_builder
from mlrun_like.images.dockerfile import outline_of, write_context
from mlrun_like.images.early import check_early
from mlrun_like.images.image import Image
from mlrun_like.images.plan import Destination, Plan, destination_of, project_plan
from mlrun_like.images.registries import Registries
from mlrun_like.images.sending import Meter, bytes_text, later

__all__ = ["BuiltImage", "BuiltLayer", "build_image", "build_plan", "dockerfile_text"]


class BuiltLayer(NamedTuple):
    """One of the layers over the base.

    Args:
        name: `environment`, `package`, `source` or `code`.
        digest: Of its compressed bytes.
        size: Compressed bytes.
        reused: Whether it had been made before.
    """

    name: str
    digest: str
    size: int
    reused: bool


@dataclass(frozen=True)
class BuiltImage:
    """An image that was built.

    Args:
        name: Its full name; the archive's path if it went into a file.
        digest: Of its manifest: the same inputs give the same.
        seconds: How long it took.
        pushed_bytes: Bytes sent to the registry; None if the container tool does not tell.
        layers: The layers over the base.
        builder: Who built it.
        destination: `registry`, `machine` or `archive`.
        lock_hash: The hash of the environment's lock; empty without packages.
        dockerfile: The Dockerfile's text.
    """

    name: str
    digest: str
    seconds: float
    pushed_bytes: int | None
    layers: tuple[BuiltLayer, ...]
    builder: str
    destination: str = "registry"
    lock_hash: str = ""
    dockerfile: str = ""

    @property
    def pinned(self) -> str:
        """The name with the digest instead of the tag: it never means another image."""
        head, _, last = self.name.rpartition("/")
        plain = f"{head}/{last.partition(':')[0]}" if head else last.partition(":")[0]
        return f"{plain}@{self.digest}"

    def summary(self) -> str:
        """What was built, in a few lines."""
        sent = "" if self.pushed_bytes is None else f", {bytes_text(self.pushed_bytes)} sent"
        sent = sent if self.destination == "registry" else ""
        lines = [f"{self.name}  built by {self.builder} in {self.seconds:.1f} s{sent}"]
        lines.append(f"  digest       {self.digest}")
        for layer in self.layers:
            state = "reused" if layer.reused else "new"
            lines.append(f"  {layer.name:<12} {bytes_text(layer.size):>9}  {state}")
        return "\n".join(lines)


def build_plan(
    plan: Plan,
    destination: Destination,
    *,
    builder: str = "",
    renew: bool = False,
    keep: str = "",
    say: Say = lambda line: None,
) -> BuiltImage:
    """Build what a plan says.

    Args:
        plan: What is wanted.
        destination: Where it goes.
        builder: `oci`, `podman`, `buildah`, `docker` or a plug-in's; empty: by the setting
            `image_builder`.
        renew: Choose package versions anew.
        keep: A folder for the Dockerfile and its context; empty: they are not kept.
        say: Called with lines of progress.

    Raises:
        BuildError: if it cannot be built or pushed; the message says why.
        NotFoundError: if there is no such base.
        EngineError: if a registry cannot be reached.
    """
    start = time.perf_counter()
    chosen = choose_builder(plan, builder)
    with contextlib.ExitStack() as stack:
        registries = stack.enter_context(Registries())
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mlrun-like-build-")))
        base, assembly = _assembled(plan, registries, say, renew, not chosen.runs_commands)
        text = ""
        if keep:
            kept = assembly
            if assembly.removed and not chosen.runs_commands:
                _, kept = _assembled(plan, registries, say, False, False)
            text = write_context(Path(keep).expanduser(), plan, kept)
        work = Work(plan, base, assembly, destination, folder, registries, say, renew)
        built = chosen.build(work)
    return BuiltImage(
        name=destination.archive or destination.name,
        digest=built.digest,
        seconds=time.perf_counter() - start,
        pushed_bytes=built.sent_bytes,
        layers=tuple(
            BuiltLayer(part.name, part.layer.digest, part.layer.size, part.reused)
            for part in assembly.parts
        ),
        builder=chosen.name,
        destination=_place(destination),
        lock_hash=assembly.locked.hash if assembly.locked else "",
        dockerfile=text,
    )


def _place(destination: Destination) -> str:
    if destination.archive:
        return "archive"
    return "registry" if destination.push else "machine"


def _assembled(
    plan: Plan, registries: Registries, say: Say, renew: bool, whiteouts: bool
) -> tuple[Image, Assembly]:
    check_early(plan, say)
    base = open_base(plan.base, plan.platform, registries, say)
    if base.platform.os not in ("linux", ""):
        raise BuildError(
            f"the base image runs on {base.platform}", where=plan.base, fix="use one for linux"
        )
    with Meter(say) as meter, later(say, f"looking for Python in the base image {plan.base}"):
        found = inspect_base(base, plan.python, registries=registries, progress=meter)
    environ = base.environment
    path = f"{environ.get('PATH', _PATH)}\n{environ.get('PYTHONPATH', '')}"
    return base, assemble(plan, found, path=path, say=say, renew=renew, whiteouts=whiteouts)


_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def dockerfile_text(plan: Plan, folder: str = "", *, say: Say = lambda line: None) -> str:
    """The Dockerfile of a plan; nothing is built.

    Args:
        plan: What is wanted.
        folder: Where the file and its context are written, for which versions are chosen; empty:
            nowhere, and the text lists the requirements as they are (`dockerfile.outline_of`).
        say: Called with lines of progress.
    """
    if not folder:
        return outline_of(plan)
    with Registries() as registries:
        _, assembly = _assembled(plan, registries, say, False, False)
    return write_context(Path(folder).expanduser(), plan, assembly)


def build_image(
    image: str,
    *,
    base_image: str = "",
    requirements: Sequence[str] = (),
    commands: Sequence[str] = (),
    with_mlrun: bool = True,
    destination: Destination | None = None,
    builder: str = "",
    say: Callable[[str], None] = lambda line: None,
) -> BuiltImage:
    """Build an image without a function, such as the one that a project's functions share.

    Args:
        image: Its name; a leading `.` means the default registry.
        base_image: What it rests on; by default the setting `default_image`.
        requirements: Packages.
        commands: Shell commands that run before the packages are added.
        with_mlrun: Whether this package is added.
        destination: Where it goes; by default what the name says.
        builder: See `build_plan`.
        say: Called with lines of progress.

    Raises:
        BuildError: if it cannot be built or pushed.
    """
    plan = project_plan(base_image, requirements, commands, package=with_mlrun)
    return build_plan(plan, destination or destination_of(image), builder=builder, say=say)
