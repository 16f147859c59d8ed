"""The table of MLRun's commands; what is not in it is a command of our own."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any

import typer

from mlrun_like.cli.main import Commands
from mlrun_like.registry import resolve

__all__ = ["COMMANDS", "app", "main"]

_HERE = "mlrun_like.cli.older."

COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "run": (f"{_HERE}running:run", "Execute a task and inject parameters."),
        "build": (f"{_HERE}building:build", "Build a container image from code."),
        "deploy": (f"{_HERE}building:deploy", "Deploy a model or function."),
        "get": (f"{_HERE}records:get", "List or get runs, artifacts, functions, workflows."),
        "logs": (f"{_HERE}records:logs", "Print the log of a run."),
        "version": (f"{_HERE}records:version", "Print the version."),
        "clean": (f"{_HERE}records:clean", "Clean resources of runs in a cluster."),
        "project": (f"{_HERE}projects:project", "Load and run a project."),
        "config": (f"{_HERE}environment:config", "Get or set the configuration."),
        "load-source": (f"{_HERE}sources:load_source", "Load source code into a folder."),
        "watch-stream": (f"{_HERE}sources:watch_stream", "Print what comes into a stream."),
    }
)
"""Name -> (`"module:attribute"`, line of help)."""

_PASSED_ON = {"ignore_unknown_options": True}
"""What looks like an option and is none belongs to the program that is run."""


class _OlderCommands(Commands):
    """MLRun's commands before our own."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        single = typer.Typer(rich_markup_mode=None, add_completion=False)
        single.command(cmd_name, context_settings=_PASSED_ON)(
            getattr(import_module(module), attribute)
        )
        return typer.main.get_command(single)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


app = typer.Typer(
    cls=_OlderCommands,
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


@app.callback()
def _root() -> None:
    """MLRun's command line; mlrun-like has more."""
    resolve("mlrun_like.compat.env_file:read_user_file")()


def main() -> None:
    """Run the command line and leave with its exit code."""
    app(prog_name="mlrun")
