"""`mlrun build` and `deploy`: images, and functions with an address."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.older.chosen import named_function
from mlrun_like.cli.older.values import first_word, mapping_of, pairs_of, prepare, refuse
from mlrun_like.compat.adapted.datastore.urls import upload_tarball
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.creators import new_function
from mlrun_like.functions.documents import from_document
from mlrun_like.functions.nuclio import NuclioFunction
from mlrun_like.names import check_project, check_tag

__all__ = ["build", "deploy"]

Words = list[str] | None
EnvFile = Annotated[str, typer.Option("--env-file", help="File of K=V lines.")]
Ensure = Annotated[bool, typer.Option("--ensure-project", help="Make the project if needed.")]
Cross = Annotated[
    bool, typer.Option("--allow-cross-project", help="Take a project of another name.")
]


def build(  # noqa: PLR0913 - MLRun's options
    func_url: Annotated[
        str, typer.Argument(metavar="URL", callback=first_word, help="Document or db://...")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="The function's name.")] = "",
    project: Annotated[str, typer.Option("--project", help="Its project.")] = "",
    tag: Annotated[str, typer.Option("--tag", help="Its tag.")] = "",
    image: Annotated[str, typer.Option("--image", "-i", help="The image's name.")] = "",
    source: Annotated[str, typer.Option("--source", "-s", help="Archive, folder or file.")] = "",
    base_image: Annotated[str, typer.Option("--base-image", "-b", help="What it rests on.")] = "",
    command: Annotated[Words, typer.Option("--command", "-c", help="Run in the build.")] = None,
    secret_name: Annotated[str, typer.Option("--secret-name", help="Of the registry.")] = "",
    archive: Annotated[str, typer.Option("--archive", "-a", help="Where the code goes.")] = "",
    silent: Annotated[bool, typer.Option("--silent", help="Do not show progress.")] = False,
    with_mlrun: Annotated[bool, typer.Option("--with-mlrun", help="Add this package.")] = False,
    db: Annotated[str, typer.Option("--db", help="Where it is recorded.")] = "",
    runtime: Annotated[str, typer.Option("--runtime", "-r", help="A document.")] = "",
    kfp: Annotated[bool, typer.Option("--kfp", help="Write files for Kubeflow.")] = False,
    skip: Annotated[bool, typer.Option("--skip", help="Not if it has an image.")] = False,
    env_file: EnvFile = "",
    ensure_project: Ensure = False,
    state_file_path: Annotated[str, typer.Option(help="Of --kfp.")] = "/tmp/state",
    image_file_path: Annotated[str, typer.Option(help="Of --kfp.")] = "/tmp/image",
    full_image_file_path: Annotated[str, typer.Option(help="Of --kfp.")] = "/tmp/fullimage",
    allow_cross_project: Cross = False,
) -> None:
    """Build a container image from code.

    mlrun build function.yaml -i registry:5000/app/train:1 -c "pip install pandas"
    """
    prepare(env_file, db, project if ensure_project else "", allow_cross_project)
    function: Any
    if runtime:
        function = new_function(runtime={"kind": "job", **mapping_of(runtime, "runtime")})
    elif func_url:
        function = named_function(func_url, project)
    else:
        refuse("Error: Function path or url are required")
    meta = function.metadata
    meta.name, meta.tag = name or meta.name, tag or meta.tag
    meta.project = project or meta.project or str(config.default_project)
    if source.endswith(".py"):
        if not Path(source).is_file():
            refuse(f"Source file doesnt exist ({source})")
        function.with_code(from_file=source)
        function.spec.command, source = "", ""
    if archive:
        packed = f"{archive.rstrip('/')}/src-{meta.project}-{meta.name}-{meta.tag or 'latest'}"
        upload_tarball(source or function.spec.build.source or "./", f"{packed}.tar.gz")
        source = f"{packed}.tar.gz"
    function.build_config(
        image, base_image, command, secret_name, source, overwrite=bool(command),
    )  # fmt: skip
    function.deploy(watch=not silent, with_mlrun=with_mlrun or None, skip_deployed=skip)
    status = function.to_dict().get("status") or {}
    state, made = str(status.get("state") or "ready"), str(function.spec.image or "")
    if kfp:
        files = {state_file_path: state, image_file_path: made, full_image_file_path: made}
        for file, text in files.items():
            Path(file).write_text(text, encoding="utf-8")
    typer.echo(f"Function built, state={state} image={made}")


def deploy(  # noqa: PLR0913 - MLRun's options
    spec: Annotated[str, typer.Argument(callback=first_word, help="A document's text.")] = "",
    source: Annotated[str, typer.Option("--source", "-s", help="Archive or repository.")] = "",
    func_url: Annotated[
        str, typer.Option("--func-url", "-f", help="The function: document, db://..., its name.")
    ] = "",
    project: Annotated[str, typer.Option("--project", "-p", help="Its project.")] = "",
    model: Annotated[
        Words, typer.Option("--model", "-m", help="name=path, or add_model's arguments as JSON.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", "-k", help="The kind within Nuclio.")] = "",
    tag: Annotated[str, typer.Option("--tag", help="Its tag.")] = "",
    env: Annotated[Words, typer.Option("--env", "-e", help="A variable, K=V.")] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Tell more.")] = False,
    env_file: EnvFile = "",
    ensure_project: Ensure = False,
    allow_cross_project: Cross = False,
) -> None:
    """Deploy a model or function, and print its address.

    mlrun deploy -f function.yaml -p demo -e MODE=fast
    """
    prepare(env_file, "", project if ensure_project else "", allow_cross_project)
    if not (func_url or spec):
        raise InvalidArgumentError("a function is required", fix="mlrun deploy -f function.yaml")
    function: Any
    if func_url:
        function = named_function(func_url, project)
    else:
        function = from_document({"kind": "remote", **mapping_of(spec, "runtime")}, "deploy")
    served = isinstance(function, NuclioFunction)
    if kind and not served:
        raise _unfit(function, "--kind")
    if kind and function.kind != "serving":
        function.kind = f"{function.kind.partition(':')[0]}:{kind}"
    for text in model or ():
        _add_model(function, text)
    if source:
        function.with_source_archive(source)
    for key, value in pairs_of(env).items():
        function.set_env(key, value)
    if served:
        address = function.deploy(project, tag, verbose)
        typer.echo(f"Function deployed, address={address}")
        return
    meta = function.metadata  # the other kinds are built, and their `deploy` takes neither
    meta.project = check_project(project) if project else meta.project
    meta.tag = check_tag(tag) if tag else meta.tag
    function.deploy()
    typer.echo(f"Function built, image={function.spec.image or ''}")


def _add_model(function: Any, text: str) -> None:
    if not hasattr(type(function), "add_model"):
        raise _unfit(function, "--model")
    if not text.lstrip().startswith("{"):
        for key, path in pairs_of([text]).items():
            function.add_model(key, path)
        return
    given = mapping_of(text, "model")
    try:
        inspect.signature(function.add_model).bind(**given)
    except TypeError as exc:
        raise InvalidArgumentError(
            f"--model {text!r:.200} is not what add_model takes: {exc}",
            fix='--model \'{"key": "m1", "model_path": "store://models/...", '
            '"class_name": "MyModel"}\'',
        ) from exc
    function.add_model(**given)


def _unfit(function: Any, option: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"a function of kind {function.kind!r} takes no {option}",
        where=f"function {function.metadata.name}",
        fix="leave it out, or deploy a function of kind serving"
        + (" or nuclio" if option != "--model" else ""),
    )
