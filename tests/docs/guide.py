"""The Python of a page, run as if it were one module.

Blocks marked `python` run in order, in one namespace for each page. An expression with `# -> VALUE`
at its end, or in the next line, is evaluated and compared (`...` stands for anything); one with
`# raises ERROR` must raise that error.
"""

from __future__ import annotations

import ast
import doctest
import importlib.util
import linecache
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

__all__ = ["Guide", "blocks"]

_CHECKER = doctest.OutputChecker()
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def blocks(text: str, language: str) -> Iterator[tuple[int, str]]:
    """Blocks with the line they begin at, counted from 0."""
    for found in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        yield text[: found.start(1)].count("\n"), found[1]


class Guide:
    """Runs the blocks of a page as if they were one module."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name = name
        self.file = folder / f"{Path(name).stem.replace('-', '_')}_guide.py"
        spec = importlib.util.spec_from_file_location(self.file.stem, self.file)
        assert spec is not None
        self.module = importlib.util.module_from_spec(spec)
        self.wrong: list[str] = []
        self.checked = 0

    def run(self, text: str) -> None:
        # prose becomes empty lines, so that line numbers are those of the page
        lines = [""] * (text.count("\n") + 1)
        for first, block in blocks(text, "python"):
            for number, line in enumerate(block.splitlines()):
                lines[first + number] = line
        code = "\n".join(lines)
        self.file.write_text(code, encoding="utf-8")
        linecache.clearcache()
        for statement in ast.parse(code, str(self.file)).body:
            self._run_statement(statement, lines)
        assert self.checked == len(re.findall(r"# (?:->|raises) ", code)), "some were not checked"

    def _run_statement(self, statement: ast.stmt, lines: list[str]) -> None:
        end = statement.end_lineno or 0
        own, next_line = lines[end - 1], lines[end]
        value = re.search(r"  # -> (.+)$", own) or re.match(r"# -> (.+)$", next_line)
        error = re.search(r"  # raises (\w+)$", own)
        if not (value or error):
            self._exec(statement)
            return
        try:
            if isinstance(statement, ast.Expr):
                found = repr(self._eval(statement))
            else:
                assert error, f"{self.name}:{statement.lineno}: no expression"
                self._exec(statement)
                found = "nothing"
        except Exception as exc:  # which one is compared below
            if error is None:
                raise
            found = type(exc).__name__
        told = value or error
        assert told is not None
        self.checked += 1
        if not _CHECKER.check_output(told[1] + "\n", found + "\n", _FLAGS):
            self.wrong.append(f"{self.name}:{statement.end_lineno}: {told[1]} is really {found}")

    def _exec(self, statement: ast.stmt) -> None:
        exec(  # the pages are ours
            compile(ast.Module([statement], []), str(self.file), "exec"), vars(self.module)
        )

    def _eval(self, statement: ast.Expr) -> Any:
        code = compile(ast.Expression(statement.value), str(self.file), "eval")
        return eval(code, vars(self.module))
