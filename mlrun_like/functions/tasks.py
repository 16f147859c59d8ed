"""Tasks: run options written down before there is a function to run."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from mlrun_like.errors import InvalidArgumentError, nearest
from mlrun_like.functions.arguments import parse_inputs
from mlrun_like.functions.options import check_mapping, check_path, check_retry, check_returns
from mlrun_like.functions.sweeping import sweep_options
from mlrun_like.registry import resolve
from mlrun_like.runs.secrets import public_sources, resolve_sources
from mlrun_like.specs.model import parse, split_foreign
from mlrun_like.specs.run import RunDoc, RunMetadata, RunSpec, has_begun
from mlrun_like.specs.values import HyperParamOptions

__all__ = ["RunTemplate", "fill_from_task", "new_task"]


class RunTemplate:
    """A run that was not started: pass it to `fn.run(task)`; arguments given there win.

    Args:
        document: Its document.
        parts: `metadata` and `spec`, in place of a document.
    """

    kind = "run"

    def __init__(self, document: RunDoc | None = None, **parts: Any) -> None:
        found = {name: part for name, part in parts.items() if part is not None}
        self._document = document or RunDoc(**found)
        self.status = self._document.status  # of a run that was recorded, if this is its document
        self.secret_sources: list[dict[str, Any]] = []
        self.live_handler: Callable[..., Any] | None = None  # in place of a name

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> RunTemplate:
        """A task from plain data; keys of other systems are left out."""
        return cls(parse(RunDoc, split_foreign(RunDoc, document)[0], "task"))

    @property
    def metadata(self) -> RunMetadata:
        """Name, project, labels."""
        return self._document.metadata

    @property
    def spec(self) -> RunSpec:
        """Parameters, inputs, hyper-parameters."""
        return self._document.spec

    def with_params(self, **params: Any) -> RunTemplate:
        """Add parameters."""
        self.spec.parameters.update(params)
        return self

    def with_input(self, key: str, path: Any) -> RunTemplate:
        """Add an input; `"name: type"` gives a type, None is no input."""
        urls, hints = parse_inputs({key: path})
        self.spec.inputs.update(urls)
        self.spec.inputs_type_hints.update(hints)
        return self

    def with_hyper_params(
        self,
        hyperparams: Mapping[str, Any],
        selector: str | None = None,
        strategy: str | None = None,
        **options: Any,
    ) -> RunTemplate:
        """Sweep over lists of values."""
        self.spec.hyperparams = check_mapping("hyperparams", hyperparams, '{"depth": [2, 4]}')
        named = {"selector": selector, "strategy": strategy}
        self.spec.hyper_param_options = sweep_options({**named, **options}).to_dict()
        return self

    def with_param_file(
        self,
        param_file: str,
        selector: str | None = None,
        strategy: str | None = None,
        **options: Any,
    ) -> RunTemplate:
        """Sweep over the values of a file."""
        named = {"param_file": param_file, "selector": selector, "strategy": strategy}
        self.spec.hyper_param_options = sweep_options({**named, **options}).to_dict()
        return self

    def with_secrets(self, kind: str, source: Any) -> RunTemplate:
        """Add secrets: `inline` with a mapping, `file` with a path, `env` with names."""
        added = {"kind": kind, "source": source}
        if kind != "file":  # which may come to be before the run
            resolve_sources([added])
        self.secret_sources.append(added)
        return self

    def set_label(self, key: str, value: Any) -> RunTemplate:
        """Add a label."""
        self.metadata.labels[key] = str(value)
        return self

    def copy(self) -> RunTemplate:
        """A task of its own with the same options."""
        return copy.deepcopy(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, secrets left out."""
        document = self._document.to_dict()
        if self.secret_sources:
            document["spec"]["secret_sources"] = public_sources(self.secret_sources)
        return document

    def to_env(self) -> tuple[str, str]:
        """The variable of the environment that gives this task to a program, and its value."""
        return "MLRUN_EXEC_CONFIG", self.to_json()

    def to_json(self) -> str:
        """Plain data as JSON, secrets left out."""
        return json.dumps(self.to_dict())

    def to_yaml(self) -> str:
        """Plain data as YAML, secrets left out."""
        return str(resolve("yaml:safe_dump")(self.to_dict(), sort_keys=False))


