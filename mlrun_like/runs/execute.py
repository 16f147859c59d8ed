"""The one place that calls a handler.

Every runtime, local or remote, reaches it: in this process directly, elsewhere through `entry`.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import runpy
import socket
import sys
import threading
import traceback
from pathlib import Path
from types import TracebackType
from typing import Any

import mlrun_like
from mlrun_like.artifacts.packers import link_outputs, pack_outputs, pack_unhinted
from mlrun_like.errors import MLRunLikeError
from mlrun_like.packaging.loader import resolve_handler
from mlrun_like.packaging.unpack import files_of, unpack, use_folder
from mlrun_like.runs.binding import bind
from mlrun_like.runs.context import MLClientCtx, use_context
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.job import Job
from mlrun_like.runs.output import capture
from mlrun_like.runs.sweep import sweep
from mlrun_like.runs.watch import RunAborted, RunTimedOut, watched
from mlrun_like.specs.run import TERMINAL, RunDoc
from mlrun_like.tracking.process import process_start_time
from mlrun_like.types import Handler

__all__ = ["execute", "format_traceback"]

_PACKAGE = str(Path(mlrun_like.__file__).parent) + os.sep


def execute(job: Job, *, capture_output: bool = True) -> RunDoc:
    """Run the job's handler (or script) here and record everything.

    Args:
        job: What to run. `job.run` is updated in place.
        capture_output: Whether what is printed is copied to the run's log; False in a process that
            exists for this run, whose parent reads its output.

    Returns:
        The run in a terminal state, or in `pending` after a failed attempt that is not the last.
        A failing handler does not raise; KeyboardInterrupt does, after it was recorded.
    """
    run, meta = job.run, job.run.metadata
    context = MLClientCtx(job)
    run.status.state = "running"
    run.status.start_time = run.status.start_time or utc_now()
    run.status.host, run.status.pid = socket.gethostname(), os.getpid()
    run.status.pid_started = process_start_time(run.status.pid)
    context.store_run()
    started = utc_now()

    def beat() -> str:
        return job.store.heartbeat(meta.project, meta.uid, meta.iteration)

    def log(data: bytes) -> None:
        job.store.append_log(meta.project, meta.uid, data)

    interrupt: KeyboardInterrupt | None = None
    with contextlib.ExitStack() as stack:
        stack.enter_context(use_context(context))
        if capture_output:
            stack.enter_context(capture(log))
        try:
            with watched(run.spec.timeout, beat):
                _work(context, job, own_process=not capture_output)
        except RunTimedOut:
            limit = run.spec.timeout
            _fail(context, job, started, f"the run exceeded its timeout of {limit:g} s")
        except (RunAborted, KeyboardInterrupt) as exc:
            run.status.state, run.status.error = "aborted", "the run was aborted"
            if isinstance(exc, KeyboardInterrupt):
                interrupt = exc
                run.status.error = "the run was interrupted from the keyboard"
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - the boundary of user code
            if isinstance(exc, SystemExit) and not exc.code:
                _complete(run)
            else:
                run.status.traceback = format_traceback(exc)
                if capture_output:
                    log(run.status.traceback.encode())  # the caller gets it with the RunError
                else:
                    sys.stderr.write(run.status.traceback)
                text = f"{type(exc).__name__}: {exc}"
                _fail(context, job, started, text)
        else:
            _complete(run)
    if run.status.state in TERMINAL:
        run.status.end_time = utc_now()
    context.store_run()
    if interrupt is not None:
        raise interrupt
    return run


def _work(context: MLClientCtx, job: Job, own_process: bool) -> None:
    spec = job.run.spec
    handler = job.handler
    if handler is None and not spec.handler:
        _run_script(job)
        return
    if handler is None:
        init = {**(spec.parameters.get("_init_args") or {}), "context": context}
        handler = resolve_handler(job.function, spec.handler, init, replace_main=own_process)
    is_sweep = spec.hyperparams or spec.hyper_param_options.get("param_file")
    if is_sweep and spec.hyper_param_options.get("strategy") != "custom":
        sweep(context, job, lambda child: _call(handler, child))
    else:
        _call(handler, context)


def _call(handler: Handler, context: MLClientCtx) -> None:
    """Call the handler for one context and record what it returns."""
    live = context._job.live_parameters
    value = handler(**bind(handler, context, live))
    if inspect.iscoroutine(value):
        value = _await(value)
    if not context.is_logging_worker():
        return
    hints = context._run.spec.returns
    if hints:
        pack_outputs(value, hints, context)
        link_outputs(hints, context)
    else:
        pack_unhinted(value, context)


def _await(coroutine: Any) -> Any:
    """Run a coroutine to its end, also where a loop is already running (a notebook)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append((asyncio.run(coroutine), None))
        except BaseException as exc:  # noqa: BLE001 - carried to the waiting thread
            outcome.append((None, exc))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    value, error = outcome[0]
    if error is not None:
        raise error
    return value


def _run_script(job: Job) -> None:
    """Run the function's file as a main program."""
    spec = job.function.spec
    arguments = [str(item).format(**job.run.spec.parameters) for item in spec.args]
    if spec.build.functionSourceCode:
        files, main = files_of(job.function)
        folder = unpack(files)
        use_folder(folder, files)
        path = str(folder / main)
    else:
        path = spec.command.format(**job.run.spec.parameters)
    before, sys.argv = sys.argv, [path, *arguments]
    try:
        runpy.run_path(path, run_name="__main__")
    finally:
        sys.argv = before


def _complete(run: RunDoc) -> None:
    if run.status.state == "running":
        run.status.state = "completed"
        run.status.error = None


def _fail(context: MLClientCtx, job: Job, started: str, error: str) -> None:
    status = job.run.status
    status.error = error
    status.attempts.append(
        {"attempt": job.attempt, "error": error, "started": started, "ended": utc_now()}
    )
    status.state = "error" if job.last_attempt else "pending"
