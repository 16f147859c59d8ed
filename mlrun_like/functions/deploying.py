"""Documents to images: what `fn.build`, `fn.deploy` and a run with `auto_build` do."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import BuildError, FunctionError, MLRunLikeError
from mlrun_like.functions.documents import require_code, save
from mlrun_like.functions.placing import choose_runtime, raise_findings
from mlrun_like.functions.preflight.check import check_document
from mlrun_like.functions.preflight.images import check_destination
from mlrun_like.functions.preflight.keys import check_keys
from mlrun_like.images.assembling import Say
from mlrun_like.images.build import BuiltImage, build_plan, dockerfile_text
from mlrun_like.images.plan import Plan, destination_of, plan_of
from mlrun_like.runtimes.finding import Finding
from mlrun_like.specs.function import Build, FunctionDoc

__all__ = [
    "build",
    "clean",
    "deploy",
    "dockerfile",
    "ensure_built",
    "prepare",
    "progress",
    "requires_build",
]

_CODE = ("functionSourceCode", "modules", "origin_module", "origin_filename", "code_origin")


def requires_build(document: FunctionDoc) -> bool:
    """Whether a function needs an image of its own."""
    build = document.spec.build
    baked = build.source and not build.load_source_on_run
    return bool(build.commands or build.requirements or build.extra.strip() or baked)


def prepare(document: FunctionDoc) -> None:
    """Take the image of a function as the base of the one to build, once."""
    spec = document.spec
    if requires_build(document) and spec.image and not spec.build.base_image:
        spec.build.base_image, spec.image = spec.image, ""
        document.status.pop("state", None)


def clean(document: FunctionDoc) -> None:
    """Forget how an image is made; the base becomes the function's image again."""
    spec = document.spec
    if spec.build.base_image and not spec.image:
        spec.image = spec.build.base_image
    spec.build = Build(**{name: getattr(spec.build, name) for name in _CODE})


def build(
    document: FunctionDoc,
    options: Mapping[str, Any],
    changes: Mapping[str, Any],
    watch: bool | str = True,
) -> BuiltImage:
    """Build a function's image and note it in the document.

    What stands against a run in the image is found first.

    Args:
        document: The function.
        options: `target`, `push`, `archive`, `builder`, `renew`, `keep`.
        changes: Values of the plan; see `plan_of`.
        watch: Show progress; `"failure"`: only if it fails.
    """
    require_code(document)
    base = _base_of(document)
    _refuse(document, check_document(document, in_image=True, complete=not base))
    plan = plan_of(document, **{"base": base, **{k: v for k, v in changes.items() if v}})
    target = options.get("target") or document.spec.build.image
    where = destination_of(
        target, document, push=options.get("push"), archive=options.get("archive") or ""
    )
    _refuse(document, check_destination(where))
    with progress(watch) as say:
        for item in check_keys(document):
            say(f"warning: {item}")
        made = build_plan(
            plan,
            where,
            builder=options.get("builder") or "",
            renew=bool(options.get("renew")),
            keep=options.get("keep") or "",
            say=say,
        )
    if watch is True:
        sys.stdout.write(made.summary() + "\n")
    if not where.archive:
        _note(document, made, plan, base)
    return made


def _refuse(document: FunctionDoc, found: Iterable[Finding]) -> None:
    raise_findings(document, [item for item in found if item.severity == "error"])


def _base_of(document: FunctionDoc) -> str:
    """The base; an image that was built here is not built upon again and again."""
    spec = document.spec
    built = document.status.get("build") or {}
    if spec.build.base_image:
        return spec.build.base_image
    if isinstance(built, dict) and spec.image and built.get("image") == spec.image:
        return str(built.get("base") or "")
    return spec.image


def _note(document: FunctionDoc, made: BuiltImage, plan: Plan, base: str) -> None:
    document.spec.image = made.name
    document.status["state"] = "ready"
    document.status["build"] = {
        "image": made.name,
        "digest": made.digest,
        "base": base or plan.base,
        "lock_hash": made.lock_hash,
        "builder": made.builder,
    }


