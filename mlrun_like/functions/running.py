"""`fn.run(...)`: check everything, then hand the run to its runtime."""

from __future__ import annotations

import getpass
import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlrun_like.artifacts.hints import parse_log_hint
from mlrun_like.artifacts.packers import to_result
from mlrun_like.configuration import config
from mlrun_like.errors import FunctionError, InvalidArgumentError, nearest
from mlrun_like.functions.arguments import parse_inputs, parse_parameters
from mlrun_like.functions.documents import public, require_code, uri_of
from mlrun_like.functions.function import Function
from mlrun_like.names import check_label, check_project, check_run_name, new_uid
from mlrun_like.registry import load
from mlrun_like.runs.binding import check_arguments
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.job import Job
from mlrun_like.runs.object import RunObject, error_of
from mlrun_like.runs.secrets import public_sources, resolve_sources
from mlrun_like.runs.sweep import check_sweep
from mlrun_like.runtimes.base import Runtime
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec, RunStatus
from mlrun_like.specs.values import HyperParamOptions, Retry
from mlrun_like.tracking.base import Store
from mlrun_like.tracking.connect import open_store

__all__ = ["run_function"]

_stored: set[tuple[str, str, str]] = set()


def run_function(function: Function[..., Any], given: dict[str, Any]) -> RunObject:
    """Do what `Function.run` says."""
    _take_task(given)
    document = public(function._doc())
    runtime = _runtime(document, given)
    handler, handler_name = _handler(function, document, runtime, given)
    options = _sweep_options(given)
    run, live = _document(document, handler_name, options, given)
    _check_call(document, handler, run, live)
    if runtime.packages_code:
        require_code(function._doc())
        if live:
            name, value = next(iter(live.items()))
            raise InvalidArgumentError(
                f"parameter {name!r} is a {type(value).__name__}, which cannot be sent to another "
                f"process",
                where=f"{document.metadata.name}.run(params=...)",
                fix=f'write it to a file and pass inputs={{"{name}": "<url>"}}, or use local=True',
            )
    store = open_store()
    run.spec.function = _store_function(store, document, function)
    job = Job(
        function=document,
        run=run,
        store=store,
        handler=handler,
        watch=bool(given["watch"]),
        live_parameters=live,
        secrets=resolve_sources(given.get("secret_sources", ())),
    )
    finished = runtime.launch(job)
    if finished.status.state != "completed":
        raise error_of(finished)
    return RunObject(finished, store)


def _take_task(given: dict[str, Any]) -> None:
    """Fill what was not given from a task (`new_task`, a run or its plain data)."""
    params, task = given["params"], given["runspec"]
    if params is not None and not isinstance(params, Mapping):
        if not hasattr(params, "spec") or task is not None:
            raise InvalidArgumentError(
                f"params must map names to values, not {type(params).__name__}",
                fix='fn.run(params={"depth": 4})',
            )
        task, given["params"] = params, None
    if isinstance(given["params"], Mapping) and {"spec", "metadata"} <= set(given["params"]):
        task, given["params"] = given["params"], None
    if task is None:
        return
    plain = task if isinstance(task, Mapping) else task.to_dict()
    meta, spec = plain.get("metadata", {}), plain.get("spec", {})
    given["params"] = {**spec.get("parameters", {}), **(given["params"] or {})}
    given["inputs"] = {**spec.get("inputs", {}), **(given["inputs"] or {})}
    given["labels"] = {**meta.get("labels", {}), **(given["labels"] or {})}
    given["secret_sources"] = getattr(task, "secret_sources", None) or spec.get(
        "secret_sources", []
    )
    for name, value in (
        ("name", meta.get("name")),
        ("project", meta.get("project")),
        ("handler", spec.get("handler")),
        ("returns", spec.get("returns")),
        ("hyperparams", spec.get("hyperparams")),
        ("hyper_param_options", spec.get("hyper_param_options")),
        ("artifact_path", spec.get("output_path")),
        ("timeout", spec.get("timeout")),
    ):
        given[name] = given[name] or value


def _runtime(document: FunctionDoc, given: Mapping[str, Any]) -> Runtime:
    kind = document.kind
    if given["local"] or kind in ("", "handler"):
        kind = "local"
    try:
        runtime: Runtime = load("runtimes", kind)()
    except LookupError as exc:
        raise FunctionError(
            f"{document.metadata.name!r} has kind {kind!r}, for which no runtime is installed. "
            f"{getattr(exc, 'fix', '')}",
            fix="fn.run(local=True) runs it in this process",
        ) from exc
    return runtime


def _handler(
    function: Function[..., Any], document: FunctionDoc, runtime: Runtime, given: Mapping[str, Any]
) -> tuple[Callable[..., Any] | None, str]:
    """The live callable (None: resolved where the code runs) and its name."""
    asked = given["handler"]
    if isinstance(asked, Function):
        asked = asked._handler or asked.spec.default_handler
    if callable(asked):
        if runtime.packages_code:
            raise FunctionError(
                f"handler={asked!r} is a live object, which kind={document.kind!r} cannot take",
                fix=f"pass its name: handler={getattr(asked, '__name__', 'name')!r}",
            )
        return asked, getattr(asked, "__name__", type(asked).__name__)
    default = document.spec.default_handler
    name = asked or default
    if function._handler is not None and name == default:
        return (None if runtime.packages_code else function._handler), name
    points = document.spec.entry_points
    if name and points and "." not in name and "::" not in name and name not in points:
        raise FunctionError(
            f"{document.metadata.name!r} has no handler {name!r}.{nearest(name, points)}",
            where=document.spec.build.origin_filename or document.spec.command,
            fix=f"handlers are: {', '.join(sorted(points))}",
        )
    return None, name or ""


