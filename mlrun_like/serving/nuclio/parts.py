"""The functions of a graph as Nuclio functions, with the streams between them as triggers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mlrun_like.errors import GraphError, InvalidArgumentError, MLRunLikeError
from mlrun_like.functions.function import Function
from mlrun_like.functions.nuclio import to_nuclio
from mlrun_like.runtimes.finding import Finding
from mlrun_like.runtimes.nuclio.checks import checked_config, require
from mlrun_like.runtimes.nuclio.triggers import KafkaTrigger, V3IOStreamTrigger, trigger_of
from mlrun_like.serving.definition.step import QueueStep
from mlrun_like.serving.function import ServingFunction
from mlrun_like.serving.nuclio.code import check_names, with_steps
from mlrun_like.serving.queues.split import Part, split
from mlrun_like.specs.function import FunctionDoc

__all__ = ["parts_of_function", "trigger_of_queue"]

Parts = dict[str, tuple[dict[str, Any], Any]]
_PARENT = "mlrun/parent-function"


def parts_of_function(function: ServingFunction, builder_env: Mapping[str, Any] | None) -> Parts:
    """Configuration and code of a serving function and of its child functions, by name.

    Raises:
        GraphError: if there is no graph.
        PreflightError: naming everything that is wrong.
    """
    graph = function._served()
    text = function.serving_spec()
    initializer = function.spec.graph_initializer
    document = with_steps(Function._doc(function), graph, initializer)
    found = list(_check_secrets(function))
    cut: dict[str, Part] = {}
    children = function.spec.child_functions()
    if children or any(step.function not in ("", "*") for step in graph.steps):
        try:
            cut = split(graph)
        except GraphError as exc:
            found.append(Finding("graph", exc.what, exc.where, exc.fix))
        for name in sorted(set(cut) - {""} - set(children)):
            found.append(
                Finding(
                    "graph",
                    f"function {name!r} is used in steps and is not defined",
                    f"function {function.name!r}",
                    f'fn.add_child_function("{name}", "{name}.py")',
                )
            )
    if not children:
        found += check_names(document, graph)
    made: dict[str, FunctionDoc] = {}
    for name, child in children.items():
        copy = _child_document(function, name, child)
        if copy.kind == "serving" and not _has_graph(child):
            copy = with_steps(copy, graph, initializer)
        if name in cut and cut[name].source is not None:
            found += _connect(copy, cut[name])
        made[name] = copy
    require(found, document)
    common: dict[str, Any] = {
        "serving_spec": text,
        "builder_env": builder_env,
        "extras": _extras(text),
    }
    parts: Parts = {"": checked_config(document, **common)}
    for name, copy in made.items():
        child = children[name]
        if copy.kind == "serving" and not _has_graph(child):
            env = {"SERVING_CURRENT_FUNCTION": name}
            parts[name] = checked_config(copy, env=env, **common)
        else:
            parts[name] = to_nuclio(type(child)(None, None, copy))[""]
    return parts


def trigger_of_queue(queue: QueueStep, group: str) -> dict[str, Any]:
    """The trigger that reads a queue.

    Args:
        queue: The queue; its `trigger_args` are arguments of the trigger's class.
        group: The consumer group.

    Raises:
        InvalidArgumentError: if Nuclio has no trigger for the queue's stream.

    >>> from mlrun_like.serving.definition.graph import Graph
    >>> queue = QueueStep(Graph(), "q", class_args={"path": "kafka://k:9092/orders"})
    >>> trigger_of_queue(queue, "g")["attributes"]["topics"]
    ['orders']
    """
    arguments = queue.class_args
    path = str(arguments.get("path") or "")
    given: dict[str, Any] = {"explicit_ack_mode": "enable", **(arguments.get("trigger_args") or {})}
    brokers = arguments.get("kafka_brokers") or arguments.get("brokers")
    parts = urlsplit(path)
    try:
        if parts.scheme in ("v3io", "v3ios"):
            container, _, inside = parts.path.strip("/").partition("/")
            values = {"read_batch_size": 256, "seek_to": "earliest", **given}
            if parts.netloc:
                values.setdefault("webapi", f"http://{parts.netloc}")
            made: Any = V3IOStreamTrigger(
                container=container, path=inside, consumer_group=group, **values
            )
        elif parts.scheme == "kafka" or (not parts.scheme and brokers):
            named = dict(parse_qsl(parts.query))
            topic = parts.path.strip("/") or named.get("topic", "")
            hosts = brokers or parts.netloc
            hosts = hosts.split(",") if isinstance(hosts, str) else list(hosts)
            made = KafkaTrigger(hosts, [topic], consumer_group=group, **given)
        else:
            raise InvalidArgumentError(
                f"Nuclio has no trigger for the stream {path!r:.80}",
                where=f"queue {queue.name!r}",
                fix='.to(">>", "name", path="kafka://host:9092/topic")',
            )
    except TypeError as exc:
        raise InvalidArgumentError(
            f"trigger_args of queue {queue.name!r} cannot be used: {exc}",
            where=f"queue {queue.name!r}",
        ) from exc
    return trigger_of(queue.name, made)


def _connect(document: FunctionDoc, part: Part) -> Iterator[Finding]:
    """Give a child function the trigger of its queue, and a replica for each shard."""
    assert part.source is not None
    try:
        trigger = trigger_of_queue(part.source, part.group)
    except MLRunLikeError as exc:
        yield Finding("trigger", exc.what, exc.where, exc.fix)
        return
    spec = document.spec
    spec.config = {**spec.config, f"spec.triggers.\\{part.source.name}\\": trigger}
    shards = part.source.class_args.get("shards")
    if shards and spec.min_replicas is None and spec.max_replicas is None:
        spec.min_replicas = spec.max_replicas = int(shards)


def _child_document(function: ServingFunction, name: str, child: Function[..., Any]) -> FunctionDoc:
    document = Function._doc(child).model_copy(deep=True)
    meta = document.metadata
    meta.name = f"{function.metadata.name}-{name}"
    meta.project, meta.tag = function.metadata.project, function.metadata.tag
    meta.labels = {**meta.labels, _PARENT: function.metadata.name}
    return document


def _extras(text: str) -> list[str]:
    """Extras of this package that the streams of a graph need."""
    found = {"kafka": "kafka", "redis": "redis", "rediss": "redis"}
    return sorted({extra for scheme, extra in found.items() if f'"{scheme}://' in text})


def _has_graph(child: Function[..., Any]) -> bool:
    return getattr(child.spec, "graph", None) is not None


def _check_secrets(function: ServingFunction) -> Iterator[Finding]:
    """Values given inline do not travel: they would stand in the configuration for all to read."""
    names: list[str] = []
    for source in function.spec.secret_sources:
        if source.get("kind") == "inline":
            names += list(source.get("source") or ())
    env = {row.get("name") for row in function.spec.env}
    for name in names:
        if name not in env:
            yield Finding(
                "secret",
                f"the secret {name!r} was given inline, and its value must not stand in a "
                "function's configuration",
                f"function {function.name!r}",
                f'fn.set_env_from_secret("{name}", secret="my-secret", secret_key="{name}")',
            )
