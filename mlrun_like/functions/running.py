"""`fn.run(...)`: check everything, then hand the run to its runtime."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mlrun_like.configuration import config
from mlrun_like.errors import (
    FunctionError,
    InvalidArgumentError,
    MissingFileError,
    MLRunLikeError,
    nearest,
)
from mlrun_like.functions.arguments import check_call
from mlrun_like.functions.checking import RUN_OPTIONS
from mlrun_like.functions.documents import public, record_version, require_code, with_live_code
from mlrun_like.functions.drafting import draft_run
from mlrun_like.functions.function import Function
from mlrun_like.functions.notifying import announce_end, announce_start
from mlrun_like.functions.placing import choose_runtime, provided_names, raise_findings
from mlrun_like.functions.preflight.check import check_run
from mlrun_like.functions.preflight.keys import check_keys
from mlrun_like.functions.preflight.needs import check_installed
from mlrun_like.functions.scheduling import check_later, scheduled
from mlrun_like.functions.sweeping import read_sweep
from mlrun_like.functions.tasks import fill_from_task
from mlrun_like.packaging.loader import loading
from mlrun_like.packaging.unpack import files_of
from mlrun_like.registry import resolve
from mlrun_like.runs.ends import error_of, lost_record
from mlrun_like.runs.entry import in_payload
from mlrun_like.runs.job import Job
from mlrun_like.runs.object import RunObject
from mlrun_like.runs.secrets import resolve_sources
from mlrun_like.runtimes.base import Runtime
from mlrun_like.runtimes.finding import Finding
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.specs.notification import read_notifications
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.connect import open_store

__all__ = ["check_function", "concluded", "prepared_job", "run_document", "run_function"]


class _Prepared(NamedTuple):
    """A run that is ready to start."""

    runtime: Runtime
    notices: list[str]
    job: Job


def run_function(function: Function[..., Any], given: dict[str, Any]) -> RunObject:
    """Do what `Function.run` says."""
    runtime, notices, job = _ready(function, given)
    if given.get("schedule") is not None:
        return scheduled(job, given["schedule"])
    for notice in notices:
        _tell(job, notice)
    announce_start(job)
    finished = runtime.launch(job)
    announce_end(job, finished)
    return concluded(job, finished)


def concluded(job: Job, finished: RunDoc) -> RunObject:
    """A run that has ended, for its caller.

    Raises:
        RunError: if it failed.
        RecordLostError: if its record could be written nowhere.
    """
    lost = lost_record(job.store, finished) if job.waits != "none" else None
    if finished.status.state != "completed":
        raise error_of(finished) from lost
    if lost is not None:
        raise lost
    return RunObject(finished, job.store)


def prepared_job(function: Function[..., Any], given: dict[str, Any]) -> tuple[Runtime, Job]:
    """What `run_function` would launch, checked and with its function recorded.

    What is to be told about it is told now, in the log of the run that it was prepared with.
    """
    runtime, notices, job = _ready(function, given)
    for notice in notices:
        _tell(job, notice)
    return runtime, job


def _ready(function: Function[..., Any], given: dict[str, Any]) -> _Prepared:
    runtime, notices, job = _prepare(function, given)
    found = _findings(runtime, job, given)
    raise_findings(job.function, [item for item in found if item.severity == "error"])
    # what is not as certain is told where this interpreter cannot find it out by itself
    told = [item for item in found if runtime.needs_image or item.code == "key-unknown"]
    job.run.spec.function = record_version(job.store, job.function, job.run.metadata.project)
    return _Prepared(runtime, [*notices, *map(str, told)], job)


def run_document(function: Function[..., Any], run: RunDoc) -> RunObject:
    """Execute a run that was written down before, such as a schedule's.

    Args:
        function: What to run, as the store has it.
        run: Its run, with a uid of its own.

    Raises:
        RunError: if it fails.
    """
    given = dict.fromkeys(RUN_OPTIONS)
    given.update(runspec=run.to_dict(), name="", project="", artifact_path="", watch=False)
    meta = run.metadata
    given.update(labels=meta.labels, uid=meta.uid, annotations=meta.annotations)
    return run_function(function, given)


def check_function(function: Function[..., Any], given: dict[str, Any]) -> list[Finding]:
    """Do what `Function.check` says."""
    try:
        runtime, _, job = _prepare(function, given, build=False)
    except MLRunLikeError as exc:
        return [Finding(exc.code, exc.what, exc.where, exc.fix)]
    return check_run(job.function, job.run, runtime, job.store, job.secrets)


def _prepare(function: Function[..., Any], given: dict[str, Any], build: bool = True) -> _Prepared:
    if loading() and in_payload():
        raise FunctionError(
            f"{function.name}.run() is called while its file is loaded to execute a run",
            where=f"top level of module {loading()!r}",
            fix="move the call below `if __name__ == '__main__':`",
        )
    fill_from_task(given)
    if given.get("schedule") is not None:
        check_later(given)
    if config.guarded:
        resolve("mlrun_like.functions.strangers:check_for_strangers")(function, given)
    runtime, notices = choose_runtime(function._doc(), given["local"])
    if runtime.needs_image and build:
        resolve("mlrun_like.functions.deploying:ensure_built")(
            function._doc(), given.get("auto_build")
        )
    document = public(function._doc())
    handler, handler_name = _handler(function, document, runtime, given)
    secrets = {**resolve_sources(given["secret_sources"]), **(given.get("more_secrets") or {})}
    given["hyperparams"], options, swept = read_sweep(given, secrets)
    if options.parallel_runs > 1 and handler:
        with_live_code(document, handler, handler_name)
    run, live = draft_run(document, handler_name, options, given)
    if handler is None:
        _check_code(document, run, runtime.needs_image)
    # what a trigger gives its runs comes with the event
    event = getattr(given.get("schedule"), "param", "")
    provided = {*provided_names(document, runtime), *([event] if event else [])}
    check_call(document, handler, run.spec, swept, provided, live)
    later = given.get("schedule") is not None
    if runtime.packages_code or later:
        require_code(function._doc())
        if live:
            name, value = next(iter(live.items()))
            raise InvalidArgumentError(
                f"parameter {name!r} is a {type(value).__name__}, which cannot be sent to another "
                f"process",
                where=f"{document.metadata.name}.run(params=...)",
                fix=f'write it to a file and pass inputs={{"{name}": "<url>"}}, or use local=True',
            )
    job = Job(
        waits=given.get("waits") or "all",
        together=given.get("together") or "",
        function=document,
        run=run,
        store=open_store(),
        handler=handler,
        watch=bool(given["watch"]),
        live_parameters=live,
        secrets=secrets,
        notifications=read_notifications(given["notifications"]),
    )
    return _Prepared(runtime, notices, job)


def _findings(runtime: Runtime, job: Job, given: Mapping[str, Any]) -> list[Finding]:
    """What stands against a run. One in this process finds out by itself, at once and with its own
    traceback, what else is wrong."""
    if runtime.kind != "local" or given.get("schedule") is not None:
        return check_run(job.function, job.run, runtime, job.store, job.secrets)
    needs = [] if given["local"] else job.function.spec.build.requirements
    where = f"requirements of {job.function.metadata.name!r}"
    return [*check_installed(needs, where), *check_keys(job.function)]


def _tell(job: Job, notice: str) -> None:
    text = f"mlrun-like: {notice}\n"
    meta = job.run.metadata
    job.store.append_log(meta.project, meta.uid, text.encode())
    if job.watch:
        sys.stderr.write(text)


def _handler(
    function: Function[..., Any], document: FunctionDoc, runtime: Runtime, given: Mapping[str, Any]
) -> tuple[Callable[..., Any] | None, str]:
    """The live callable (None: resolved where the code runs) and its name."""
    asked = given["handler"]
    if isinstance(asked, Function):
        asked = asked._handler or asked.spec.default_handler
    if not isinstance(asked, (str, type(None))) and not callable(asked):
        raise FunctionError(
            f"handler must be a function or its name, not {asked!r}", fix='fn.run(handler="train")'
        )
    name = str(getattr(asked, "__name__", type(asked).__name__))
    if callable(asked) and not runtime.packages_code:
        return asked, name
    if callable(asked) and (config.strict_arguments or name not in document.spec.entry_points):
        what = f"handler={asked!r} is a live object, which kind={document.kind!r} cannot take"
        raise FunctionError(what, fix=f"pass its name: handler={name!r}")
    asked = name if callable(asked) else asked
    default = document.spec.default_handler
    name = str(asked or default)
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


def _check_code(document: FunctionDoc, run: RunDoc, in_image: bool) -> None:
    """There is something to run, and what its command line asks for is given.

    Raises:
        FunctionError: if there is nothing to run, or a `{placeholder}` has no parameter.
        SpecError: if the embedded code is damaged.
        MissingFileError: if the command's file does not exist.
    """
    name, spec = document.metadata.name, document.spec
    if not (spec.build.functionSourceCode or spec.command.strip() or "." in run.spec.handler):
        raise FunctionError(
            f"{name!r} has neither code nor a command, so there is no handler to run",
            fix="fn.run(handler=my_function), --handler NAME, or new_function(command='train.py')",
        )
    if spec.build.functionSourceCode:
        files_of(document)  # raises if the code is damaged
    if spec.build.source and spec.build.load_source_on_run:
        in_image = True  # its files come with its source
    if run.spec.handler:
        if spec.command.endswith(".py") and not (in_image or spec.build.functionSourceCode):
            _check_file(document, spec.command)
        return
    try:
        command, *_ = [
            str(item).format(**run.spec.parameters) for item in (spec.command, *spec.args)
        ]
    except (LookupError, ValueError, AttributeError) as exc:
        raise FunctionError(
            f"the command line of {name!r} cannot be filled in: {type(exc).__name__}: {exc}",
            where=" ".join(map(str, [spec.command, *spec.args])),
            fix="give each {name} in it as a parameter, and write {{ for a brace",
        ) from exc
    known = in_image or (spec.mode == "pass" and shutil.which(command))
    if not (known or spec.build.functionSourceCode):  # what is in an image is not known here
        _check_file(document, command)


def _check_file(document: FunctionDoc, command: str) -> None:
    path = Path(document.spec.workdir or ".", command).expanduser()
    if not path.is_file():
        raise MissingFileError(
            f"the command's file {command!r} does not exist",
            where=f"function {document.metadata.name!r}, folder {str(path.parent)!r}",
            fix="give an absolute path, or set workdir",
        )
