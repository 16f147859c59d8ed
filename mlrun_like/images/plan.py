"""What an image is to hold, read from a function's document; user code is never imported."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import BuildError, InvalidArgumentError
from mlrun_like.images.complaints import without_passwords
from mlrun_like.images.reference import ImageName
from mlrun_like.packaging.requirements import distribution_name, read_requirements
from mlrun_like.packaging.unpack import files_of
from mlrun_like.parsing import parse
from mlrun_like.registry import known, load
from mlrun_like.specs.function import FunctionDoc

__all__ = [
    "CODE",
    "HOME",
    "ROOT",
    "SOURCE",
    "Destination",
    "Plan",
    "destination_of",
    "plan_of",
    "project_plan",
]

ROOT = "/opt/mlrun-like"
CODE = f"{ROOT}/code"
HOME = f"{ROOT}/home"
SOURCE = f"{ROOT}/source"
_PREFIXES = ("docker://", "oci://", "http://", "https://")
_SERVE = (
    *("-m", "mlrun_like", "serve", f"{ROOT}/function.json"),
    *("--host", "0.0.0.0", "--port", "8080"),
)
_SERVICES = ("nuclio", "remote", "serving")
_BROKERS = ("kafka", "redis")
"""Kinds of triggers whose client is an extra of the same name."""
_PRIVATE = (
    *("builder_env", "secret", "image", "base_image", "extra", "extra_args", "auto_build"),
    "commands",
)


@dataclass(frozen=True)
class Plan:
    """What an image is to hold, layer by layer.

    Args:
        base: Name or archive of the base image.
        platform: `os/architecture`; empty: this machine's.
        python: The base's Python, where it is known better than by looking.
        commands: Shell commands that run before anything is added.
        requirements: Packages of the environment layer.
        preferred: Versions to take where the requirements leave the choice.
        package: Whether this package itself is added.
        extras: Extras of this package that the function's kind needs.
        specifier: A released version of this package to add instead of the one that runs here.
        files: Code by path below `CODE`.
        document: The function's document, as it lies in the image.
        source: A repository, archive or folder to add; empty: none.
        source_dir: Where it goes.
        extra: Further lines of a Dockerfile.
        extra_args: Further words for the container tool.
        environ: The builder's environment; it never reaches the image.
        labels: Of the image.
        pythonpath: Further folders for imports, relative ones below the source.
        command: Words after the image's Python; by default a run is executed.
    """

    base: str
    platform: str = ""
    python: str = ""
    commands: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    preferred: Mapping[str, str] = field(default_factory=dict)
    package: bool = True
    extras: tuple[str, ...] = ()
    specifier: str = ""
    files: Mapping[str, str] = field(default_factory=dict)
    document: Mapping[str, Any] = field(default_factory=dict)
    source: str = ""
    source_dir: str = ""
    extra: str = ""
    extra_args: str = ""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)
    pythonpath: str = ""
    command: tuple[str, ...] = ("-m", "mlrun_like.runs.entry")

    @property
    def needs_tool(self) -> str:
        """Why only a container tool can build this; empty if none is needed."""
        if self.commands:
            return f"build commands such as {self.commands[0]!r} must run inside a container"
        if self.extra.strip():
            return "extra Dockerfile lines need a container tool"
        return ""


def plan_of(doc: FunctionDoc, **changes: Any) -> Plan:
    """The plan for a function.

    Args:
        doc: The function.
        changes: Values of `Plan` that win over the document's (`base`, `platform`, `python`,
            `package`, `specifier`, `environ`).

    Raises:
        SpecError: if the embedded code is damaged.
        BuildError: if the code is not Python.
    """
    build, spec = doc.spec.build, doc.spec
    files = files_of(doc)[0] if build.functionSourceCode else {}
    for name, text in sorted(files.items()):
        _check_python(name, text, doc)
    baked = bool(build.source) and not build.load_source_on_run
    given: dict[str, Any] = {
        "base": build.base_image or spec.image or config.default_image,
        "commands": tuple(build.commands),
        "requirements": tuple(read_requirements(build.requirements)),
        "preferred": _preferred(doc),
        "package": build.with_mlrun is not False,
        "extras": _extras(doc),
        "files": files,
        "document": _published(doc),
        "source": build.source if baked else "",
        "source_dir": build.source_code_target_dir or SOURCE,
        "extra": build.extra,
        "extra_args": build.extra_args,
        "environ": {str(k): str(v) for k, v in build.builder_env.items()},
        "labels": {
            "org.opencontainers.image.title": doc.metadata.name,
            "mlrun-like.project": doc.metadata.project,
            "mlrun-like.kind": doc.kind,
        },
        "pythonpath": spec.pythonpath,
    }
    if spec.graph:
        given["command"] = _SERVE
    given.update({key: value for key, value in changes.items() if value not in (None, "")})
    given["labels"] = {key: value for key, value in given["labels"].items() if value}
    if not given["source_dir"].startswith("/"):
        given["source_dir"] = f"{ROOT}/{given['source_dir'].removeprefix('./')}"
    return Plan(**given)


def _check_python(name: str, text: str, doc: FunctionDoc) -> None:
    try:
        parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        line = f":{exc.lineno}" if isinstance(exc, SyntaxError) else ""
        raise BuildError(
            f"the function's code is not valid Python: {exc}",
            where=f"function {doc.metadata.name!r}, {name}{line}",
            fix="correct it; nothing has been built",
        ) from exc


def _preferred(doc: FunctionDoc) -> dict[str, str]:
    """The versions that the named requirements had where the code was written.

    Those of imports are left out: a new import must not choose a new environment.
    """
    names = {distribution_name(line) for line in doc.spec.build.requirements} - {""}
    lock = doc.spec.environment.lock
    return {name: version for name, version in sorted(lock.items()) if name in names}


def _extras(doc: FunctionDoc) -> tuple[str, ...]:
    """The extras that a kind's runtime names as needed inside its image.

    Services need the HTTP server, and the clients of the brokers that call them.
    """
    kind = doc.kind
    if kind.partition(":")[0] in _SERVICES:
        kinds = str([row.get("kind") for row in doc.spec.config.values() if isinstance(row, dict)])
        return ("serving", *(name for name in _BROKERS if name in kinds))
    if kind not in known("runtimes"):
        return ()
    extra = getattr(load("runtimes", kind), "extra", "")
    return (str(extra),) if extra else ()


def _published(doc: FunctionDoc) -> dict[str, Any]:
    """The document without what is secret, what is about this build, and what changes by itself."""
    document = doc.to_dict()
    for key in ("hash", "updated", "tag"):
        document.get("metadata", {}).pop(key, None)
    document.pop("status", None)
    spec = document.get("spec", {})
    for key in ("env", "image", "secret_sources", "environment"):
        spec.pop(key, None)
    build = spec.get("build", {})
    for key in _PRIVATE:
        build.pop(key, None)
    # an index or a repository may be named with a password
    lines = [without_passwords(line) for line in build.get("requirements", [])]
    build["requirements"] = [line for line in lines if not line.startswith("-")]
    build["source"] = without_passwords(build.get("source", ""))
    plain: dict[str, Any] = json.loads(json.dumps(document, default=str, sort_keys=True))
    return plain


@dataclass(frozen=True)
class Destination:
    """Where a new image goes.

    Args:
        name: Its full name.
        push: Into the registry that the name says; else into this machine's container tool.
        archive: A file to write instead; empty: none.
    """

    name: str
    push: bool = False
    archive: str = ""


def destination_of(
    target: str, doc: FunctionDoc | None = None, *, push: bool | None = None, archive: str = ""
) -> Destination:
    """The full name of a target, and whether it is pushed.

    A leading `.` means the default registry, or this machine where none is set. A name without a
    registry stays on this machine unless `push` is true.

    Args:
        target: The image's name; empty: made by the setting `function_image_template`.
        doc: The function, for the template.
        push: True: push; False: keep it here; None: push what names a registry.
        archive: A file to write.

    Raises:
        InvalidArgumentError: if the name is none, or has no registry to push to.

    >>> destination_of("localhost:5000/team/app:1").push, destination_of("app").name
    (True, 'localhost/app:latest')
    """
    text = target or _default_name(doc)
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    here = text.startswith(".") and not config.docker_registry.strip("/")
    if here and push:
        raise InvalidArgumentError(
            f"image {text!r} cannot be pushed: it means the default registry, and none is set",
            where="setting docker_registry",
            fix="set MLRUN_LIKE_DOCKER_REGISTRY=host:port, or write the whole name",
        )
    first, slash, _ = text.partition("/")
    named = bool(slash) and ("." in first or ":" in first) and not text.startswith(".")
    pushed = push if push is not None else (named or text.startswith(".")) and not here
    if not pushed and not named and (here or not text.startswith(".")):
        text = f"localhost/{text.lstrip('./').removeprefix('localhost/')}"
    name = ImageName.parse(text)
    if name.digest:
        raise InvalidArgumentError(
            f"a new image cannot have the digest of {text!r}", fix=f"build({name.name!r})"
        )
    return Destination(str(name), bool(pushed) and not archive, archive)


def _default_name(doc: FunctionDoc | None) -> str:
    if doc is None or not doc.metadata.name:
        raise InvalidArgumentError(
            "the image needs a name",
            fix='image="registry:5000/app:1", or --image registry:5000/app:1',
        )
    values = {
        "project": doc.metadata.project or config.default_project,
        "name": doc.metadata.name,
    }
    template = config.function_image_template
    try:
        text = template.format(**values)
    except (KeyError, IndexError, ValueError) as exc:
        raise InvalidArgumentError(
            f"setting function_image_template cannot be {template!r}: it knows no {exc}",
            fix="write func-{project}-{name}",
        ) from exc
    tag = doc.metadata.tag or "latest"
    return f".{text.lower().lstrip('.')}" + ("" if ":" in text else f":{tag}")


def project_plan(
    base: str, requirements: Sequence[str], commands: Sequence[str], **changes: Any
) -> Plan:
    """The plan of an image without a function, such as a project's."""
    return Plan(
        base=base or config.default_image,
        requirements=tuple(read_requirements(requirements)),
        commands=tuple(commands),
        **changes,
    )
