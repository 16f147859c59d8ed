"""All checks of a function, or of one run of it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

from mlrun_like.configuration import environment_copy
from mlrun_like.functions.preflight.code import check_code, read_code
from mlrun_like.functions.preflight.handlers import check_handler
from mlrun_like.functions.preflight.keys import check_keys
from mlrun_like.functions.preflight.modules import check_modules
from mlrun_like.functions.preflight.names import check_names
from mlrun_like.functions.preflight.needs import check_installed, check_requirements
from mlrun_like.functions.preflight.surroundings import (
    check_artifact_path,
    check_inputs,
    check_resources,
)
from mlrun_like.packaging.environment import provided_by
from mlrun_like.packaging.old_names import OLD_NAMES
from mlrun_like.packaging.providers import importable
from mlrun_like.runtimes.base import Runtime
from mlrun_like.runtimes.finding import Finding
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.base import Store

__all__ = ["check_document", "check_run"]

_SOON = 10.0  # seconds in which nobody removes a package that a function needs
_faultless: dict[tuple[object, ...], float] = {}


def check_document(
    document: FunctionDoc,
    *,
    in_image: bool,
    handler: str = "",
    complete: bool = True,
    secrets: Mapping[str, str] | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Iterator[Finding]:
    """What is wrong with a function, wherever its runs go.

    Args:
        document: The function, with its code.
        in_image: It runs in an image, not with this interpreter.
        handler: The entry point that will be called; empty: the default one.
        complete: The image holds what the document says and its base's packages are not known to
            matter; False: a ready image may hold anything, so missing imports are warnings.
        secrets: What its runs get.
        parameters: What the run gives; None: there is no run yet.
    """
    spec = document.spec
    where = f"function {document.metadata.name!r}, requirements"
    requirements = spec.build.requirements
    yield from check_keys(document)
    yield from check_requirements(requirements, where)
    if not in_image:
        yield from check_installed(requirements, where)
    own = {str(item.get("name")) for item in spec.env}
    here = set() if in_image else set(environment_copy())
    known = {
        "secrets": frozenset(own | here | set(secrets or ())),
        "variables": frozenset(own | here),
    }
    brought = [*requirements, *spec.environment.lock]

    def found(name: str) -> bool:
        # which names a distribution brings is read from all that are installed: only if needed
        here = not in_image and importable(name)
        return here or name in OLD_NAMES or name in provided_by(brought)

    code = read_code(document, handler)
    for finding in check_code(document, code, found, known, certain=not in_image):
        unknown = in_image and not complete and finding.code == "import-missing"
        yield finding._replace(severity="warning") if unknown else finding
    if code.files is not None:
        called = handler or spec.default_handler
        yield from check_handler(code.files, called, parameters)
        yield from check_modules(code.files, called, not in_image)
        yield from check_names(code.files, called)
    yield from check_resources(document)


def _in_document(
    document: FunctionDoc, run: RunDoc, runtime: Runtime, secrets: Mapping[str, str] | None
) -> list[Finding]:
    """What is wrong with the function; one without fault is not looked at again so soon, so that
    many short runs of it do not wait for this."""
    handler, given = run.spec.handler, run.spec.parameters
    key = (
        document.digest(),
        runtime.needs_image,
        handler,
        frozenset(secrets or ()),
        frozenset(environment_copy()),
        repr(given.get("_init_args")),
    )
    now = time.monotonic()
    if now - _faultless.get(key, -_SOON) < _SOON:
        return []
    found = list(
        check_document(
            document,
            in_image=runtime.needs_image,
            handler=handler,
            complete=not document.spec.image,
            secrets=secrets,
            parameters=given,
        )
    )
    if not found:
        if len(_faultless) > 1000:
            _faultless.clear()
        _faultless[key] = now
    return found


def check_run(
    document: FunctionDoc,
    run: RunDoc,
    runtime: Runtime,
    store: Store,
    secrets: Mapping[str, str] | None = None,
) -> list[Finding]:
    """What would make this run fail, errors first.

    Args:
        document: The function.
        run: The run that is about to start.
        runtime: Where it goes.
        store: Where its inputs may be recorded.
        secrets: What it gets.
    """
    found = [
        *_in_document(document, run, runtime, secrets),
        *check_inputs(run, store),
        *check_artifact_path(run),
        *runtime.check(document, run),
    ]
    return sorted(found, key=lambda item: item.severity != "error")
