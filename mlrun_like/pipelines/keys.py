"""The key of a step: all that its result depends on, part by part, so that a miss has a reason."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from mlrun_like.artifacts.hints import parse_log_hints
from mlrun_like.errors import MLRunLikeError, PipelineError
from mlrun_like.functions.arguments import parse_inputs
from mlrun_like.functions.checking import RUN_OPTIONS
from mlrun_like.functions.function import Function
from mlrun_like.functions.placing import choose_runtime
from mlrun_like.functions.tasks import fill_from_task
from mlrun_like.packaging.plain import plain_token
from mlrun_like.packaging.reach import Reach, reach_of_document, reach_of_handler
from mlrun_like.packaging.requirements import distribution_name
from mlrun_like.pipelines.contents import content_of
from mlrun_like.pipelines.nodes import Step
from mlrun_like.runs.secrets import public_sources
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.tracking.base import Store

__all__ = ["Parts", "StepKey", "differences", "key_of"]

Parts = Mapping[str, Mapping[str, str]]
"""Group (`code`, `parameters`, `inputs`, `environment`, `options`) -> what -> a short text."""

_OPTIONS = ("returns", "hyperparams", "hyper_param_options", "artifact_path", "local", "name")
"""Options of a run that change its result or its outputs; labels, retries and times do not."""


class StepKey(NamedTuple):
    """The digest of a step's parts; `unknown`: why it has none that another could equal."""

    digest: str
    parts: Parts
    unknown: str = ""


def key_of(step: Step, options: Mapping[str, Any], store: Store) -> StepKey:
    """What a step's result depends on.

    Args:
        step: The step.
        options: What its function's `run` is given, with all values.
        store: Where artifacts are recorded.
    """
    if step.action != "run" or not isinstance(step.function, Function):
        return StepKey("", {}, f"a step that does not run a function ({step.action})")
    given: dict[str, Any] = {**dict.fromkeys(RUN_OPTIONS), **options}
    try:
        fill_from_task(given)
        if given.get("schedule") is not None:
            return StepKey("", {}, "it only starts a schedule")
        parts: dict[str, Mapping[str, str]] = {}
        parts["parameters"] = _parameters(given["params"] or {})
        parts["inputs"] = _inputs(given, store)
        parts["code"], parts["environment"] = _function(step.function, given)
        if given["returns"] is None:
            given["returns"] = list(step.function.spec.returns)
        parts["options"] = _options(given)
    except PipelineError as exc:
        return StepKey("", {}, exc.what)
    except MLRunLikeError as exc:  # its run will fail of it, and say so
        return StepKey("", {}, f"it cannot be told what it depends on: {exc.what}")
    text = json.dumps(parts, sort_keys=True)
    return StepKey(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(), parts)


def _parameters(params: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): _plain(f"parameter {name}", value) for name, value in params.items()}


def _plain(what: str, value: Any) -> str:
    token = plain_token(value)
    if token is None:
        raise PipelineError(f"{what} is a {type(value).__name__}, which is not plain data")
    return token


def _inputs(given: Mapping[str, Any], store: Store) -> dict[str, str]:
    urls, hints = parse_inputs(given["inputs"] or {})
    hints = {**(given.get("hints") or {}), **hints}
    found = {}
    for name, url in urls.items():
        try:
            content = content_of(url, store, str(given["project"] or ""))
        except PipelineError as exc:
            raise PipelineError(f"input {name}: {exc.what}") from exc
        found[name] = f"{hints.get(name, '')} {content}".strip()
    return found


