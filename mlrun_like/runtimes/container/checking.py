"""What would make a run in a container fail, told before anything is started."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from mlrun_like.errors import MissingFileError, MLRunLikeError
from mlrun_like.images.reference import ImageName
from mlrun_like.registry import resolve
from mlrun_like.runtimes.container.command import image_of, variables_of
from mlrun_like.runtimes.container.limits import gpu_count, limit_options
from mlrun_like.runtimes.container.mounts import volume_mounts
from mlrun_like.runtimes.container.tool import Tool, has_image
from mlrun_like.runtimes.container.user import user_of
from mlrun_like.runtimes.finding import Finding
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc

__all__ = ["check_container"]

_PATIENCE = 1.0
"""Seconds for a registry to answer."""
_GPU_DEVICES = ("/dev/nvidia0", "/dev/dxg", "/dev/kfd")


def check_container(tool: Tool, doc: FunctionDoc, run: RunDoc) -> Iterator[Finding]:
    """The findings of a function and run for this tool; nothing is started or pulled."""
    spec = doc.spec
    fields = dict.fromkeys(("metadata.name", "metadata.namespace", "metadata.uid"), "")
    secrets = _Promised(run)
    checks: tuple[tuple[str, Callable[[], Any]], ...] = (
        ("resources", lambda: limit_options(spec.resources, tool.name)),
        ("security-context", lambda: user_of(spec.security_context, tool.name)),
        (
            "volumes",
            lambda: volume_mounts(spec.volumes, spec.volume_mounts, secrets=secrets),
        ),
        ("environment", lambda: variables_of(doc, secrets, fields)),
        ("image-name", lambda: image_of(doc)),
    )
    wrong = False
    for code, check in checks:
        try:
            check()
        except MissingFileError as exc:
            wrong = True
            yield Finding("secret-missing" if code == "environment" else code, *_parts(exc))
        except MLRunLikeError as exc:
            wrong = True
            yield Finding(code, *_parts(exc))
    if wrong:
        return
    yield from _check_gpus(doc)
    yield from _check_image(tool, doc)


def _check_gpus(doc: FunctionDoc) -> Iterator[Finding]:
    if gpu_count(doc.spec.resources) and not any(Path(path).exists() for path in _GPU_DEVICES):
        yield Finding(
            "gpu-missing",
            "the function asks for GPUs, and this machine has none",
            f"function {doc.metadata.name!r}, spec.resources.limits",
            "leave gpus out here, or run it on a machine that has one",
        )


def _check_image(tool: Tool, doc: FunctionDoc) -> Iterator[Finding]:
    image = image_of(doc)
    where = f"function {doc.metadata.name!r}, spec.image"
    policy = doc.spec.image_pull_policy.lower()
    if policy != "always" and has_image(tool, image):
        return
    if policy == "never" or image.startswith("localhost/"):
        reason = "names at localhost/ are never pulled"
        if policy == "never":
            reason = "image_pull_policy is Never"
        yield Finding(
            "image-missing",
            f"the image {image!r} is not on this machine, and {reason}",
            where,
            f"build it: fn.deploy(), or see what there is: {tool.name} images",
        )
        return
    found: list[Finding] = []
    asking = threading.Thread(target=lambda: found.extend(_ask(image, where)), daemon=True)
    asking.start()
    asking.join(_PATIENCE)
    yield from found


def _ask(image: str, where: str) -> Iterator[Finding]:
    """Whether the image's registry has it; a registry that does not say so stops nothing."""
    name = ImageName.parse(image)
    try:
        connect = resolve("mlrun_like.images.registry:Registry")  # with all that HTTP needs
        with connect(name.registry, timeout=_PATIENCE) as registry:
            if registry.exists(name.repository, name.reference):
                return
    except MLRunLikeError as exc:
        # the tool may know a mirror or a login that this process does not
        yield Finding("image-unknown", *_parts(exc), "warning")
        return
    yield Finding(
        "image-missing",
        f"the image {image!r} is neither on this machine nor at {name.registry}",
        where,
        "check its name and tag, or build it: fn.deploy()",
    )


class _Promised(dict[str, str]):
    """Secrets whose names are known, and whose values come when the run is submitted."""

    def __init__(self, run: RunDoc) -> None:
        super().__init__()
        self._any = False
        for item in run.spec.secret_sources:
            source = item.get("source")
            if item.get("kind") == "inline":
                self.update(dict.fromkeys(source or (), ""))
            elif item.get("kind") == "file":
                self._any = True

    def __contains__(self, key: object) -> bool:
        return self._any or super().__contains__(key)

    def __missing__(self, key: str) -> str:
        return ""


def _parts(error: MLRunLikeError) -> tuple[str, str, str]:
    return error.what, error.where, error.fix
