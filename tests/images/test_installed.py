"""Installed packages as entries: the same whoever installs them, and safe."""

from __future__ import annotations

import marshal
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlrun_like.configuration import config
from mlrun_like.errors import BuildError
from mlrun_like.images.entries import Entry
from mlrun_like.images.installed import add_bytecode, entries_of_packages, script_of, tidy
from mlrun_like.images.resolver import choose_resolver
from mlrun_like.images.target import Target, here
from tests.images.wheels import index_lines, make_wheel

SITE = "/usr/local/lib/python3/site-packages"
TARGET = here()._replace(site=SITE, prefix="/usr/local", executable="/usr/bin/python3")


def installed(tmp_path: Path, tool: str) -> Path:
    index, out = tmp_path / "index", tmp_path / f"out-{tool}"
    if not index.exists():
        files = {
            "pack/__init__.py": "NAMES = {'a', 'b', 'c', 'd'}\n\ndef main():\n    print('hi')\n",
            "pack/data.txt": "data",
            "pack-1.0.data/scripts/raw.sh": "#!/bin/sh\necho raw\n",
            "pack-1.0.data/scripts/raw.py": "#!python\nprint('raw')\n",
            "pack-1.0.data/data/share/doc/pack.txt": "read me",
        }
        make_wheel(index, "pack", files=files, scripts={"pack": "pack:main", "Pack2": "pack:main"})
    with config.override(image_resolver=tool):
        resolver = choose_resolver()
    work = tmp_path / f"work-{tool}"
    work.mkdir()
    text = resolver.lock([*index_lines(index), "pack"], {}, TARGET, work)
    resolver.install(text, index_lines(index), TARGET, out)
    tidy(out)
    assert add_bytecode(out, TARGET)
    return out


def content(entry: Entry) -> bytes:
    return entry.source if isinstance(entry.source, bytes) else entry.source.read_bytes()


@pytest.mark.parametrize("tool", ["uv", "pip"])
def test_where_everything_goes(tmp_path: Path, tool: str) -> None:
    entries = {e.path: e for e in entries_of_packages(installed(tmp_path, tool), TARGET)}
    site = SITE.lstrip("/")
    assert content(entries[f"{site}/pack/data.txt"]) == b"data"
    assert content(entries["usr/local/share/doc/pack.txt"]) == b"read me"
    assert content(entries["usr/local/bin/pack"]).startswith(b"#!/usr/bin/python3\n")
    assert "usr/local/bin/Pack2" in entries
    assert content(entries["usr/local/bin/raw.py"]) == b"#!/usr/bin/python3\nprint('raw')\n"
    assert content(entries["usr/local/bin/raw.sh"]) == b"#!/bin/sh\necho raw\n"
    assert entries["usr/local/bin/pack"].mode == 0o755
    assert not [path for path in entries if "direct_url" in path or "REQUESTED" in path]
    everything = b"".join(content(entry) for entry in entries.values())
    assert str(tmp_path).encode() not in everything
    assert sys.executable.encode() not in everything


def test_uv_and_pip_give_the_same_bytes(tmp_path: Path) -> None:
    def table(folder: Path) -> dict[str, bytes]:
        return {e.path: content(e) for e in entries_of_packages(folder, TARGET)}

    one, two = table(installed(tmp_path, "uv")), table(installed(tmp_path, "pip"))
    differing = {path for path in {*one, *two} if one.get(path) != two.get(path)}
    assert not {path for path in differing if not path.endswith("RECORD")}


def test_byte_code_needs_no_check_and_names_the_image(tmp_path: Path) -> None:
    out = installed(tmp_path, "uv")
    code = next(out.rglob("__init__*.pyc")).read_bytes()
    assert int.from_bytes(code[4:8], "little") == 0b01  # PEP 552: a hash that nobody checks
    assert marshal.loads(code[16:]).co_filename == f"{SITE}/pack/__init__.py"
    again = tmp_path / "again"
    shutil.copytree(out, again, ignore=shutil.ignore_patterns("__pycache__"))
    add_bytecode(again, TARGET)
    assert next(again.rglob("__init__*.pyc")).read_bytes() == code


def test_byte_code_for_another_python_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    assert not add_bytecode(tmp_path, Target("3.99"))
    assert not list(tmp_path.rglob("*.pyc"))


def test_modules_that_do_not_compile_stay_source(tmp_path: Path) -> None:
    (tmp_path / "bad.py").write_text("def (:\n")
    (tmp_path / "good.py").write_text("x = 1\n")
    assert add_bytecode(tmp_path, TARGET)
    assert [path.name.partition(".")[0] for path in tmp_path.rglob("*.pyc")] == ["good"]


def test_a_script_runs_what_it_names(tmp_path: Path) -> None:
    text = script_of("json.tool:main", TARGET._replace(executable=sys.executable))
    path = tmp_path / "tool"
    path.write_text(text)
    path.chmod(0o755)
    done = subprocess.run([path], input="[1]", capture_output=True, text=True, timeout=20)
    assert done.stdout.split() == ["[", "1", "]"]


@pytest.mark.parametrize(
    "entry", ["", "module", "module:", "a b:c", "m:f; import os", "m:f\nimport os", ":f"]
)
def test_hostile_entry_points(entry: str) -> None:
    with pytest.raises(BuildError, match="module:function"):
        script_of(entry, TARGET)


def test_hostile_packages(tmp_path: Path) -> None:
    info = tmp_path / "evil-1.0.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text(
        "[console_scripts]\n../../etc/cron = a:b\n.hidden = a:b\n"
    )
    (info / "RECORD").write_text('../../etc/passwd,,\n"broken')
    tidy(tmp_path)
    assert "passwd" not in (info / "RECORD").read_text()
    paths = [entry.path for entry in entries_of_packages(tmp_path, TARGET)]
    assert not [path for path in paths if "cron" in path or "hidden" in path]
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(BuildError, match="link"):
        list(entries_of_packages(tmp_path, TARGET))
    (tmp_path / "link").unlink()
    (info / "entry_points.txt").write_text("no section\n")
    with pytest.raises(BuildError, match="entry points"):
        list(entries_of_packages(tmp_path, TARGET))
