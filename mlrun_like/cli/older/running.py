"""`mlrun run`: a file, program or function as one recorded run."""

from __future__ import annotations

import socket
from typing import Annotated, Any

import typer

from mlrun_like.cli.executing import execute_run, print_end
from mlrun_like.cli.older.carried import carried_task
from mlrun_like.cli.older.chosen import Wanted, function_of
from mlrun_like.cli.older.values import (
    first_word,
    mapping_of,
    pairs_of,
    prepare,
    sources_of,
    values_of,
)
from mlrun_like.cli.values import parse_value
from mlrun_like.configuration import environment
from mlrun_like.functions.options import check_mapping
from mlrun_like.functions.tasks import RunTemplate
from mlrun_like.registry import resolve
from mlrun_like.runs.entry import main as run_payload

__all__ = ["run"]

Words = list[str] | None
_POD = "mlrun/runner-pod"


def _option(*names: str, help: str) -> Any:
    return typer.Option(*names, help=help)


def run(  # noqa: PLR0913 - MLRun's options
    url: Annotated[
        str,
        typer.Argument(metavar="URL", callback=first_word, help="File or command, with arguments."),
    ] = "",
    run_args: Annotated[Words, typer.Argument(help="More arguments of it.")] = None,
    param: Annotated[Words, _option("--param", "-p", help="A parameter, k=v.")] = None,
    inputs: Annotated[Words, _option("--inputs", "-i", help="A data input, k=url.")] = None,
    outputs: Annotated[
        Words, _option("--outputs", "-o", help="Of Kubeflow; runs here say theirs by themselves.")
    ] = None,
    in_path: Annotated[str, _option("--in-path", help="The base of relative inputs.")] = "",
    out_path: Annotated[str, _option("--out-path", help="Where artifacts go.")] = "",
    secrets: Annotated[
        Words, _option("--secrets", "-s", help="file=PATH, env=A,B, inline={...}.")
    ] = None,
    uid: Annotated[str, _option("--uid", help="The run's id.")] = "",
    name: Annotated[str, _option("--name", help="The run's name.")] = "",
    workflow: Annotated[str, _option("--workflow", help="The workflow it belongs to.")] = "",
    project: Annotated[str, _option("--project", help="The project.")] = "",
    db: Annotated[str, _option("--db", help="Where it is recorded.")] = "",
    runtime: Annotated[str, _option("--runtime", "-r", help="A function's document.")] = "",
    kfp: Annotated[bool, _option("--kfp", help="In a Kubeflow pipeline: tell more.")] = False,
    hyperparam: Annotated[
        Words, _option("--hyperparam", "-x", help="Values to sweep over, k=[v, v].")
    ] = None,
    param_file: Annotated[str, _option("--param-file", help="File with such values.")] = "",
    selector: Annotated[str, _option("--selector", help="The best: max.<result>.")] = "",
    hyper_param_strategy: Annotated[
        str, _option("--hyper-param-strategy", help="list, grid or random.")
    ] = "",
    hyper_param_options: Annotated[
        str, _option("--hyper-param-options", help="All options of the sweep, as JSON.")
    ] = "",
    func_url: Annotated[
        str, _option("--func-url", "-f", help="The function: document, db://..., its name.")
    ] = "",
    task: Annotated[str, _option("--task", help="Path or URL of a task's document.")] = "",
    handler: Annotated[str, _option("--handler", help="The function to call.")] = "",
    mode: Annotated[str, _option("--mode", help="pass: run the command as it is.")] = "",
    schedule: Annotated[str, _option("--schedule", help="Cron: run then, not now.")] = "",
    from_env: Annotated[bool, _option("--from-env", help="Task and code of variables.")] = False,
    dump: Annotated[bool, _option("--dump", help="Print the run as YAML.")] = False,
    image: Annotated[str, _option("--image", help="The image.")] = "",
    kind: Annotated[str, _option("--kind", help="Where it runs.")] = "",
    source: Annotated[str, _option("--source", help="Archive or repository of code.")] = "",
    local: Annotated[bool, _option("--local", help="Run in this process.")] = False,
    auto_mount: Annotated[bool, _option("--auto-mount", help="Mount the storage.")] = False,
    workdir: Annotated[str, _option("--workdir", help="The working folder.")] = "",
    origin_file: Annotated[str, _option("--origin-file", help="The code's file, once.")] = "",
    label: Annotated[Words, _option("--label", help="A label of the run, k=v.")] = None,
    watch: Annotated[bool, _option("--watch", "-w", help="Output is shown anyway.")] = False,
    verbose: Annotated[bool, _option("--verbose", help="Log at debug level.")] = False,
    scrape_metrics: Annotated[bool, _option("--scrape-metrics", help="Of a cluster.")] = False,
    env_file: Annotated[str, _option("--env-file", help="File of K=V lines.")] = "",
    auto_build: Annotated[bool, _option("--auto-build", help="Build its image first.")] = False,
    ensure_project: Annotated[
        bool, _option("--ensure-project", help="Make the project if there is none.")
    ] = False,
    returns: Annotated[Words, _option("--returns", help="Log hint of what is returned.")] = None,
    allow_cross_project: Annotated[
        bool, _option("--allow-cross-project", help="Take a project of another name.")
    ] = False,
    runtime_config: Annotated[
        Words, _option("--runtime-config", "-rc", help="Of a cluster; k=v.")
    ] = None,
) -> int:
    """Execute a task and inject parameters.

    mlrun run train.py --handler train -p depth=4 -i data=train.csv --dump

    mlrun run --mode pass "bash prepare.sh {folder}" -p folder=raw

    What the run prints is shown. The exit code is 1 if it fails.
    """
    del outputs, watch, scrape_metrics, runtime_config
    prepare(env_file, db, project if ensure_project else "", allow_cross_project)
    carried = carried_task() if from_env else {}
    if "function" in carried:  # not a task of MLRun's but our own payload
        return run_payload([])
    template = RunTemplate.from_dict(carried) if carried else _read(task)
    _describe(template, (uid, name, project), label, workflow)
    spec = template.spec
    spec.handler = handler or spec.handler
    spec.parameters.update(values_of(param))
    for key, value in values_of(inputs).items():
        template.with_input(key, value)
    spec.returns = [parse_value(text) for text in returns or ()] or spec.returns
    spec.input_path = in_path or spec.input_path
    spec.output_path = out_path or spec.output_path or environment("MLRUN_ARTIFACT_PATH") or ""
    spec.hyperparams = values_of(hyperparam) or spec.hyperparams
    sweep = {"param_file": param_file, "strategy": hyper_param_strategy, "selector": selector}
    more = mapping_of(hyper_param_options, "hyper-param-options") if hyper_param_options else {}
    spec.hyper_param_options = {
        **spec.hyper_param_options, **more, **{key: text for key, text in sweep.items() if text},
    }  # fmt: skip
    for kind_of_secret, place in sources_of(secrets):
        template.with_secrets(kind_of_secret, place)
    function = function_of(
        Wanted(
            url, func_url, runtime, kind, spec.handler, project, image, mode, source, origin_file
        ),
        carried=from_env,
    )
    if run_args:
        function.spec.args = [*function.spec.args, *run_args]
    if workdir:
        function.spec.workdir = workdir
    if auto_mount:
        function.apply(resolve("mlrun_like.compat.adapted.runtimes.mounts:auto_mount")())
    if kfp or verbose:
        typer.echo(f"Runtime:\n{function.to_yaml()}\nRun:\n{template.to_yaml()}")
    options: dict[str, Any] = {"runspec": template, "project": project, "verbose": verbose or None}
    options.update(schedule=schedule or None, local=local or None, auto_build=auto_build or None)
    finished, error = execute_run(function, options)
    if dump or schedule:
        return print_end(finished, error, dump=dump)
    meta, status = finished.metadata, finished.status
    typer.echo(f"Run execution finished: status={status.state} name={meta.name}")
    shown = {"project": meta.project, "uid": meta.uid, "status": status.state}
    typer.echo(resolve("yaml:safe_dump")({**shown, "results": status.results}, sort_keys=False))
    if error is not None:
        typer.echo(f"Runtime error: {error.what}")
        typer.echo(f"error: {error}", err=True)
    return 0 if error is None else 1


def _read(url: str) -> RunTemplate:
    """The task of a document; without an address an empty one."""
    if not url:
        return RunTemplate()
    text = resolve("mlrun_like.artifacts.item:get_dataitem")(url).get(encoding="utf-8")
    return RunTemplate.from_dict(check_mapping("task", mapping_of(text, f"task {url}"), "{...}"))


def _describe(
    template: RunTemplate, names: tuple[str, str, str], labels: Words, workflow: str
) -> None:
    meta = template.metadata
    uid, name, project = names
    meta.uid, meta.name = uid or meta.uid, name or meta.name
    meta.project = project or meta.project
    for key, value in pairs_of(labels).items():
        template.set_label(key, value)
    if workflow:
        template.set_label("workflow", workflow)
        template.set_label(_POD, environment("MLRUN_POD_NAME") or socket.gethostname())
