"""`mlrun-like config`: where each setting comes from, and the file that changes it."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from mlrun_like.cli.output import Json, clean, print_json, print_table
from mlrun_like.configuration import Config, config
from mlrun_like.errors import ConfigError, NotFoundError
from mlrun_like.settings import SECRETS, SETTINGS, Setting

__all__ = ["app"]

app = typer.Typer(rich_markup_mode=None, add_completion=False, help="Explain and change settings.")
Name = Annotated[str, typer.Argument(help="The setting's name.")]


@app.command()
def explain(
    name: Annotated[str, typer.Argument(help="One setting; by default all.")] = "",
    as_json: Json = False,
) -> None:
    """Show settings: value, where it comes from, what it means.

    mlrun-like config explain dbpath
    """
    rows = [row for row in SETTINGS if not name or row.name == name]
    if not rows:
        config.explain(name)  # raises, naming the nearest setting
    found = [{**_shown(row), "help": row.help} for row in rows]
    if as_json:
        print_json(found[0] if name else found)
        return
    if name:
        typer.echo(found[0]["help"])
    print_table(
        ["name", "value", "origin"], [[row["name"], row["value"], row["origin"]] for row in found]
    )


def _shown(row: Setting) -> dict[str, Any]:
    value, origin = config.explain(row.name)
    if row.name in SECRETS and value:
        value = "***"
    return {"name": row.name, "value": value, "origin": origin}


@app.command("get")
def get_setting(name: Name, as_json: Json = False) -> None:
    """Print one setting's value.

    mlrun-like config get artifact_path
    """
    config.explain(name)
    shown = _shown(next(row for row in SETTINGS if row.name == name))
    if as_json:
        print_json(shown)
    else:
        typer.echo(clean(shown["value"]))


@app.command("set")
def set_setting(
    name: Name, value: Annotated[str, typer.Argument(help="Its new value.")], as_json: Json = False
) -> None:
    """Write a setting to the settings file (the environment still wins over it).

    mlrun-like config set default_project fraud
    """
    checked = Config({})
    setattr(checked, name, value)
    if name in ("home", "config_file"):
        raise ConfigError(
            f"{name!r} says where the settings file is, so it cannot stand in it",
            fix=f"set the environment variable MLRUN_LIKE_{name.upper()}",
        )
    path = _file()
    values = _read(path)
    values[name] = getattr(checked, name)
    _write(path, values)
    _report(path, name, values[name], as_json)


@app.command("unset")
def unset_setting(name: Name, as_json: Json = False) -> None:
    """Take a setting out of the settings file.

    mlrun-like config unset default_project
    """
    config.explain(name)
    path = _file()
    values = _read(path)
    if name not in values:
        raise NotFoundError(f"{name!r} is not set in the settings file", where=str(path))
    del values[name]
    _write(path, values)
    default = next(row.default for row in SETTINGS if row.name == name)
    _report(path, name, default, as_json)


def _report(path: Path, name: str, value: Any, as_json: bool) -> None:
    value = "***" if name in SECRETS and value else value
    if as_json:
        print_json({"name": name, "value": value, "file": str(path)})
    else:
        typer.echo(f"{name} = {clean(value)}  (file {path})")
    origin = config.explain(name)[1]
    if origin.isupper():
        typer.echo(f"note: environment variable {origin} still wins over the file", err=True)


def _file() -> Path:
    named = config.config_file
    return Path(named).expanduser() if named else config.path("config.yaml")


def _read(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    config.explain("default_project")  # reads and checks the file
    values: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    return values


def _write(path: Path, values: dict[str, Any]) -> None:
    """Write a file that a reader sees either as it was or complete; it may hold a token."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".config-")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            yaml.safe_dump(values, stream, sort_keys=True, allow_unicode=True)
        Path(name).replace(path)
    except OSError as exc:
        raise ConfigError(
            f"the settings file cannot be written: {exc.strerror}",
            where=str(path),
            fix="make its folder writable, or name another with MLRUN_LIKE_CONFIG_FILE",
        ) from exc