@contextlib.contextmanager
def progress(watch: bool | str) -> Iterator[Say]:
    """Where lines of progress go: to the reader, nowhere, or to the reader if the block fails."""
    kept: list[str] = []

    def show(line: str) -> None:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    try:
        yield show if watch is True else kept.append
    except MLRunLikeError:
        if watch == "failure":
            for line in kept:
                show(line)
        raise


def dockerfile(
    document: FunctionDoc,
    folder: str = "",
    changes: Mapping[str, Any] = MappingProxyType({}),
    say: Say = lambda line: None,
) -> str:
    """The Dockerfile of a function's image.

    Args:
        document: The function.
        folder: Where it is written with what it adds; empty: nowhere, and no version is chosen.
        changes: Values of the plan; see `plan_of`.
        say: Called with lines of progress.
    """
    require_code(document)
    return dockerfile_text(
        plan_of(document, **{"base": _base_of(document), **changes}), folder, say=say
    )


def deploy(document: FunctionDoc, given: Mapping[str, Any], watch: bool | str = True) -> bool:
    """Build a function's image with what its document says, and save it.

    Args:
        document: The function.
        given: `with_mlrun`, `skip_deployed`, `specifier`, `builder_env`, `renew`.
        watch: Show progress; `"failure"`: only if it fails.

    Raises:
        FunctionError: if there is nothing to build and no image.
        BuildError: if it cannot be built.
    """
    settings, spec = document.spec.build, document.spec
    deployed = bool(spec.image) or document.status.get("state") == "ready"
    if given.get("skip_deployed") and deployed:
        return _ready(document)
    package = given.get("with_mlrun")
    package = settings.with_mlrun is not False if package is None else bool(package)
    if not package and not requires_build(document) and not settings.base_image:
        if not spec.image:
            raise FunctionError(
                "there is nothing to build, and the function has no image",
                where=f"function {document.metadata.name!r}",
                fix='set fn.spec.image, or fn.build_config(base_image="python:3.11-slim")',
            )
        return _ready(document)
    if not (config.strict_arguments or settings.image or config.docker_registry):
        runtime, notices = choose_runtime(document)
        if not runtime.needs_image:  # what an image would hold is installed where the function runs
            notice = "".join(notices) or f"runs with kind {runtime.kind!r} on this machine"
            sys.stderr.write(f"mlrun-like: {notice}; no image is built\n")
            return _ready(document)
    environ = {**settings.builder_env, **(given.get("builder_env") or {})}
    changes = {
        "specifier": given.get("specifier"),
        "environ": {str(key): str(value) for key, value in environ.items()},
    }
    try:
        before = settings.with_mlrun
        settings.with_mlrun = package
        try:
            build(document, {"renew": given.get("renew")}, changes, watch)
        finally:
            settings.with_mlrun = before
    except MLRunLikeError:
        document.status["state"] = "error"
        raise
    return _ready(document)


def _ready(document: FunctionDoc) -> bool:
    document.status["state"] = "ready"
    save(document, "", False)
    return True


def ensure_built(document: FunctionDoc, auto_build: bool | None = None) -> None:
    """Before a run in an image: build it if the function says so, else explain what to do.

    Args:
        document: The function.
        auto_build: What the run says; by default what the function says.

    Raises:
        BuildError: if the function needs an image, has none, and may not build it.
    """
    deployed = bool(document.spec.image) or document.status.get("state") == "ready"
    if deployed:
        return
    wanted = document.spec.build.auto_build if auto_build is None else auto_build
    if wanted:
        deploy(document, {"skip_deployed": True})
    elif requires_build(document):
        raise BuildError(
            "the function's image is not built yet, and it needs one of its own",
            where=f"function {document.metadata.name!r}",
            fix="fn.deploy() before the run, or fn.run(..., auto_build=True); on the command line "
            "`mlrun-like build ... --image NAME`, then run with --image NAME",
        )
