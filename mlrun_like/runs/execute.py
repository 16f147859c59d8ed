"""The one place that calls a handler.

Every runtime, local or remote, reaches it: in this process directly, elsewhere through `entry`.
"""

from __future__ import annotations

import contextlib
import functools
import os
import runpy
import socket
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from mlrun_like.artifacts.packer_table import lent_packers
from mlrun_like.artifacts.packers import link_outputs, pack_outputs, pack_unhinted
from mlrun_like.artifacts.workspace import workspace
from mlrun_like.configuration import config
from mlrun_like.errors import RunError
from mlrun_like.packaging.loader import resolve_handler
from mlrun_like.packaging.old_names import answer_old_names
from mlrun_like.packaging.reloading import forget_modules
from mlrun_like.packaging.unpack import files_of, unpack, use_folder
from mlrun_like.runs.binding import bind, call_with
from mlrun_like.runs.context import MLClientCtx, use_context
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.coroutines import run_to_end
from mlrun_like.runs.job import Job
from mlrun_like.runs.output import capture
from mlrun_like.runs.pruning import is_pruned, mark_pruned
from mlrun_like.runs.secrets import mask, mask_bytes
from mlrun_like.runs.source import source_at_hand
from mlrun_like.runs.sweep import sweep
from mlrun_like.runs.tracebacks import error_line, format_traceback
from mlrun_like.runs.trackers import tracked
from mlrun_like.runs.watch import Interrupted, RunTimedOut, watched
from mlrun_like.specs.run import TERMINAL, RunDoc
from mlrun_like.tracking.process import own_start_time
from mlrun_like.types import Handler

__all__ = ["call_handler", "execute"]


def execute(job: Job, *, capture_output: bool = True) -> RunDoc:
    """Run the job's handler (or script) here and record everything.

    Args:
        job: What to run. `job.run` is updated in place.
        capture_output: Whether what is printed is copied to the run's log; False in a process that
            exists for this run, whose parent reads its output.

    Returns:
        The run in a terminal state, or in `pending` after a failed attempt that is not the last.
        A failing handler does not raise. KeyboardInterrupt and the end of a run around this one
        do, after they were recorded.
    """
    run, meta = job.run, job.run.metadata
    context = MLClientCtx(job, ends_itself=False)
    _begin(run, job.attempt)
    context.store_run()
    started = utc_now()

    def beat() -> str:
        context.write_changes()
        return job.store.heartbeat(meta.project, meta.uid, meta.iteration)

    def log(data: bytes) -> None:
        job.store.append_log(meta.project, meta.uid, mask_bytes(data, job.secrets))

    passing_on: BaseException | None = None
    with contextlib.ExitStack() as stack:
        stack.enter_context(use_context(context))
        if capture_output:
            stack.enter_context(
                capture(log, show=job.watch, hide=lambda text: mask(text, job.secrets))
            )
        try:
            with watched(run.spec.timeout, beat):
                _work(context, job, own_process=not capture_output)
        except Interrupted as exc:
            if exc.own and isinstance(exc, RunTimedOut):
                limit = run.spec.timeout
                _fail(job, started, f"the run exceeded its timeout of {limit:g} s")
            elif exc.own:
                _abort(run, "the run was aborted")
            else:
                _abort(run, "the run around this one was stopped")
                passing_on = exc
        except KeyboardInterrupt as exc:
            _abort(run, "the run was interrupted from the keyboard")
            passing_on = exc
        except (Exception, SystemExit) as exc:  # noqa: BLE001 - the boundary of user code
            if isinstance(exc, SystemExit) and not exc.code:
                _complete(run)
            elif is_pruned(exc):
                _abort(run, mark_pruned(run, exc))
            else:
                run.status.traceback = mask(format_traceback(exc), job.secrets)
                if capture_output:  # the caller gets it with the RunError
                    log(run.status.traceback.encode("utf-8", "replace"))
                else:
                    sys.stderr.write(run.status.traceback)
                _fail(job, started, mask(error_line(exc), job.secrets))
        else:
            _complete(run)
    if run.status.state in TERMINAL:
        run.status.end_time = utc_now()
    context.store_run()
    if passing_on is not None:
        raise passing_on
    return run


