"""Types of the arguments with which steps are declared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlrun_like.errors import InvalidTypeError

__all__ = ["check_parameters", "check_types", "step_names"]

_TEXTS = {
    "graph_shape": 'the word of a shape: graph_shape="cylinder"',
    "function": 'the name of a child function: function="enrich"',
    "input_path": 'a dotted path in the body: input_path="user.id"',
    "result_path": 'a dotted path in the body: result_path="user.score"',
}


def check_types(name: Any, full_event: Any = None, **texts: Any) -> None:
    """Refuse what no step can have; None stands for an argument that is not given.

    Args:
        name: The step's name or route's key.
        full_event: A boolean.
        texts: `graph_shape`, `function`, `input_path`, `result_path`.

    >>> check_types("clean", None, input_path=5)
    Traceback (most recent call last):
    mlrun_like.errors...InvalidTypeError: input_path must be a text, not 5
      where: step 'clean'
      fix: a dotted path in the body: input_path="user.id"

    Raises:
        InvalidTypeError: naming the step, the value and what to write.
    """
    if name is not None and not isinstance(name, str):
        raise InvalidTypeError(
            f"the name of a step must be a text, not {name!r:.80}",
            where="graph",
            fix=f"name={str(name)!r:.80}",
        )
    where = f"step {name!r}" if name else "graph"
    for key, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise InvalidTypeError(
                f"{key} must be a text, not {value!r:.80}", where=where, fix=_TEXTS[key]
            )
    if full_event is not None and not isinstance(full_event, bool):
        raise InvalidTypeError(
            f"full_event must be True or False, not {full_event!r:.80}",
            where=where,
            fix="full_event=True: the step receives and returns the event instead of its body",
        )


def check_parameters(parameters: Any) -> dict[str, Any]:
    """The parameters of a graph as a dictionary.

    >>> check_parameters({"limit": 5})
    {'limit': 5}

    Raises:
        InvalidTypeError: if they are no mapping of names.
    """
    if parameters is None:
        return {}
    if not isinstance(parameters, Mapping) or not all(isinstance(key, str) for key in parameters):
        raise InvalidTypeError(
            f"parameters must be a mapping of names to values, not {parameters!r:.80}",
            where="graph",
            fix='parameters={"limit": 5}; steps read context.get_param("limit")',
        )
    return dict(parameters)


def step_names(steps: Any, argument: str, step: Any = "") -> list[str]:
    """The names of one or several steps, given as names or as steps.

    Args:
        steps: What `argument` is; None: no steps.
        argument: `after` or `before`.
        step: The name of the step that is declared, for the error.

    >>> step_names("a", "after"), step_names(["a", "b"], "after"), step_names(None, "after")
    (['a'], ['a', 'b'], [])

    Raises:
        InvalidTypeError: if it is something else.
    """
    if isinstance(steps, str) or not isinstance(steps, Iterable):
        steps = [] if steps in (None, "") else [steps]
    found = []
    for item in steps:
        name = item if isinstance(item, str) else getattr(item, "name", None)
        if not isinstance(name, str):
            raise InvalidTypeError(
                f"{argument} must name steps, not {item!r:.80}",
                where=f"step {step!r:.80}" if step else "graph",
                fix=f'{argument}="clean", or a list of names or steps',
            )
        found.append(name)
    return found
