"""A function, and the functions of its graph, as documents that can run alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from mlrun_like.errors import GraphError, MLRunLikeError, PreflightError
from mlrun_like.functions.function import Function
from mlrun_like.gateway.applications.sources import pin_source
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.nuclio.names import project_of
from mlrun_like.runtimes.nuclio.source import form_of, source_file
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.definition.step import QueueStep
from mlrun_like.serving.function import ServingFunction
from mlrun_like.serving.nuclio.code import check_names, with_steps
from mlrun_like.serving.nuclio.parts import trigger_of_queue
from mlrun_like.serving.queues.split import Part, split
from mlrun_like.specs.function import FunctionDoc

__all__ = ["Deployable", "deployables_of", "key_of"]

_CURRENT = "SERVING_CURRENT_FUNCTION"
_SHARED = ("kafka", "redis", "rediss", "rabbitmq", "amqp", "amqps", "nats", "mqtt", "mqtts")
_KINDS = {"redis": "redis", "rediss": "redis", "amqp": "rabbit-mq", "amqps": "rabbit-mq",
          "rabbitmq": "rabbit-mq", "nats": "nats", "mqtt": "mqtt", "mqtts": "mqtt"}  # fmt: skip


@dataclass(frozen=True)
class Deployable:
    """One function to deploy.

    Args:
        document: With all code that it needs.
        kind: `serving`, `application`, or the document's own.
        extra: Options besides those of the document.
    """

    document: FunctionDoc
    kind: str
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """`<project>/<name>`."""
        return key_of(self.document)


def key_of(document: FunctionDoc) -> str:
    """Where a function is deployed: `<project>/<name>`, or `<project>/<name>-<tag>`.

    >>> key_of(FunctionDoc.from_dict({"metadata": {"name": "My_f", "project": "p", "tag": "v2"}}))
    'p/my-f-v2'
    """
    meta = document.metadata
    tag = "" if meta.tag in ("", "latest") else f"-{meta.tag}"
    name = re.sub(r"[_\s]+", "-", f"{meta.name}{tag}").lower()
    return f"{project_of(document)}/{name}"


def deployables_of(function: Any) -> list[Deployable]:
    """The function, behind the functions of its graph that read queues.

    Raises:
        PreflightError: naming everything that is wrong with its code or graph.
    """
    if isinstance(function, ServingFunction):
        return _of_graph(function)
    document = Function._doc(function).model_copy(deep=True)
    if document.kind == "application":
        pin_source(document)
    else:
        _require(_check_code(document), document)
    return [Deployable(document, document.kind)]


def _check_code(document: FunctionDoc) -> Iterator[Finding]:
    spec = document.spec
    if not spec.build.functionSourceCode:
        yield Finding(
            "code",
            "the function's code is not with it"
            + (f" but in {spec.build.source!r:.80}" if spec.build.source else ""),
            f"function {document.metadata.name!r}",
            'fn.with_code(from_file="handler.py"); an image or archive runs in clusters only: '
            'fn.deploy(target="nuclio")',
        )
        return
    if form_of(document) != "handler":
        return
    try:
        source_file(document)
    except MLRunLikeError as exc:
        yield Finding("code", exc.what, exc.where, exc.fix)


def _of_graph(function: ServingFunction) -> list[Deployable]:
    graph: Graph = function._served()
    own = _packaged(function, graph)
    secrets = function._secrets()  # they are in no document: `context.get_secret` finds variables
    children = function.spec.child_functions()
    found: list[Finding] = []
    parts: dict[str, Part] = {}
    if any(step.function not in ("", "*") for step in graph.steps):
        try:
            parts = split(graph)
        except GraphError as exc:
            if not any(isinstance(s, QueueStep) and not s.path for s in graph.steps):
                found.append(Finding("graph", exc.what, exc.where, exc.fix))
    if not children:
        found += check_names(own, graph)
    readers = {name: part for name, part in parts.items() if name and part.source is not None}
    if not readers or not all(_is_shared(part.source) for part in readers.values()):
        # queues that live in this process's memory: everything is one function
        _require(found, own)
        return [Deployable(own, "serving", {"env": {**secrets, _CURRENT: "*"}})]
    made: list[Deployable] = []
    for name, part in readers.items():
        try:
            assert part.source is not None
            trigger = _trigger(part.source, part.group)
        except MLRunLikeError as exc:
            found.append(Finding("trigger", exc.what, exc.where, exc.fix))
            continue
        copy = own.model_copy(deep=True)
        child = children.get(name)
        if child is not None:
            copy = _merged(copy, Function._doc(child))
        copy.metadata.name = f"{own.metadata.name}-{name}"
        shards = part.source.class_args.get("shards")
        extra: dict[str, Any] = {"env": {**secrets, _CURRENT: name}}
        extra["triggers"] = {part.source.name: trigger}
        if shards and copy.spec.max_replicas is None:
            extra["max_replicas"] = int(shards)
        made.append(Deployable(copy, "serving", extra))
    _require(found, own)
    return [*made, Deployable(own, "serving", {"env": {**secrets, _CURRENT: ""}})]


def _packaged(function: ServingFunction, graph: Graph) -> FunctionDoc:
    """The function's document with the code of its steps, and of its child functions."""
    initializer = function.spec.graph_initializer
    document = with_steps(function._doc(), graph, initializer)
    if function.name not in ("", None) and not document.metadata.name:
        document.metadata.name = function.name
    return document


