"""Trials of a sweep side by side, each in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from mlrun_like.errors import InvalidArgumentError, NotFoundError, PackagingError, StateError
from mlrun_like.registry import load
from mlrun_like.runs.context import MLClientCtx
from mlrun_like.runs.job import Job
from mlrun_like.specs.run import RunDoc
from mlrun_like.tracking.meant import in_this_session

__all__ = ["check_parallel", "run_parallel"]


def check_parallel(job: Job) -> None:
    """Refuse what cannot be sent to other processes.

    Raises:
        PackagingError: if the handler's source is not known.
        InvalidArgumentError: if a parameter is not plain data.
    """
    if not job.function.spec.build.functionSourceCode:
        raise PackagingError(
            "parallel trials run in processes of their own, and this handler's source could not "
            "be captured",
            fix="define the handler at the top level of a file, or leave out parallel_runs",
        )
    for name, value in job.live_parameters.items():
        raise InvalidArgumentError(
            f"parallel trials run in processes of their own, and parameter {name!r} is a "
            f"{type(value).__name__}, which cannot be sent there",
            fix=f'write it to a file and pass inputs={{"{name}": "<url>"}}, or leave out '
            "parallel_runs",
        )


def run_parallel(
    job: Job,
    children: Iterator[MLClientCtx],
    workers: int,
    done: Callable[[RunDoc], bool],
) -> None:
    """Run the children, `workers` at a time.

    Args:
        job: What is being run.
        children: Contexts, one for each trial.
        workers: How many run at the same time.
        done: Told about each ended trial; True: start no further one.
    """
    runtime = load("runtimes", "process")()
    running: dict[Future[RunDoc], MLClientCtx] = {}
    with ThreadPoolExecutor(workers, thread_name_prefix="mlrun-like-trial") as pool:
        try:
            more = True
            while more or running:
                while more and len(running) < workers:
                    child = next(children, None)
                    if child is None:
                        more = False
                        break
                    child._run.status.state = "pending"
                    trial = Job(job.function, child._run, job.store, secrets=job.secrets)
                    running[pool.submit(in_this_session(runtime.attempt), trial)] = child
                finished, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    child = running.pop(future)
                    child._job.run = child._run = future.result()
                    more = not done(child._run) and more
        except BaseException:
            for child in running.values():
                _stop(child, job)
            raise


def _stop(child: MLClientCtx, job: Job) -> None:
    """Ask a trial's process to end; the pool waits for it."""
    meta = child._run.metadata
    try:
        job.store.set_run_state(meta.project, meta.uid, meta.iteration, "aborting", "")
    except (NotFoundError, StateError):
        return  # not recorded yet, or over already
