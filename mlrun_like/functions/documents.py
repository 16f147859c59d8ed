"""Functions as documents: declared, refreshed, written, saved and read."""

from __future__ import annotations

import base64
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.configuration import config, environment
from mlrun_like.errors import FunctionError, InvalidArgumentError, PackagingError
from mlrun_like.functions.files import calling_notebook
from mlrun_like.functions.function import Function
from mlrun_like.functions.kinds import class_of
from mlrun_like.functions.options import check_path, name_after, requirement_lines
from mlrun_like.names import FunctionURI, check_tag
from mlrun_like.packaging.describe import entry_point_of, entry_points_from_source, render_doc
from mlrun_like.packaging.document import write_document
from mlrun_like.packaging.environment import capture_environment, imports_in
from mlrun_like.packaging.fingerprint import fingerprint
from mlrun_like.packaging.running import capture_code
from mlrun_like.packaging.source import capture_callable, embed
from mlrun_like.runtimes.nuclio.foreign import document_of, is_nuclio
from mlrun_like.specs.function import FunctionDoc, FunctionMetadata, FunctionSpec
from mlrun_like.specs.platform_key import KEY, with_platform_key, without_platform_key
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.known_versions import is_known, now_known
from mlrun_like.tracking.meant import meant_session

__all__ = [
    "declare",
    "describe_environment",
    "export",
    "from_document",
    "print_doc",
    "public",
    "record_version",
    "refresh",
    "require_code",
    "save",
    "to_yaml",
    "uri_of",
    "with_code",
    "with_live_code",
    "with_requirements",
]

_FINGERPRINT = "_fingerprint"
_FAILURE = "capture_error"


def declare(handler: Callable[..., Any], options: Mapping[str, Any]) -> FunctionDoc:
    """The document of a decorated function, without its code yet (`refresh` adds it)."""
    point = entry_point_of(handler)
    document = FunctionDoc(
        kind=options["kind"],
        metadata=FunctionMetadata(
            name=options["name"],
            project=options["project"],  # empty: the default project of each run
            tag=options["tag"],
        ),
        spec=FunctionSpec(
            image=options["image"],
            default_handler=handler.__name__,
            description=point.doc.strip().split("\n")[0] if point.doc else "",
            entry_points={handler.__name__: point},
            returns=list(options["returns"]),
            retry=options["retry"].to_dict() if options["retry"] else {},
            resources=options["resources"].to_dict() if options["resources"] else {},
            timeout=options["timeout"],
        ),
    )
    document.spec.build.requirements = requirement_lines(options["requirements"])
    return document


def refresh(document: FunctionDoc, handler: Callable[..., Any] | None) -> None:
    """Bring the captured code and environment up to date with the live function.

    What cannot be captured is noted in the status: a local run does not need it, everything that
    ships code does and raises then (`require_code`).
    """
    if handler is None:
        return
    mark = fingerprint(handler, document.spec.build.modules)
    if mark and document.status.get(_FINGERPRINT) == mark:
        return
    document.status.pop(_FAILURE, None)
    build = document.spec.build
    try:
        embed(document, capture_callable(handler, class_of(document.kind).captures))
        name = document.spec.default_handler
        if name not in document.spec.entry_points:  # a private function
            document.spec.entry_points[name] = entry_point_of(handler)
    except PackagingError as exc:
        build.functionSourceCode, build.modules = "", {}  # an older state must not travel
        document.status[_FAILURE] = exc.to_dict()
    describe_environment(document)
    document.status[_FINGERPRINT] = fingerprint(handler, build.modules)


def describe_environment(document: FunctionDoc) -> None:
    """Note what the code is written against, as it is installed here."""
    build = document.spec.build
    code = base64.b64decode(build.functionSourceCode).decode("utf-8", "replace")
    document.spec.environment = capture_environment(build.requirements, imports_in(code))


def with_requirements(document: FunctionDoc, requirements: Any, overwrite: bool, file: str) -> None:
    """Add to a document's requirements, or replace them."""
    found = requirement_lines(requirements, file)
    build = document.spec.build
    build.requirements = list(dict.fromkeys([*([] if overwrite else build.requirements), *found]))
    describe_environment(document)


def require_code(document: FunctionDoc) -> None:
    """Raise if the function's code cannot travel.

    Raises:
        PackagingError: saying why.
    """
    failure = document.status.get(_FAILURE)
    if failure and not document.spec.build.functionSourceCode:
        raise PackagingError(failure["what"], where=failure["where"], fix=failure["fix"])


def with_live_code(document: FunctionDoc, handler: Callable[..., Any], name: str) -> None:
    """Embed the code of a callable that was given to a run, if its document has none."""
    if document.spec.build.functionSourceCode:
        return
    document.spec.build = document.spec.build.model_copy(deep=True)
    document.spec.entry_points = dict(document.spec.entry_points)
    document.spec.default_handler = name
    refresh(document, handler)


