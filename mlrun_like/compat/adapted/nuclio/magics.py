"""The `%nuclio` commands of a running notebook; `%mlrun` means the same.

In the notebook they set variables, run commands and deploy it. What they say of the function is
read from the saved notebook, by `code_to_function` and by `%nuclio deploy`, not from here.
"""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from mlrun_like.compat.adapted.nuclio.arguments import read_arguments, read_file, read_spec
from mlrun_like.configuration import exchange_environment
from mlrun_like.errors import MLRunLikeError, NotebookError, nearest
from mlrun_like.packaging.magics import MagicConfig, read_mount
from mlrun_like.packaging.settings import expand, for_shell, magic_lines, read_setting
from mlrun_like.registry import resolve

__all__ = [
    "add",
    "build",
    "cmd",
    "commands",
    "config",
    "deploy",
    "env",
    "env_file",
    "handler",
    "help",
    "in_notebook",
    "load_ipython_extension",
    "mount",
    "nuclio",
    "print_handler_code",
    "register",
    "show",
    "verbose",
]

_PREFIX = "%nuclio: "
_WHERE = "%nuclio"
_DEPLOYING = "mlrun_like.compat.adapted.nuclio.deploying"
_told = {"verbose": True}


def register() -> None:
    """Give the running IPython the commands, and a notebook its `context`; elsewhere nothing."""
    shell = _shell()
    if shell is None:
        return
    for name in ("nuclio", "mlrun"):
        shell.register_magic_function(nuclio, "line_cell", name)
    if in_notebook():
        resolve("mlrun_like.compat.adapted.nuclio.sdk:inject_context")()


def in_notebook() -> bool:
    """Whether this process is a notebook, not a terminal."""
    shell = _shell()
    return shell is not None and "Terminal" not in type(shell).__name__


def load_ipython_extension(ipython: Any) -> None:
    """What `%load_ext nuclio` calls."""
    del ipython
    register()


def nuclio(line: str, cell: str | None = None) -> Any:
    """One `%nuclio` line or `%%nuclio` cell. What is wrong with it is told, not raised.

    >>> nuclio("env GREETING=hello")
    %nuclio: setting 'GREETING' environment variable
    """
    word, _, rest = line.strip().partition(" ")
    try:
        command = commands.get(word.lower())
        if command is None:
            known = sorted(commands)
            what = f"unknown command: {word}.{nearest(word, known)}" if word else "no command"
            raise NotebookError(what, fix=f"use one of: {', '.join(known)}")
        return command(rest.strip(), cell)
    except (MLRunLikeError, OSError) as exc:
        sys.stderr.write(f"{_PREFIX}{exc}\n")
        return None


def verbose(line: str, cell: str | None = None) -> None:
    """Tell what the commands do, or stop telling it: %nuclio verbose"""
    del line, cell
    _told["verbose"] = not _told["verbose"]
    sys.stdout.write(f"{_PREFIX}verbose {'on' if _told['verbose'] else 'off'}\n")


def env(line: str, cell: str | None = None) -> None:
    """Set environment variables: %nuclio env NAME=value

    `%%nuclio env` sets one for each line of the cell. With `--config-only` (`-c`) only the
    deployed function has them, with `--local-only` (`-l`) only this notebook.
    """
    for row in _here(line, cell):
        if row == "%v3io":
            continue  # for the function: the notebook has its login already
        name, equals, value = row.partition("=")
        if not equals or not name.strip():
            raise NotebookError('cannot find "=" in line', fix="write %nuclio env NAME=value")
        exchange_environment({name.strip(): expand(value.strip())})
        _tell(f"setting {name.strip()!r} environment variable")  # its value may be a secret


def env_file(line: str, cell: str | None = None) -> None:
    """Set environment variables from files of NAME=value lines: %nuclio env_file dev.env"""
    for name in _here(line, cell):
        env("", Path(name).read_text("utf-8", "replace"))


def cmd(line: str, cell: str | None = None) -> None:
    """Run a command here and when the function is built: %nuclio cmd pip install textblob

    With `--config-only` (`-c`) it is only run when the function is built.
    """
    shell = _shell()
    for row in _here(line, cell):
        if shell is None:
            raise NotebookError("commands are run by IPython, which does not run here")
        shell.system(for_shell(row))


def config(line: str, cell: str | None = None) -> None:
    """Set the function's configuration: %nuclio config spec.maxReplicas = 5

    A value is a number, a text in double quotes, a list or an object; `+=` adds to a list.
    """
    for row in _here(line, cell):
        keys, operator, value = read_setting(row, _WHERE)
        name = ".".join(keys)
        adds = operator == "+="
        _tell(f"appending {value!r} to {name}" if adds else f"setting {name} to {value!r}")


def mount(line: str, cell: str | None = None) -> None:
    """Mount a folder into the function: %nuclio mount /data users/me/data"""
    found = MagicConfig()
    found.apply("mount", line, (cell or "").splitlines(), _WHERE)
    lines = magic_lines(line, (cell or "").splitlines(), "-l")
    if lines is not None:
        _, path, remote = read_mount(" ".join(lines), _WHERE)
        sys.stdout.write(f"mounting volume path {path} as {remote}\n")


