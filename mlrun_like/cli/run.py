"""`mlrun-like run`: a file, a notebook or a packaged function as one recorded run."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.executing import execute_run, print_end
from mlrun_like.cli.output import Json
from mlrun_like.cli.values import parse_labels, parse_lists, parse_pairs, parse_value
from mlrun_like.errors import (
    FunctionError,
    InvalidArgumentError,
    MissingFileError,
    nearest,
)
from mlrun_like.functions.creators import code_to_function, import_function, new_function
from mlrun_like.functions.function import Function
from mlrun_like.packaging.declared import declared_options
from mlrun_like.packaging.local_modules import read_python
from mlrun_like.projects.environment import set_env_from_file
from mlrun_like.registry import resolve
from mlrun_like.runs.entry import main as run_payload
from mlrun_like.specs.schedule import Schedule
from mlrun_like.specs.values import HyperParamOptions

__all__ = ["function_from", "run", "split_handler"]

_CODE = (".py", ".ipynb")
_DOCUMENTS = (".yaml", ".yml", ".json")


def run(  # noqa: PLR0913  (MLRun's options)
    url: Annotated[
        str,
        typer.Argument(
            metavar="FILE[:HANDLER]",
            help="FILE.py, FILE.ipynb, function.yaml, or db://<project>/<name>[:<tag>].",
        ),
    ] = "",
    func_url: Annotated[
        str,
        typer.Option("--func-url", "-f", help="The function: its name in ./project.yaml, or URL."),
    ] = "",
    args: Annotated[
        list[str] | None,
        typer.Argument(help="Arguments of a file that runs as a whole (after -- if they have -)."),
    ] = None,
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="A parameter, k=v; v may be a Python literal."),
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--inputs", "-i", help="A data input, k=url.")
    ] = None,
    handler: Annotated[
        str, typer.Option("--handler", help="The function to call: name or Class::method.")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="The run's name.")] = "",
    project: Annotated[str, typer.Option("--project", help="The project.")] = "",
    kind: Annotated[str, typer.Option("--kind", help="Where it runs: local, process, …")] = "",
    local: Annotated[
        bool | None,
        typer.Option(
            "--local/--no-local",
            help="Run in this process whatever the kind; --no-local: nothing may stand in for the "
            "kind's engine.",
        ),
    ] = None,
    artifact_path: Annotated[
        str, typer.Option("--artifact-path", help="Where artifacts go; may hold {{run.uid}}.")
    ] = "",
    returns: Annotated[
        list[str] | None,
        typer.Option("--returns", help="Log hint of a returned value: key or key:type."),
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", help="A label of the run, k=v.")
    ] = None,
    env_file: Annotated[
        Path | None, typer.Option("--env-file", help="File of K=V lines for the function.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", help="Stop the run after so many seconds.")
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch/--no-watch", "-w", help="Show what the run prints.")
    ] = True,
    hyperparam: Annotated[
        list[str] | None,
        typer.Option("--hyperparam", "-x", help="Values to sweep over, k=[v, v]."),
    ] = None,
    param_file: Annotated[
        str, typer.Option("--param-file", help="A .csv or .json file with the values.")
    ] = "",
    selector: Annotated[
        str, typer.Option("--selector", help="The best trial: max.<result> or min.<result>.")
    ] = "",
    strategy: Annotated[
        str, typer.Option("--hyper-param-strategy", help="grid, list, random or custom.")
    ] = "",
    image: Annotated[
        str, typer.Option("--image", help="The image, for kinds that run in one.")
    ] = "",
    schedule: Annotated[
        str,
        typer.Option("--schedule", help='Run at these times instead of now: "0 9 * * MON-FRI".'),
    ] = "",
    time_zone: Annotated[
        str, typer.Option("--time-zone", help="Of --schedule, such as Europe/Berlin; default UTC.")
    ] = "",
    from_env: Annotated[
        bool, typer.Option("--from-env", help="Run the payload in MLRUN_LIKE_EXEC (runtimes).")
    ] = False,
    exec_file: Annotated[
        str, typer.Option("--exec-file", help="Run the payload in this file (runtimes).")
    ] = "",
    step: Annotated[
        str,
        typer.Option("--step", help="One step of a package of a pipeline: train, fit[3], fit[*]."),
    ] = "",
    state: Annotated[
        str, typer.Option("--state", help="Of --step: the folder or URL that its jobs share.")
    ] = "",
    workflow: Annotated[
        str, typer.Option("--workflow", help="Of --step: what tells this run from others.")
    ] = "",
    arguments: Annotated[
        str, typer.Option("--arguments", help="Of --step: the pipeline's parameters as JSON.")
    ] = "",
    dump: Annotated[bool, typer.Option("--dump", help="Print the run as YAML.")] = False,
    once: Annotated[
        bool, typer.Option("--once", help="Of --step: the caller tries again after a failure.")
    ] = False,
    skip_code: Annotated[
        int, typer.Option("--skip-code", help="Of --step: the exit code if it is skipped.")
    ] = 0,
    as_json: Json = False,
) -> int:
    """Run a file, notebook or packaged function and record it.

    mlrun-like run train.py --handler train -p depth=4 -i data=train.csv

    mlrun-like run train.py --handler train -x "depth=[2, 4, 8]" --selector max.accuracy

    Without --handler the file runs as a whole. The exit code is 1 if the run fails.
    """
    if from_env or exec_file:
        if exec_file and not Path(exec_file).is_file():
            raise MissingFileError(f"there is no file {exec_file!r}", where="--exec-file")
        return run_payload([exec_file] if exec_file else [])
    if step:
        order = (step, state, workflow, project, once, local)
        given = (arguments, parse_pairs(param or (), "--param"))
        code: int = resolve("mlrun_like.cli.step:run_step")(url, order, given, skip_code)
        return code
    sweep = _sweep(param_file, selector, strategy)
    options: dict[str, Any] = {
        "params": {k: parse_value(v) for k, v in parse_pairs(param or (), "--param").items()},
        "inputs": parse_pairs(inputs or (), "--inputs"),
        "handler": None,
        "name": name,
        "project": project,
        "returns": returns or None,
        "hyperparams": parse_lists(hyperparam or (), "--hyperparam") or None,
        "hyper_param_options": sweep,
        "artifact_path": artifact_path,
        "local": local,
        "watch": watch,
        "labels": {key: value or "" for key, value in parse_labels(label or ()).items()},
        "timeout": timeout,
    }
    if schedule:
        options["schedule"] = Schedule(schedule, time_zone=time_zone)
    if func_url and url:
        args, url = [url, *(args or [])], ""
    url, handler = split_handler(func_url or url, handler)
    options["handler"] = handler or None
    function = function_from(url, kind, project, handler)
    if image:
        function.spec.image = image
    if args:
        function.spec.args = list(args)
    if env_file is not None:
        function.set_envs(file_path=str(env_file))
        set_env_from_file(str(env_file))  # what runs in this process has them too
    with _prints_to_stderr(as_json):
        finished, error = execute_run(function, options)
    if schedule:
        return 0
    return print_end(finished, error, as_json=as_json, dump=dump)


def _sweep(param_file: str, selector: str, strategy: str) -> HyperParamOptions | None:
    given = {"param_file": param_file, "selector": selector, "strategy": strategy}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value}
    return HyperParamOptions(**chosen) if chosen else None


def split_handler(url: str, handler: str = "") -> tuple[str, str]:
    """`FILE.py:HANDLER` as a file and a handler, as for `build`.

    >>> split_handler("train.py:Model::fit")
    ('train.py', 'Model::fit')
    """
    for suffix in _CODE:
        file, mark, name = url.partition(f"{suffix}:")
        if mark and "://" not in url and not Path(url).exists():
            if handler and handler != name:
                raise InvalidArgumentError(
                    f"the handler is given twice: {name!r} and {handler!r}", fix=f"--handler {name}"
                )
            return file + suffix, name
    return url, handler


def function_from(url: str, kind: str, project: str, handler: str) -> Function[..., Any]:
    """The function of a file, a document or the store, as `run` takes it."""
    if not url and "." in handler:  # of a module that is installed
        return new_function(project=project, kind=kind)
    if not url:
        raise InvalidArgumentError(
            "run needs a file, notebook or function", fix="mlrun-like run train.py --handler train"
        )
    if url.startswith(("db://", "hub://")) or url.endswith(_DOCUMENTS):
        function = import_function(url, project=project)
        if kind:
            function.kind = kind
        return function
    if Path("project.yaml").is_file() and "/" not in url and not url.endswith(_CODE):
        named: Function[..., Any] = resolve("mlrun_like.cli.project:function_named")(url)
        return named
    if not url.endswith(_CODE):
        raise FunctionError(
            f"{url!r} is not something that can be run",
            fix="give a .py or .ipynb file, FILE.py:HANDLER, a function.yaml, or "
            "db://<project>/<name>",
        )
    if "://" not in url and not Path(url).is_file():
        folder = Path(url).parent
        near = nearest(Path(url).name, os.listdir(folder)) if folder.is_dir() else ""
        raise MissingFileError(
            f"there is no file {url!r}.{near}",
            where=str(Path.cwd()),
            fix="give the path of a .py or .ipynb file",
        )
    if not kind and url.endswith(".py") and "://" not in url:
        kind = str(declared_options(read_python(Path(url)), handler).get("kind") or "")
    return code_to_function(filename=url, kind=kind or "local", project=project, handler=handler)


@contextlib.contextmanager
def _prints_to_stderr(wanted: bool) -> Iterator[None]:
    """With `--json`, stdout is for the document alone."""
    if not wanted:
        yield
        return
    with contextlib.redirect_stdout(sys.stderr):
        yield
