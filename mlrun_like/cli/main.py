"""The table of commands, and the one place where an error becomes a message and an exit code.

A row is a name, where its code is and its line of help, so `mlrun-like --help` loads nothing else.
Exit codes: 0 done, 1 failed (the message says what, where and how to fix it), 2 wrong usage.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from mlrun_like.errors import MLRunLikeError

__all__ = ["COMMANDS", "Commands", "app", "load_command", "main"]

COMMANDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "run": ("mlrun_like.cli.run:run", "Run a file, notebook or function and record it."),
        "check": (
            "mlrun_like.cli.check:check",
            "Look for what would make a run fail, without running it.",
        ),
        "build": ("mlrun_like.cli.build:build", "Build a container image of a function."),
        "manifest": (
            "mlrun_like.cli.manifest:manifest",
            "Print a function as Kubernetes objects.",
        ),
        "get": ("mlrun_like.cli.listing:get", "List runs, artifacts or functions."),
        "list": ("mlrun_like.cli.listing:get", "The same as get."),
        "show": ("mlrun_like.cli.show:show", "Show one run, artifact or function."),
        "logs": ("mlrun_like.cli.logs:logs", "Print the log of a run or deployed function."),
        "abort": ("mlrun_like.cli.logs:abort", "Stop a run."),
        "consume": (
            "mlrun_like.cli.consume:consume",
            "Run functions of a graph on their queues.",
        ),
        "batch": ("mlrun_like.cli.batch:batch", "Send every row of a file through a graph."),
        "replay": ("mlrun_like.cli.replay:replay", "Send recorded events through a graph again."),
        "serve": ("mlrun_like.cli.serve:serve", "Serve a graph over HTTP."),
        "up": ("mlrun_like.cli.up:up", "Start the gateway of deployed functions."),
        "down": ("mlrun_like.cli.up:down", "End the gateway; what is deployed comes back."),
        "deploy": (
            "mlrun_like.cli.deploy:deploy",
            "Deploy a function to this machine; prints its address.",
        ),
        "ps": ("mlrun_like.cli.ps:ps", "List deployed functions, and why they scale."),
        "invoke": ("mlrun_like.cli.invoke:invoke", "Send a deployed function a request."),
        "scale": ("mlrun_like.cli.scale:scale", "Set how few and how many replicas there are."),
        "rollback": (
            "mlrun_like.cli.scale:rollback",
            "Give requests back to the version before.",
        ),
        "promote": ("mlrun_like.cli.scale:promote", "Give all requests to the new version."),
        "shift": ("mlrun_like.cli.scale:shift", "Set which versions answer how much."),
        "delete": ("mlrun_like.cli.scale:delete", "End a deployed function and forget it."),
        "project": (
            "mlrun_like.cli.project:project",
            "Load or make a project, and run its workflows.",
        ),
        "projects": (
            "mlrun_like.cli.projects:app",
            "Projects in the store: list, show, delete, export, import.",
        ),
        "reproduce": (
            "mlrun_like.cli.reproduce:reproduce_command",
            "Make a recorded run anew, and say what differs.",
        ),
        "pipeline": (
            "mlrun_like.cli.pipeline:app",
            "Pipelines: run, plan, plot, show, resume, spin, export.",
        ),
        "schedules": (
            "mlrun_like.cli.schedules:app",
            "Functions that run by themselves: list, pause, history, serve.",
        ),
        "models": (
            "mlrun_like.cli.models:app",
            "Versions of models: list, promote, rollback, canary.",
        ),
        "analyse": (
            "mlrun_like.cli.analyse:app",
            "Models before release: slices, fairness, comparison, decay.",
        ),
        "features": (
            "mlrun_like.cli.features:app",
            "Feature sets and vectors: list, show, ingest, get, check.",
        ),
        "hub": (
            "mlrun_like.cli.hub:app",
            "Catalogues of functions: list, show, use, test, publish.",
        ),
        "validate": (
            "mlrun_like.cli.validate:validate",
            "Check a data set: schema, drift, personal data.",
        ),
        "alerts": (
            "mlrun_like.cli.alerts:app",
            "Who is told when something happens: store, ack, silence.",
        ),
        "monitor": (
            "mlrun_like.cli.monitor:app",
            "Served models under watch: service, endpoints, results.",
        ),
        "trigger": (
            "mlrun_like.cli.triggers:app",
            "Events that start functions: add, list, fire, run.",
        ),
        "nuclio": (
            "mlrun_like.cli.nuclio:app",
            "Functions as Nuclio projects, and in a Nuclio that runs.",
        ),
        "service": (
            "mlrun_like.cli.service:app",
            "The service of a team: start, users, tokens, backup.",
        ),
        "login": (
            "mlrun_like.cli.login:login",
            "Log in to a service of a team, and keep a token for it.",
        ),
        "logout": (
            "mlrun_like.cli.login:logout",
            "Revoke and forget the token of a service.",
        ),
        "whoami": ("mlrun_like.cli.login:whoami", "Show who the service thinks you are."),
        "pages": (
            "mlrun_like.cli.dashboards:pages",
            "Show served models, drift and alerts as web pages.",
        ),
        "dashboards": (
            "mlrun_like.cli.dashboards:app",
            "Grafana dashboards and Prometheus rules: build, push, check.",
        ),
        "demo": ("mlrun_like.cli.demo_command:app", "See the main job done, in under a minute."),
        "config": ("mlrun_like.cli.settings:app", "Explain and change settings."),
        "compat": ("mlrun_like.cli.compat:app", "Run and check code written for MLRun."),
        "docs": ("mlrun_like.cli.docs:docs", "Open the documentation; works without a network."),
        "doctor": ("mlrun_like.cli.doctor:doctor", "Check this installation and its store."),
        "gc": ("mlrun_like.cli.gc:gc", "Remove what nothing refers to any more."),
        "version": ("mlrun_like.cli.version:version", "Print the version."),
    }
)
"""Name -> (`"module:attribute"`, line of help). The attribute is a function or a Typer app."""


def load_command(name: str) -> Any:
    """The click command of a row, its module imported now."""
    target, _ = COMMANDS[name]
    module, _, attribute = target.partition(":")
    command = getattr(import_module(module), attribute)
    if not isinstance(command, typer.Typer):
        single = typer.Typer(rich_markup_mode=None, add_completion=False)
        single.command(name)(command)
        command = single
    return typer.main.get_command(command)


class Commands(TyperGroup):
    """Commands by name, each loaded when asked for."""

    def __init__(self, **attrs: Any) -> None:
        super().__init__(**attrs)
        # Only the names are read from here: for suggestions after a typing mistake.
        self.commands: Any = dict.fromkeys(COMMANDS)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return load_command(cmd_name) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: Any) -> Any:
        try:
            code = super().invoke(ctx)
        except MLRunLikeError as exc:
            if ctx.params.get("debug"):
                raise
            # What was printed before the message must not come after it.
            sys.stdout.flush()
            typer.echo(f"error: {exc}", err=True)
            code = 1
        ctx.exit(code if isinstance(code, int) else 0)


app = typer.Typer(
    cls=Commands,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _root(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the Python traceback of an error.")
    ] = False,
) -> None:
    """Run Python functions as tracked, packaged jobs, and look at what they left.

    mlrun-like run train.py --handler train -p depth=4

    Every command explains itself: mlrun-like COMMAND --help
    """


def main() -> None:
    """Run the command line and leave with its exit code."""
    try:
        app(prog_name="mlrun-like")
    finally:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            # The reader (`| head`) has gone; the interpreter's own last flush must not complain.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
