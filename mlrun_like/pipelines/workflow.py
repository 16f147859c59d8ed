"""Workflow files, as MLRun's projects have them: a Python file with a handler that calls functions.

The handler is traced into a plan. If it asks for a value that only the run knows, it runs eagerly:
each call is made when Python comes to it.
"""

from __future__ import annotations

import hashlib
import inspect
import logging
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import (
    InvalidArgumentError,
    MissingFileError,
    MLRunLikeError,
    NotFoundError,
    PipelineError,
    UnknownValueError,
    nearest,
)
from mlrun_like.names import normalize_name
from mlrun_like.packaging.old_names import answer_old_names
from mlrun_like.packaging.unpack import add_path
from mlrun_like.pipelines import dsl
from mlrun_like.pipelines.pipeline import Pipeline
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.served import LOOKUP, compile_served, served_name
from mlrun_like.pipelines.texts import is_marked

__all__ = [
    "as_pipeline",
    "controls_flow",
    "give_functions",
    "load_workflow",
    "plan_of",
    "workflow_module",
]

_LOG = logging.getLogger(__name__)
_DEFAULTS = ("kfpipeline", "pipeline")
"""Handlers that a file is asked for when none is named, as in MLRun."""


def load_workflow(
    path: str | Path = "",
    handler: str = "",
    *,
    code: str = "",
    name: str = "",
    prepare: Callable[[ModuleType], None] | None = None,
) -> Pipeline:
    """The pipeline of a workflow file.

    Args:
        path: The file.
        handler: The function's name; by default `kfpipeline`, `pipeline`, or the file's only
            decorated function.
        code: The file's text, instead of a path.
        name: The pipeline's name; by default the one its decorator gives, else the handler's.
        prepare: Called with the module before the handler is looked for.

    Raises:
        InvalidArgumentError: if neither or both of path and code are given, or it is no Python.
        MissingFileError: if the file is not there.
        NotFoundError: if it has no such handler.
    """
    module = workflow_module(path, code)
    if prepare is not None:
        prepare(module)
    return as_pipeline(_handler(module, handler), name)


def as_pipeline(handler: Any, name: str = "") -> Pipeline:
    """A handler as a pipeline; one that is decorated stays as it is.

    Raises:
        InvalidArgumentError: if it cannot be called, or its name is not usable.
    """
    if isinstance(handler, Pipeline):
        return handler
    if not callable(handler):
        raise InvalidArgumentError(
            f"a workflow's handler must be a function, not {handler!r:.80}",
            fix="project.run(workflow_handler=my_function)",
        )
    called = name or getattr(handler, "__name__", type(handler).__name__)
    return Pipeline(handler, normalize_name(called), {})


def plan_of(flow: Pipeline) -> Plan | None:
    """The plan of a pipeline; None if its body must run eagerly.

    An error of the body that is not about the plan counts as a question for a value: if it is a
    mistake, the run shows it. A body with words for control flow has a plan, or a mistake.

    Raises:
        PipelineError: naming every mistake of the plan.
    """
    kinds = [item.kind for item in inspect.signature(flow._body).parameters.values()]
    open_ended = {inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL} & set(kinds)
    if flow.options.get("dynamic") or open_ended:
        return None
    try:
        return flow.plan
    except UnknownValueError:
        return None
    except MLRunLikeError as exc:
        if is_marked(exc.what):  # something that takes plain values only was given one of the run
            return None
        raise
    except Exception as exc:
        if controls_flow(flow._body):
            raise PipelineError(
                f"the body of the workflow fails: {type(exc).__name__}: {exc}",
                where=_last_line(exc),
                fix="correct it; with dsl.If and its like, values are known in steps only",
            ) from exc
        _LOG.info("workflow %s runs eagerly: %s: %s", flow.name, type(exc).__name__, exc)
        return None


def controls_flow(body: Any) -> bool:
    """Whether a function uses words for control flow, such as `dsl.If`."""
    codes, words = [getattr(body, "__code__", None)], {"dsl", "kfp", *dsl.__all__}
    while codes:
        code = codes.pop()
        if isinstance(code, CodeType):
            if words.intersection((*code.co_names, *code.co_freevars)):
                return True
            codes += code.co_consts
    return False


