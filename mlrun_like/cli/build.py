"""`mlrun-like build`: a file, notebook or packaged function as a container image."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from pathlib import Path
from typing import Annotated

import typer

from mlrun_like.cli.output import Json, print_json
from mlrun_like.errors import InvalidArgumentError, MissingFileError
from mlrun_like.functions.creators import code_to_function, import_function
from mlrun_like.functions.deploying import build as build_document
from mlrun_like.functions.deploying import dockerfile as dockerfile_of
from mlrun_like.functions.documents import export
from mlrun_like.functions.options import requirement_lines
from mlrun_like.packaging.declared import declared_options
from mlrun_like.packaging.local_modules import read_python
from mlrun_like.specs.function import FunctionDoc

__all__ = ["build"]

_DOCUMENTS = (".yaml", ".yml", ".json")


def build(  # noqa: PLR0913  (options of a command)
    target: Annotated[
        str,
        typer.Argument(
            metavar="FILE[:HANDLER]",
            help="FILE.py, FILE.ipynb, function.yaml, or db://<project>/<name>[:<tag>].",
        ),
    ],
    image: Annotated[
        str,
        typer.Option(
            "--image",
            "-t",
            help="Its name, registry:5000/app:1; without a registry it stays on this machine.",
        ),
    ] = "",
    base: Annotated[
        str, typer.Option("--base", help="Base image: a name, or an archive such as ./base.tar.")
    ] = "",
    requirement: Annotated[
        list[str] | None,
        typer.Option("--requirement", "-q", help="A package to add, such as 'pandas>=2'."),
    ] = None,
    requirements_file: Annotated[
        str, typer.Option("--requirements-file", "-r", help="A file with packages to add.")
    ] = "",
    command: Annotated[
        list[str] | None,
        typer.Option("--command", "-c", help="A shell command to run first (a tool is needed)."),
    ] = None,
    source: Annotated[
        str,
        typer.Option("--source", help="A repository, archive or folder to put into the image."),
    ] = "",
    builder: Annotated[
        str, typer.Option("--builder", help="oci (no tool), podman, buildah or docker.")
    ] = "",
    push: Annotated[
        bool | None,
        typer.Option("--push/--no-push", help="By default what names a registry is pushed."),
    ] = None,
    archive: Annotated[
        str, typer.Option("--archive", help="Write an OCI archive into this file instead.")
    ] = "",
    print_dockerfile: Annotated[
        bool,
        typer.Option(
            "--print-dockerfile",
            help="Print the Dockerfile and build nothing; with --keep the exact one.",
        ),
    ] = False,
    keep: Annotated[
        str, typer.Option("--keep", help="Keep the Dockerfile and what it adds in this folder.")
    ] = "",
    platform: Annotated[
        str, typer.Option("--platform", help="Such as linux/arm64; by default this machine's.")
    ] = "",
    python: Annotated[
        str, typer.Option("--python", help="The base's Python, where commands install it.")
    ] = "",
    renew: Annotated[bool, typer.Option("--renew", help="Choose package versions anew.")] = False,
    with_mlrun: Annotated[
        bool, typer.Option("--with-mlrun/--without-mlrun", help="Add this package itself.")
    ] = True,
    project: Annotated[str, typer.Option("--project", help="The project.")] = "",
    name: Annotated[str, typer.Option("--name", help="The function's name.")] = "",
    output: Annotated[
        str, typer.Option("--output", "-o", help="Write the function, with its image, to a file.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Build a container image: base, locked packages, this package, code.

    Without a daemon, unless there are commands. Nothing of the code is run. A change of code alone
    sends a few kilobytes.

    mlrun-like build train.py:train --image registry:5000/app/train:1 -q "pandas>=2"

    mlrun-like build train.py:train --archive train.tar

    mlrun-like build train.py:train --image train -c "apt-get install -y git" --builder podman

    mlrun-like build train.py:train --print-dockerfile
    """
    document = _document(target, project, name)
    settings = document.spec.build
    settings.requirements = _with(document, requirement, requirements_file)
    settings.commands = list(dict.fromkeys([*settings.commands, *(command or [])]))
    if source:
        settings.source, settings.load_source_on_run = source, False
    if not with_mlrun:
        settings.with_mlrun = False
    if base:
        settings.base_image = base
    # Lines of progress are for people: with --json or a text on stdout they go elsewhere.
    quiet = contextlib.redirect_stdout(sys.stderr)
    changes = {"platform": platform, "python": python}
    if print_dockerfile:
        text = dockerfile_of(document, keep, changes, lambda line: typer.echo(line, err=True))
        typer.echo(text, nl=False)
        return
    options = {"target": image, "builder": builder, "push": push, "archive": archive}
    options.update(renew=renew, keep=keep)
    with quiet if as_json else contextlib.nullcontext():
        made = build_document(document, options, changes)
    if output:
        export(document, output, "", False)
    if as_json:
        record = dataclasses.asdict(made)
        record["layers"] = [layer._asdict() for layer in made.layers]
        print_json(record)


def _with(document: FunctionDoc, lines: list[str] | None, file: str) -> list[str]:
    found = requirement_lines(lines or [], file)
    return list(dict.fromkeys([*document.spec.build.requirements, *found]))


def _document(target: str, project: str, name: str) -> FunctionDoc:
    if target.startswith("db://") or target.endswith(_DOCUMENTS):
        return import_function(target, project=project, new_name=name)._doc()
    path, colon, handler = target.rpartition(":")
    if not colon or "/" in handler or "\\" in handler or len(path) < 2:
        path, handler = target, ""
    if not path.endswith((".py", ".ipynb")):
        raise InvalidArgumentError(
            f"{target!r} is nothing that can be built",
            fix="give FILE.py:HANDLER, a notebook, a function.yaml, or db://<project>/<name>",
        )
    if not Path(path).is_file():
        raise MissingFileError(
            f"there is no file {path!r}", where=str(Path.cwd()), fix="give the path of one"
        )
    function = code_to_function(
        name=name, filename=path, kind="job", project=project, handler=handler
    )
    document = function._doc()
    if path.endswith(".py"):
        declared = declared_options(read_python(Path(path)), handler)
        document.kind = str(declared.get("kind") or document.kind)
    return document