@functools.cache
def _host() -> str:
    """This machine's name; asking for it lets other threads go first."""
    return socket.gethostname()


def _begin(run: RunDoc, attempt: int) -> None:
    """Start an attempt: what an earlier one said and returned is not this one's."""
    status = run.status
    status.state = "running"
    status.start_time = status.start_time or utc_now()
    status.host, status.pid = _host(), os.getpid()
    status.pid_started = own_start_time(status.pid)
    if attempt > 1:
        status.error, status.traceback, status.status_text = None, "", ""
        status.results, status.iterations = {}, []


def _work(context: MLClientCtx, job: Job, own_process: bool) -> None:
    packers = context._run.spec.custom_packagers
    with source_at_hand(job, own_process) as found, lent_packers(packers):
        _call(context, found, own_process)


def _call(context: MLClientCtx, job: Job, own_process: bool) -> None:
    spec = job.run.spec
    handler = job.handler
    is_sweep = spec.hyperparams or spec.hyper_param_options.get("param_file")
    is_sweep = is_sweep and spec.hyper_param_options.get("strategy") != "custom"
    if handler is None and not spec.handler:
        with tracked(context):
            if is_sweep:
                sweep(context, job, lambda child: _run_script(job, child.parameters))
            else:
                _run_script(job, spec.parameters)
        return
    if handler is None:
        init = {**(spec.parameters.get("_init_args") or {}), "context": context}
        if spec.reset_on_run:
            forget_modules(spec.handler)
        handler = resolve_handler(job.function, spec.handler, init, replace_main=own_process)
    if is_sweep:
        sweep(context, job, lambda child: call_handler(handler, child))
    else:
        call_handler(handler, context)


def call_handler(handler: Handler, context: MLClientCtx) -> None:
    """Call the handler for one context and record what it returns."""
    with workspace():
        with tracked(context):
            value = run_to_end(call_with(handler, bind(handler, context)))
        if not context.is_logging_worker():
            return
        hints = context._run.spec.returns if config.packagers_enabled else []
        if hints:
            pack_outputs(value, hints, context)
            link_outputs(hints, context)
        else:
            pack_unhinted(value, context)


def _run_script(job: Job, parameters: Mapping[str, Any]) -> None:
    """Run the function's file as a main program."""
    spec = job.function.spec
    arguments = [str(item).format(**parameters) for item in spec.args]
    if spec.build.functionSourceCode:
        files, main = files_of(job.function)
        folder = unpack(files)
        use_folder(folder, files)
        path = str(folder / main)
    else:
        path = spec.command.format(**parameters)
    if spec.mode == "pass":
        _run_program([path, *arguments])
        return
    before, sys.argv = sys.argv, [path, *arguments]
    try:
        answer_old_names()
        runpy.run_path(path, run_name="__main__")
    finally:
        sys.argv = before


def _run_program(command: list[str]) -> None:
    """Run any program; its output goes where this process's does."""
    try:
        code = subprocess.run(command, check=False).returncode
    except OSError as exc:
        raise RunError(f"{command[0]!r} cannot be run: {exc}", fix="make it executable") from exc
    if code:
        raise RunError(f"{command[0]!r} ended with exit code {code}", fix="see the run's log")


def _complete(run: RunDoc) -> None:
    if run.status.state not in TERMINAL:
        run.status.state = "completed"


def _abort(run: RunDoc, why: str) -> None:
    if run.status.state not in TERMINAL:
        run.status.state, run.status.error = "aborted", why


def _fail(job: Job, started: str, error: str) -> None:
    status = job.run.status
    status.attempts.append(
        {"attempt": job.attempt, "error": error, "started": started, "ended": utc_now()}
    )
    if status.state not in TERMINAL:
        status.state, status.error = "error" if job.last_attempt else "pending", error
