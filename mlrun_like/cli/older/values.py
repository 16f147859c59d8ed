"""Words as MLRun's command line reads them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, NoReturn

import typer

from mlrun_like.cli.values import parse_value
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.projects.environment import set_env_from_file
from mlrun_like.projects.loading import get_or_create_project
from mlrun_like.registry import resolve

__all__ = [
    "first_word",
    "mapping_of",
    "pairs_of",
    "prepare",
    "refuse",
    "sources_of",
    "values_of",
]


def first_word(context: typer.Context, param: typer.CallbackParam, value: str) -> str:
    """Refuse what looks like an option in the place of a command's first word."""
    if value and value.startswith("-"):
        name = str(param.metavar or param.name).upper()
        raise typer.BadParameter(
            f"{name} ({value}) cannot start with '-', ensure the command "
            f"options are typed correctly. Preferably use '--' to separate options and arguments "
            f"e.g. 'mlrun run --option1 --option2 -- [{name}] [--arg1|arg1] [--arg2|arg2]'",
            ctx=context,
            param_hint=f"'[{name}]'",
        )
    return value


def refuse(why: str) -> NoReturn:
    """End with code 1 because of wrong words; scripts look for the reason on stdout."""
    typer.echo(why)
    raise typer.Exit(1)


def prepare(env_file: str = "", db: str = "", project: str = "", cross: bool = False) -> None:
    """What `--env-file`, `--db` and `--ensure-project` do before anything else.

    Args:
        env_file: File of `KEY=value` lines.
        db: Where this process records.
        project: Made if there is none of this name; empty: not looked for.
        cross: Another project's file in this folder may be taken for it.
    """
    if env_file:
        set_env_from_file(env_file)
        resolve("mlrun_like.compat.adapted.client.config:config").reload(skip_env_file=True)
    if db:
        config.dbpath = db
    if project:
        get_or_create_project(project, "./", allow_cross_project=cross or None)


def pairs_of(texts: Iterable[str] | None) -> dict[str, str]:
    """`k=v` texts; the last of one name counts, and a text without `=` is left out.

    >>> pairs_of(["a=1", "b = x=y", "c", "a=2"])
    {'a': '2', 'b': 'x=y'}
    """
    split = [text.partition("=") for text in texts or ()]
    return {name.strip(): value.strip() for name, mark, value in split if mark}


def values_of(texts: Iterable[str] | None) -> dict[str, Any]:
    """The same, with values that may be Python literals.

    >>> values_of(["depth=4", "name=x"])
    {'depth': 4, 'name': 'x'}
    """
    return {name: parse_value(text) for name, text in pairs_of(texts).items()}


def sources_of(texts: Iterable[str] | None) -> list[tuple[str, Any]]:
    """Sources of secrets: `file=PATH`, `env=NAME,NAME`, or `inline={...}`, a mapping.

    `$NAME` in them is filled in.

    >>> sources_of(["file=my.env", "inline={'TOKEN': 'abc'}"])
    [('file', 'my.env'), ('inline', {'TOKEN': 'abc'})]

    Raises:
        InvalidArgumentError: if one has no `=`, or what is inline is no mapping.
    """
    found: list[tuple[str, Any]] = []
    for text in texts or ():
        kind, mark, source = text.partition("=")
        if not mark:
            raise InvalidArgumentError(
                f"--secrets {text!r} is not of the form kind=source", fix="--secrets file=my.env"
            )
        kind, source = kind.strip(), os.path.expandvars(source.strip())
        found.append((kind, _inline(source) if kind == "inline" else source))
    return found


def _inline(text: str) -> dict[str, Any]:
    value = parse_value(text)
    if not isinstance(value, dict):  # the text is not shown: it holds the secrets
        raise InvalidArgumentError(
            "--secrets inline=... is no mapping", fix="--secrets \"inline={'TOKEN': 'abc'}\""
        )
    return value


def mapping_of(text: str, what: str) -> dict[str, Any]:
    """A mapping as a Python literal, JSON or YAML.

    >>> mapping_of('{"kind": "job", "spec": {"silent": true}}', "runtime")
    {'kind': 'job', 'spec': {'silent': True}}

    Raises:
        InvalidArgumentError: if it cannot be read.
    """
    value = parse_value(text)
    if isinstance(value, str):
        yaml = resolve("yaml:safe_load")
        try:
            value = yaml(value)
        except resolve("yaml:YAMLError") as exc:
            raise InvalidArgumentError(f"{what} cannot be read: {exc}") from exc
    if not isinstance(value, Mapping):
        refuse(f"{what.capitalize()} parameter must be a dict, not {type(value)}")
    return dict(value)
