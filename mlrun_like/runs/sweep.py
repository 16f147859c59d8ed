"""Hyper-parameter sweeps: many child iterations of one run, the best one promoted.

Trials run one after another in this process, or `parallel_runs` at a time in processes of their
own, or spread over a Dask cluster. Each is recorded as a child run. A failed trial is reported in
the table and in `status_text`; the parent fails only when all trials failed, more than `max_errors`
did, or `fail_on_error` is set.
"""

from __future__ import annotations

import csv
import io
import math
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

from mlrun_like.errors import InvalidArgumentError, RunError
from mlrun_like.registry import load, resolve
from mlrun_like.runs.context import MLClientCtx, iteration_table, use_context
from mlrun_like.runs.context_base import utc_now
from mlrun_like.runs.expression import compile_condition
from mlrun_like.runs.generators import parse_param_file, trials
from mlrun_like.runs.job import Job, TrialRunner
from mlrun_like.runs.parallel import check_parallel, run_parallel
from mlrun_like.runs.parallel_coordinates import parallel_coordinates
from mlrun_like.runs.pruning import LABEL, is_pruned, mark_pruned
from mlrun_like.runs.search_space import read_space
from mlrun_like.runs.tracebacks import error_line, format_traceback
from mlrun_like.specs.run import TERMINAL, RunDoc
from mlrun_like.specs.values import HyperParamOptions

__all__ = ["check_sweep", "run_trial", "sweep"]

_Call = Callable[[MLClientCtx], None]
_PROGRESS_SECONDS = 2.0


def check_sweep(hyperparams: dict[str, Any], options: HyperParamOptions) -> None:
    """Find what is wrong with a sweep before it starts.

    Raises:
        InvalidArgumentError: if values, strategy, stop condition or file contradict each other.
    """
    if hyperparams and options.param_file:
        raise InvalidArgumentError(
            "give hyperparams or param_file, not both", fix="leave one of them out"
        )
    if options.stop_condition:
        compile_condition(options.stop_condition)
    if options.strategy == "optuna":
        read_space(hyperparams)
    elif hyperparams and options.strategy != "custom":
        trials(hyperparams, options)


def sweep(context: MLClientCtx, job: Job, call: _Call) -> None:
    """Run all trials, write the tables, promote the best.

    Args:
        context: The parent run.
        job: What is being run.
        call: Runs the handler for one child context in this process.

    Raises:
        RunError: if too many trials failed.
    """
    spec = job.run.spec
    options = HyperParamOptions(**spec.hyper_param_options)
    values = spec.hyperparams
    check_sweep(values, options)
    if options.param_file:
        text = context.get_dataitem(options.param_file).get(encoding="utf-8")
        values, strategy = parse_param_file(options.param_file, str(text), options.strategy)
        options = HyperParamOptions(**{**options.to_dict(), "strategy": strategy})
    if options.strategy in ("random", "optuna") and options.seed is None:
        # recorded, so that the same trials can be drawn again
        seed = spec.hyper_param_options["seed"] = random.SystemRandom().randrange(2**31)
        options = HyperParamOptions(**{**options.to_dict(), "seed": seed})
    spread = _spread(job, options)
    if options.parallel_runs > 1 and spread is None:
        check_parallel(job)
    state = _Progress(context, options)
    children: Iterator[MLClientCtx]
    if options.strategy == "optuna":
        make = resolve("mlrun_like.runs.optuna_search:OptunaSearch")
        children = state.search = make(context, values, options)
    else:
        children = _children(context, trials(values, options))
    try:
        if spread is not None:
            spread(job, children, state.done)
        elif options.parallel_runs > 1:
            run_parallel(job, children, options.parallel_runs, state.done)
        else:
            for child in children:
                run_trial(child, call)
                if state.done(child._run):
                    break
    except BaseException:
        state.tabulate()  # what was done until somebody stopped the sweep
        raise
    finally:
        if state.search is not None:
            state.search.close()
    state.finish()


def _children(context: MLClientCtx, sets: Iterator[dict[str, Any]]) -> Iterator[MLClientCtx]:
    for params in sets:
        child = context.get_child_context(with_parent_params=True, **params)
        child._ends_itself = False
        yield child


def _spread(job: Job, options: HyperParamOptions) -> TrialRunner | None:
    """What runs the trials elsewhere: what the runtime gives, or the cluster that is asked for."""
    if not options.dask_cluster_uri:
        return job.trials
    found: TrialRunner = load("runtimes", "dask")().trials_on(
        options.dask_cluster_uri, teardown=options.teardown_dask
    )
    return found


