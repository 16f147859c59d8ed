"""`mlrun-like manifest`: a function as Kubernetes objects, to read, commit and apply."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.run import function_from, split_handler
from mlrun_like.cli.values import parse_pairs, parse_value
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.manifesting import Manifesting
from mlrun_like.functions.service_manifests import ServiceManifesting
from mlrun_like.runtimes.kubernetes.manifest import CronPolicy
from mlrun_like.runtimes.kubernetes.rendering import to_yaml

__all__ = ["manifest"]


def manifest(  # noqa: PLR0913  (options of a command)
    url: Annotated[
        str,
        typer.Argument(
            metavar="FILE",
            help="FILE.py, FILE.ipynb, function.yaml, or db://<project>/<name>[:<tag>].",
        ),
    ],
    handler: Annotated[str, typer.Option("--handler", help="The function to call.")] = "",
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="A parameter, k=v.")
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--inputs", "-i", help="A data input, k=url.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="job, spark, dask, mpijob, …")] = "",
    image: Annotated[str, typer.Option("--image", help="The image of its containers.")] = "",
    artifact_path: Annotated[str, typer.Option("--artifact-path", help="Where artifacts go.")] = "",
    schedule: Annotated[
        str, typer.Option("--schedule", help='A cron expression, "0 3 * * *": a CronJob.')
    ] = "",
    time_zone: Annotated[
        str, typer.Option("--time-zone", help="Of the schedule, such as Europe/Rome.")
    ] = "",
    scaler: Annotated[
        str,
        typer.Option("--scaler", help="Of a service: auto, hpa, keda or none."),
    ] = "",
    gateway: Annotated[
        str,
        typer.Option("--gateway", help="Gateway API Gateway of its routes: namespace/name."),
    ] = "",
    ingress_class: Annotated[
        str, typer.Option("--ingress-class", help="Class of its Ingress, such as nginx.")
    ] = "",
    canary: Annotated[
        float, typer.Option("--canary", help="Percent of the requests, beside what is applied.")
    ] = 0,
    network_policy: Annotated[
        bool, typer.Option("--network-policy", help="Let only requests into its pods.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write to this file.")
    ] = None,
) -> None:
    """Print a function as Kubernetes objects, as YAML.

    mlrun-like manifest train.py --handler train -p depth=4 --image reg/train:1 | kubectl apply -f -

    mlrun-like manifest train.py --handler train --schedule "0 3 * * *" -o nightly.yaml

    mlrun-like manifest hello.py --kind nuclio --image reg/hello:1 --scaler hpa

    The same function gives the same text: nothing in it depends on a run or on the time.
    """
    kind = kind or ("job" if url.endswith((".py", ".ipynb")) else "")
    url, handler = split_handler(url, handler)
    function = function_from(url, kind, "", handler)
    if image:
        function.spec.image = image
    call: dict[str, Any] = {
        "handler": handler,
        "params": {k: parse_value(v) for k, v in parse_pairs(param or (), "--param").items()},
        "inputs": parse_pairs(inputs or (), "--inputs"),
        "artifact_path": artifact_path,
        "schedule": schedule,
        "policy": CronPolicy(time_zone=time_zone) if time_zone else None,
    }
    given = {name: value for name, value in call.items() if value}
    form = {
        "scaler": scaler,
        "gateway": gateway,
        "ingress_class": ingress_class,
        "canary": canary,
        "network_policy": network_policy,
    }
    form = {name: value for name, value in form.items() if value}
    if isinstance(function, ServiceManifesting) and set(given) <= {"handler"}:
        text = str(function.to_manifest(**form))
    elif form:
        raise InvalidArgumentError(
            f"a manifest of kind {function.kind!r} takes no {', '.join(sorted(form))}",
            fix="these are for services: --kind nuclio, serving or application",
        )
    elif type(function).to_manifest is Manifesting.to_manifest:
        text = str(function.to_manifest(**given))
    elif set(given) <= {"handler"}:  # the function's own call is part of its kind's object
        text = to_yaml(list(function.to_manifest()))
    else:
        raise InvalidArgumentError(
            f"a manifest of kind {function.kind!r} takes no {', '.join(sorted(given))}",
            fix="set it on the function in its file",
        )
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