def public(document: FunctionDoc) -> FunctionDoc:
    """A copy without this process's notes, which a run may complete."""
    status = {
        key: value for key, value in document.status.items() if key not in (_FINGERPRINT, _FAILURE)
    }
    return document.model_copy(
        update={
            "status": status,
            "metadata": document.metadata.model_copy(deep=True),
            "spec": document.spec.model_copy(),
        }
    )


def uri_of(document: FunctionDoc, *, versioned: bool = True) -> FunctionURI:
    """The URI of this version."""
    meta = document.metadata
    return FunctionURI(
        meta.project or config.default_project,
        meta.name,
        meta.tag,
        meta.hash if versioned else "",
    )


def to_yaml(document: FunctionDoc) -> str:
    """YAML in MLRun's key order."""
    require_code(document)
    plain = without_platform_key(public(document).to_dict())
    return str(yaml.safe_dump(plain, sort_keys=False, allow_unicode=True))


def export(document: FunctionDoc, target: str, format: str, strip: bool) -> None:
    """Write a document; its hash is filled in."""
    require_code(document)
    target = check_path("target", target)
    if not target:
        raise InvalidArgumentError(
            "export needs a file or folder to write to", fix='fn.export("function.yaml")'
        )
    if os.path.isdir(target):
        target = os.path.join(target, "function.yaml")
    copy = public(document)
    copy = copy.model_copy(
        update={
            "status": {} if strip else copy.status,
            "metadata": copy.metadata.model_copy(update={"hash": copy.digest()}),
        }
    )
    write_document(copy, target, format)


def save(document: FunctionDoc, tag: str, versioned: bool) -> FunctionURI:
    """Store a document and return its URI."""
    require_code(document)
    copy = public(document)
    tag = check_tag(tag) if tag else copy.metadata.tag
    copy.metadata.project = copy.metadata.project or config.default_project
    copy.metadata.hash = ""  # what was read may have been changed since
    copy.metadata.hash = open_store().store_function(copy.to_dict(), tag=tag)
    document.metadata.hash = copy.metadata.hash
    return uri_of(copy, versioned=versioned)._replace(tag="" if versioned else tag)


def record_version(store: Store, document: FunctionDoc, project: str) -> str:
    """Record this version of a function that is about to run, unless that was done a moment ago.

    Args:
        store: The run's store.
        document: The function; its hash is filled in, and its project if it has none.
        project: The run's project.

    Returns:
        The version's URI.
    """
    meta = document.metadata
    meta.project = meta.project or project  # the run's: there its caller has a role
    # the hash of what it is now: one that was loaded may have been changed since
    digest = meta.hash = document.digest()
    place = (meta.project, meta.name)
    if not is_known(store, place, digest, meta.tag):
        store.store_function(document.to_dict(), tag=meta.tag)
        now_known(store, place, digest, meta.tag)
    return str(uri_of(document)._replace(tag=""))


def print_doc(document: FunctionDoc) -> None:
    """Print the entry points."""
    sys.stdout.write(render_doc(document).rstrip() + "\n")


def with_code(document: FunctionDoc, from_file: str, body: str) -> None:
    """Replace the code of a document."""
    if not (from_file or body):
        from_file = calling_notebook()
    if bool(from_file) == bool(body):
        raise InvalidArgumentError(
            "give from_file or body, one of them", fix='fn.with_code(from_file="train.py")'
        )
    if from_file:
        path = check_path("from_file", from_file)
        captured, _ = capture_code(path, document.metadata.name)
        document.spec.build.code_origin = ""
        embed(document, captured)
        describe_environment(document)
        return
    if isinstance(body, str) and not body.strip():
        raise PackagingError(
            "there is no code in the text", where="with_code(body=)", fix="give Python source"
        )
    try:
        compile(body, "<body>", "exec")
    except (SyntaxError, ValueError, TypeError, RecursionError) as exc:
        raise PackagingError(
            f"the code is not valid Python: {exc}", where="with_code(body=)"
        ) from exc
    build = document.spec.build
    build.functionSourceCode, build.modules = base64.b64encode(body.encode()).decode(), {}
    build.origin_module = build.origin_filename = build.code_origin = ""
    document.spec.entry_points = entry_points_from_source(body)
    describe_environment(document)


def from_document(document: Mapping[str, Any], where: str = "") -> Function[..., Any]:
    """A Function around plain data.

    Raises:
        FunctionError: if the document has no name.
    """
    plain = json.loads(json.dumps(document, default=str))
    # the process's key is not one of the users that it serves
    plain = with_platform_key(plain, environment(KEY) or "" if meant_session() is None else "")
    doc = document_of(plain, where) if is_nuclio(plain) else FunctionDoc.from_dict(plain, where)
    if not (doc.metadata.name or doc.spec.command):
        raise FunctionError("the function document has no metadata.name", where=where)
    doc.metadata.name = name_after(doc.metadata.name, Path(doc.spec.command).stem)
    doc.metadata.tag = check_tag(doc.metadata.tag) if doc.metadata.tag else ""
    function: Function[..., Any] = class_of(doc.kind)(None, None, doc)
    function.__doc__ = doc.spec.description or None
    return function
