"""The `%nuclio` commands of a running notebook."""

from __future__ import annotations

import builtins
import importlib
import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell

from mlrun_like.compat.adapted.nuclio import deploying
from mlrun_like.compat.adapted.nuclio.arguments import read_arguments
from mlrun_like.compat.adapted.nuclio.magics import commands, nuclio, print_handler_code
from mlrun_like.configuration import environment, exchange_environment, restore_environment

_HANDLER = {
    "cells": [
        {"cell_type": "code", "source": "%nuclio env SIZE=3"},
        {"cell_type": "code", "source": "%nuclio config spec.maxReplicas = 5"},
        {"cell_type": "code", "source": "def handler(context, event):\n    return 'hello'"},
    ],
    "metadata": {},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    yield
    restore_environment()


@pytest.fixture
def notebook(tmp_path: Path) -> str:
    file = tmp_path / "greet.ipynb"
    file.write_text(json.dumps(_HANDLER))
    return str(file)


def test_variables_are_set_here_unless_they_are_for_the_function(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    nuclio("env", "A_USER=john\n# a comment\n\nA_WORD=t0p=s3cret\n")
    nuclio("env -c A_LATER=1")
    nuclio("env --config-only", "A_LATER=1")
    nuclio("env -l A_HERE=${A_USER}s")
    nuclio("env %v3io")
    assert (environment("A_USER"), environment("A_WORD")) == ("john", "t0p=s3cret")
    assert (environment("A_LATER"), environment("A_HERE")) == (None, "johns")
    shown = capsys.readouterr()
    assert "setting 'A_WORD' environment variable" in shown.out and "s3cret" not in shown.out
    (tmp_path / "dev.env").write_text("# mine\nA_FILE=yes\n")
    nuclio(f"env_file {tmp_path / 'dev.env'}")
    assert environment("A_FILE") == "yes"


def test_settings_mounts_and_files_are_told(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model.json").write_text("{}")
    nuclio("config", 'spec.maxReplicas = 5\nbuild.commands += "ls"')
    nuclio("mount -t pvc /data my-claim")
    nuclio("add -f model.json")
    nuclio("verbose")
    nuclio("config a = 1")
    nuclio("verbose")
    assert capsys.readouterr().out.splitlines() == [
        "%nuclio: setting spec.maxReplicas to 5",
        "%nuclio: appending 'ls' to build.commands",
        "mounting volume path /data as my-claim",
        "%nuclio: appending model.json to archive",
        "%nuclio: verbose off",
        "%nuclio: verbose on",
    ]


@pytest.mark.parametrize(
    ("line", "cell", "message"),
    [
        ("", None, "no command"),
        ("evn A=1", None, "Did you mean 'env'?"),
        ("env nothing", None, 'cannot find "="'),
        ("env =x", None, 'cannot find "="'),
        ("env_file /no/such.env", None, "No such file"),
        ("config spec.maxReplicas 5", None, "is not a setting"),
        ("config a = {broken", None, "is not JSON"),
        ("config a = " + "[" * 100_000, None, "is not JSON"),
        ("mount /only-one", None, "mount needs"),
        ("add -f missing.bin", None, "does not exist"),
        ("deploy --no-such-flag x", None, "--no-such-flag"),
        ("deploy 'unclosed", None, "cannot be read"),
        ("deploy no-such.py -p x --kind nuclio", None, "no-such.py"),
        ("deploy a.py -e NOVALUE", None, 'cannot find "="'),
        ("deploy a.py --env-json [1]", None, "JSON dict"),
        ("build a.py --cmd-json {", None, "JSON list"),
        ("help evn", None, "unknown command: evn"),
        ("cmd ls", None, "IPython"),
    ],
)
def test_what_is_wrong_is_told_and_not_raised(
    line: str, cell: str | None, message: str, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    assert nuclio(line, cell) is None
    assert message in capsys.readouterr().err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    nuclio("help")
    listed = capsys.readouterr().out
    assert all(f"- {name}: " in listed for name in commands)
    nuclio("help ENV")
    assert "--config-only" in capsys.readouterr().out


def test_a_notebook_is_shown_and_built(
    notebook: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_handler_code(notebook)
    shown = capsys.readouterr().out
    assert "def handler" in shown and "maxReplicas: 5" in shown and "%nuclio" in shown
    nuclio(f"show {notebook}")
    assert "def handler" in capsys.readouterr().out
    found, code = nuclio(f"build {notebook} -n other -o {tmp_path / 'out'} -e MORE=1")
    assert found["metadata"]["name"].endswith("other") and "def handler" in code
    assert {"name": "MORE", "value": "1"} in found["spec"]["env"]
    assert (tmp_path / "out/handler.py").read_text() == code


def test_deploy_hands_on_what_the_line_says(
    notebook: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: dict[str, Any] = {}

    def deployed(source: str, dashboard: str, **more: Any) -> str:
        seen.update(more, source=source, dashboard=dashboard)
        return "http://127.0.0.1:1/p/f"

    monkeypatch.setattr(deploying, "deploy_file", deployed)  # the gateway has tests of its own
    monkeypatch.setenv("JUPYTER_NOTEBOOK_FILE_NAME", notebook)
    line = (
        "deploy -n faces -p proj -t v1 -c -d http://d:8070 -e A=1 --env-json "
        """'{"B": "2"}' --spec-json '{"spec.maxReplicas": 2}' """
        """--cmd-json '["ls"]' --mount pvc:c:/d"""
    )
    assert nuclio(line) == "http://127.0.0.1:1/p/f"
    assert "function deployed" in capsys.readouterr().out
    assert (seen["source"], seen["dashboard"]) == (notebook, "http://d:8070")
    assert (seen["name"], seen["project"], seen["tag"]) == ("faces", "proj", "v1")
    spec = seen["spec"]
    assert spec.env == {"A": "1", "B": "2"} and spec.cmd == ["ls"]
    assert spec.extra_config == {"spec.maxReplicas": 2} and spec.mounts[0].type == "pvc"


def test_a_notebook_has_the_commands_and_a_context_with_the_import(
    compat: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made: dict[str, Any] = {}
    ran: list[str] = []

    class ZMQInteractiveShell:
        def register_magic_function(self, function: Any, kind: str, name: str) -> None:
            made[name] = (function, kind)

        def var_expand(self, line: str) -> str:
            return line

        def system(self, line: str) -> None:
            ran.append(line)

        def run_cell(self, cell: str) -> None:
            ran.append(cell)

    shell = ZMQInteractiveShell()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    monkeypatch.delattr(builtins, "context", raising=False)
    importlib.import_module("nuclio")
    try:
        assert made["nuclio"] == (nuclio, "line_cell") and made["mlrun"] == made["nuclio"]
        getattr(builtins, "context").logger.info("some message")  # noqa: B009 - mypy knows none
        assert "some message" in capsys.readouterr().out
    finally:
        delattr(builtins, "context")
    made.clear()
    importlib.import_module("nuclio").load_ipython_extension(shell)
    assert set(made) == {"nuclio", "mlrun"}
    delattr(builtins, "context")
    nuclio("cmd", "pip install ${A_PACKAGE}\n\n")
    nuclio("cmd -c apt-get install x")
    nuclio("handler", "1 + 1")
    assert ran == ["pip install ${A_PACKAGE}", "1 + 1"]


def test_an_archive_and_ignored_tags(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "code", "source": "x = 1", "metadata": {"tags": ["mine"]}},
        {"cell_type": "code", "source": "y = 2"},
    ]
    file = tmp_path / "a.ipynb"
    file.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    _, code = commands["build"](f"{file} -a -o {tmp_path} -p shop --ignored-tags mine", None)
    assert "y = 2" in code and "x = 1" not in code
    assert (tmp_path / "shop" / "a.zip").is_file() and not (tmp_path / "handler.py").exists()


class Shell:
    """IPython's way to run a command, without a terminal."""

    var_expand: Any = InteractiveShell.var_expand

    def __init__(self, **variables: Any) -> None:
        self.user_ns = variables
        self.said: list[str] = []

    def system(self, line: str) -> None:
        text = self.var_expand(line, depth=1)
        self.said.append(subprocess.run(text, shell=True, capture_output=True, text=True).stdout)


@pytest.mark.parametrize("value", ["a b", "x; echo done", "$(echo no)", "{1 + 1}", "it's"])
def test_a_value_is_no_part_of_a_command(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Shell(A_VALUE="wrong", mine=3)
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    exchange_environment({"A_VALUE": value})
    nuclio("cmd", 'printf "%s" "${ A_VALUE }" {mine}')
    nuclio("cmd", """echo a "${A_VALUE}" | awk '{print $0 }'""")
    assert shell.said == [f"{value}3", f"a {value}\n"]
    args = read_arguments("deploy.py -e A=${A_VALUE} -n x")
    assert (args.env, args.name) == ([f"A={value}"], "x")


def test_a_command_is_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = itertools.count(1)
    shell = Shell(tick=lambda: next(calls))
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))
    exchange_environment({"A_VALUE": "it's"})
    nuclio("cmd", """echo {tick()} "${A_VALUE}" 'a ${A_VALUE}' "it's" \\' ${A_VALUE}""")
    assert shell.said == ["1 it's a it's it's ' it's\n"] and next(calls) == 2


def test_equal_paths_and_lines_for_here_only(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    nuclio("mount /data /data")
    nuclio("mount -t pvc ${A_FOLDER} my-claim -n here")
    nuclio("mount -l /data /data")
    nuclio(f"add -l {tmp_path}")
    shown = capsys.readouterr()
    assert shown.err == "" and shown.out.splitlines() == [
        "mounting volume path /data as /data",
        "mounting volume path ${A_FOLDER} as my-claim",
    ]


def test_deploy_hands_on_every_option(
    notebook: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: dict[str, Any] = {}
    monkeypatch.setattr(deploying, "deploy_file", lambda *given, **more: seen.update(more))
    nuclio(f"deploy {notebook} -p shop -a -v -c -o s3://box/archives")
    assert seen["archive"] and seen["verbose"] and seen["create_project"]
    assert seen["output_dir"] == "s3://box/archives"
    seen.clear()
    assert nuclio(f"deploy {notebook} -p shop --ignored-tags mine") is None and not seen
    assert "by tags" in capsys.readouterr().err


def test_a_folder_for_what_is_deployed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "greet.py"
    file.write_text("def handler(context, event):\n    return 1\n")
    monkeypatch.setattr(deploying, "deploy_config", lambda config, *given, **more: "address")
    assert nuclio(f"deploy {file} -p shop -o {tmp_path / 'out'}") == "address"
    assert "handler" in (tmp_path / "out/function.yaml").read_text()
