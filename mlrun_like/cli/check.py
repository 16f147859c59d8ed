"""`mlrun-like check`: what would make a run fail, without running it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.output import Json, counted, print_json
from mlrun_like.cli.run import function_from, split_handler
from mlrun_like.cli.values import parse_pairs, parse_value
from mlrun_like.errors import MissingFileError, MLRunLikeError
from mlrun_like.runtimes.finding import Finding

__all__ = ["check"]

_FILES = (".py", ".ipynb", ".yaml", ".yml")


def check(
    url: Annotated[
        str,
        typer.Argument(
            metavar="FILE[:HANDLER]", help="A file or function as for run, or a folder of them."
        ),
    ],
    handler: Annotated[
        str, typer.Option("--handler", help="The function that would be called.")
    ] = "",
    param: Annotated[
        list[str] | None, typer.Option("--param", "-p", help="A parameter, k=v.")
    ] = None,
    inputs: Annotated[
        list[str] | None, typer.Option("--inputs", "-i", help="A data input, k=url.")
    ] = None,
    kind: Annotated[str, typer.Option("--kind", help="Where it would run.")] = "",
    as_json: Json = False,
) -> int:
    """Look for what would make a run fail, without running it.

    mlrun-like check train.py --handler train -p depth=4 -i data=train.csv

    mlrun-like check .        every function file of a folder

    The exit code is 1 if there is an error; warnings do not count.
    """
    url, handler = split_handler(url, handler)
    given: dict[str, Any] = {
        "handler": handler or None,
        "params": {k: parse_value(v) for k, v in parse_pairs(param or (), "--param").items()},
        "inputs": parse_pairs(inputs or (), "--inputs"),
    }
    found: list[tuple[str, Finding]] = []
    targets = _targets(url)
    for target in targets:
        found += [(target, item) for item in _check(target, kind, given)]
    errors = sum(item.severity == "error" for _, item in found)
    if as_json:
        print_json([{"target": target, **item._asdict()} for target, item in found])
    else:
        for target, item in found:
            head = f"{target}: " if len(targets) > 1 else ""
            typer.echo(f"{item.severity}: {head}{item}")
        told = counted(errors, "error"), counted(len(found) - errors, "warning")
        typer.echo(f"{len(targets)} checked, {', '.join(told)}")
    return int(errors > 0)


def _targets(url: str) -> list[str]:
    if "://" in url or not Path(url).is_dir():
        return [url]
    found = sorted(
        str(path)
        for path in Path(url).rglob("*")
        if path.suffix in _FILES
        and not any(part.startswith((".", "__")) for part in path.relative_to(url).parts)
        and (path.suffix in (".py", ".ipynb") or path.name.startswith("function"))
    )
    if not found:
        raise MissingFileError(
            f"there is no function file in the folder {url!r}",
            fix="give a .py or .ipynb file, or a function.yaml",
        )
    return found


def _check(target: str, kind: str, given: dict[str, Any]) -> list[Finding]:
    try:
        function = function_from(target, kind, "", given["handler"] or "")
        return function.check(**given)
    except MLRunLikeError as exc:
        return [Finding(exc.code, exc.what, exc.where or target, exc.fix)]
