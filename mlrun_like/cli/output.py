"""What commands print: tables and fields (rich in a terminal, plain elsewhere), or JSON.

Recorded text may hold anything, so control characters are shown as escapes: a run's name must not
be able to move the reader's cursor.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = [
    "Json",
    "clean",
    "counted",
    "one_line",
    "print_fields",
    "print_json",
    "print_table",
    "sparkline",
]

Json = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
"""The option that every printing command takes."""

_COLOURS = {
    "completed": "green",
    "ok": "green",
    "running": "yellow",
    "pending": "yellow",
    "warn": "yellow",
    "aborting": "yellow",
    "error": "red",
    "fail": "red",
    "aborted": "red",
}
_BARS = "▁▂▃▄▅▆▇█"


def print_json(value: Any) -> None:
    """Print a value as JSON; numbers that JSON has no word for (NaN, infinity) become null."""
    typer.echo(json.dumps(_plain(value), indent=2, default=str, allow_nan=False))


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(inner) for inner in value]
    return value


def clean(text: object) -> str:
    """Text with control characters, except line ends and tabs, shown as escapes.

    >>> clean("a\\x1b[2Jb")
    'a\\\\x1b[2Jb'
    """
    return "".join(
        char if char.isprintable() or char in "\n\t" else repr(char)[1:-1] for char in str(text)
    )


def counted(number: int, noun: str, more: str = "") -> str:
    """A number with its noun.

    >>> counted(1, "file"), counted(2, "file"), counted(0, "entry", "entries")
    ('1 file', '2 files', '0 entries')

    Args:
        number: How many.
        noun: What it is called if it is one.
        more: If it is not one; by default with an s.
    """
    return f"{number} {noun if number == 1 else more or noun + 's'}"


def one_line(value: object, width: int = 60) -> str:
    """A value in one line of at most `width` characters.

    >>> one_line("first\\nsecond", 12)
    'first\\\\nseco…'
    """
    text = clean(value).replace("\n", "\\n").replace("\t", " ")
    return text if len(text) <= width else text[: width - 1] + "…"


def print_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under their headings."""
    lines = [[one_line(cell) for cell in row] for row in rows]
    if sys.stdout.isatty():
        table = Table(*columns, box=None, header_style="bold", padding=(0, 2, 0, 0))
        for line in lines:
            table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in line))
        Console().print(table)
        return
    widths = [max(map(len, column)) for column in zip(columns, *lines, strict=True)]
    for line in [[name.upper() for name in columns], *lines]:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        typer.echo("  ".join(cells).rstrip())


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print names and values below each other; a value of several lines is indented."""
    pairs = [(name, clean(value)) for name, value in fields if value not in (None, "")]
    if sys.stdout.isatty():
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for name, value in pairs:
            table.add_row(Text(name, style="bold"), Text(value, style=_COLOURS.get(value, "")))
        Console().print(table)
        return
    width = max((len(name) for name, _ in pairs), default=0) + 2
    for name, value in pairs:
        typer.echo(name.ljust(width) + value.replace("\n", "\n" + " " * width))


def sparkline(values: Sequence[float], width: int = 40) -> str:
    """A series as a line of small bars; longer ones are thinned out.

    >>> sparkline([1.0, 2.0, 3.0])
    '▁▅█'
    """
    known = [value for value in values if math.isfinite(value)]
    if not known:
        return ""
    if len(known) > width:
        known = [known[round(i * (len(known) - 1) / (width - 1))] for i in range(width)]
    low, high = min(known), max(known)
    scale = (len(_BARS) - 1) / ((high - low) or 1.0)
    return "".join(_BARS[math.floor((value - low) * scale + 0.5)] for value in known)
