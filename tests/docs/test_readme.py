"""The README's code runs: its Python as the files that it names, `mlrun-like` lines as commands."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_FILES = (
    *("tour.py", "fit.py", "daily.py", "app.py", "payments.py", "tumours.py", "hello.py"),
    *("ready.py", "old.py"),
)
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def _environment(folder: Path) -> dict[str, str]:
    home = {"MLRUN_LIKE_HOME": str(folder / "home"), "MLRUN_LIKE_GATEWAY_PORT": "0"}
    return {k: v for k, v in os.environ.items() if not k.startswith("MLRUN_")} | home


def _run(command: list[str], folder: Path) -> str:
    if "user" in command:  # there is no terminal that could be asked
        command = [*command, "--password-stdin"]
    done = subprocess.run(
        command, cwd=folder, env=_environment(folder), capture_output=True, text=True, check=False,
        input="a long enough passphrase\n",
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.mark.slow
def test_the_readme_runs(tmp_path: Path) -> None:
    # Named files in shell blocks are these, as a reader would save them.
    for name, text in zip(_FILES, _blocks("python"), strict=True):
        (tmp_path / name).write_text(text, encoding="utf-8")
    _run([sys.executable, "tour.py"], tmp_path)
    _run([sys.executable, "fit.py"], tmp_path)
    printed = _run([sys.executable, "payments.py"], tmp_path)
    assert "[{'amount_sum_1h': 80.0, 'amount_count_1h': 2.0}]" in printed
    assert "radius" in _run([sys.executable, "tumours.py"], tmp_path)
    printed = _run([sys.executable, "ready.py"], tmp_path)
    assert "store://models/default/" in printed
    lines = [line for block in _blocks("bash") for line in block.splitlines()]
    commands = [line for line in lines if line.startswith("mlrun-like ")]
    assert commands, "the README shows no command"
    program = [sys.executable, "-m", "mlrun_like"]
    try:
        for line in commands:
            # these have tests of their own; a build asks a registry for its base
            if line.split()[1] not in ("demo", "docs", "serve", "build", "pages"):
                printed = _run([*program, *shlex.split(line, comments=True)[1:]], tmp_path)
                if line.startswith("mlrun-like invoke"):
                    assert json.loads(printed) == json.loads(line.partition("  # ")[2])
    finally:
        _run([*program, "down"], tmp_path)


@pytest.mark.slow
def test_the_graph_is_served_as_shown(tmp_path: Path) -> None:
    lines = [line for block in _blocks("bash") for line in block.splitlines()]
    serve = next(line for line in lines if line.startswith("mlrun-like serve"))
    call = next(line for line in lines if line.startswith("curl"))
    (tmp_path / "app.py").write_text(_blocks("python")[3], encoding="utf-8")
    words = shlex.split(serve, comments=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "mlrun_like", *words[1:], "--port", "0"],
        cwd=tmp_path, env=_environment(tmp_path), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        url = process.stdout.readline().split()[-1]
        body = shlex.split(call, comments=True)[-1].encode()
        with urllib.request.urlopen(url, body, timeout=10) as reply:  # as curl -d: a form
            assert reply.read().decode() == call.partition("  # ")[2]
    finally:
        process.terminate()
        process.communicate(timeout=30)


def test_the_examples_are_short() -> None:
    tour, _, _, app, *_ = _blocks("python")
    assert len([line for line in tour.splitlines() if line.strip()]) <= 30
    assert len([line for line in app.splitlines() if line.strip()]) <= 8
    section = TEXT[TEXT.index("## Serving") : TEXT.index("## Features")]
    assert section.count("\n") <= 26


def test_every_make_target_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    pages = TEXT + (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:^|`)make ([a-z-]+)", pages, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_the_map_names_every_folder() -> None:
    shown = set(re.findall(r"^    (\S+)/", TEXT, re.MULTILINE))
    real = {
        path.name
        for path in ROOT.iterdir()
        if path.is_dir() and not path.name.startswith(".") and any(path.iterdir())
    } - {"build", "dist", "__pycache__"}
    assert real <= shown, real - shown
