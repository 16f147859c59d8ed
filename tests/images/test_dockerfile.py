"""Plans as Dockerfiles."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.images.assembling import Assembly, assemble
from mlrun_like.images.base import inspect_base
from mlrun_like.images.dockerfile import (
    dockerfile_of,
    environment_file,
    lower_of,
    upper_of,
    write_context,
)
from mlrun_like.images.plan import Plan
from tests.images.wheels import DEBIAN, base_with, index_lines, make_wheel

PATHS = "/usr/bin\n"


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    make_wheel(tmp_path / "index", "one")
    return Plan(
        base="python:3.11-slim",
        package=False,
        requirements=(*index_lines(tmp_path / "index"), "one"),
        files={"train.py": "x = 1\n"},
        labels={"title": 'say "hi" $HOME'},
        commands=("apt-get update", "pip list"),
        extra="EXPOSE 8080",
    )


def assembly_of(plan: Plan) -> Assembly:
    return assemble(plan, inspect_base(base_with(DEBIAN)), path=PATHS, say=lambda line: None)


def test_the_lines(plan: Plan) -> None:
    lines = dockerfile_of(plan, assembly_of(plan)).splitlines()
    assert lines[1:8] == [
        "FROM python:3.11-slim",
        "USER 0",
        "RUN apt-get update",
        "RUN pip list",
        "ADD environment.tar.gz /",
        "EXPOSE 8080",
        'ENV HOME="/opt/mlrun-like/home" \\',
    ]
    assert lines[-1] == "ADD code.tar.gz /"
    assert "USER 1000:1000" in lines
    assert '    title="say \\"hi\\" \\$HOME"' in lines or "LABEL title=" in "".join(lines)


def test_a_change_of_code_leaves_the_lower_part(plan: Plan) -> None:
    other = replace(plan, files={"train.py": "x = 2\n"})
    one, two = assembly_of(plan), assembly_of(other)
    assert lower_of(plan, one) == lower_of(other, two)
    assert [p.layer.digest for p in one.parts][:1] == [p.layer.digest for p in two.parts][:1]
    assert one.parts[-1].layer.digest != two.parts[-1].layer.digest


def test_values_of_the_builders_environment_are_never_written(plan: Plan) -> None:
    secret = replace(plan, environ={"TOKEN": "hunter2", "QUOTED": "it's $x"})
    assembly = assembly_of(secret)
    text = dockerfile_of(secret, assembly)
    assert "hunter2" not in text and "TOKEN" not in text
    assert text.count("--mount=type=secret") == 2
    assert environment_file(secret) == "export QUOTED='it'\"'\"'s $x'\nexport TOKEN=hunter2\n"


def test_lines_of_the_user_win(plan: Plan) -> None:
    own = replace(plan, extra='USER 5\nCMD ["x"]')
    upper = upper_of(own, assembly_of(own))
    assert not [line for line in upper if line.startswith(("USER", "CMD"))]


def test_a_command_of_several_lines(plan: Plan) -> None:
    bad = replace(plan, commands=("echo 1\nFROM evil",))
    with pytest.raises(InvalidArgumentError, match="several lines"):
        dockerfile_of(bad, assembly_of(plan))
    good = replace(plan, commands=("echo 1 && \\\n echo 2",))
    assert "RUN echo 1" in dockerfile_of(good, assembly_of(plan))


def test_the_context(plan: Plan, tmp_path: Path) -> None:
    folder = tmp_path / "context"
    for _ in range(2):
        text = write_context(folder, plan, assembly_of(plan))
    assert (folder / "Dockerfile").read_text() == text
    names = {path.name for path in folder.iterdir()}
    assert names == {"Dockerfile", "environment.tar.gz", "code.tar.gz", "requirements.lock"}
    assert "one==1.0" in (folder / "requirements.lock").read_text()


def test_replaced_files_of_the_base_are_removed(plan: Plan, tmp_path: Path) -> None:
    assembly = replace(assembly_of(plan), removed=("/usr/lib/x y.py",))
    write_context(tmp_path / "context", plan, assembly)
    assert (tmp_path / "context" / "removed.txt").read_text() == "/usr/lib/x y.py\n"
    assert "rm -f" in dockerfile_of(plan, assembly)
