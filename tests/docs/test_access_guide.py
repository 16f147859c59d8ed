"""The guide to access control is true: its blocks run, its tables are the code's."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from mlrun_like.api.access.roles import least_role
from mlrun_like.cli.login import login, logout, whoami
from mlrun_like.cli.service import app as service
from mlrun_like.settings import SETTINGS
from mlrun_like.tracking.connect import close_stores

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "access.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SHOWN = re.compile(r"^(?P<code>\S.*?)  # -> (?P<value>.+)$")


@pytest.fixture(autouse=True)
def _closed(home: Path) -> Iterator[None]:
    yield
    close_stores()


def test_its_blocks_run() -> None:
    names: dict[str, Any] = {}
    checked = 0
    for block in _BLOCK.findall(TEXT):
        for line in block.splitlines():
            found = _SHOWN.match(line)
            if found is None:
                exec(line, names)
            else:
                assert repr(eval(found["code"], names)) == found["value"], line
                checked += 1
    assert checked >= 10


def test_its_settings_exist() -> None:
    known = {setting.name for setting in SETTINGS}
    named = set(re.findall(r"\b((?:service|oidc)_[a-z_]+)\b", TEXT))
    assert named <= known, named - known


def test_its_commands_exist() -> None:
    import typer

    group = typer.main.get_command(service)
    assert isinstance(group, click.Group) or hasattr(group, "commands")
    own = {"login": login, "logout": logout, "whoami": whoami}
    for line in re.findall(r"^ {4}(mlrun-like .*)$", TEXT, re.MULTILINE):
        words = shlex.split(line, comments=True)[1:]
        if words[0] != "service":
            assert words[0] in own, line
            continue
        command: Any = group
        for word in words[1:]:
            if not hasattr(command, "commands"):
                break
            assert word in command.commands, line
            command = command.commands[word]
        options = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= options, line


def test_its_table_of_roles_is_the_codes() -> None:
    assert least_role("run", "read") == least_role("secret", "read") == "viewer"
    assert least_role("run", "run") == least_role("secret", "run") == "developer"
    for resource, action in (
        ("member", "update"),
        ("audit", "read"),
        ("project", "delete"),
        ("secret", "delete"),
    ):
        assert least_role(resource, action) == "admin"