def new_task(  # noqa: PLR0913 - MLRun's signature
    name: str = "",
    project: str = "",
    handler: str | Callable[..., Any] = "",
    params: Mapping[str, Any] | None = None,
    hyper_params: Mapping[str, Any] | None = None,
    param_file: str = "",
    selector: str = "",
    hyper_param_options: HyperParamOptions | Mapping[str, Any] | None = None,
    inputs: Mapping[str, Any] | None = None,
    outputs: Sequence[str] | None = None,
    in_path: str = "",
    out_path: str = "",
    artifact_path: str = "",
    secrets: Mapping[str, str] | None = None,
    base: RunTemplate | None = None,
    returns: Sequence[Any] | None = None,
    retry: Any = None,
) -> RunTemplate:
    """Run options written down before there is a function to run; see `Function.run`.

    Args:
        name: The run's name.
        project: The run's project.
        handler: The entry point: its name, or a callable (local runs only).
        params: Values for the handler's arguments.
        hyper_params: Lists of values to sweep over.
        param_file: URL of a file with such values.
        selector: `max.<result>` or `min.<result>`: the best trial.
        hyper_param_options: All options of the sweep.
        inputs: URLs for the handler's data arguments.
        outputs: Older name of `returns`.
        in_path: The base of relative inputs.
        out_path: Older name of `artifact_path`.
        artifact_path: Where artifacts go.
        secrets: Secrets by name, which are never recorded.
        base: A task to copy first.
        returns: Log hints for returned values.
        retry: How often and when to try again after a failure.

    Raises:
        InvalidArgumentError: if the options of the sweep contradict each other.

    >>> new_task("t", params={"p": 1}).with_params(q=2).spec.parameters
    {'p': 1, 'q': 2}
    """
    if base is not None and not isinstance(base, RunTemplate):
        raise InvalidArgumentError(
            f"base must be a task, not {type(base).__name__} {str(base)[:40]!r}",
            fix="new_task(base=new_task(...))",
        )
    task = copy.deepcopy(base) if base is not None else RunTemplate()
    task.metadata.name = name or task.metadata.name
    task.metadata.project = project or task.metadata.project
    spec = task.spec
    if callable(handler):
        task.live_handler, handler = handler, str(getattr(handler, "__name__", ""))
    elif handler:
        task.live_handler = None
    spec.handler = handler or spec.handler
    spec.parameters.update(check_mapping("params", params, '{"depth": 4}'))
    for key, path in check_mapping("inputs", inputs, '{"data": "x.csv"}').items():
        task.with_input(key, path)
    spec.returns = check_returns(returns if returns is not None else outputs or spec.returns)
    spec.output_path = check_path("artifact_path", artifact_path or out_path) or spec.output_path
    spec.input_path = check_path("in_path", in_path) or spec.input_path
    if secrets:
        task.with_secrets("inline", secrets)
    if (chosen := check_retry(retry)) is not None:
        spec.retry = chosen.to_dict()
    if hyper_params:
        spec.hyperparams = check_mapping("hyper_params", hyper_params, '{"depth": [2, 4]}')
    if param_file or selector or hyper_param_options:
        given = hyper_param_options
        plain = given.to_dict() if isinstance(given, HyperParamOptions) else given
        options = check_mapping("hyper_param_options", plain, "HyperParamOptions(...)")
        named = {"param_file": param_file, "selector": selector}
        options.update({name: value for name, value in named.items() if value})
        spec.hyper_param_options = sweep_options(options).to_dict()
    return task


def fill_from_task(given: dict[str, Any]) -> None:
    """Fill what `fn.run` was not given from a task, a run, or either's plain data.

    Args:
        given: The arguments of `fn.run`; `hints` and `secret_sources` are added.
    """
    given.update(hints={}, secret_sources=[])
    _take_positional(given)
    task = given["runspec"]
    if task is None:
        return
    if not _is_task(task):
        raise InvalidArgumentError(
            f"runspec must be a task or a run, not {type(task).__name__} {str(task)[:40]!r}",
            fix="fn.run(new_task(...)) or fn.run(params={...})",
        )
    meta, spec = (_fields(task, part) for part in ("metadata", "spec"))
    for name, values in (
        ("params", spec.get("parameters")),
        ("inputs", spec.get("inputs")),
        ("labels", _own_labels(meta.get("labels"))),
    ):
        given[name] = {
            **check_mapping(f"the task's {name}", values, "{...}"),
            **check_mapping(name, given[name], "{...}"),
        }
    status = task.get("status") if isinstance(task, Mapping) else getattr(task, "status", None)
    given["hints"] = dict(spec.get("inputs_type_hints") or {})
    sources = getattr(task, "secret_sources", None)
    given["secret_sources"] = sources or spec.get("secret_sources", [])
    for name, value in (
        ("name", meta.get("name")),
        ("project", meta.get("project")),
        ("handler", getattr(task, "live_handler", None) or spec.get("handler")),
        ("returns", spec.get("returns") or None),
        ("hyperparams", spec.get("hyperparams")),
        ("hyper_param_options", spec.get("hyper_param_options")),
        ("artifact_path", spec.get("output_path")),
        ("timeout", spec.get("timeout")),
        ("retry", spec.get("retry") or None),
        ("notifications", spec.get("notifications") or None),
        ("in_path", spec.get("input_path")),
        ("allow_empty_resources", spec.get("allow_empty_resources")),
        ("uid", None if has_begun(status) else meta.get("uid")),  # done again, it is another run
    ):
        if given.get(name) is None or given[name] == "":
            given[name] = value


def _take_positional(given: dict[str, Any]) -> None:
    """Understand `fn.run({"depth": 4}, {"data": url})`: parameters, then inputs."""
    for place, name in (("runspec", "params"), ("handler", "inputs")):
        value = given[place]
        if not isinstance(value, Mapping) or (place == "runspec" and _is_task(value)):
            continue
        if given[name] is not None:
            raise InvalidArgumentError(
                f"{name} are given twice: {str(value)[:40]!r} and {str(given[name])[:40]!r}",
                fix=f"fn.run({name}={{...}})",
            )
        given[name], given[place] = value, None


def _is_task(value: Any) -> bool:
    if isinstance(value, Mapping):
        return bool(value) and set(value) <= {"kind", "metadata", "spec", "status"}
    return isinstance(getattr(value, "spec", None), RunSpec)


def _fields(task: Any, part: str) -> Mapping[str, Any]:
    """One part of a task; live values stay what they are."""
    if isinstance(task, Mapping):
        fields = check_mapping(f"the task's {part}", task.get(part), "{...}")
        known = (RunSpec if part == "spec" else RunMetadata).model_fields
        for name in fields:
            if name not in known:
                raise InvalidArgumentError(
                    f"the task's {part} has no field {name!r}.{nearest(str(name), known)}",
                    fix=f"fields: {', '.join(known)}",
                )
        return fields
    model = getattr(task, part)
    return {name: getattr(model, name) for name in type(model).model_fields}


def _own_labels(labels: Any) -> Any:
    """Without those that every run gets by itself."""
    if not isinstance(labels, Mapping):
        return labels
    return {name: value for name, value in labels.items() if name not in ("kind", "owner", "host")}
