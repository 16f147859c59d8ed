"""Runs a package of Kubeflow Pipelines v2 as its specification says, step by step, in one thread.

Written from the comments of the specification (`pipeline_spec.proto`): tasks of a DAG start when
those before them have succeeded, or only ended if their trigger policy says so; a condition in CEL
that is false skips a task; a parameter iterator repeats a component and makes lists of its outputs.
Where the specification is silent: a task whose producer gave no value is skipped, and iterations
without a value are left out of lists.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

__all__ = ["Interpreter", "evaluate"]

Command = Callable[[list[str]], int]
_TOKEN = re.compile(
    r"\s*('(?:\\.|[^'\\])*'|inputs\.parameter_values|&&|\|\||[!=<>]=|[!<>()\[\]]|-?[0-9.e+]+|\w+)"
)
_WORDS = {
    "&&": " and ", "||": " or ", "!": " not ", "true": "True", "false": "False",
    "inputs.parameter_values": "V",
}  # fmt: skip


def evaluate(expression: str, values: Mapping[str, Any]) -> bool:
    """The value of a CEL expression of comparisons."""
    position, parts = 0, []
    while position < len(expression.rstrip()):
        match = _TOKEN.match(expression, position)
        if match is None:
            raise ValueError(f"no CEL: {expression[position:]!r}")
        parts.append(_WORDS.get(match[1], match[1]))
        position = match.end()
    return bool(eval("".join(parts), {"__builtins__": {}}, {"V": values}))


@dataclass
class _Done:
    state: str
    outputs: dict[str, Any] = field(default_factory=dict)
    error: str = ""


class Interpreter:
    """See the module.

    Args:
        text: The package.
        folder: For the files of outputs.
        run: Runs a container's command, gives its exit code.
        uuid: The id of the run.
    """

    def __init__(self, text: str, folder: Path, run: Command, uuid: str = "0" * 32) -> None:
        self._spec = next(iter(yaml.safe_load_all(text)))
        self._folder = folder
        self._run = run
        self._uuid = uuid
        self._count = 0
        self.trace: dict[str, tuple[str, dict[str, Any]]] = {}
        self.attempts: dict[str, int] = {}

    def run(self, arguments: Mapping[str, Any]) -> str:
        """Run the package; gives its state."""
        root = self._spec["root"]
        given = dict(arguments)
        for name, row in root.get("inputDefinitions", {}).get("parameters", {}).items():
            if name not in given and "defaultValue" in row:
                given[name] = row["defaultValue"]
        return self._dag(root, given, ()).state

    def _dag(self, component: Mapping[str, Any], given: dict[str, Any], index: tuple[int, ...]) -> _Done:  # fmt: skip  # noqa: E501
        tasks = component["dag"]["tasks"]
        done: dict[str, _Done] = {}
        while len(done) < len(tasks):
            before = len(done)
            for name, task in tasks.items():
                needs = set(task.get("dependentTasks", []))
                for row in task.get("inputs", {}).get("parameters", {}).values():
                    if "taskOutputParameter" in row:
                        needs.add(row["taskOutputParameter"]["producerTask"])
                if name not in done and needs <= set(done):
                    done[name] = self._task(task, given, index, {n: done[n] for n in needs})
            if len(done) == before:
                raise ValueError("the tasks wait for each other")
        failed = [name for name, each in done.items() if each.state == "FAILED"]
        error = f"task {failed[0]} failed" if failed else ""
        found = _Done("FAILED" if failed else "SUCCEEDED", {}, error)
        for key, row in component["dag"].get("outputs", {}).get("parameters", {}).items():
            rows = row.get("valueFromOneof", {}).get("parameterSelectors") or [
                row["valueFromParameter"]
            ]
            for each in rows:
                outputs = done[each["producerSubtask"]].outputs
                if each["outputParameterKey"] in outputs:
                    found.outputs[key] = outputs[each["outputParameterKey"]]
                    break
        return found

    def _task(
        self,
        task: Mapping[str, Any],
        given: Mapping[str, Any],
        index: tuple[int, ...],
        before: Mapping[str, _Done],
    ) -> _Done:
        name = task["componentRef"]["name"]
        component = self._spec["components"][name]
        policy = task.get("triggerPolicy", {})
        always = policy.get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED"
        if not always and any(each.state != "SUCCEEDED" for each in before.values()):
            return self._skipped(component, index)
        values: dict[str, Any] = {}
        for key, row in task.get("inputs", {}).get("parameters", {}).items():
            found = _value(row, given, before)
            if found is not None:
                values[key] = found
            elif "taskOutputParameter" in row and not always:
                return self._skipped(component, index)
        condition = policy.get("condition", "")
        if condition:
            used = set(re.findall(r"parameter_values\['([^']+)'\]", condition))
            if not used <= set(values) or not evaluate(condition, values):
                return self._skipped(component, index)
        iterator = task.get("parameterIterator")
        if iterator is None:
            return self._component(task, component, values, index)
        items = iterator["items"]
        rows = json.loads(items["raw"]) if "raw" in items else values[items["inputParameter"]]
        rounds = [
            self._component(
                task, component, {**values, iterator["itemInput"]: item}, (*index, number)
            )
            for number, item in enumerate(rows)
        ]
        failed = [each for each in rounds if each.state == "FAILED"]
        keys = component.get("outputDefinitions", {}).get("parameters", {})
        outputs = {k: [r.outputs[k] for r in rounds if k in r.outputs] for k in keys}
        return _Done("FAILED" if failed else "SUCCEEDED", {} if failed else outputs)

    def _component(
        self,
        task: Mapping[str, Any],
        component: Mapping[str, Any],
        values: dict[str, Any],
        index: tuple[int, ...],
    ) -> _Done:
        if "dag" in component:
            return self._dag(component, values, index)
        label = component["executorLabel"]
        container = self._spec["deploymentSpec"]["executors"][label]["container"]
        retries = int(task.get("retryPolicy", {}).get("maxRetryCount", 0))
        step = _step_of(container)
        path = _path(step["step"], index)
        for _ in range(retries + 1):
            self.attempts[path] = self.attempts.get(path, 0) + 1
            done = self._container(container, component, values)
            if done.state == "SUCCEEDED":
                break
        if "function" in step:
            state = "completed" if done.state == "SUCCEEDED" else "error"
            views = {name: key for name, key, view in step["outputs"] if view == "json"}
            found = {views[k]: json.loads(v) for k, v in done.outputs.items() if k in views}
            self.trace[path] = state, found
        return done

    def _container(
        self, container: Mapping[str, Any], component: Mapping[str, Any], values: dict[str, Any]
    ) -> _Done:
        self._count += 1
        folder = self._folder / str(self._count)
        types = component.get("outputDefinitions", {}).get("parameters", {})
        files = {name: {"outputFile": str(folder / name)} for name in types}
        executor = {"inputs": {"parameterValues": values}, "outputs": {"parameters": files}}
        replaced = {"{{$}}": json.dumps(executor), "{{$.pipeline_job_uuid}}": self._uuid}
        command = [*container["command"], *container["args"]]
        if self._run([replaced.get(part, part) for part in command]):
            return _Done("FAILED")
        outputs = {}
        for name, row in types.items():
            text = (folder / name).read_text(encoding="utf-8")
            outputs[name] = text if row["parameterType"] == "STRING" else json.loads(text)
        return _Done("SUCCEEDED", outputs)

    def _skipped(self, component: Mapping[str, Any], index: tuple[int, ...]) -> _Done:
        if "dag" in component:
            for task in component["dag"]["tasks"].values():
                self._skipped(self._spec["components"][task["componentRef"]["name"]], index)
        else:
            label = component["executorLabel"]
            step = _step_of(self._spec["deploymentSpec"]["executors"][label]["container"])
            if "function" in step:
                self.trace[_path(step["step"], index)] = "skipped", {}
        return _Done("SKIPPED")


def _value(row: Mapping[str, Any], given: Mapping[str, Any], before: Mapping[str, _Done]) -> Any:
    if "componentInputParameter" in row:
        return given.get(row["componentInputParameter"])
    if "taskFinalStatus" in row:
        done = before[row["taskFinalStatus"]["producerTask"]]
        return {"state": done.state, "error": {"message": done.error} if done.error else {}}
    found = row["taskOutputParameter"]
    return before[found["producerTask"]].outputs.get(found["outputParameterKey"])


def _step_of(container: Mapping[str, Any]) -> dict[str, Any]:
    args = container["args"]
    found: dict[str, Any] = json.loads(args[args.index("--step") + 1])
    return found


def _path(name: str, index: tuple[int, ...]) -> str:
    return f"{name}[{','.join(map(str, index))}]" if index else name
