"""`mlrun-like pages` and `mlrun-like dashboards`: what monitoring knows, to look at."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mlrun_like.cli.output import Json, print_json, print_table
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError
from mlrun_like.monitoring.dashboards.boards import boards
from mlrun_like.monitoring.dashboards.checking import Answer, check_postgres, check_prometheus
from mlrun_like.monitoring.dashboards.files import write_files
from mlrun_like.monitoring.dashboards.pushing import push as push_boards
from mlrun_like.monitoring.dashboards.sql_boards import sql_boards
from mlrun_like.monitoring.pages.serve import serve

__all__ = ["app", "pages"]

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    help="Grafana dashboards and Prometheus rules, made by a program.",
)
Grafana = Annotated[
    str, typer.Option("--url", help="Grafana's address; otherwise the setting grafana_url.")
]
Sql = Annotated[bool, typer.Option("--sql", help="Those over PostgreSQL, not over Prometheus.")]


def pages(
    host: Annotated[
        str, typer.Option("--host", help="Where to listen; others than this machine may look then.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="The port; 0: any free one.")] = 8090,
    project: Annotated[str, typer.Option("--project", "-p", help="Only this project.")] = "",
    read_only: Annotated[
        bool, typer.Option("--read-only", help="No buttons that change alerts.")
    ] = False,
) -> None:
    """Show served models, drift, alerts and pipelines as web pages, until Ctrl+C.

    Nothing else is needed: no Grafana, no network. Prometheus' numbers are at /metrics. Who can
    reach the port can look, and without --read-only acknowledge alerts: keep it on this machine,
    or put a proxy with a login before it.

    mlrun-like pages

    mlrun-like pages --project fraud --port 8091 --read-only
    """
    serve(host, port, project=project, read_only=read_only, started=_told)


def _told(url: str) -> None:
    typer.echo(f"monitoring pages: {url}  (Ctrl+C ends)")


@app.command("build")
def build(
    out: Annotated[Path, typer.Option("--out", help="The folder.")] = Path("deploy"),
    as_json: Json = False,
) -> None:
    """Write dashboards, rules and provisioning files for Grafana and Prometheus.

    Files that are the same stay untouched.

    mlrun-like dashboards build

    mlrun-like dashboards build --out /srv/monitoring
    """
    changed = [str(path) for path in write_files(out)]
    if as_json:
        print_json({"folder": str(out), "changed": changed})
        return
    typer.echo("\n".join(changed) if changed else f"{out}: all files are as they should be")


@app.command("push")
def push(
    url: Grafana = "",
    user: Annotated[
        str, typer.Option("--user", help="NAME:PASSWORD instead of the setting grafana_token.")
    ] = "",
    folder: Annotated[str, typer.Option("--folder", help="Folder in Grafana.")] = "Models",
    sql: Sql = False,
    as_json: Json = False,
) -> None:
    """Put the dashboards into a running Grafana; earlier ones of the same name are replaced.

    mlrun-like config set grafana_token TOKEN

    mlrun-like dashboards push --url http://localhost:3000

    mlrun-like dashboards push --url http://localhost:3000 --user admin:admin --sql
    """
    address = url or config.grafana_url
    if not address:
        raise InvalidArgumentError(
            "which Grafana?", fix="--url http://localhost:3000, or the setting grafana_url"
        )
    name, _, password = user.partition(":")
    made = push_boards(
        address,
        sql_boards() if sql else boards(),
        token=config.grafana_token,
        user=name,
        password=password,
        folder=folder,
    )
    if as_json:
        print_json([one._asdict() for one in made])
        return
    print_table(("dashboard", "address", "version"), [tuple(map(str, one)) for one in made])


@app.command("check")
def check(
    prometheus: Annotated[
        str, typer.Option("--prometheus", help="Address of a Prometheus that asks /metrics.")
    ] = "",
    postgres: Annotated[
        str, typer.Option("--postgres", help="URL of the store: postgresql://user@host/name")
    ] = "",
    as_json: Json = False,
) -> int:
    """Ask every query of the dashboards; ends with 1 if one is wrong.

    Queries that find nothing are told: they may only mean that nothing happened yet.

    mlrun-like dashboards check --prometheus http://localhost:9090

    mlrun-like dashboards check --postgres postgresql://reader@localhost/mlrun
    """
    if not prometheus and not postgres:
        raise InvalidArgumentError(
            "which server?", fix="--prometheus http://localhost:9090, or --postgres URL"
        )
    answers: list[Answer] = []
    if prometheus:
        answers += check_prometheus(prometheus, boards())
    if postgres:
        answers += check_postgres(postgres, sql_boards())
    wrong = [one for one in answers if one.error]
    if as_json:
        print_json([one._asdict() for one in answers])
    else:
        rows = [
            (one.board, one.panel, one.error or "nothing found")
            for one in answers
            if one.error or not one.rows
        ]
        if rows:
            print_table(("dashboard", "panel", "what"), rows)
        typer.echo(f"{len(answers)} queries, {len(wrong)} wrong")
    return 1 if wrong else 0
