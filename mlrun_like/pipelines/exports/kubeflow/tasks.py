"""Steps, loops and decisions as tasks: inputs, conditions, order, retries, caching."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines.document import value_to_document
from mlrun_like.pipelines.exports.kubeflow.channels import kind_of, type_of_parameter
from mlrun_like.pipelines.exports.kubeflow.gates import (
    arm_expression,
    parameter,
    to_cel,
)
from mlrun_like.pipelines.exports.kubeflow.items import (
    is_plain,
    part_at,
    type_of_all,
    type_of_items,
)
from mlrun_like.pipelines.exports.kubeflow.layout import Layout, Scope, Task
from mlrun_like.pipelines.exports.kubeflow.wiring import Wiring
from mlrun_like.pipelines.nodes import Branch, Loop, Step
from mlrun_like.pipelines.plan import Place
from mlrun_like.pipelines.refs import ItemRef, OneOfRef, OutputRef, ParamRef, StatusRef
from mlrun_like.pipelines.values import Ref, refs_in
from mlrun_like.specs.values import Retry

__all__ = ["Tasks"]

_ALWAYS = "ALL_UPSTREAM_TASKS_COMPLETED"


class Tasks:
    """See the module.

    Args:
        layout: The DAGs, whose tasks are completed.
    """

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.plan = layout.plan
        self.wiring = Wiring(layout)
        self.specs: dict[str, dict[str, Any]] = {}
        """What each step does, by the name of its task's node."""
        self._decisions: dict[str, str] = {}
        for loop in (p.node for p in self.plan.places.values() if isinstance(p.node, Loop)):
            self.wiring.item_types[loop.name] = type_of_items(loop.items)
        self._complete(layout.root)

    def _complete(self, scope: Scope) -> None:
        for task in list(scope.tasks):
            conditions = [self._condition(gate, scope, task) for gate in task.gates]
            if conditions:
                text = (
                    " && ".join(f"({c})" for c in conditions) if conditions[1:] else conditions[0]
                )
                task.more.setdefault("triggerPolicy", {})["condition"] = text
            inner = scope.inner.get(task.id)
            if inner is not None:
                if inner.loop is not None:
                    self._loop(inner.loop, scope, task)
                self._complete(inner)
            elif isinstance(task.node, Step):
                self._step(task.node, scope, task)

    # -- steps -----------------------------------------------------------------------------------

    def _step(self, step: Step, scope: Scope, task: Task) -> None:
        place = self.plan.places[step.name]
        options = dict(step.options)
        if options.get("retry"):
            options["retry"] = 0  # Kubeflow tries again, not the container
        spec: dict[str, Any] = {
            "step": step.name,
            "params": value_to_document(dict(step.params)),
            "inputs": value_to_document(dict(step.inputs)),
            "options": value_to_document(options),
            "plain_call": step.plain_call,
            "lenient": step.policy.even_after_failure,
            "values": self._values(step.references(), place, scope, task),
        }
        _refuse_live([spec["params"], spec["inputs"], spec["options"]], step.name)
        self.specs[step.name] = spec
        self._order(step, scope, task)
        for key in step.outputs or step.returns:
            self.wiring.output(self.wiring.channel(OutputRef(step.name, key)))
        cache = step.policy.cache if step.policy.cache is not None else self.plan.cache
        task.more["cachingOptions"] = {"enableCache": True} if cache else {}
        retry = step.options.get("retry")
        if retry:
            task.more["retryPolicy"] = _retry(retry)
        above = place.above[-1] if place.above else None
        handler = above is not None and getattr(above.node, "handler", None) is step
        if handler or step.policy.even_after_failure:
            task.more.setdefault("triggerPolicy", {})["strategy"] = _ALWAYS

    def _values(
        self, refs: list[Ref], place: Place, scope: Scope, task: Task
    ) -> dict[str, dict[str, Any]]:
        """What each input stands for; a loop's item is carried whole."""
        found: dict[str, dict[str, Any]] = {}
        for ref in refs:
            if isinstance(ref, ItemRef):
                ref = ItemRef(ref.loop)
            name = self.wiring.take(scope, self.wiring.channel(ref), task)
            row: dict[str, Any] = {"ref": value_to_document(ref), "form": "json"}
            if isinstance(ref, ParamRef):
                item = self.plan.parameters[ref.name]
                row["form"] = type_of_parameter(item) or "loose"
            elif isinstance(ref, ItemRef):
                row["form"] = self.wiring.item_types[ref.loop]
            elif isinstance(ref, StatusRef):
                row["form"] = "status"
            else:
                row["depth"] = self.wiring.depth(ref, place)
            rows = found.setdefault(name, row)
            if rows["ref"] != row["ref"]:  # a list of a value, and the value
                raise PipelineError(
                    f"step {place.name!r} uses {ref.text} in two ways",
                    where=f"pipeline {self.plan.name!r}",
                )
        return found

    def _order(self, step: Step, scope: Scope, task: Task) -> None:
        for after in step.after:
            group = self.plan.places[after].node
            for name in self.plan.inside(after):
                if getattr(group, "handler", None) is not self.plan.places[name].node:
                    self._come_after(name, scope, task)

    def _come_after(self, name: str, scope: Scope | None, task: Task) -> None:
        home = self.layout.homes[name]
        while scope is not None:
            child = scope.child_towards(home)
            if child is not None:
                task.after[child.task.id] = None
                return
            if scope is home:
                task.after[self.layout.tasks[name].id] = None
                return
            task, scope = scope.task, scope.parent

    # -- loops -----------------------------------------------------------------------------------

    def _loop(self, loop: Loop, scope: Scope, task: Task) -> None:
        items = loop.items
        item = self.wiring.name(self.wiring.channel(ItemRef(loop.name)))
        task.types[item] = self.wiring.item_types[loop.name]
        source: dict[str, str]
        if isinstance(items, int):
            source = {"raw": json.dumps(list(range(items)))}
        elif not list(refs_in([items])) and not isinstance(items, Ref):
            plain = value_to_document(list(items))
            _refuse_live(plain, loop.name)
            source = {"raw": json.dumps(plain)}
        else:
            source = {"inputParameter": self._items(loop, scope, task)}
        task.more["parameterIterator"] = {"itemInput": item, "items": source}
        if loop.parallelism:
            task.more["iteratorPolicy"] = {"parallelismLimit": loop.parallelism}

    def _items(self, loop: Loop, scope: Scope, task: Task) -> str:
        """The input of a loop's task that is its list."""
        items = loop.items
        simple = (
            (isinstance(items, (OutputRef, OneOfRef)) and not self._depth(items, loop))
            or (isinstance(items, ItemRef) and not items.path)
            or (isinstance(items, ParamRef) and self._parameter_type(items) == "LIST")
        )
        if simple:
            return self.wiring.take(scope, self.wiring.channel(items, "list"), task)
        name = f"{loop.name}/items"
        helper = self._help(name, loop, f"{loop.name}-items", scope)
        self.specs[name] = {
            "step": name,
            "items": value_to_document(items),
            "values": self._values(
                list(refs_in([items])), self.plan.places[loop.name], scope, helper
            ),
        }
        return self.wiring.take(scope, self.wiring.channel(OutputRef(name, "items"), "list"), task)

    def _depth(self, ref: Ref, loop: Loop) -> int:
        return self.wiring.depth(ref, self.plan.places[loop.name])

    def _parameter_type(self, ref: ParamRef) -> str:
        return type_of_parameter(self.plan.parameters[ref.name])

    # -- branches --------------------------------------------------------------------------------

    def _condition(self, gate: tuple[Branch, int], scope: Scope, task: Task) -> str:
        branch, arm = gate
        if branch.name not in self._decisions:
            taken: list[tuple[Ref, str]] = []

            def use(ref: Ref, view: str) -> str:
                taken.append((ref, view))
                return self._expression(ref, view)

            texts: list[str] = []
            for each in branch.arms:
                text = "" if each.condition is None else to_cel(each.condition, use, self._kind)
                if text is None:
                    return self._decided(branch, arm, scope, task)
                texts.append(text)
            # all arms wait for all that the branch looks at, as it is decided as a whole
            for ref, view in taken:
                self.wiring.take(scope, self.wiring.channel(ref, view), task)
            return arm_expression(texts[: arm + 1])
        return self._decided(branch, arm, scope, task)

    def _expression(self, ref: Ref, view: str) -> str:
        text = parameter(self.wiring.name(self.wiring.channel(ref, view)))
        for key in ref.path if isinstance(ref, ItemRef) else ():
            text += f"[{key}]" if isinstance(key, int) else f"['{key}']"
        return text

    def _decided(self, branch: Branch, arm: int, scope: Scope, task: Task) -> str:
        """A task that says which arm runs: for conditions that CEL may see otherwise."""
        if branch.name not in self._decisions:
            name = self._decisions[branch.name] = f"{branch.name}/arm"
            home = self.layout.homes[branch.name]
            helper = self._help(name, branch, f"{branch.name}-decision", home)
            helper.gates = self.layout.tasks[branch.name].gates
            conditions = [each.condition for each in branch.arms]
            self.specs[name] = {
                "step": name,
                "decide": [value_to_document(each) for each in conditions],
                "values": self._values(
                    list(refs_in(conditions)), self.plan.places[branch.name], home, helper
                ),
            }
            _refuse_live(self.specs[name]["decide"], branch.name)
            conditions_of = [self._condition(g, home, helper) for g in helper.gates]
            if conditions_of:
                text = " && ".join(f"({each})" for each in conditions_of)
                helper.more["triggerPolicy"] = {"condition": text}
        ref = OutputRef(self._decisions[branch.name], "arm")
        name = self.wiring.take(scope, self.wiring.channel(ref, "number"), task)
        return f"{parameter(name)} == {float(arm)}"

    def _help(self, name: str, node: Branch | Loop, title: str, scope: Scope) -> Task:
        task = Task(self.layout.ids.free(title), title, (), node)
        scope.tasks.append(task)
        self.layout.tasks[name], self.layout.homes[name] = task, scope
        task.more["cachingOptions"] = {}
        task.more["helps"] = name
        return task

    def _kind(self, ref: Ref) -> str:
        if isinstance(ref, ParamRef):
            may_be_none = self.plan.parameters[ref.name].default is None
            return "" if may_be_none else kind_of(self._parameter_type(ref))
        if not isinstance(ref, ItemRef):
            return ""
        items = self.plan.places[ref.loop].node.items  # type: ignore[union-attr]
        if not ref.path:
            return kind_of(self.wiring.item_types[ref.loop]) if is_plain(items) else ""
        if not is_plain(items) or any("'" in str(key) or "\\" in str(key) for key in ref.path):
            return ""
        found = [part_at(item, ref.path) for item in items]
        types = type_of_all([value for value in found if value is not None])
        return kind_of(types) if None not in found and types else ""


def _retry(value: Any) -> dict[str, Any]:
    found = value if isinstance(value, Retry) else Retry(**value) if isinstance(value, Mapping) \
        else Retry(int(value))  # fmt: skip
    return {
        "maxRetryCount": found.count,
        "backoffDuration": f"{found.backoff:g}s",
        "backoffFactor": float(found.factor),
        "backoffMaxDuration": f"{found.max_backoff:g}s",
    }


def _refuse_live(value: Any, name: str) -> None:
    if isinstance(value, Mapping):
        if set(value) == {"$live"}:
            raise PipelineError(
                f"{name!r} uses {value['$live']}, which cannot be written into a file",
                fix="pass plain data or the URL of a file",
            )
        for item in value.values():
            _refuse_live(item, name)
    elif isinstance(value, list):
        for item in value:
            _refuse_live(item, name)
