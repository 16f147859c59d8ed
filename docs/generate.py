"""Write docs/settings.md, docs/cli.md and the table in docs/errors.md from the code.

python docs/generate.py          write
python docs/generate.py --check  exit code 1 if a page is not what the code says
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from typer.main import get_command

from mlrun_like import errors
from mlrun_like.cli.main import COMMANDS, app, load_command
from mlrun_like.configuration import ENV_PREFIX
from mlrun_like.errors import MLRunLikeError
from mlrun_like.settings import SECRETS, SETTINGS

__all__ = ["cli_page", "errors_page", "main", "settings_page"]

DOCS = Path(__file__).parent
_TYPES = {str: "text", int: "whole number", float: "number", bool: "true or false"}


def settings_page() -> str:
    """One row for each setting."""
    lines = [
        "# Settings",
        "",
        "Each setting has one name and is looked for in this order; the first found wins:",
        "",
        "1. a value set in code: `ml.config.<name> = value` (`import mlrun_like as ml`)",
        "2. the environment variable, then its older names",
        "3. the settings file: `config.yaml` in the home folder, lines `name: value`",
        "4. the default",
        "",
        "`mlrun-like config explain` shows every value with its origin; "
        "`mlrun-like config set NAME VALUE` writes the file.",
        "",
        "| name | type | default | environment | meaning |",
        "|---|---|---|---|---|",
    ]
    for row in SETTINGS:
        variables = ", ".join(f"`{name}`" for name in (ENV_PREFIX + row.name.upper(), *row.aliases))
        default = f"`{row.default}`" if row.default != "" else "empty"
        note = " Secret: never printed." if row.name in SECRETS else ""
        text = row.help.replace("[", "\\[")  # not a link
        lines.append(
            f"| `{row.name}` | {_TYPES[row.type]} | {default} | {variables} | {text}{note} |"
        )
    return "\n".join(lines) + "\n"


def cli_page() -> str:
    """One section for each command."""
    lines = [
        "# Command line",
        "",
        "`mlrun-like COMMAND --help` says the same in the terminal; `python -m mlrun_like` is the "
        "same program. Exit codes: 0 done, 1 failed, 2 wrong usage. Tables are plain text when the "
        "output is not a terminal; `--json` prints one JSON document and nothing else on stdout.",
        "",
    ]
    root = get_command(app)
    lines += ["## mlrun-like", "", *_options(root), ""]
    for name, (_, text) in COMMANDS.items():
        if COMMANDS[name][0] in [COMMANDS[other][0] for other in list(COMMANDS)[: _index(name)]]:
            lines += [f"## mlrun-like {name}", "", text, ""]
        else:
            lines += _command(f"mlrun-like {name}", load_command(name))
    return "\n".join(lines).rstrip() + "\n"


def _index(name: str) -> int:
    return list(COMMANDS).index(name)


def _command(title: str, command: Any) -> list[str]:
    lines = [f"## {title}", "", *_help(command.help or ""), ""]
    inner = getattr(command, "commands", None)
    if inner:
        for name, sub in inner.items():
            lines += _command(f"{title} {name}", sub)
        return lines
    return [*lines, *_options(command), ""]


def _help(text: str) -> list[str]:
    """Lines of help; an example stands by itself and becomes code."""
    return [
        f"    {line.strip()}" if line.strip().startswith("mlrun-like ") else line.strip()
        for line in text.strip().splitlines()
    ]


def _options(command: Any) -> list[str]:
    rows = []
    for parameter in command.params:
        names = [*parameter.opts, *parameter.secondary_opts]
        if parameter.param_type_name == "argument":
            names = [(parameter.metavar or parameter.name or "").upper()]
        shown = ", ".join(f"`{name}`" for name in names)
        rows.append(f"| {shown} | {getattr(parameter, 'help', None) or ''} |")
    return ["| option | meaning |", "|---|---|", *rows] if rows else []


def errors_page(text: str) -> str:
    """The page with its drawing of the tree renewed; causes and fixes are written by hand."""
    drawing = (errors.__doc__ or "").split("\n\n")[1]
    head, start, rest = text.partition("```text\n")
    _, end, tail = rest.partition("```\n")
    return f"{head}{start}{drawing}\n{end}{tail}"


def codes() -> dict[str, type[MLRunLikeError]]:
    """Code -> class, over the whole tree."""
    found: dict[str, type[MLRunLikeError]] = {}
    waiting = [MLRunLikeError]
    while waiting:
        cls = waiting.pop(0)
        found[cls.code] = cls
        waiting += cls.__subclasses__()
    return found


def main(arguments: list[str]) -> int:
    """Write or check all pages."""
    errors_file = DOCS / "errors.md"
    pages = {
        DOCS / "settings.md": settings_page(),
        DOCS / "cli.md": cli_page(),
        errors_file: errors_page(errors_file.read_text(encoding="utf-8")),
    }
    stale = 0
    for path, text in pages.items():
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if "--check" not in arguments:
            path.write_text(text, encoding="utf-8")
        print(f"{'stale' if '--check' in arguments else 'wrote'} {path}")
    return int("--check" in arguments and stale > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