def _merged(own: FunctionDoc, child: FunctionDoc) -> FunctionDoc:
    """The graph's document with a child's code and settings."""
    merged = own.model_copy(deep=True)
    code, ours = child.spec.build, merged.spec.build
    if code.functionSourceCode:
        modules = {**ours.modules, **code.modules}
        merged.spec.build = code.model_copy(deep=True)
        merged.spec.build.modules = modules
        merged.spec.build.requirements = list(
            dict.fromkeys([*ours.requirements, *code.requirements])
        )
    names = {row.get("name") for row in child.spec.env}
    kept = [row for row in merged.spec.env if row.get("name") not in names]
    merged.spec.env = [*kept, *child.spec.env]
    merged.spec.config = dict(child.spec.config)
    merged.spec.min_replicas = child.spec.min_replicas
    merged.spec.max_replicas = child.spec.max_replicas
    merged.spec.resources = child.spec.resources or merged.spec.resources
    return merged


def _is_shared(step: Any) -> bool:
    """Whether a queue can be read by another process."""
    if not isinstance(step, QueueStep):
        return False
    brokers = step.class_args.get("kafka_brokers") or step.class_args.get("brokers")
    return bool(brokers) or urlsplit(str(step.path or "")).scheme in _SHARED


def _trigger(queue: QueueStep, group: str) -> dict[str, Any]:
    """The trigger that reads a queue, in Nuclio's layout where Nuclio has one."""
    path = str(queue.path or "")
    scheme = urlsplit(path).scheme
    if scheme not in _KINDS:
        return trigger_of_queue(queue, group)
    given = dict(queue.class_args.get("trigger_args") or {})
    attributes = {"consumerGroup": group, **given.pop("extra_attributes", {})}
    return {"kind": _KINDS[scheme], "url": path, "attributes": attributes, **given}


def _require(findings: Any, document: FunctionDoc) -> None:
    found = list(findings)
    if not found:
        return
    rows = [item._asdict() for item in found]
    where = f"function {document.metadata.name!r}, kind {document.kind!r}"
    if len(found) == 1:
        first = found[0]
        raise PreflightError(first.what, where=first.where or where, fix=first.fix, findings=rows)
    lines = [f"{document.metadata.name!r} cannot be deployed; {len(found)} things are wrong:"]
    for number, item in enumerate(found, 1):
        lines.append(f"{number}. " + str(item).replace("\n", "\n   "))
    raise PreflightError("\n".join(lines), where=where, findings=rows)
