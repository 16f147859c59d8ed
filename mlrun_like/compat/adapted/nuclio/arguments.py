"""What `%nuclio deploy` and `%nuclio build` are told in their line."""

from __future__ import annotations

import json
import shlex
from argparse import ArgumentParser, Namespace
from typing import Any

from mlrun_like.errors import MLRunLikeError, NotebookError
from mlrun_like.functions.files import calling_file
from mlrun_like.packaging.settings import expand
from mlrun_like.registry import resolve

__all__ = ["read_arguments", "read_file", "read_spec"]

_WHERE = "%nuclio"


class _Parser(ArgumentParser):
    def error(self, message: str) -> Any:
        raise NotebookError(message, where=_WHERE, fix="see %nuclio help deploy")


def read_arguments(line: str) -> Namespace:
    """The arguments of `%nuclio deploy` and `%nuclio build`."""
    parser = _Parser(prog=_WHERE, add_help=False)
    parser.add_argument("file", nargs="?", default="")
    for short, name in ("dn", "dashboard-url name"), ("pt", "project tag"), ("o", "output-dir"):
        for letter, long in zip(short, name.split(), strict=True):
            parser.add_argument(
                f"-{letter}", f"--{long}", f"--{long.replace('-', '_')}", default=""
            )
    for long in ("handler", "env-json", "spec-json", "cmd-json", "mount", "kind", "ignored-tags"):
        parser.add_argument(f"--{long}", default="")
    parser.add_argument("-e", "--env", action="append", default=[])
    for short, long in ("a", "archive"), ("v", "verbose"), ("c", "create-project"):
        parser.add_argument(f"-{short}", f"--{long}", action="store_true")
    try:
        # split first: a value is one word, whatever is in it
        return parser.parse_args([expand(word) for word in shlex.split(line)])
    except ValueError as exc:
        raise NotebookError(
            f"{line!r} cannot be read: {exc}", where=_WHERE, fix="close every quote"
        ) from exc


def read_file(args: Namespace) -> str:
    """The file that is meant: the notebook itself, if none is named."""
    try:
        return str(args.file or calling_file())
    except MLRunLikeError as exc:
        raise NotebookError(
            "cannot find notebook name (try specifying its name)",
            fix="%nuclio deploy train.ipynb, or set JUPYTER_NOTEBOOK_FILE_NAME",
        ) from exc


def read_spec(args: Namespace) -> Any:
    """What is added to the function, as a `ConfigSpec`."""
    values = _json(args.env_json, dict, "--env-json")
    for text in args.env:
        name, equals, value = text.partition("=")
        if not equals:
            raise NotebookError(f'cannot find "=" in {text!r}', fix="write -e NAME=value")
        values[name.strip()] = value.strip()
    spec = resolve("mlrun_like.compat.adapted.nuclio.config:ConfigSpec")(env=values)
    if args.mount:
        *kind, remote, local = args.mount.split(":")
        spec.add_volume(local, remote, kind=":".join(kind))
    for name, value in _json(args.spec_json, dict, "--spec-json").items():
        spec.set_config(name, value)
    spec.add_commands(*_json(args.cmd_json, list, "--cmd-json"))
    return spec


def _json(text: str, kind: type[Any], name: str) -> Any:
    try:
        value = json.loads(text) if text else kind()
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, kind):
        raise NotebookError(f"{name} needs a JSON {kind.__name__}, not {text!r}", where=_WHERE)
    return value
