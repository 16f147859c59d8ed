"""The package of a pipeline: `export_kubeflow`."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from mlrun_like import __version__
from mlrun_like.configuration import config
from mlrun_like.functions.function import Function
from mlrun_like.pipelines.exports.kubeflow.channels import TYPES_OF_VIEWS, type_of_parameter
from mlrun_like.pipelines.exports.kubeflow.executors import container, function_of, platform
from mlrun_like.pipelines.exports.kubeflow.layout import (
    Layout,
    Scope,
    Task,
    branch_of,
    choices,
)
from mlrun_like.pipelines.exports.kubeflow.tasks import Tasks
from mlrun_like.pipelines.exports.package import header, to_package
from mlrun_like.pipelines.exports.problems import Problems
from mlrun_like.pipelines.exports.writing import PlainDumper, write_text
from mlrun_like.pipelines.nodes import REQUIRED, Step
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.refs import OutputRef, ParamRef, producers
from mlrun_like.pipelines.values import Ref

__all__ = ["SCHEMA", "export_kubeflow", "to_documents"]

SCHEMA = "2.1.0"
"""Version of the intermediate representation."""


def export_kubeflow(
    plan: Plan, target: str | Path = "pipeline.yaml", *, image: str = "", store: str = ""
) -> str:
    """Write a plan as a package of Kubeflow Pipelines v2.

    Args:
        plan: The pipeline.
        target: Path of the file; empty: none is written.
        image: For functions that name none; by default setting `default_image`. It must hold
            mlrun_like.
        store: URL of the tracking service that the steps record to; by default the setting
            `dbpath` if it is the URL of a service.

    Returns:
        The text of the file; the same plan gives the same text.

    Raises:
        PipelineError: if something in the plan has no form in Kubeflow; nothing is written then.
    """
    pipeline, platforms = to_documents(plan, image=image, store=store)
    head = f"# {header('Kubeflow Pipelines v2')}\n# Pipeline: {plan.name}\n"
    parts = [
        yaml.dump(each, Dumper=PlainDumper, sort_keys=True, allow_unicode=True)
        for each in (pipeline, platforms)
    ]
    text = head + "---\n".join(parts)
    return write_text(text, str(target))


def to_documents(
    plan: Plan, *, image: str = "", store: str = ""
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pipeline's specification and that of its platform; see `export_kubeflow`."""
    service = str(config.dbpath or "")
    store = store or (service if service.startswith(("http://", "https://")) else "")
    _check(plan)
    layout = Layout(plan)
    tasks = Tasks(layout)
    outputs = _outputs(plan, layout, tasks)
    writer = _Writer(layout, tasks, image or config.default_image, store)
    root = writer.dag(layout.root, outputs)
    parameters = {name: _parameter(item) for name, item in plan.parameters.items()}
    if parameters:
        root["inputDefinitions"] = {"parameters": parameters}
    if outputs:
        types = {name: {"parameterType": type_} for name, (_, type_) in outputs.items()}
        root["outputDefinitions"] = {"parameters": types}
    info = {"name": plan.name}
    if plan.description:
        info["description"] = plan.description
    pipeline = {
        "components": writer.components,
        "deploymentSpec": {"executors": writer.executors},
        "pipelineInfo": info,
        "root": root,
        "schemaVersion": SCHEMA,
        "sdkVersion": f"mlrun_like-{__version__}",
    }
    executors = {"deploymentSpec": {"executors": writer.platforms}}
    return pipeline, {"platforms": {"kubernetes": executors}}


def _check(plan: Plan) -> None:
    """Raise all that has no form, before anything is made of it."""
    problems = Problems(plan.name, "Kubeflow Pipelines")
    to_package(plan, problems)
    for ref in choices(plan):
        with problems.caught():
            branch_of(ref, plan)
    for step in plan.steps:
        if isinstance(step.function, Function) and step.action == "run":
            with problems.caught():
                platform(step.function._doc(), None)
    problems.check()


