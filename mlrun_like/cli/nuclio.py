"""`mlrun-like nuclio`: functions as Nuclio projects, and in a Nuclio that runs."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.output import Json, clean, print_fields, print_json
from mlrun_like.cli.run import function_from
from mlrun_like.cli.values import parse_pairs, parse_value
from mlrun_like.errors import InvalidArgumentError, MissingFileError
from mlrun_like.functions.function import Function
from mlrun_like.functions.nuclio import NuclioFunction, export_nuclio, to_nuclio
from mlrun_like.packaging.declared import declared_options
from mlrun_like.packaging.local_modules import read_python
from mlrun_like.runtimes.nuclio.project import config_text
from mlrun_like.serving.web.target import find_target

__all__ = ["app", "function_of"]

_OBJECT = re.compile(r".+\.py:\w+|[\w.]+:\w+")
_TARGET = "function.yaml, a .py or .ipynb file, FILE.py:NAME or MODULE:NAME."

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Functions as Nuclio projects, and in a Nuclio that runs.",
)

Target = Annotated[str, typer.Argument(metavar="TARGET", help=_TARGET)]
Handler = Annotated[str, typer.Option("--handler", help="The handler in a .py or .ipynb file.")]
Kind = Annotated[
    str, typer.Option("--kind", help="nuclio (a handler), nuclio:mlrun (runs) or serving.")
]
Project = Annotated[str, typer.Option("--project", "-p", help="Project of the function.")]
Tag = Annotated[str, typer.Option("--tag", help="Tag of the function.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="A setting of Nuclio, such as spec.minReplicas=0."),
]


@app.command("export")
def export(
    target: Target,
    folder: Annotated[str, typer.Argument(metavar="FOLDER", help="A folder, or NAME.zip.")],
    handler: Handler = "",
    kind: Kind = "",
    project: Project = "",
    tag: Tag = "",
    settings: Settings = None,
) -> None:
    """Write a Nuclio project: function.yaml and the code, as `nuctl deploy --path` takes it.

    mlrun-like nuclio export handler.py out --handler handler

    mlrun-like nuclio export function.yaml fn.zip
    """
    function = function_of(target, kind, project, handler, tag, settings)
    typer.echo(clean(export_nuclio(function, folder)))


@app.command("show")
def show(
    target: Target,
    handler: Handler = "",
    kind: Kind = "",
    project: Project = "",
    tag: Tag = "",
    settings: Settings = None,
    as_json: Json = False,
) -> None:
    """Print Nuclio's configuration of a function.

    mlrun-like nuclio show handler.py --handler handler
    """
    parts = to_nuclio(function_of(target, kind, project, handler, tag, settings))
    if as_json:
        print_json({name: config for name, (config, _) in parts.items()} if parts.keys() - {""}
                   else parts[""][0])  # fmt: skip
        return
    typer.echo("---\n".join(clean(config_text(config)) for config, _ in parts.values()), nl=False)


@app.command("deploy")
def deploy(
    target: Target,
    handler: Handler = "",
    kind: Kind = "",
    project: Project = "",
    tag: Tag = "",
    settings: Settings = None,
    dashboard: Annotated[str, typer.Option("--dashboard", help="URL of Nuclio's dashboard.")] = "",
    verbose: Annotated[bool, typer.Option("--verbose", help="Print more of the log.")] = False,
) -> None:
    """Let Nuclio build and run a function; prints the build's log and the address.

    mlrun-like nuclio deploy handler.py --handler handler --set spec.minReplicas=0
    """
    function = function_of(target, kind, project, handler, tag, settings)
    if not isinstance(function, NuclioFunction):
        raise InvalidArgumentError(
            f"a function of kind {function.kind!r} is not deployed to Nuclio",
            where=target,
            fix="--kind nuclio (a handler) or --kind nuclio:mlrun (runs)",
        )
    address = function.deploy(verbose=verbose, dashboard=dashboard, mock=False, target="nuclio")
    status = function.status
    print_fields(
        [("name", status.nuclio_name), ("state", status.state), ("address", address),
         ("image", status.container_image)]
    )  # fmt: skip


def function_of(
    target: str, kind: str, project: str, handler: str, tag: str, settings: list[str] | None
) -> Function[..., Any]:
    """The function that a target on the command line means.

    Raises:
        MissingFileError: if there is no such file.
        InvalidArgumentError: if the target is something else.
    """
    function = _found(target, kind, project, handler)
    if project:
        function.metadata.project = project
    if tag:
        function.metadata.tag = tag
    for key, value in parse_pairs(settings or (), "--set").items():
        config = function.spec.config
        function.spec.config = {**config, key: parse_value(value)}
    return function


def _found(target: str, kind: str, project: str, handler: str) -> Function[..., Any]:
    path = Path(target)
    if "://" not in target and not path.is_file() and _OBJECT.fullmatch(target):
        found, _ = find_target(target)
        if not isinstance(found, Function):
            raise InvalidArgumentError(
                f"{target} is a {type(found).__name__}, which is no function",
                where=target,
                fix="name an object made by @function, new_function or code_to_function",
            )
        return found
    if "://" not in target and not path.is_file():
        raise MissingFileError(f"the file {target!r} does not exist", fix=_TARGET)
    if path.suffix == ".py" and not kind and path.is_file():
        kind = str(declared_options(read_python(path), handler).get("kind") or "")
    if path.suffix in (".py", ".ipynb") and not kind:
        kind = "nuclio"
    if kind == "serving":
        return function_from(target, kind, project, "")
    return function_from(target, kind, project, handler)