def _sweep_options(given: Mapping[str, Any]) -> HyperParamOptions:
    raw = given["hyper_param_options"]
    if raw is None:
        return HyperParamOptions()
    if isinstance(raw, HyperParamOptions):
        return raw
    if not isinstance(raw, Mapping):
        raise InvalidArgumentError(
            f"hyper_param_options must be HyperParamOptions(...), not {raw!r}",
            fix="hyper_param_options=HyperParamOptions(selector='max.accuracy')",
        )
    known = [name for name in HyperParamOptions.__dataclass_fields__ if name != "selector_parts"]
    for name in raw:
        if name not in known:
            raise InvalidArgumentError(
                f"HyperParamOptions has no option {name!r}.{nearest(name, known)}",
                fix=f"options: {', '.join(known)}",
            )
    return HyperParamOptions(**raw)


def _document(
    document: FunctionDoc,
    handler_name: str,
    options: HyperParamOptions,
    given: Mapping[str, Any],
) -> tuple[RunDoc, dict[str, Any]]:
    meta, spec = document.metadata, document.spec
    short = re.sub(r"[^A-Za-z0-9-]+", "-", handler_name.rpartition(".")[2]).strip("-")
    default = meta.name
    if short and short != spec.default_handler:
        default = f"{meta.name}-{short}"
    params, live = parse_parameters(given["params"] or {})
    inputs, hints = parse_inputs(given["inputs"] or {})
    hyperparams = dict(given["hyperparams"] or {})
    check_sweep(hyperparams, options)
    retry = given["retry"]
    if isinstance(retry, int) and not isinstance(retry, bool):
        retry = Retry(count=retry)
    returns = given["returns"]
    returns = [returns] if isinstance(returns, (str, dict)) else returns
    wanted = list(returns if returns is not None else spec.returns)
    for hint in wanted:
        parse_log_hint(hint)
    labels = {"kind": document.kind or "local", "owner": _owner(), **(given["labels"] or {})}
    run = RunDoc(
        metadata=RunMetadata(
            name=check_run_name(given["name"] or default[:63].rstrip("-._")),
            uid=new_uid(),
            project=check_project(given["project"] or meta.project or config.default_project),
            labels=dict(check_label(str(k), str(v)) for k, v in labels.items()),
        ),
        spec=RunSpec(
            handler=handler_name,
            parameters=params,
            inputs=inputs,
            inputs_type_hints=hints,
            returns=wanted,
            output_path=str(given["artifact_path"] or ""),
            hyperparams={k: to_result(list(v)) for k, v in hyperparams.items()},
            hyper_param_options=options.to_dict(),
            log_level="debug" if given["verbose"] else "",
            retry=retry.to_dict() if retry is not None else dict(spec.retry),
            timeout=given["timeout"] if given["timeout"] is not None else spec.timeout,
            secret_sources=public_sources(given.get("secret_sources") or ()),
        ),
        status=RunStatus(state="created", start_time=utc_now()),
    )
    return run, live


def _owner() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return str(os.getuid()) if hasattr(os, "getuid") else "unknown"


def _check_call(
    document: FunctionDoc, handler: Callable[..., Any] | None, run: RunDoc, live: Mapping[str, Any]
) -> None:
    """Compare arguments with the signature, of the live handler or of the described one."""
    spec = run.spec
    if spec.hyper_param_options.get("param_file"):
        return
    given: Sequence[str] = [*spec.parameters, *spec.hyperparams]
    if handler is not None:
        try:
            inspect.signature(handler)
        except (TypeError, ValueError):
            return
        check_arguments(handler, dict.fromkeys(given), spec.inputs)
        return
    point = document.spec.entry_points.get(spec.handler)
    if point is None or point.has_varargs:
        return
    names = [item.name for item in point.parameters]
    missing = [
        item.name
        for item in point.parameters
        if item.required
        and item.name not in given
        and item.name not in spec.inputs
        and item.name != "context"
        and "MLClientCtx" not in item.type
    ]
    unknown = [name for name in (*given, *spec.inputs) if name not in names]
    where = document.spec.build.origin_filename or document.spec.command
    if missing:
        raise FunctionError(
            f"{spec.handler}() needs {', '.join(map(repr, missing))}, which the run does not give",
            where=where,
            fix=f"fn.run(params={{{', '.join(f'{item!r}: ...' for item in missing)}}})",
        )
    if unknown and not point.has_kwargs and "context" not in names:
        raise FunctionError(
            f"{spec.handler}() has no argument {unknown[0]!r}.{nearest(unknown[0], names)}",
            where=where,
            fix=f"its arguments are: {', '.join(names) or 'none'}",
        )


def _store_function(store: Store, document: FunctionDoc, function: Function[..., Any]) -> str:
    """Record this version of the function once a process, and return its URI."""
    meta = document.metadata
    meta.project = meta.project or config.default_project
    digest = document.digest()
    mark = (store.url, meta.project, digest)
    if mark not in _stored:
        store.store_function(document.to_dict(), tag=meta.tag)
        _stored.add(mark)
    meta.hash = digest
    if function._document is not None:
        function._document.metadata.hash = digest
    return str(uri_of(document)._replace(tag=""))