class _Writer:
    """Components, executors and platform of all tasks."""

    def __init__(self, layout: Layout, tasks: Tasks, image: str, store: str) -> None:
        self.layout, self.tasks, self.image, self.store = layout, tasks, image, store
        self.components: dict[str, Any] = {}
        self.executors: dict[str, Any] = {}
        self.platforms: dict[str, Any] = {}

    def dag(
        self, scope: Scope, outputs: Mapping[str, tuple[dict[str, Any], str]]
    ) -> dict[str, Any]:
        found: dict[str, Any] = {"tasks": {}}
        for task in scope.tasks:
            inner = scope.inner.get(task.id)
            if inner is not None:
                self._component(task, self.dag(inner, inner.outputs), inner.outputs)
            else:
                self._leaf(task)
            found["tasks"][task.id] = _task(task)
        if outputs:
            found["outputs"] = {"parameters": {k: selector for k, (selector, _) in outputs.items()}}
        return {"dag": found}

    def _leaf(self, task: Task) -> None:
        node = task.node
        name = node.name if isinstance(node, Step) else str(task.more.pop("helps"))
        known = self.tasks.wiring.outputs.get(name, {})
        spec = {**self.tasks.specs[name], "outputs": [], "pipeline": self.layout.plan.name}
        place = self.layout.plan.places.get(name)
        if place is not None and place.loops:
            spec["looped"] = True
        outputs: dict[str, tuple[dict[str, Any], str]] = {}
        for (key, view), output in known.items():
            spec["outputs"].append([output, key, view])
            outputs[output] = {}, TYPES_OF_VIEWS[view]
        document = function_of(node) if isinstance(node, Step) else None
        timeout = node.options.get("timeout") if isinstance(node, Step) else None
        label = f"exec-{task.id}"
        self.executors[label] = {"container": container(document, spec, self.image, self.store)}
        self.platforms[label] = platform(document, timeout)
        self._component(task, {"executorLabel": label}, outputs)

    def _component(self, task: Task, body: dict[str, Any], outputs: Mapping[str, Any]) -> None:
        found = dict(body)
        if task.types:
            found["inputDefinitions"] = {
                "parameters": {
                    # a value may be None, or of a step that failed
                    name: {"parameterType": type_, "isOptional": True}
                    for name, type_ in task.types.items()
                }
            }
        if outputs:
            found["outputDefinitions"] = {
                "parameters": {n: {"parameterType": type_} for n, (_, type_) in outputs.items()}
            }
        self.components[f"comp-{task.id}"] = found


def _task(task: Task) -> dict[str, Any]:
    found: dict[str, Any] = {
        "componentRef": {"name": f"comp-{task.id}"},
        "taskInfo": {"name": task.title},
        **task.more,
    }
    if task.inputs:
        found["inputs"] = {"parameters": task.inputs}
    if task.after:
        found["dependentTasks"] = sorted(task.after)
    return found


def _parameter(item: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"parameterType": type_of_parameter(item) or "STRING"}
    if item.default is not REQUIRED:
        found["isOptional"] = True
        if item.default is not None:
            found["defaultValue"] = item.default
    return found


def _outputs(plan: Plan, layout: Layout, tasks: Tasks) -> dict[str, tuple[dict[str, Any], str]]:
    """What the pipeline gives back, as far as it is there in every run."""
    found: dict[str, tuple[dict[str, Any], str]] = {}
    for key, ref in (plan.outputs or {}).items():
        if not isinstance(ref, Ref) or isinstance(ref, ParamRef):
            continue
        names = list(producers(ref))
        if isinstance(ref, OutputRef) and layout.tasks[names[0]].gates:
            continue
        source, type_ = tasks.wiring.source(layout.root, tasks.wiring.channel(ref))
        given = source["taskOutputParameter"]
        selector = {
            "producerSubtask": given["producerTask"],
            "outputParameterKey": given["outputParameterKey"],
        }
        found[key] = {"valueFromParameter": selector}, type_
    return found