def _last_line(exc: BaseException) -> str:
    rows = traceback.extract_tb(exc.__traceback__)
    return f"{rows[-1].filename}:{rows[-1].lineno}" if rows else ""


def workflow_module(path: str | Path = "", code: str = "") -> ModuleType:
    """The module of a workflow file, executed anew; imports of kfp and mlrun are served from here.

    Raises:
        InvalidArgumentError: if neither or both of path and code are given, or it is no Python.
        MissingFileError: if the file is not there.
        PipelineError: if executing it fails.
    """
    if bool(path) == bool(code):
        raise InvalidArgumentError(
            "a workflow must have either a path or code",
            fix='project.set_workflow("main", "workflow.py")',
        )
    file = Path(path).expanduser().absolute() if path else _kept(code)
    text = _read(file)
    digest = hashlib.sha256(f"{file}\0{text}".encode("utf-8", "replace")).hexdigest()[:16]
    module = ModuleType(f"mlrun_like_workflow_{digest}")
    module.__file__ = str(file)
    module.__dict__[LOOKUP] = served_name
    try:
        compiled = compile_served(text, str(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as exc:
        raise InvalidArgumentError(
            f"the workflow is not valid Python: {exc}", where=str(file), fix="correct the file"
        ) from exc
    if path:
        add_path(str(file.parent))
    before = sys.modules.get(module.__name__)
    sys.modules[module.__name__] = module  # pickling and data classes look there
    try:
        answer_old_names()
        exec(compiled, module.__dict__)
    except BaseException as exc:
        if before is None:
            sys.modules.pop(module.__name__, None)
        else:
            sys.modules[module.__name__] = before
        if not isinstance(exc, Exception):
            raise
        raise PipelineError(
            f"the workflow file cannot be loaded: {type(exc).__name__}: {exc}", where=str(file)
        ) from exc
    return module


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, IsADirectoryError) as exc:
        raise MissingFileError(
            f"workflow file {str(file)!r} does not exist",
            fix="give a path below the project's context, or an absolute one",
        ) from exc
    except (OSError, UnicodeDecodeError) as exc:
        raise InvalidArgumentError(f"workflow file cannot be read: {exc}", where=str(file)) from exc


def _kept(code: str) -> Path:
    """Embedded code in a file of its own: tracebacks and the source of functions need one."""
    data = code.encode("utf-8", "replace")
    folder = config.path("workflows")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{hashlib.sha256(data).hexdigest()[:16]}.py"
    if not file.is_file() or file.read_bytes() != data:
        file.write_bytes(data)
    return file


def _handler(module: ModuleType, name: str) -> Any:
    own = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, Pipeline) or _is_own(module, value)
    }
    if name:
        found = getattr(module, name, None)
        if found is None:
            raise NotFoundError(
                f"the workflow has no handler {name!r}.{nearest(name, own)}",
                where=str(module.__file__),
                fix=f"handlers are: {', '.join(own) or 'none'}",
            )
        return found
    for default in _DEFAULTS:
        if default in own:
            return own[default]
    pipelines = [value for value in own.values() if isinstance(value, Pipeline)]
    if len(pipelines) == 1:
        return pipelines[0]
    raise NotFoundError(
        f"which handler of the workflow runs? it has {', '.join(own) or 'no functions'}",
        where=str(module.__file__),
        fix='name one: handler="main"; without it the function is `pipeline`, or the only one '
        "that is decorated by @dsl.pipeline",
    )


def _is_own(module: ModuleType, value: Any) -> bool:
    return (
        callable(value)
        and getattr(value, "__module__", "") == module.__name__
        and not isinstance(value, type)
    )


def give_functions(module: ModuleType, functions: Mapping[str, Any], secrets: Any) -> None:
    """The old style: global `funcs`, and the hook `init_functions(functions, project, secrets)`."""
    module.__dict__["funcs"] = functions
    hook = getattr(module, "init_functions", None)
    if callable(hook):
        project = getattr(functions, "project", None)
        hook(functions, project, secrets)
