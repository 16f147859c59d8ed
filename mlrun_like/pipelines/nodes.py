"""What a plan is made of: steps, and the groups that say when and how often they run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from mlrun_like.pipelines.values import Condition, Ref, refs_in

__all__ = [
    "REQUIRED",
    "Arm",
    "Branch",
    "Guard",
    "Loop",
    "Node",
    "Parameter",
    "Part",
    "Policy",
    "Runnable",
    "Step",
    "shown",
]


class _Required:
    def __repr__(self) -> str:
        return "required"


REQUIRED = _Required()
"""Default of a pipeline parameter that has none."""


class Runnable(Protocol):
    """What a step needs of a function."""

    @property
    def name(self) -> str:
        """The function's name."""

    def run(self, params: Any = None, inputs: Any = None, **options: Any) -> Any:
        """Execute and return the run; raises RunError when it failed."""


@dataclass(frozen=True)
class Policy:
    """How a step is run, besides what its function's run is given.

    Args:
        cache: Whether an equal earlier step may stand in; None: as the run of the pipeline says.
        max_age: Seconds after which an earlier step no longer stands in; None: never.
        even_after_failure: Run although a step before it failed or was skipped; values that are
            missing are those of the function's own defaults.
        display_name: Its name in pictures.
    """

    cache: bool | None = None
    max_age: float | None = None
    even_after_failure: bool = False
    display_name: str = ""


@dataclass(frozen=True, eq=False)
class Step:
    """One run of a function.

    Args:
        name: Unique in its plan.
        function: What runs.
        params: Values and references by argument.
        inputs: URLs and references by argument.
        outputs: The output keys, when the function declares all of them, else None.
        returns: The keys of what its function returns; a context may log more.
        after: Names of steps, or of loops and other parts, that must end first, besides those
            whose outputs it uses.
        options: Further options of `fn.run`.
        policy: How it is run.
        plain_call: Whether it was written as a call: artifacts among `params` are inputs then.
        action: `run`; `build` and `deploy` do that with the function instead.
    """

    name: str
    function: Runnable
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] | None = None
    returns: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    policy: Policy = field(default_factory=Policy)
    plain_call: bool = False
    action: str = "run"

    def references(self) -> list[Ref]:
        """All that it uses of parameters, items and other steps."""
        return self._references

    @cached_property
    def _references(self) -> list[Ref]:
        return [*refs_in([self.params, self.inputs, self.options])]

    def __str__(self) -> str:
        given = {**self.params, **self.inputs}
        arguments = ", ".join(f"{key}={shown(value)}" for key, value in given.items())
        return f"{self.name}: {self.function.name}({arguments})"


@dataclass(frozen=True, eq=False)
class Arm:
    """What runs if a condition holds, and none of the arms before it; None: otherwise."""

    condition: Condition | None
    body: tuple[Node, ...]


@dataclass(frozen=True, eq=False)
class Branch:
    """If, elif, else: one arm runs, or none."""

    name: str
    arms: tuple[Arm, ...]


@dataclass(frozen=True, eq=False)
class Loop:
    """The body runs once for each item.

    Args:
        name: Unique in its plan.
        items: A list, a reference to one, or a whole number: how often.
        body: What is repeated.
        parallelism: Rounds at a time; 0: as many as the engine has workers for.
    """

    name: str
    items: Any
    body: tuple[Node, ...]
    parallelism: int = 0


@dataclass(frozen=True, eq=False)
class Guard:
    """The handler is a step that runs when the body has ended, however it ended."""

    name: str
    body: tuple[Node, ...]
    handler: Step


@dataclass(frozen=True, eq=False)
class Part:
    """A pipeline inside a pipeline; it groups."""

    name: str
    body: tuple[Node, ...]


Node = Step | Branch | Loop | Guard | Part


@dataclass(frozen=True)
class Parameter:
    """A parameter of a pipeline; `type` is what its annotation says, if it is a plain one."""

    default: Any = REQUIRED
    type: type | None = None


def shown(value: Any) -> str:
    """A value or reference, shortened."""
    if isinstance(value, Ref):
        return value.text
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
