"""`@function(...)`: turn a Python function into a Function, or say what is wrong with it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

from mlrun_like.errors import FunctionError, UnknownNameError
from mlrun_like.functions.function import Function
from mlrun_like.names import normalize_name
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
        "requirements": _requirements(requirements),
        "returns": _returns(returns),
        "resources": _resources(resources),
        "retry": _retry(retry),
        "timeout": _timeout(timeout),
        "project": project,
        "tag": tag,
    }
    if image and not load("runtimes", kind).needs_image:
        raise FunctionError(
            f"image={image!r} has no effect on kind={kind!r}, which runs on this machine's Python",
            fix="leave image out, or choose a container kind",
        )

    def decorate(target: Callable[P, R]) -> Function[P, R]:
        _check_target(target, kind)
        return Function(target, {**options, "name": normalize_name(name or target.__name__)})

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
    if kind not in BUILT_IN["runtimes"] and kind not in known("runtimes"):
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
    if nested and load("runtimes", kind).packages_code:
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


def _requirements(value: Any) -> list[str] | str:
    if isinstance(value, str):
        if value and not value.endswith((".txt", ".in")):
            raise FunctionError(
                f"requirements={value!r} is neither a list nor a requirements file",
                fix=f"@function(requirements=[{value!r}])",
            )
        return value
    if not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        raise FunctionError(
            f"requirements must be a list of texts, not {value!r}",
            fix='@function(requirements=["pandas>=2"])',
        )
    return list(value)


def _returns(value: Any) -> list[Any]:
    hints = [value] if isinstance(value, (str, dict)) else list(value or ())
    keys = []
    for hint in hints:
        if hint is None:
            continue
        key = hint.get("key") if isinstance(hint, dict) else hint
        if not isinstance(key, str) or not key.strip() or key.count(":") > 1:
            raise FunctionError(
                f"returns has a malformed hint {hint!r}",
                fix='returns=["accuracy", "table:dataset", None]',
            )
        keys.append(key.partition(":")[0].strip())
    twice = {key for key in keys if keys.count(key) > 1}
    if twice:
        raise FunctionError(
            f"returns names {sorted(twice)[0]!r} twice", fix="give each output its own key"
        )
    return hints


def _resources(value: Any) -> Resources | None:
    if value is not None and not isinstance(value, Resources):
        raise FunctionError(
            f"resources must be Resources(...), not {value!r}",
            fix='@function(resources=Resources(cpu=2, memory="1Gi"))',
        )
    return value


def _retry(value: Any) -> Retry | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return Retry(count=value)
    if value is not None and not isinstance(value, Retry):
        raise FunctionError(
            f"retry must be a number or Retry(...), not {value!r}",
            fix="@function(retry=Retry(count=3, backoff=1))",
        )
    return value


def _timeout(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
        raise FunctionError(
            f"timeout must be a number of seconds above 0, not {value!r}",
            fix="@function(timeout=600)",
        )
    return float(value)
