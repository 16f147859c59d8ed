"""One batched call: whose rows it has, whether its results fit, and which rows made it fail."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

from mlrun_like.errors import StepError

__all__ = [
    "Failure",
    "Part",
    "Request",
    "attempts",
    "deliver",
    "failure_of",
    "results_of",
    "rows_of",
    "twin",
]


class Request:
    """One caller's rows, until all of them are answered.

    Args:
        rows: What it submitted.
        future: Resolved with its results.
        arrived: When it came, in seconds of `time.perf_counter()`.
    """

    __slots__ = (
        "arrived", "batch_size", "future", "group", "left", "results", "rows", "size", "started",
        "taken",
    )  # fmt: skip

    def __init__(
        self, rows: Sequence[Any], size: int, future: asyncio.Future[Any], arrived: float
    ) -> None:
        self.rows = rows
        self.size = size
        self.future = future
        self.arrived = arrived
        self.taken = 0
        self.left = size
        self.results: list[Any] | None = None
        self.group: Any = None
        self.batch_size = 0
        self.started = arrived


Part = tuple[Request, int, int]
"""The rows of a request, from and to, that are in a call."""


class Failure(NamedTuple):
    """What a call raised, instead of its results.

    Args:
        error: What callers are given.
        divisible: Whether parts of the batch may succeed.
    """

    error: Exception
    divisible: bool = True


Settle = Callable[[list[Part], Any], None]
"""Receives parts of a batch and their results, or the Failure of all of them."""


def rows_of(parts: Sequence[Part]) -> Sequence[Any]:
    """The rows of all parts, in order; a caller's own sequence if it is the only one."""
    if len(parts) == 1:
        request, start, stop = parts[0]
        return request.rows if stop - start == request.size else request.rows[start:stop]
    rows: list[Any] = []
    for request, start, stop in parts:
        rows += request.rows if stop - start == request.size else request.rows[start:stop]
    return rows


def results_of(found: Any, count: int, name: str) -> Any:
    """The results of `count` rows as a list, or the failure that they are not.

    Arrays, series and tensors become lists; a mapping, a text or a frame is not a row each.
    """
    if type(found) is not list:
        tolist = getattr(found, "tolist", None)
        if tolist is not None:
            found = tolist()
        elif isinstance(found, Sequence) and not isinstance(found, (str, bytes, bytearray)):
            found = list(found)
        if type(found) is not list:
            return Failure(
                StepError(
                    f"the batched call of {name!r} gave a {type(found).__name__}, not one result "
                    "per row",
                    fix="return (or yield) a list or an array with one entry for each row",
                    step=name,
                )
            )
    if len(found) != count:
        return Failure(
            StepError(
                f"the batched call of {name!r} gave {len(found)} results for {count} rows",
                fix="return one entry for each row, in their order",
                step=name,
            )
        )
    return found


def failure_of(error: BaseException, name: str) -> Failure:
    """An error as what callers can be given."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return Failure(error, not _of_the_callee(error))
    # a StopIteration or a cancellation would mean something else to the callers' own code
    what = f"the batched call of {name!r} ended with {type(error).__name__}"
    told = StepError(f"{what}: {error}" if str(error) else what, step=name)
    told.__cause__ = error
    return Failure(told, isinstance(error, Exception))


def _of_the_callee(error: Exception) -> bool:
    """Whether it speaks of the model's or server's state instead of a row."""
    if isinstance(error, (TimeoutError, asyncio.TimeoutError, ConnectionError, MemoryError)):
        return True
    status = getattr(error, "status", None) or getattr(error, "status_code", None)
    return isinstance(status, int) and (status == 429 or status > 500)


def attempts(parts: list[Part], settle: Settle, isolate: bool) -> Generator[list[Part], Any, None]:
    """The calls that a batch needs, as a generator: it yields parts and is sent what came of them.

    Normally one. When it fails, halves of it are tried, and halves of failing halves, so that a
    failing row costs `2 * log2(callers)` further calls and only its own caller gets the error.
    Once many calls have failed the rest is tried caller by caller: for `n` callers there are never
    more than `n + 4 * log2(n) + 5` calls in all. Errors that speak of the callee instead of a row
    (time, connection, memory, status 429 and above 500) go to everybody at once.

    Args:
        parts: The whole batch.
        settle: Receives every part exactly once, unless its caller has left.
        isolate: Whether failing rows are looked for.
    """
    patience = 2 * len(parts).bit_length()
    stack = [parts]
    failed = 0
    while stack:
        group = [part for part in stack.pop() if not part[0].future.done()]
        if not group:
            continue
        found = yield group
        search = isinstance(found, Failure) and found.divisible and isolate
        if len(group) == 1 or not search:
            settle(group, found)
            continue
        failed += 1
        middle = len(group) // 2
        if failed > patience:
            stack += [[part] for part in reversed(group)]
        else:
            stack += [group[middle:], group[:middle]]


def deliver(parts: list[Part], found: Any, name: str) -> int:
    """Give callers their results or their error; returns how many got an error.

    A result that is an exception is the error of its row's caller.
    """
    failed = start = 0
    for request, begin, end in parts:
        stop = start + end - begin
        future = request.future
        if future.done():  # the caller left, or has an error from another call
            start = stop
            continue
        if isinstance(found, Failure):
            future.set_exception(twin(found.error) if failed else found.error)
            failed += 1
            continue
        mine = found if len(parts) == 1 else found[start:stop]
        start = stop
        error = next((result for result in mine if isinstance(result, BaseException)), None)
        if error is not None:
            future.set_exception(failure_of(error, name).error)
            failed += 1
        elif len(mine) == request.size:
            future.set_result(mine)
        else:
            if request.results is None:
                request.results = [None] * request.size
            request.results[begin:end] = mine
            request.left -= end - begin
            if not request.left:
                future.set_result(request.results)
    return failed


def twin(error: Exception) -> Exception:
    """A copy for one more caller: raising one object in several tasks mixes up its traceback."""
    try:
        made = copy.copy(error)
    except Exception:  # noqa: BLE001  the constructor of a user's exception may do anything
        return error
    if type(made) is not type(error):
        return error
    made.__cause__ = error.__cause__
    return made.with_traceback(error.__traceback__)
