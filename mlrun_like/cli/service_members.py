"""`mlrun-like service member|rotate-key`: roles in projects, and the key of their secrets."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from mlrun_like.api.access.members import members_data, remove_member, set_member
from mlrun_like.cli.output import Json, print_json
from mlrun_like.cli.service_users import print_rows, store_here
from mlrun_like.configuration import config
from mlrun_like.errors import nearest
from mlrun_like.registry import require

__all__ = ["member_add", "member_list", "member_remove", "members", "rotate_key"]

members = typer.Typer(no_args_is_help=True, help="Roles of users in projects.")

Project = Annotated[str, typer.Argument(metavar="PROJECT", help="The project.")]


@members.command("add")
def member_add(
    project: Project,
    user: Annotated[str, typer.Argument(metavar="USER", help="The user's name.")],
    role: Annotated[str, typer.Option("--role", help="viewer, developer or admin.")] = "developer",
) -> None:
    """Give a user a role in a project; it replaces the one before.

    mlrun-like service member add fraud anna --role admin
    """
    store = store_here()
    set_member(store, project, user, role)
    typer.echo(f"{user} is {role} of {project}")
    known = [str(one["metadata"]["name"]) for one in store.list_projects()]
    if project not in (*known, config.default_project):
        hint = nearest(project, known)
        typer.echo(f"note: there is no project {project!r} yet.{hint}", err=True)


@members.command("remove")
def member_remove(
    project: Project,
    user: Annotated[str, typer.Argument(metavar="USER", help="The user's name.")],
) -> None:
    """Take a user's role in a project.

    mlrun-like service member remove fraud anna
    """
    remove_member(store_here(), project, user)
    typer.echo(f"{user} has no role in {project} any more")


@members.command("list")
def member_list(project: Project, as_json: Json = False) -> None:
    """List who has which role in a project.

    mlrun-like service member list fraud
    """
    rows = members_data(store_here(), project)
    if as_json:
        print_json(rows)
        return
    print_rows(("user", "kind", "role", "source", "since"), rows)


def rotate_key(
    reseal_only: Annotated[
        bool,
        typer.Option("--reseal-only", help="Make no key: the newest of the setting is new."),
    ] = False,
    forget_old: Annotated[
        bool,
        typer.Option("--forget-old", help="Remove keys older than the one before; see backups."),
    ] = False,
) -> None:
    """Make a new key for secrets of projects, and seal all of them with it.

    It may be killed at any time and run again; the service goes on meanwhile.

    mlrun-like service rotate-key
    """
    require("cryptography", extra="service", feature="secrets of the service")
    rotation = import_module("mlrun_like.api.secrets.rotation")
    store = store_here()
    count = rotation.reseal(store) if reseal_only else rotation.rotate(store, drop=forget_old)
    typer.echo(f"sealed {count} secrets with the new key")
