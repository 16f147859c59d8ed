"""`mlrun-like service user|token`: who may use the service of a team; roles: `service_members`.

These work on the store itself, so whoever runs them needs no login: the first user is made so.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from mlrun_like.api.access.accounts import (
    UserChange,
    add_user,
    change_user,
    delete_user,
    user_data,
    user_named,
    users_data,
)
from mlrun_like.api.access.tokens import make_token, revoke_token, token_data, tokens_data
from mlrun_like.api.process import starting
from mlrun_like.cli.output import Json, print_json, print_table
from mlrun_like.configuration import config
from mlrun_like.errors import ConfigError, InvalidArgumentError
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.store import SqlStore

__all__ = [
    "print_rows",
    "store_here",
    "token_create",
    "token_list",
    "token_revoke",
    "tokens",
    "user_add",
    "user_admin",
    "user_delete",
    "user_disable",
    "user_list",
    "user_password",
    "users",
]

users = typer.Typer(no_args_is_help=True, help="Users and service accounts.")
tokens = typer.Typer(no_args_is_help=True, help="Tokens of the API.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="The user's name.")]
Stdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@users.command("add")
def user_add(
    name: Name,
    email: Annotated[str, typer.Option("--email", help="The e-mail address.")] = "",
    admin: Annotated[bool, typer.Option("--admin", help="May do everything.")] = False,
    service: Annotated[
        bool, typer.Option("--service", help="An account for programs: tokens, no password.")
    ] = False,
    no_password: Annotated[
        bool, typer.Option("--no-password", help="Logs in at the OpenID Connect provider only.")
    ] = False,
    password_stdin: Stdin = False,
    as_json: Json = False,
) -> None:
    """Add a user; asks for the password.

    mlrun-like service user add anna --admin

    mlrun-like service user add ci --service

    mlrun-like service user add ben --email ben@example.com --no-password
    """
    password = "" if service or no_password else _password(password_stdin)
    user = add_user(
        store_here(), name, email=email, password=password, is_admin=admin,
        kind="service" if service else "user",
    )  # fmt: skip
    _done(as_json, user_data(user), f"added {user.kind} {name}")
    if no_password and not service and not config.oidc_issuer:
        typer.echo(
            f"note: {name} cannot log in yet: set a password (mlrun-like service user password "
            f"{name}), make a token (mlrun-like service token create {name}), or set oidc_issuer",
            err=True,
        )
    if starting.login_asked() is False and config.service_auth != "none":
        typer.echo(
            "note: the service that runs asks nobody for a login until: mlrun-like service restart",
            err=True,
        )


@users.command("list")
def user_list(as_json: Json = False) -> None:
    """List users and service accounts.

    mlrun-like service user list
    """
    rows = users_data(store_here())
    if as_json:
        print_json(rows)
        return
    columns = ("name", "kind", "is_admin", "disabled", "email", "last_login")
    print_rows(columns, rows)


@users.command("disable")
def user_disable(
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="Let the user in again.")] = False,
    as_json: Json = False,
) -> None:
    """Lock a user out: sessions end, tokens hold no more. What it made stays.

    mlrun-like service user disable anna

    mlrun-like service user disable anna --undo
    """
    user = change_user(store_here(), name, UserChange(disabled=not undo))
    _done(as_json, user_data(user), f"{'enabled' if undo else 'disabled'} {name}")


@users.command("admin")
def user_admin(
    name: Name,
    undo: Annotated[bool, typer.Option("--undo", help="Take the right.")] = False,
    as_json: Json = False,
) -> None:
    """Make a user an administrator of the service.

    mlrun-like service user admin anna
    """
    user = change_user(store_here(), name, UserChange(is_admin=not undo))
    _done(as_json, user_data(user), f"{name} is {'no ' if undo else 'an '}administrator")


@users.command("password")
def user_password(name: Name, password_stdin: Stdin = False) -> None:
    """Set a new password; the user's sessions end.

    mlrun-like service user password anna
    """
    store = store_here()
    user_named(store, name)
    change_user(store, name, UserChange(password=_password(password_stdin)))
    typer.echo(f"changed the password of {name}")


@users.command("delete")
def user_delete(
    name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Delete a user with its tokens, sessions and roles. What it made stays.

    mlrun-like service user delete anna
    """
    store = store_here()
    user_named(store, name)
    if not yes:
        typer.confirm(f"Delete user {name} with its tokens and roles?", abort=True)
    delete_user(store, name)
    typer.echo(f"deleted {name}")


@tokens.command("create")
def token_create(
    user: Annotated[str, typer.Argument(metavar="USER", help="Whose token it is.")],
    name: Annotated[str, typer.Option("--name", help="What it is for.")] = "command line",
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help="read, write, metrics, secrets or project:NAME; repeatable."),
    ] = None,
    days: Annotated[
        float | None, typer.Option("--days", help="How long it holds; 0: for ever.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a token; its text is printed once and kept nowhere.

    mlrun-like service token create ci --name "nightly build" --scope project:fraud --days 30
    """
    store = store_here()
    made = make_token(
        store, user_named(store, user), name, scopes=scope or (),
        seconds=None if days is None else days * 86_400,
    )  # fmt: skip
    if as_json:
        print_json({**token_data(made.row, user), "token": made.text})
    else:
        typer.echo(made.text)


@tokens.command("list")
def token_list(
    user: Annotated[str, typer.Argument(metavar="[USER]", help="Only this user's.")] = "",
    as_json: Json = False,
) -> None:
    """List tokens, without their secret part.

    mlrun-like service token list anna
    """
    store = store_here()
    rows = tokens_data(store, user_named(store, user).user_id if user else "")
    if as_json:
        print_json(rows)
        return
    columns = ("id", "user", "name", "scopes", "state", "expires", "last_used")
    print_rows(columns, rows)


@tokens.command("revoke")
def token_revoke(
    token: Annotated[str, typer.Argument(metavar="ID", help="The id, as the list shows it.")],
) -> None:
    """Let a token hold no more. Running services notice it within seconds.

    mlrun-like service token revoke 0123456789abcdef
    """
    if token.startswith("mlt_"):
        token = token.split("_")[1]
    row = revoke_token(store_here(), token)
    typer.echo(f"revoked {row.token_id} ({row.name})")


def store_here() -> SqlStore:
    """The store, if it is here. Raises ConfigError."""
    store = open_store()
    if not isinstance(store, SqlStore):
        raise ConfigError(
            "users are managed where the service's store is",
            where="setting dbpath",
            fix="run this on the service's machine, or use the page Settings of the service",
        )
    return store


def _password(stdin: bool) -> str:
    if stdin:
        text = sys.stdin.readline(4096).rstrip("\r\n")
    elif sys.stdin.isatty():
        text = str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    else:
        raise InvalidArgumentError(
            "there is no terminal to ask for a password",
            fix="give it with --password-stdin, or add the user with --no-password",
        )
    return text


def _done(as_json: bool, data: dict[str, Any], text: str) -> None:
    if as_json:
        print_json(data)
    else:
        typer.echo(text)


def print_rows(columns: tuple[str, ...], rows: list[dict[str, Any]]) -> None:
    """Print some columns of rows as a table."""
    print_table(columns, [[_shown(name, row[name]) for name in columns] for row in rows])


def _shown(name: str, value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        return " ".join(value)
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float) and name in ("last_login", "expires", "last_used", "since"):
        return datetime.fromtimestamp(value).strftime("%Y-%m-%d %H:%M")
    return str(value)
