"""`mlrun-like deploy`: a function from a file to an address."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.nuclio import function_of
from mlrun_like.cli.output import Json, clean, print_json
from mlrun_like.cli.values import parse_pairs, parse_value
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.creators import new_function
from mlrun_like.functions.function import Function
from mlrun_like.gateway.control import deploying
from mlrun_like.runs.secrets import read_env_file
from mlrun_like.serving.definition.graph import Graph
from mlrun_like.serving.web.target import find_target

__all__ = ["deploy"]

_OBJECT = re.compile(r".+\.py:\w+|[\w.]+:\w+")
_STEPS = re.compile(r'^\s*"?(?:steps|routes)"?\s*:', re.MULTILINE)
_KIND = re.compile(r"^kind:\s*(?:serving|nuclio|remote|job)", re.MULTILINE)
_TARGET = "A .py or .ipynb file, function.yaml, graph.yaml, FILE.py:NAME or db://..."
Name = Annotated[str, typer.Option("--name", help="By default the file's or function's.")]
Project = Annotated[str, typer.Option("--project", "-p", help="Its project.")]
Tag = Annotated[str, typer.Option("--tag", help="Its tag; others than latest join the name.")]
Kind = Annotated[
    str, typer.Option("--kind", help="nuclio (a handler), serving (a graph), application.")
]
Handler = Annotated[str, typer.Option("--handler", help="The handler in the file.")]
Env = Annotated[list[str] | None, typer.Option("--env", "-e", help="A variable, NAME=value.")]
EnvFile = Annotated[str, typer.Option("--env-file", help="File of NAME=value lines; for secrets.")]
Low = Annotated[
    int | None, typer.Option("--min-replicas", "--min", min=0, help="0: none when idle.")
]
High = Annotated[
    int | None, typer.Option("--max-replicas", "--max", min=1, help="The most replicas.")
]
Options = Annotated[
    list[str] | None,
    typer.Option("--option", "-o", help="Of gateway options: idle_timeout=5m, queue=100."),
]
Settings = Annotated[
    list[str] | None, typer.Option("--set", help="A setting of Nuclio: spec.eventTimeout=5s.")
]
Command = Annotated[
    str, typer.Option("--command", help="Of an application: what to run; {port}: where it listens.")
]
Port = Annotated[int, typer.Option("--port", help="Of an application: its own port.")]
Canary = Annotated[
    float | None, typer.Option("--canary", help="Percent of the requests for the new version.")
]
BlueGreen = Annotated[
    bool, typer.Option("--blue-green", help="All requests at once, watched; back if it fails.")
]
Shadow = Annotated[
    float | None, typer.Option("--shadow", help="Percent of the requests copied to it.")
]
Header = Annotated[
    str, typer.Option("--header", help="Requests with it get the new version: NAME[:VALUE].")
]
Errors = Annotated[
    float | None, typer.Option("--max-error-rate", help="0 to 1; above: back to the old one.")
]
Latency = Annotated[
    float | None, typer.Option("--max-latency", help="Seconds of 95 of 100 requests; above: back.")
]
Where = Annotated[str, typer.Option("--target", help="local, nuclio or kubernetes.")]


def deploy(  # noqa: PLR0913  (options of a command)
    target: Annotated[str, typer.Argument(metavar="TARGET", help=_TARGET)],
    name: Name = "",
    project: Project = "",
    tag: Tag = "",
    kind: Kind = "",
    handler: Handler = "",
    env: Env = None,
    env_file: EnvFile = "",
    min_replicas: Low = None,
    max_replicas: High = None,
    option: Options = None,
    settings: Settings = None,
    command: Command = "",
    port: Port = 0,
    canary: Canary = None,
    blue_green: BlueGreen = False,
    shadow: Shadow = None,
    header: Header = "",
    max_error_rate: Errors = None,
    max_latency: Latency = None,
    where: Where = "local",
    as_json: Json = False,
) -> None:
    """Deploy a function and print its address; the gateway is started if it does not run.

    The same code and options again change nothing. Other code is a new version: it is started
    and must answer before the old one ends, and the old one goes on if it does not.

    mlrun-like deploy handler.py

    mlrun-like deploy handler.py --name scorer -p shop --min 1 --max 8 --env-file secrets.env

    mlrun-like deploy handler.py --canary 10 --max-error-rate 0.02, then mlrun-like promote handler

    mlrun-like deploy graph.yaml --name ranker

    mlrun-like deploy app.py --command "streamlit run app.py --server.port {port}" --name board
    """
    if kind == "application" or command:
        function = _application(target, command, port, project)
    else:
        function = _service(target, kind, project, handler, tag, settings)
    function.metadata.name = name or function.metadata.name
    function.metadata.tag = tag or function.metadata.tag
    extra = _extra(env, env_file, min_replicas, max_replicas, option)
    rollout: dict[str, Any] = {
        "weight": canary, "header": header, "max_error_rate": max_error_rate,
        "max_latency": max_latency, "shadow": shadow,
    }  # fmt: skip
    if blue_green:
        rollout["strategy"] = "blue-green"
    if where != "local":
        typer.echo(_elsewhere(function, where, extra, rollout))
        return
    say = _nothing if as_json else _say
    status = deploying.deploy(function, rollout, extra, say)
    if as_json:
        print_json(status)
    else:
        typer.echo(status["address"])


def _elsewhere(function: Any, where: str, extra: dict[str, Any], rollout: dict[str, Any]) -> str:
    """Deploy to a cluster, which knows fewer ways for a new version to take over."""
    for name, value in extra.pop("env", {}).items():
        function.set_env(name, value)
    for name in ("min_replicas", "max_replicas"):
        if name in extra:
            setattr(function.spec, name, extra.pop(name))
    if extra:
        function.with_gateway(**extra)
    chosen = {name: value for name, value in rollout.items() if value not in (None, "")}
    if where == "kubernetes" and "weight" in chosen:
        chosen["canary"] = chosen.pop("weight")
    return str(function.deploy(target=where, **chosen))


def _say(line: str) -> None:
    typer.echo(clean(line), err=True)


def _nothing(line: str) -> None:
    """With --json only JSON is printed."""


def _extra(
    env: list[str] | None,
    env_file: str,
    low: int | None,
    high: int | None,
    option: list[str] | None,
) -> dict[str, Any]:
    found: dict[str, Any] = {
        key: parse_value(text) for key, text in parse_pairs(option or (), "--option").items()
    }
    values = {**(read_env_file(env_file) if env_file else {}), **parse_pairs(env or (), "--env")}
    if values:
        found["env"] = values
    if low is not None:
        found["min_replicas"] = low
    if high is not None:
        found["max_replicas"] = high
    return found


def _service(
    target: str, kind: str, project: str, handler: str, tag: str, settings: list[str] | None
) -> Function[..., Any]:
    graph = _graph(target)
    if graph is None:
        return function_of(target, kind, project, handler, tag, settings)
    stem = Path(target.partition(":")[0]).stem
    made: Any = new_function(stem, project=project, kind="serving")
    made.spec.graph = graph
    function: Function[..., Any] = made
    return function


def _application(target: str, command: str, port: int, project: str) -> Function[..., Any]:
    path = Path(target)
    if not command:
        raise InvalidArgumentError(
            "an application needs a command",
            fix='--command "streamlit run app.py --server.port {port}"',
        )
    function = new_function(path.stem, project=project, kind="application", command=command)
    function.spec.workdir = str(path.absolute() if path.is_dir() else path.absolute().parent)
    if port:
        function.spec.internal_application_port = port
    return function


def _graph(target: str) -> Graph | None:
    """The graph that a target names, if it is one and no function."""
    if "://" in target:
        return None
    is_object = not Path(target).is_file() and _OBJECT.fullmatch(target)
    if not is_object and not (target.endswith((".yaml", ".yml", ".json")) and _is_graph(target)):
        return None
    found, _ = find_target(target)
    return found if isinstance(found, Graph) else None


def _is_graph(target: str) -> bool:
    """Whether a document has steps at its top, and so is no function."""
    text = ""
    with contextlib.suppress(OSError, UnicodeDecodeError):
        text = Path(target).read_text(encoding="utf-8")
    return _STEPS.search(text) is not None and _KIND.search(text) is None
