"""Where values come from: through the DAGs between the task that gives one and that which uses it.

Going into a DAG a value becomes an input of it, going out an output; out of a loop, a list.
"""

from __future__ import annotations

from typing import Any

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines.exports.kubeflow.channels import (
    TYPES_OF_VIEWS,
    Channel,
    type_of_parameter,
)
from mlrun_like.pipelines.exports.kubeflow.layout import Layout, Scope, branch_of
from mlrun_like.pipelines.plan import Place
from mlrun_like.pipelines.refs import (
    CollectRef,
    ItemRef,
    OneOfRef,
    OutputRef,
    ParamRef,
    StatusRef,
    producers,
)
from mlrun_like.pipelines.values import Ref

__all__ = ["Wiring"]

_PREFIX = "pipelinechannel--"  # the prefix by which Kubeflow's local runner knows values


class Wiring:
    """See the module.

    Args:
        layout: The DAGs.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.plan = layout.plan
        self.outputs: dict[str, dict[tuple[str, str], str]] = {}
        self.item_types: dict[str, str] = {}
        self._choices: dict[Channel, str] = {}

    def channel(self, ref: Ref, view: str = "json") -> Channel:
        """What has to be carried for a reference."""
        if isinstance(ref, ParamRef):
            return Channel("param", ref.name)
        if isinstance(ref, ItemRef):
            return Channel("item", ref.loop)
        if isinstance(ref, OutputRef):
            return Channel("output", ref.step, ref.key, view)
        if isinstance(ref, CollectRef):
            return self.channel(ref.each, view)
        if isinstance(ref, StatusRef):
            return Channel("status", ref.guard)
        if isinstance(ref, OneOfRef):
            choices = tuple(self.channel(each, view) for each in ref.choices)
            return Channel("oneof", branch_of(ref, self.plan).name, view=view, choices=choices)
        raise PipelineError(
            f"{ref!r} has no form in Kubeflow", where=f"pipeline {self.plan.name!r}"
        )

    def depth(self, ref: Ref, place: Place) -> int:
        """In how many lists a value is, seen from a node: the loops around its step but not it."""
        step = next(producers(ref), "")
        loops = self.plan.places[step].loops if step in self.plan.places else ()
        return sum(1 for loop in loops if loop not in place.loops)

    def name(self, channel: Channel) -> str:
        """The name of an input that carries a value."""
        layout = self.layout
        if channel.kind == "param":
            return f"{_PREFIX}{channel.name}"
        if channel.kind == "item":
            return f"{_PREFIX}{layout.ids.of(channel.name)}-item"
        if channel.kind == "status":
            return f"{_PREFIX}{layout.ids.of(channel.name)}-status"
        if channel.kind == "oneof":
            if channel not in self._choices:
                number = len(self._choices) + 1
                name = f"{_PREFIX}{layout.ids.of(channel.name)}-oneof-{number}"
                self._choices[channel] = name
            return self._choices[channel]
        output = self.output(channel)
        join = "-" if output == "Output" else "--"
        return f"{_PREFIX}{layout.tasks[channel.name].id}{join}{output}"

    def output(self, channel: Channel) -> str:
        """The name of a step's output, noted so that the step gives it."""
        known = self.outputs.setdefault(channel.name, {})
        if (channel.key, channel.view) not in known:
            plain = "".join(c if (c.isalnum() and c.isascii()) or c == "_" else "-" for c in
                            channel.key).strip("-") or "value"  # fmt: skip
            if channel.view == "list":  # the name that Kubeflow's local runner looks for
                name = "Output"
            elif channel.view == "json":
                name = plain
            else:
                name = f"{plain}-{channel.view}"
            base, count = name, 2
            while name in known.values():
                name, count = f"{base}-{count}", count + 1
            known[channel.key, channel.view] = name
        return known[channel.key, channel.view]

    def take(self, scope: Scope, channel: Channel, task: Any) -> str:
        """Make a value an input of a task; gives the input's name."""
        name = self.name(channel)
        if name not in task.inputs:
            task.take(name, *self.source(scope, channel))
        return name

    def source(self, scope: Scope, channel: Channel) -> tuple[dict[str, Any], str]:
        """Where a task of this DAG takes a value from, and its type there."""
        owner = self._owner(channel)
        if scope is owner and channel.kind != "oneof":
            return self._direct(scope, channel)
        child = scope.child_towards(owner)
        if child is not None:
            key, type_ = self._export(child, channel)
            found = {"producerTask": child.task.id, "outputParameterKey": key}
            return {"taskOutputParameter": found}, type_
        if scope.parent is None:
            raise PipelineError(
                f"{channel.name!r} is used where Kubeflow cannot carry it",
                where=f"pipeline {self.plan.name!r}",
            )
        name = self.name(channel)
        if name not in scope.task.inputs:
            scope.task.take(name, *self.source(scope.parent, channel))
        return {"componentInputParameter": name}, scope.task.types[name]

    def _owner(self, channel: Channel) -> Scope:
        layout = self.layout
        if channel.kind == "param":
            return layout.root
        if channel.kind == "output":
            return layout.homes[channel.name]
        found = layout.scopes[channel.name]
        return found.parent or found if channel.kind == "status" else found

    def _direct(self, scope: Scope, channel: Channel) -> tuple[dict[str, Any], str]:
        if channel.kind == "param":
            type_ = type_of_parameter(self.plan.parameters[channel.name]) or "STRING"
            return {"componentInputParameter": channel.name}, type_
        if channel.kind == "item":
            type_ = self.item_types.get(channel.name, "STRING")
            return {"componentInputParameter": self.name(channel)}, type_
        if channel.kind == "status":
            guard = self.layout.ids.of(channel.name)
            return {"taskFinalStatus": {"producerTask": guard}}, "TASK_FINAL_STATUS"
        task = self.layout.tasks[channel.name]
        found = {"producerTask": task.id, "outputParameterKey": self.output(channel)}
        return {"taskOutputParameter": found}, TYPES_OF_VIEWS[channel.view]

    def _export(self, child: Scope, channel: Channel) -> tuple[str, str]:
        """Make a value from inside a DAG an output of it; gives its name and type."""
        name = self.name(channel)
        if name not in child.outputs:
            selector: dict[str, Any]
            if channel.kind == "oneof" and self._owner(channel) is child:
                found = [self.source(child, each) for each in channel.choices]
                chosen = [_selector(source) for source, _ in found]
                selector, type_ = {"valueFromOneof": {"parameterSelectors": chosen}}, found[0][1]
            else:
                source, type_ = self.source(child, channel)
                selector = {"valueFromParameter": _selector(source)}
            child.outputs[name] = selector, "LIST" if child.kind == "loop" else type_
        return name, child.outputs[name][1]


def _selector(source: dict[str, Any]) -> dict[str, Any]:
    given = source["taskOutputParameter"]
    return {
        "producerSubtask": given["producerTask"],
        "outputParameterKey": given["outputParameterKey"],
    }
