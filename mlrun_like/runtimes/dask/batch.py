"""Several short trials as one task: what its worker does, and how many the next one shall have.

A task costs the scheduler, and its result the parent, about as much as a trial of milliseconds.
"""

from __future__ import annotations

import pickle
import time
from typing import Any

from distributed.threadpoolexecutor import thread_state

from mlrun_like.runtimes.dask.remote import Sweep, execute_trial, surroundings, this_task

__all__ = ["execute_batch"]


def execute_batch(sweep: Sweep, blob: bytes, seconds: float) -> bytes:
    """Run trials one after another.

    Those that have not begun are left to the parent when the time is over, when it has to judge
    whether further ones shall begin (one failed, or meets the stop condition), when nobody wants
    the task or the sweep any more, and when the thread has left the worker's pool.

    Args:
        sweep: What the trials share.
        blob: Their documents, each with what varies (see `execute_trial`), pickled.
        seconds: How long further trials begin.

    Returns:
        The answers of `execute_trial`, in order, and the seconds that they took, pickled.
    """
    wish = this_task()
    start = time.monotonic()
    answers: list[dict[str, Any]] = []
    with surroundings(sweep.function, sweep.shipment, sweep.shared):
        for document, varied in pickle.loads(blob):
            answers.append(execute_trial(sweep, document, varied))
            spent = time.monotonic() - start
            in_pool = getattr(thread_state, "proceed", True)
            unwanted = sweep.halted or sweep.may_end(answers[-1]["run"]) or wish()
            if spent >= seconds or unwanted or not in_pool:
                break
    return pickle.dumps((answers, spent))