def run_trial(child: MLClientCtx, call: _Call) -> None:
    """Run one trial in this process and record its end; the handler's errors are the trial's.

    Raises:
        BaseException: what stops the whole sweep, after the trial was recorded as aborted.
    """
    status = child._run.status
    try:
        with use_context(child):
            call(child)
    except (Exception, SystemExit) as exc:  # noqa: BLE001 - user code: a failed trial is a row
        if isinstance(exc, SystemExit) and not exc.code:
            _end(child, "completed")
            return
        if is_pruned(exc):
            _end(child, "aborted", mark_pruned(child._run, exc))
            return
        status.traceback = format_traceback(exc)
        _end(child, "error", error_line(exc))
        child.logger.error(f"trial {child.iteration} failed: {status.error}")
    except BaseException:
        _end(child, "aborted", "the run was stopped")
        raise
    else:
        _end(child, "completed")


def _end(child: MLClientCtx, state: str, error: str | None = None) -> None:
    status = child._run.status
    if status.state not in TERMINAL:  # it may have declared itself failed
        status.state, status.error = state, error
    status.end_time = status.last_update = utc_now()
    child.store.store_run(child.to_dict(), wait=False)


class _Progress:
    """Counts, judges and reports trials as they end."""

    def __init__(self, context: MLClientCtx, options: HyperParamOptions) -> None:
        self.context = context
        self.options = options
        self.finished: list[RunDoc] = []
        self.errors = self.pruned = 0
        self.search: Any = None
        self.best: RunDoc | None = None
        self._score = math.nan
        self._stop = compile_condition(options.stop_condition) if options.stop_condition else None
        self._shown = time.monotonic()

    def done(self, run: RunDoc) -> bool:
        """Take in an ended trial; True if no further ones should start."""
        self.finished.append(run)
        if self.search is not None:
            self.search.told(run)
        if run.metadata.labels.get(LABEL):
            self.pruned += 1
            return False
        if run.status.state != "completed":
            self.errors += 1
            return self.errors > self.options.max_errors
        self._judge(run)
        if time.monotonic() - self._shown > _PROGRESS_SECONDS:
            self._shown = time.monotonic()
            best = {"best_iteration": self.best.metadata.iteration} if self.best else {}
            self.context.logger.info(
                "sweep progress", trials=len(self.finished), failed=self.errors, **best
            )
        return self._stop is not None and self._stop(run.status.results)

    def _judge(self, run: RunDoc) -> None:
        op, name = self.options.selector_parts
        if not name or name not in run.status.results:
            return
        try:
            score = float(run.status.results[name])
        except (TypeError, ValueError):
            return
        if math.isnan(score):
            return
        if op == "min":
            score = -score
        # among equals the first trial, whichever ends first
        rank = (score, -run.metadata.iteration)
        if self.best is None or rank > (self._score, -self.best.metadata.iteration):
            self.best, self._score = run, score

    def tabulate(self) -> list[list[Any]]:
        """Fill in the run's table of iterations with the trials that have ended."""
        self.finished.sort(key=lambda run: run.metadata.iteration)
        table = self.context._run.status.iterations = iteration_table(self.finished)
        return table

    def finish(self) -> None:
        """Write tables and promote the best trial."""
        context = self.context
        runs, table = self.finished, self.tabulate()
        status = context._run.status
        if self.best is not None:
            context.promote(self.best)
        self._write(table)
        total = len(runs)
        if self.pruned:
            status.status_text = f"{self.pruned} of {total} trials pruned"
            context.logger.info(status.status_text)
        if self.errors:
            status.status_text = f"{self.errors} of {total} trials failed"
            context.logger.warning(status.status_text)
        if self.errors and (
            self.errors == total
            or self.errors > self.options.max_errors
            or self.options.fail_on_error
        ):
            first = next(
                run
                for run in runs
                if run.status.state != "completed" and LABEL not in run.metadata.labels
            )
            raise RunError(
                f"{self.errors} of {total} trials failed; trial {first.metadata.iteration}: "
                f"{first.status.error}",
                where=context.uri,
                fix="the table of iterations shows all of them; max_errors sets how many may fail",
                traceback=first.status.traceback,
            )
        name = self.options.selector_parts[1]
        if name and self.best is None:
            known = sorted({key for run in runs for key in run.status.results})
            raise InvalidArgumentError(
                f"selector {self.options.selector!r}: no trial has a numeric result {name!r}",
                where=context.uri,
                fix=f"results are: {', '.join(known) or 'none'}",
            )

    def _write(self, table: list[list[Any]]) -> None:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(table)
        self.context.log_artifact(
            "iteration_results",
            body=text.getvalue(),
            local_path="iteration_results.csv",
            viewer="table",
            format="csv",
        )
        page = parallel_coordinates(table, self.options.selector_parts[1])
        if page:
            self.context.log_artifact(
                "parallel_coordinates",
                body=page,
                local_path="parallel_coordinates.html",
                viewer="web-app",
                format="html",
            )
