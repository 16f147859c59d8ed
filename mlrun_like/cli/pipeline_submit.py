"""`mlrun-like pipeline submit` and `watch`: pipelines on a Kubeflow Pipelines service."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from typing import Annotated, Any

import typer

from mlrun_like.cli.output import clean
from mlrun_like.cli.pipeline_target import planned
from mlrun_like.cli.values import parse_pairs, parse_value
from mlrun_like.configuration import config, environment
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.pipelines.exports.kubeflow import client

__all__ = ["submit", "watch"]

Host = Annotated[
    str, typer.Option("--host", help="URL of the service; by default the setting kfp_url.")
]
Namespace = Annotated[str, typer.Option("--namespace", help="Of a service for several teams.")]
TokenFrom = Annotated[
    str, typer.Option("--token-from", help="The environment variable that holds a bearer token.")
]
Project = Annotated[str, typer.Option("--project", help="Where the run is recorded.")]


def submit(
    target: Annotated[
        str,
        typer.Argument(metavar="FILE[:NAME]", help="FILE.py, FILE.ipynb or a module, and a name."),
    ],
    param: Annotated[
        list[str] | None,
        typer.Option("--param", "-p", help="A parameter, k=v; v may be a Python literal."),
    ] = None,
    host: Host = "",
    image: Annotated[
        str, typer.Option("--image", help="Of steps that name none; it holds mlrun-like.")
    ] = "",
    namespace: Namespace = "",
    token_from: TokenFrom = "",
    project: Project = "",
    watching: Annotated[
        bool, typer.Option("--watch", "-w", help="Wait for its end; the exit code is its own.")
    ] = False,
) -> int:
    """Run a pipeline on Kubeflow Pipelines; the first line is the id of its run.

    mlrun-like pipeline submit flow.py -p rows=100 --host http://kubeflow:8888 --watch
    """
    plan = planned(target)
    arguments = {k: parse_value(v) for k, v in parse_pairs(param or (), "--param").items()}
    service, options = _service(host, namespace, token_from)
    with (
        tempfile.TemporaryDirectory(prefix="mlrun-like-") as folder,
        contextlib.redirect_stdout(sys.stderr),  # where the client prints links
    ):
        run = client.submit(
            plan,
            arguments,
            host=service,
            folder=folder,
            image=image,
            project=project,
            options=options,
        )
    typer.echo(run.uid)
    return _watched(run.uid, service, project, options) if watching else 0


def watch(
    uid: Annotated[str, typer.Argument(metavar="ID", help="Kubeflow's id of the run.")],
    host: Host = "",
    namespace: Namespace = "",
    token_from: TokenFrom = "",
    project: Project = "",
) -> int:
    """Wait for the end of a run on Kubeflow Pipelines, and record it; the exit code is its own.

    mlrun-like pipeline watch 0193a4b2-7c11-7d00-8000-2f5e6b1c9a10 --host http://kubeflow:8888
    """
    service, options = _service(host, namespace, token_from)
    return _watched(uid, service, project, options)


def _watched(uid: str, host: str, project: str, options: dict[str, Any]) -> int:
    def report(line: str) -> None:
        typer.echo(clean(line), err=True)

    run = client.watch(uid, host=host, project=project, options=options, report=report)
    typer.echo(clean(f"{run.state} {run.error}".strip()))
    return int(run.state != "completed")


def _service(host: str, namespace: str, token_from: str) -> tuple[str, dict[str, Any]]:
    url = host or config.kfp_url
    if not url:
        raise InvalidArgumentError(
            "no Kubeflow Pipelines service is known",
            fix="--host http://kubeflow:8888, or the setting kfp_url",
        )
    options: dict[str, Any] = {"namespace": namespace} if namespace else {}
    if token_from:
        token = environment(token_from)
        if not token:
            raise InvalidArgumentError(
                f"environment variable {token_from!r} is not set", where="--token-from"
            )
        options["existing_token"] = token
    return url, options
