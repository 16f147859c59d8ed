"""The plan of a pipeline: immutable and checked; engines run it, exporters translate it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from mlrun_like.dag import mermaid, topological_order
from mlrun_like.pipelines.refs import Condition, OutputRef, Ref, refs_in

__all__ = ["REQUIRED", "Plan", "Runnable", "Step"]


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
        after: Names of steps that must end first, besides those whose outputs it uses.
        conditions: Gates that must all be open.
        options: Further options of `fn.run`.
        plain_call: Whether it was written as a call: artifacts among `params` are inputs then.
    """

    name: str
    function: Runnable
    params: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[str, ...] | None = None
    returns: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    plain_call: bool = False

    def references(self) -> list[Ref]:
        """All that it uses of parameters and other steps."""
        return [*refs_in([self.params, self.inputs, self.options]), *refs_in([*self.conditions])]

    def needs(self) -> list[str]:
        """Names of the steps whose outputs it uses."""
        used = [ref.step for ref in self.references() if isinstance(ref, OutputRef)]
        return list(dict.fromkeys(used))

    def parents(self) -> list[str]:
        """Names of the steps before it, by use or by order."""
        return list(dict.fromkeys([*self.needs(), *self.after]))

    def __str__(self) -> str:
        given = {**self.params, **self.inputs}
        arguments = ", ".join(f"{key}={_show(value)}" for key, value in given.items())
        text = f"{self.name}: {self.function.name}({arguments})"
        order = [name for name in self.after if name not in self.needs()]
        text += f" after {', '.join(order)}" if order else ""
        gates = " and ".join(condition.text for condition in self.conditions)
        return f"{text} when {gates}" if gates else text


@dataclass(frozen=True, eq=False)
class Plan:
    """A checked pipeline; `str(plan)` lists its steps in a possible order.

    Args:
        name: The pipeline's name.
        steps: In the order they were written.
        parameters: Defaults by name; `REQUIRED` where there is none.
        outputs: What the run gives back: references by name; None: all outputs of all steps.
    """

    name: str
    steps: tuple[Step, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] | None = None

    def __getitem__(self, name: str) -> Step:
        return {step.name: step for step in self.steps}[name]

    def order(self) -> list[str]:
        """The steps' names, each after those it needs."""
        return topological_order({step.name: step.parents() for step in self.steps})

    def __str__(self) -> str:
        given = ", ".join(
            name if default is REQUIRED else f"{name}={default!r}"
            for name, default in self.parameters.items()
        )
        lines = [f"pipeline {self.name}({given})"]
        lines += [f"  {number}. {self[name]}" for number, name in enumerate(self.order(), 1)]
        return "\n".join(lines)

    def plot(self) -> str:
        """The plan as Mermaid text; steps behind a gate are round and show it."""
        labels = {
            step.name: "\n".join([step.name, *(f"if {gate.text}" for gate in step.conditions)])
            for step in self.steps
        }
        return mermaid(
            {step.name: step.parents() for step in self.steps},
            labels=labels,
            round_names=[step.name for step in self.steps if step.conditions],
        )


def _show(value: Any) -> str:
    if isinstance(value, Ref):
        return value.text
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
