"""`@function(...)`: turn a Python function into a Function, or say what is wrong with it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar, cast

from mlrun_like.errors import FunctionError, UnknownNameError
from mlrun_like.functions.function import Function
from mlrun_like.functions.kinds import class_of
from mlrun_like.functions.options import (
    check_requirements,
    check_resources,
    check_retry,
    check_returns,
    check_timeout,
    name_after,
)
from mlrun_like.names import check_project, check_tag
from mlrun_like.registry import BUILT_IN, known, load
from mlrun_like.specs.values import Resources, Retry

__all__ = ["function"]

P = ParamSpec("P")
R = TypeVar("R")


def function(  # noqa: PLR0913 - each option is one thing a user declares about a function
    *args: Any,
    kind: str = "local",
    name: str = "",
    image: str = "",
    requirements: Sequence[str] | str = (),
    returns: Sequence[Any] | str = (),
    resources: Resources | None = None,
    retry: Retry | int | None = None,
    timeout: float | None = None,
    project: str = "",
    tag: str = "",
) -> Callable[[Callable[P, R]], Function[P, R]]:
    """Declare a function.

    Args:
        args: Nothing; only there to explain forgotten parentheses.
        kind: Where it runs: `local` (this process), `process`, or an installed kind.
        name: Its name; by default the Python name with dashes.
        image: Container image, for kinds that use one.
        requirements: Package specifiers, or the path of a requirements file.
        returns: Log hints for what it returns: `"key"`, `"key:type"`, a dict, None to skip.
        resources: Memory, cores and accelerators.
        retry: When to try a failed run again; a number is a count.
        timeout: Seconds after which a run is stopped.
        project: Its project; by default the setting `default_project`.
        tag: A tag for saved versions.

    Returns:
        A decorator; its result behaves as the function and has `.run`, `.spec`, `.export` …

    Raises:
        FunctionError: if the target or an option cannot work; the message has the corrected line.
        UnknownNameError: if there is no such kind.

    >>> @function(returns=["total"])
    ... def add(a: int, b: int = 1) -> int:
    ...     return a + b
    >>> add(2)
    3
    """
    if args:
        _refuse_bare(args)
    _check_kind(kind)
    options: dict[str, Any] = {
        "kind": kind,
        "image": image,
        "requirements": check_requirements(requirements),
        "returns": check_returns(returns),
        "resources": check_resources(resources),
        "retry": check_retry(retry),
        "timeout": check_timeout(timeout),
        "project": check_project(project) if project else "",
        "tag": check_tag(tag) if tag else "",
    }
    if image and kind not in BUILT_IN["functions"] and not load("runtimes", kind).needs_image:
        raise FunctionError(
            f"image={image!r} has no effect on kind={kind!r}, which runs on this machine's Python",
            fix="leave image out, or choose a container kind",
        )

    def decorate(target: Callable[P, R]) -> Function[P, R]:
        _check_target(target, kind)
        made = {**options, "name": name_after(name, target.__name__)}
        return cast(type[Function[P, R]], class_of(kind))(target, made)

    return decorate


def _refuse_bare(args: tuple[Any, ...]) -> None:
    target = args[0]
    if inspect.isfunction(target):
        raise FunctionError(
            "@function needs parentheses",
            where=_place(target),
            fix=f"@function()\n    def {target.__name__}(...): ...",
        )
    if inspect.isclass(target):
        raise FunctionError(
            f"@function takes a function, not the class {target.__name__}",
            fix='run a method with code_to_function(...).run(handler="Class::method")',
        )
    raise FunctionError(
        f"@function takes keyword options only, not {target!r}",
        fix=f"@function(kind={target!r})" if isinstance(target, str) else "@function()",
    )


def _check_kind(kind: Any) -> None:
    if not isinstance(kind, str) or not kind:
        raise FunctionError(f"kind must be a text, not {kind!r}", fix='@function(kind="process")')
    rows = (BUILT_IN["runtimes"], BUILT_IN["functions"])
    if not any(kind.partition(":")[0] in row for row in rows) and kind not in known("runtimes"):
        try:
            load("runtimes", kind)
        except UnknownNameError as exc:
            exc.where = f"@function(kind={kind!r})"
            raise


def _check_target(target: Any, kind: str) -> None:
    if isinstance(target, Function):
        raise FunctionError(
            f"{target.name!r} is decorated twice", fix="keep one @function(...) and merge options"
        )
    if isinstance(target, (staticmethod, classmethod)):
        raise FunctionError(
            "@function cannot decorate a method", fix="move the function out of the class"
        )
    if inspect.isclass(target):
        raise FunctionError(
            f"@function takes a function, not the class {target.__name__}",
            fix='run a method with code_to_function(...).run(handler="Class::method")',
        )
    if not inspect.isfunction(target):
        raise FunctionError(
            f"@function takes a Python function, not {type(target).__name__} {target!r}",
            fix="decorate a def that calls it",
        )
    if target.__name__ == "<lambda>":
        raise FunctionError(
            "a lambda has no name to record it by",
            where=_place(target),
            fix="@function()\n    def my_step(x): return ...",
        )
    nested = "<locals>" in target.__qualname__
    if nested and (kind in BUILT_IN["functions"] or load("runtimes", kind).packages_code):
        raise FunctionError(
            f"{target.__name__!r} is defined inside another function, so it cannot run in "
            f"another process (kind={kind!r})",
            where=_place(target),
            fix="move it to the top level of its file, or use kind='local'",
        )
    parts = target.__qualname__.rpartition("<locals>.")[2].split(".")
    if len(parts) > 1:
        raise FunctionError(
            f"{target.__qualname__!r} is a method; @function takes plain functions",
            where=_place(target),
            fix="move the function out of the class",
        )


def _place(target: Callable[..., Any]) -> str:
    code = target.__code__
    return f"{code.co_filename}:{code.co_firstlineno}"