def add(line: str, cell: str | None = None) -> None:
    """Add files to the function: %nuclio add -f model.json -f mylib.py"""
    found = MagicConfig()
    found.apply("add", line, (cell or "").splitlines(), _WHERE)
    named = found.data["metadata"].get("annotations", {}).get("nuclio.io/extra_files", "")
    for name in filter(None, named.split(",")):
        _tell(f"appending {name} to archive")


def handler(line: str, cell: str | None = None) -> None:
    """Make this cell the function's handler: %%nuclio handler [name]

    Here the cell is run as it is. In the function it is the body of a handler whose arguments
    are `context` and `event`, and its last expression is what that returns.
    """
    del line
    shell = _shell()
    if shell is not None and cell:
        shell.run_cell(cell)


def deploy(line: str, cell: str | None = None) -> str:
    """Deploy the saved notebook, or a file: %nuclio deploy [file] [-n name] [-p project] [-t tag]

    `-d` is a dashboard of Nuclio (else the local gateway), `-e NAME=value` a variable, `--handler`
    the function that answers, `--env-json` and `--spec-json` objects, `--cmd-json` a list, `-o` a
    folder for what is deployed, or with `-a` the URL of an archive.
    """
    del cell
    args = read_arguments(line)
    if args.ignored_tags:
        raise NotebookError(
            "deploy leaves out no cells by tags", fix="%nuclio build -o folder --ignored-tags ..."
        )
    address: str = resolve(f"{_DEPLOYING}:deploy_file")(
        read_file(args),
        args.dashboard_url,
        verbose=args.verbose,
        create_project=args.create_project,
        output_dir=args.output_dir,
        **_given(args),
    )
    _tell(f"function deployed, address: {address}")
    return address


def build(
    line: str, cell: str | None = None, return_dir: bool = False
) -> tuple[dict[str, Any], str]:
    """Make the function's configuration and code: %nuclio build [file] [-o folder] [-n name]

    With `-o` they are written into that folder as well: `function.yaml` and `handler.py`, or with
    `-a` an archive of them.
    """
    del cell, return_dir
    args = read_arguments(line)
    name, found, code = resolve(f"{_DEPLOYING}:build_file")(
        read_file(args),
        output_dir=args.output_dir if args.archive else "",
        ignored_tags=args.ignored_tags,
        **_given(args),
    )
    if args.output_dir and not args.archive:
        folder = Path(args.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "function.yaml").write_text(_yaml(found), "utf-8")
        (folder / "handler.py").write_text(code, "utf-8")
    _tell(f"notebook {name} exported")
    return found, code


def show(line: str, cell: str | None = None) -> None:
    """Print the function's configuration and code, as the saved notebook has them: %nuclio show"""
    del cell
    print_handler_code(line)


def print_handler_code(notebook_file: str | None = None) -> None:
    """Print the configuration and code of a notebook's function.

    Args:
        notebook_file: The notebook; by default the one that runs, as it was saved.
    """
    found, code = build(shlex.quote(notebook_file) if notebook_file else "")
    sys.stdout.write(f"Config:\n{_yaml(found)}\nCode:\n{code}\n")


def help(line: str, cell: str | None = None) -> None:
    """Tell what the commands do: %nuclio help [command]"""
    del cell
    if not line:
        sys.stdout.write("Show help on command. Available commands:\n")
        for name, command in sorted(commands.items()):
            sys.stdout.write(f"    - {name}: {(command.__doc__ or '').splitlines()[0]}\n")
    elif line.lower() in commands:
        sys.stdout.write(f"{commands[line.lower()].__doc__}\n")
    else:
        raise NotebookError(f"unknown command: {line}.{nearest(line, commands)}")


commands: dict[str, Callable[[str, str | None], Any]] = {
    command.__name__: command
    for command in (
        *(add, build, cmd, config, deploy, env, env_file),
        *(handler, help, mount, show, verbose),
    )
}
"""The commands by name; each takes the rest of its line, and its cell."""


def _given(args: Namespace) -> dict[str, Any]:
    """What deploying and building are told alike."""
    names = ("name", "project", "handler", "tag", "archive")
    told = {name: getattr(args, name) for name in names}
    return {**told, "spec": read_spec(args), "kind": args.kind or None}


def _yaml(found: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(found, default_flow_style=False)
    return text


def _here(line: str, cell: str | None) -> list[str]:
    """The lines that are meant for the notebook, too."""
    return magic_lines(line, (cell or "").splitlines(), "-c") or []


def _shell() -> Any:
    ipython = sys.modules.get("IPython")
    return None if ipython is None else ipython.get_ipython()


def _tell(message: str) -> None:
    if _told["verbose"]:
        sys.stdout.write(f"{_PREFIX}{message}\n")
