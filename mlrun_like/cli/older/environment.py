"""`mlrun config`, and the file of variables that MLRun's users keep their settings in."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from mlrun_like.cli.older.values import pairs_of
from mlrun_like.compat.adapted.client.config_names import OURS
from mlrun_like.compat.env_file import DEFAULT, default_file
from mlrun_like.errors import InvalidArgumentError, MissingFileError
from mlrun_like.images.complaints import without_passwords
from mlrun_like.projects.environment import set_environment
from mlrun_like.registry import resolve
from mlrun_like.settings import SECRETS

__all__ = ["config"]

_MLCONF = "mlrun_like.compat.adapted.client.config:config"  # reads settings when it is imported
_HIDDEN = ("access_key", "password", "token")


def config(
    command: Annotated[str, typer.Argument(help="get, set or clear.")] = "get",
    env_file: Annotated[
        str, typer.Option("--env-file", "-f", help=f"The file; by default {DEFAULT}.")
    ] = "",
    api: Annotated[str, typer.Option("--api", "-a", help="Where runs are recorded.")] = "",
    artifact_path: Annotated[
        str, typer.Option("--artifact-path", "-p", help="Where artifacts go.")
    ] = "",
    username: Annotated[str, typer.Option("--username", "-u", help="A user's name.")] = "",
    access_key: Annotated[str, typer.Option("--access-key", "-k", help="A user's key.")] = "",
    env_vars: Annotated[
        list[str] | None, typer.Option("--env-vars", "-e", help="More variables, K=V.")
    ] = None,
) -> None:
    """Get or set the configuration.

    mlrun config                                    prints it, secrets as ***

    mlrun config set -a ./records -e REGION=eu      writes ~/.mlrun.env; programs read it

    mlrun config clear                              deletes that file
    """
    file = Path(env_file).expanduser() if env_file else default_file()
    if command.lower() == "get":
        if env_file and not file.is_file():
            raise MissingFileError(f"Env file {env_file} does not exist", fix="check the path")
        if env_file or api:
            set_environment(
                api or None, artifact_path, access_key or None, username or None, env_file or None
            )
            resolve(_MLCONF).reload(skip_env_file=True)
        shown = _shown(resolve(_MLCONF).to_dict())
        typer.echo(resolve("yaml:safe_dump")(shown, default_flow_style=False))
    elif command.lower() == "set":
        found = file.is_file()
        typer.echo(
            f"Updating configuration in .env file {file}"
            if found
            else f".env file {file} not found, creating new and setting configuration"
        )
        named = {
            "MLRUN_DBPATH": api,
            "MLRUN_ARTIFACT_PATH": artifact_path,
            "V3IO_USERNAME": username,
            "V3IO_ACCESS_KEY": access_key,
        }
        _write(file, {k: v for k, v in {**named, **pairs_of(env_vars)}.items() if v})
        if env_file:
            typer.echo(f"To use it set the variable\nMLRUN_ENV_FILE={env_file}")
    elif command.lower() == "clear":
        known = file.is_file()
        typer.echo(f"Deleting .env file {file}" if known else f".env file {file} not found")
        file.unlink(missing_ok=True)
    else:
        raise InvalidArgumentError(
            f"Unsupported config option {command!r}", fix="mlrun config get, set or clear"
        )


def _shown(value: Any, path: str = "") -> Any:
    """What may be printed of settings: no secret, and no user and password of an address."""
    name = path.rpartition(".")[2]
    # a name that is none of ours, such as httpdb.token, may hold a secret all the same
    if value and (OURS.get(path, name) in SECRETS or name.endswith(_HIDDEN)):
        return "***"
    if isinstance(value, dict):
        return {
            key: _shown(one, f"{path}.{key}" if path else str(key)) for key, one in value.items()
        }
    if isinstance(value, list):
        return [_shown(one) for one in value]
    return without_passwords(value) if isinstance(value, str) else value


def _write(file: Path, values: dict[str, str]) -> None:
    """Write variables over those of the same names; the file may hold keys, so it is private."""
    for name, value in values.items():
        if not name.isidentifier() or "\n" in value or "'" in value:
            raise InvalidArgumentError(
                f"{name} cannot be set to a text with a quote or a new line"
                if name.isidentifier()
                else f"{name!r} is no name of a variable",
                fix="-e AWS_REGION=eu-central-1",
            )
    lines = file.read_text(encoding="utf-8").splitlines() if file.is_file() else []
    kept = [line for line in lines if _name(line) not in values]
    text = "\n".join([*kept, *(f"{name}='{value}'" for name, value in values.items())]) + "\n"
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=".env-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(temporary).replace(file)


def _name(line: str) -> str:
    return line.strip().removeprefix("export ").partition("=")[0].strip()