def _function(
    function: Function[..., Any], given: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, str]]:
    """The code that can run, and where it does."""
    document = function._doc()
    runtime, _ = choose_runtime(document, given["local"])
    asked = given["handler"]
    if isinstance(asked, Function):
        asked = asked._handler or asked.spec.default_handler
    name = asked or document.spec.default_handler
    if callable(asked):
        reach = reach_of_handler(asked)
    elif function._handler is not None and name == document.spec.default_handler:
        reach = reach_of_handler(function._handler, live=not runtime.packages_code)
    elif document.spec.build.source and not document.spec.build.functionSourceCode:
        raise PipelineError(f"its code is loaded from {document.spec.build.source!r} when it runs")
    elif runtime.needs_image and not _has_code(document):
        image = document.spec.image or document.spec.build.image
        reach = Reach({f"code of {name!r} in image": image}, {}, "")
    else:
        reach = reach_of_document(document, name)
    if reach.unknown:
        raise PipelineError(reach.unknown[0].replace("\n", " "))
    environment = _environment(document)
    if not runtime.needs_image:  # an image has its own
        environment |= {f"package {each}": text for each, text in reach.packages.items()}
        environment["Python"] = reach.python
    return {**reach.code, "handler": str(name)}, environment


def _has_code(document: FunctionDoc) -> bool:
    return bool(document.spec.build.functionSourceCode)


def _environment(document: FunctionDoc) -> dict[str, str]:
    spec = document.spec
    found = {"kind": document.kind or "local", "image": spec.image}
    for line in spec.build.requirements:
        found[f"requirement {distribution_name(line) or line}"] = line
    for row in spec.env:  # a value may be a secret, so only its digest is kept
        found[f"environment variable {row.get('name')}"] = _digest(row)
    if spec.build.commands or spec.build.base_image:
        found["build"] = _digest([spec.build.base_image, spec.build.commands])
    if spec.args or spec.command:
        found["command"] = _digest([spec.args, spec.mode])
    return {name: text for name, text in found.items() if text}


def _options(given: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name in _OPTIONS:
        value = given.get(name)
        if name == "returns" and value is not None:
            hints = parse_log_hints(value)
            value = value if plain_token(value) is not None else [str(hint) for hint in hints]
        to_dict = getattr(value, "to_dict", None)
        if value not in (None, "", {}, [], False):
            found[name] = _plain(f"option {name}", to_dict() if callable(to_dict) else value)
    if given.get("secret_sources"):
        found["secrets"] = _digest(public_sources(given["secret_sources"]))
    return found


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return base64.b32encode(hashlib.sha256(text.encode()).digest()[:10]).decode().lower()


def differences(before: Parts, now: Parts) -> list[str]:
    """What is not as it was, the most telling first.

    >>> differences({"parameters": {"n": "1"}}, {"parameters": {"n": "2"}})
    ['parameter n: 1 -> 2']
    """
    changed: list[str] = []
    others: list[str] = []
    for group in ("parameters", "inputs", "code", "environment", "options"):
        old, new = before.get(group, {}), now.get(group, {})
        for what in sorted({*old, *new}):
            if what in old and what in new:
                if old[what] != new[what]:
                    changed.append(_changed(group, what, old[what], new[what]))
            else:
                others.append(_shown(group, what) + (" is new" if what in new else " is gone"))
    values = {text.partition(": ")[0] for text in changed if text.startswith("value of ")}
    changed = [
        text for text in changed
        if text.removesuffix(" changed").replace("code of ", "value of ", 1) not in values
    ]  # fmt: skip
    # what is new in the code follows from what changed in it
    return changed or others


def _shown(group: str, what: str) -> str:
    prefix = {"parameters": "parameter ", "inputs": "input ", "options": "option "}
    return prefix.get(group, "") + what


def _changed(group: str, what: str, old: str, new: str) -> str:
    shown = _shown(group, what)
    hidden = what.startswith(("code of ", "statements of ", "environment variable "))
    if group == "inputs" or hidden or what in ("build", "command", "secrets"):
        return f"{shown} changed"
    if what.startswith(("package ", "kind", "image", "Python")):
        return f"{shown} {old} -> {new}"
    if what.startswith("requirement "):
        return f"requirement {old} -> {new}"
    return f"{shown}: {old} -> {new}"
