"""Installed packages as entries of a layer: the same bytes wherever and whenever they are made.

What installers write about this machine (paths, times, order) is removed; scripts start the image's
Python; byte code is checked by nothing at start, so that it needs no times.
"""

from __future__ import annotations

import base64
import configparser
import csv
import hashlib
import io
import os
import posixpath
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mlrun_like.configuration import environment_copy
from mlrun_like.errors import BuildError
from mlrun_like.images.entries import Entry
from mlrun_like.images.target import Target, here

__all__ = ["add_bytecode", "entries_of_packages", "script_of", "tidy"]

_LOCAL = ("direct_url.json", "REQUESTED", "uv_cache.json")
_DATA = ("share", "etc", "include", "man")
_ENTRY = re.compile(r"(?P<module>[\w.]+)(?:\s*:\s*(?P<attribute>[\w.]+))?\s*(?:\[.*\])?\Z")
_GROUPS = 4
_SECONDS = 1200


def tidy(folder: Path) -> None:
    """Remove what an installer (uv or pip with `--target`) notes about this machine.

    Args:
        folder: The installed packages.
    """
    (folder / ".lock").unlink(missing_ok=True)
    for cached in sorted(folder.rglob("__pycache__")):
        shutil.rmtree(cached, ignore_errors=True)
    for info in sorted(folder.glob("*.dist-info")):
        for name in _LOCAL:
            (info / name).unlink(missing_ok=True)
        (info / "INSTALLER").write_text("mlrun-like\n", encoding="utf-8")
        _rewrite_record(info)


def _rewrite_record(info: Path) -> None:
    """The list of files (packaging.python.org, "Recording installed projects"), sorted and true."""
    record = info / "RECORD"
    rows: dict[str, list[str]] = {}
    text = record.read_text(encoding="utf-8") if record.is_file() else ""
    for row in csv.reader(io.StringIO(text)):
        if not row:
            continue
        # `--target` moves scripts and data to where nobody says so: their rows lead elsewhere
        name = row[0] if (info.parent / row[0]).is_file() else ""
        if name and not name.startswith(("..", "bin/")):
            rows[name] = row
    installer = f"{info.name}/INSTALLER"
    if installer in rows:
        data = (info / "INSTALLER").read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows[installer] = [installer, f"sha256={digest}", str(len(data))]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows[name] for name in sorted(rows))
    record.write_text(out.getvalue(), encoding="utf-8")


def add_bytecode(folder: Path, target: Target, site: str = "") -> bool:
    """Compile every module, so that a user who may not write there need not do it at each start.

    The files are of PEP 552's unchecked kind, and name the paths they will have in the image. Equal
    sources give equal files: each process compiles a fixed part, in order, with fixed hashes.

    Args:
        folder: The modules, here.
        target: For which Python.
        site: Where they will be; by default the target's folder of packages.

    Returns:
        False if there is no such Python here; then nothing is compiled.
    """
    python = _interpreter(target)
    if not python:
        return False
    names = sorted(
        str(path)
        for path in folder.rglob("*.py")
        if path.is_file() and "__pycache__" not in path.parts
    )
    groups = [part for part in (names[i::_GROUPS] for i in range(_GROUPS)) if part]
    environ = {k: v for k, v in environment_copy().items() if not k.startswith("PYTHON")}
    environ["PYTHONHASHSEED"] = "0"
    arguments = [
        *(python, "-I", "-X", "utf8", "-W", "ignore", "-m", "compileall", "-qq", "-f"),
        *("--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", site or target.site),
        *("-i", "-"),
    ]
    # -I ignores PYTHONHASHSEED, which the order of sets in byte code depends on
    arguments.remove("-I")
    arguments.insert(1, "-s")
    for start in range(0, len(groups), _parallel()):
        running = []
        for group in groups[start : start + _parallel()]:
            process = subprocess.Popen(
                arguments,
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=folder,
            )
            assert process.stdin is not None
            process.stdin.write("\n".join(group).encode())
            process.stdin.close()
            running.append(process)
        for process in running:
            process.wait(_SECONDS)  # broken modules (templates, tests of parsers) stay source
    return True


def _parallel() -> int:
    return max(1, min(_GROUPS, os.cpu_count() or 1))


def _interpreter(target: Target) -> str:
    if target.python == here().python:
        return sys.executable
    return shutil.which(f"python{target.python}") or ""


def entries_of_packages(folder: Path, target: Target) -> Iterator[Entry]:
    """The files of a tidy folder, where the image's Python and shell look for them.

    Raises:
        BuildError: if a package would put a file outside.
    """
    seen: set[str] = set()
    for top in sorted(folder.iterdir()):
        data = top.name in _DATA and top.is_dir() and not list(top.glob("**/*.py"))[:1]
        if top.name == "bin" and top.is_dir() and not (top / "__init__.py").exists():
            yield from _scripts(top, target, seen)
        else:
            root = target.prefix if data else target.site
            yield from _plain(top, posixpath.join(root, top.name))
    for info in sorted(folder.glob("*.dist-info")):
        yield from _console_scripts(info, target, seen)


def _plain(path: Path, into: str) -> Iterator[Entry]:
    if path.is_symlink():
        raise BuildError(
            f"package file {path.name!r} is a link, which wheels cannot hold", where=str(path)
        )
    if path.is_dir():
        for child in sorted(path.iterdir()):
            yield from _plain(child, posixpath.join(into, child.name))
    else:
        yield Entry.file(into, path)


def _scripts(folder: Path, target: Target, seen: set[str]) -> Iterator[Entry]:
    """Programs and scripts that wheels bring as they are; generated ones are made anew."""
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.is_symlink():
            continue
        data = path.read_bytes()
        first, newline, rest = data.partition(b"\n")
        if first.startswith(b"#!") and b"python" in first:
            if b"sys.exit(" in rest and (b"from " in rest or b"import " in rest):
                generated = rest.count(b"\n") < 20
                if generated:
                    continue
            data = f"#!{target.executable}".encode() + newline + rest
        seen.add(path.name)
        yield Entry.data(f"{target.prefix}/bin/{path.name}", data, mode=0o755)


def _console_scripts(info: Path, target: Target, seen: set[str]) -> Iterator[Entry]:
    """The scripts of `entry_points.txt` (packaging.python.org, "Entry points specification")."""
    parser = configparser.RawConfigParser(delimiters=("=",), interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    try:
        parser.read_string((info / "entry_points.txt").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return
    except (OSError, UnicodeDecodeError, configparser.Error) as exc:
        raise BuildError(f"entry points cannot be read: {exc}", where=info.name) from exc
    rows = parser.items("console_scripts") if parser.has_section("console_scripts") else []
    for name, value in rows:
        if name in seen or "/" in name or name.startswith("."):
            continue
        seen.add(name)
        text = script_of(value, target, f"{info.name}: {name}")
        yield Entry.data(f"{target.prefix}/bin/{name}", text.encode(), mode=0o755)


def script_of(entry: str, target: Target, where: str = "") -> str:
    """The text of a console script.

    Args:
        entry: `module:function`.
        target: Whose Python runs it.
        where: For the message.

    Raises:
        BuildError: if it is no entry point.
    """
    match = _ENTRY.match(entry.strip())
    if match is None or not match["attribute"]:
        raise BuildError(f"entry point {entry!r} is not module:function", where=where)
    first = match["attribute"].partition(".")[0]
    return (
        f"#!{target.executable}\nimport sys\n\nfrom {match['module']} import {first}\n\n"
        f'if __name__ == "__main__":\n    sys.exit({match["attribute"]}())\n'
    )
