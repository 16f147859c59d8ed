"""The words for control flow, with Kubeflow's names: they record what a pipeline does when.

@pipeline
def train(urls: list):
    with dsl.ParallelFor(urls, parallelism=4) as url:
        score = fit(url=url)
    best = pick(scores=dsl.Collected(score.output))
    with dsl.If(best.output >= 0.9):
        publish(best)
    with dsl.Else():
        report(best)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines.handles import PartHandle, StepHandle
from mlrun_like.pipelines.pipeline import Pipeline
from mlrun_like.pipelines.pipeline import pipeline as _pipeline
from mlrun_like.pipelines.refs import CollectRef, Item, OneOfRef
from mlrun_like.pipelines.tracing import Group, current
from mlrun_like.pipelines.values import Condition as _Condition
from mlrun_like.pipelines.values import Ref, Stand

__all__ = [
    "Collected",
    "Condition",
    "Elif",
    "Else",
    "ExitHandler",
    "If",
    "OneOf",
    "ParallelFor",
    "PipelineTaskFinalStatus",
    "otherwise",
    "pipeline",
    "when",
]


class PipelineTaskFinalStatus:
    """Annotation of the argument of an exit handler that is told how the rest ended.

    The argument is a mapping with `state` (`completed` or `error`), `error` (a text) and `steps`
    (their states by name).
    """


def pipeline(
    body: Callable[..., Any] | str | None = None,
    description: str = "",
    pipeline_root: str = "",
    *,
    name: str = "",
    display_name: str = "",
    cache: bool = False,
    dynamic: bool = False,
) -> Any:
    """`@dsl.pipeline(name="train", description="...")`: Kubeflow's form of `@pipeline`.

    Args:
        body: The function; the older form gives the name here.
        description: One line about it; by default the first of its docstring.
        pipeline_root: Kubeflow's folder for outputs: artifacts go where the run says.
        name: By default the function's name.
        display_name: The name where `name` is not given.
        cache: See `mlrun_like.pipeline`.
        dynamic: See `mlrun_like.pipeline`.

    Raises:
        InvalidArgumentError: if the name is not usable.

    >>> @pipeline(name="My training", description="All of it")
    ... def train(rows: int = 3):
    ...     pass
    >>> train.name
    'my-training'
    """
    del pipeline_root

    def decorate(function: Callable[..., Any]) -> Pipeline:
        given = body if isinstance(body, str) else ""
        found = _pipeline(name=name or display_name or given, cache=cache, dynamic=dynamic)(
            function
        )
        if description:
            found.options["description"] = description
        return found

    return decorate(body) if callable(body) else decorate


def If(condition: _Condition | Any, name: str = "") -> AbstractContextManager[Any]:
    """`with dsl.If(step.outputs["auc"] >= 0.95):` the steps in the block run only if it holds.

    Args:
        condition: A comparison of outputs, parameters or items; several joined by `&` and `|`,
            negated by `~`.
        name: Of the group, in pictures.

    Raises:
        PipelineError: outside a pipeline, or if it is not such a comparison.
    """
    tracer = current("when")
    return _arm(_condition(condition, "when"), tracer.free_name(name or "if"))


def Elif(condition: _Condition | Any, name: str = "") -> AbstractContextManager[Any]:
    """`with dsl.Elif(...):` after an `If`: if that did not hold but this does."""
    del name
    _after_if("otherwise")
    return _arm(_condition(condition, "otherwise"), "")


def Else(name: str = "") -> AbstractContextManager[Any]:
    """`with dsl.Else():` after an `If` or `Elif`: if none of them held.

    Raises:
        PipelineError: if there is none before it.
    """
    del name
    _after_if("otherwise")
    return _arm(None, "")


def Condition(condition: _Condition | Any, name: str = "") -> AbstractContextManager[Any]:
    """`with dsl.Condition(...):`: the older name of `If`."""
    return If(condition, name)


def when(condition: _Condition | bool) -> AbstractContextManager[Any]:
    """`with when(step.outputs["auc"] >= 0.95):` the steps in the block run only if it holds.

    Args:
        condition: See `If`.

    Raises:
        PipelineError: outside a pipeline, or if it is not a comparison.
    """
    return If(condition)


def otherwise(condition: _Condition | None = None) -> AbstractContextManager[Any]:
    """`with otherwise():` right after a `when` block: the steps run only if it did not hold.

    Args:
        condition: And only if this holds.

    Raises:
        PipelineError: if there is no `when` block before it.
    """
    return Else() if condition is None else Elif(condition)


@contextmanager
def ParallelFor(items: Any, name: str = "", parallelism: int | None = None) -> Iterator[Item]:
    """`with dsl.ParallelFor(urls) as url:` the block runs once for each item, side by side.

    Args:
        items: A list; or an output, parameter or item that will be one.
        name: Of the loop.
        parallelism: Rounds at a time; None or 0: as many as the engine has workers for.

    Raises:
        PipelineError: outside a pipeline, or if there is nothing to loop over.
    """
    tracer = current("ParallelFor")
    items = items.value() if isinstance(items, Stand) else items
    items = items._settled() if isinstance(items, Ref) else items
    if not isinstance(items, Ref):
        if isinstance(items, (str, bytes)) or not hasattr(items, "__iter__"):
            raise PipelineError(
                f"ParallelFor was given {items!r:.80}, which is no list",
                fix="with dsl.ParallelFor([1, 2, 3]) as item:",
            )
        items = tracer.values(list(items))
    most = 0 if parallelism is None else parallelism
    if isinstance(most, bool) or not isinstance(most, int) or most < 0:
        raise PipelineError(f"parallelism {parallelism!r} must be a whole number, 0 or more")
    loop = Group("loop", tracer.free_name(name or "for"), items=items, parallelism=most)
    with tracer.group(loop):
        yield Item(loop.name)


@contextmanager
def ExitHandler(exit_task: StepHandle, name: str = "") -> Iterator[None]:
    """`with dsl.ExitHandler(notify()):` that step runs when the block has ended, however it ended.

    An argument of its function named `status`, or annotated `PipelineTaskFinalStatus`, is told how.

    Args:
        exit_task: A step that depends on no other.
        name: Of the group.

    Raises:
        PipelineError: outside a pipeline, or if it is not such a step.
    """
    tracer = current("ExitHandler")
    if not isinstance(exit_task, StepHandle):
        raise PipelineError(
            f"ExitHandler was given {exit_task!r:.80}, not a step",
            fix="with dsl.ExitHandler(notify()):",
        )
    with tracer.group(tracer.guard(exit_task._index, name)):
        yield


def Collected(output: Any) -> CollectRef:
    """A list with what each round of a loop gave, in the order of its items.

    Args:
        output: A step in the loop, or an output of it.
    """
    return CollectRef(_ref(output, "Collected"))


def OneOf(*outputs: Any) -> OneOfRef:
    """The output of the first of these steps that ran: what `If` and `Else` have in common."""
    return OneOfRef(tuple(_ref(item, "OneOf") for item in outputs))


def _ref(value: Any, word: str) -> Ref:
    found = value.value() if isinstance(value, (Stand, PartHandle)) else value
    if not isinstance(found, Ref):
        raise PipelineError(f"{word} was given {value!r:.80}, not an output of a step")
    return found._settled()


def _condition(value: Any, word: str) -> _Condition:
    if not isinstance(value, _Condition):
        raise PipelineError(
            f"{word}() was given {value!r:.80}, not a comparison of an output",
            fix='with when(step.outputs["auc"] >= 0.95):',
        )
    return value


def _after_if(word: str) -> None:
    body = current(word).open[-1].body
    last = body[-1] if body else None
    if not isinstance(last, Group) or last.kind != "arm" or last.condition is None:
        raise PipelineError(f"{word}() has no when() block right before it")


class _Named:
    """A gate or group in `step.after(...)`."""

    def __init__(self, name: str) -> None:
        self.name = name


@contextmanager
def _arm(condition: _Condition | None, name: str) -> Iterator[_Named]:
    tracer = current("when")
    with tracer.group(Group("arm", name, condition=condition)):
        yield _Named(name)
