"""What a step's exception becomes: for an error handler, for the caller, as a status."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from mlrun_like.configuration import environment
from mlrun_like.errors import GraphError, MLRunLikeError, StepError
from mlrun_like.serving.event import Event

__all__ = [
    "as_mlrun",
    "error_text",
    "fail",
    "failed",
    "place_of",
    "raise_failed",
    "status_of",
]

_HERE = Path(__file__).parent
# where events enter a graph; below them, the frames of an exception are another event's
_ENTRIES = frozenset({
    (str(_HERE / "plan.py"), "run"), (str(_HERE / "plan.py"), "run_async"),
    (str(_HERE.parent / "server.py"), "test"), (str(_HERE.parent / "streaming.py"), "stream"),
})  # fmt: skip


def fail(event: Event, body: Any, step: str, exc: Exception) -> Event:
    """Mark an event with the error of a step, for an error handler."""
    cause = exc.__cause__ if isinstance(exc, StepError) and exc.__cause__ else exc
    event.body = body
    event.origin_state = step
    event.error = {step: error_text(cause)}
    return event


def failed(step: str, event: Event, exc: Exception) -> StepError:
    """The error that a caller gets for a step's exception."""
    if isinstance(exc, StepError) and (exc.step, exc.event_id) == (step, str(event.id)):
        return exc
    named = exc if isinstance(exc, MLRunLikeError) else None
    kind = type(exc) if isinstance(exc, StepError) else StepError
    where = f"step {step!r}, event {event.id}"
    if isinstance(exc, StepError) and exc.event_id and exc.where:  # of another graph, in the step
        where += f" (there: {exc.where})"
    return kind(
        named.what if named else error_text(exc),
        where=where,
        fix=named.fix if named else _hint(exc),
        step=step,
        event_id=str(event.id),
        status=status_of(exc),
    )


def raise_failed(
    step: str,
    event: Event,
    exc: Exception,
    report: Callable[[Exception, Event], object] | None = None,
) -> NoReturn:
    """Raise the error that a caller gets for a step's exception, with that as its cause.

    Args:
        step: The step.
        event: The caller's event.
        exc: The step's exception.
        report: Is told of the error first.

    Raises:
        StepError: always.
    """
    told = failed(step, event, exc)
    if report is not None:
        report(told, event)
    try:
        if told is exc:
            raise told
        raise told from exc
    finally:  # an error knows this frame: the frame must not know the error
        del told, exc


def place_of(
    exc: BaseException, programs: Mapping[str, Sequence[str]]
) -> tuple[str, FrameType | None]:
    """The step of the innermost line of generated code that an exception came through.

    Args:
        exc: The exception.
        programs: The step of each line of a program, by its file name.
    """
    step, frame, at = "", None, exc.__traceback__
    while at is not None:
        code = at.tb_frame.f_code
        steps = programs.get(code.co_filename)
        if steps is not None:
            step, frame = steps[at.tb_lineno - 1] or step, at.tb_frame
        elif step and (code.co_filename, code.co_name) in _ENTRIES:  # it was raised before
            break
        at = at.tb_next
    return step, frame


def status_of(exc: BaseException) -> int:
    """The HTTP status that an exception stands for.

    >>> status_of(TimeoutError()), status_of(KeyError())
    (504, 500)
    """
    if isinstance(exc, GraphError):  # found out by an event, which is not to blame
        return 500
    if isinstance(exc, MLRunLikeError):
        return exc.status
    status = getattr(exc, "status_code", None)
    if isinstance(status, int) and 400 <= status < 600:
        return status
    return 504 if isinstance(exc, TimeoutError) else 500


def error_text(exc: BaseException) -> str:
    """An exception in one line.

    >>> error_text(KeyError("x"))
    "KeyError: 'x'"
    """
    return f"{type(exc).__name__}: {exc}"


def _hint(exc: Exception) -> str:
    """What most likely is wrong, where an exception's own text does not say it."""
    if isinstance(exc, TypeError) and "coroutine" in str(exc):
        return "a step before it gave a coroutine: make that one `async def`, so that it is awaited"
    return ""


def as_mlrun() -> bool:
    """Whether answers have MLRun's form: a step's Response as it is, errors with their status."""
    return environment("MLRUN_LIKE_COMPAT") == "1"
