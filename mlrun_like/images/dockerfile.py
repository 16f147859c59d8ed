"""A plan as a Dockerfile and its context, for a container tool or for your own pipeline."""

from __future__ import annotations

import json
import os
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.images.assembling import Assembly, Part, variables_of, wanted_lines
from mlrun_like.images.base import Base
from mlrun_like.images.cache import BlobCache
from mlrun_like.images.complaints import without_passwords
from mlrun_like.images.layers import Layer
from mlrun_like.images.plan import HOME, Plan
from mlrun_like.images.target import Target

__all__ = [
    "SECRET",
    "dockerfile_of",
    "environment_file",
    "lower_of",
    "outline_of",
    "upper_of",
    "write_context",
]

SECRET = "mlrun-like-env"
_REMOVED = "removed.txt"
_MOUNT = f"--mount=type=secret,id={SECRET},required=false"
_OUTLINE = (
    "# base, commands, requirements, package, source, code",
    "# --keep FOLDER (fn.dockerfile(FOLDER)) writes the exact file, with versions chosen, and what",
    "# it adds; to build, leave --print-dockerfile out.",
)
_NO_LAYER = Layer("", "", 0, "")
_LOAD = f"if [ -f /run/secrets/{SECRET} ]; then . /run/secrets/{SECRET}; fi"


def dockerfile_of(plan: Plan, assembly: Assembly, base: str = "") -> str:
    """The text. Values of the builder's environment are not in it: they come as a secret.

    Args:
        plan: What is wanted.
        assembly: The layers, which lie next to the file as `<name>.tar.gz`.
        base: Another name of the base image.

    Raises:
        InvalidArgumentError: if a command has several lines that a Dockerfile would split.
    """
    lower, upper = lower_of(plan, assembly, base), upper_of(plan, assembly)
    return "\n".join(["# base, commands, environment, package, source, code", *lower, *upper, ""])


def outline_of(plan: Plan) -> str:
    """The text as far as the plan alone tells it: no base is looked at, no version chosen.

    Requirements stand as they are. What a base decides is left out or as most bases have it:
    variables that name its folders, and its own user if that is not root.

    Args:
        plan: What is wanted.

    Raises:
        InvalidArgumentError: if a command has several lines that a Dockerfile would split.
    """
    lines = [*_OUTLINE, f"FROM {plan.base}", "USER 0"]
    lines += [f"RUN {_with_secret(command, plan)}" for command in plan.commands]
    wanted = wanted_lines(plan)
    if wanted:
        words = [
            # an option and its value are two words of one line
            shlex.join(shlex.split(line)) if line.startswith("-") else shlex.quote(line)
            for line in map(without_passwords, wanted)
        ]
        lines.append(" \\\n    ".join(["RUN python3 -m pip install --no-cache-dir", *words]))
    parts = [
        *(["package"] if plan.package and not plan.specifier else []),
        *(["source"] if plan.source else []),
        "code",
    ]
    target = Target(plan.python or "3", executable="python3")
    assembly = Assembly(
        base=Base(target),
        parts=tuple(Part(name, _NO_LAYER) for name in parts),
        env=variables_of(plan, target),
        user="1000:1000",
        workdir=plan.source_dir if plan.source else HOME,
        cmd=(target.executable, *plan.command),
        labels=dict(plan.labels),
    )
    lines += plan.extra.strip().splitlines()
    return "\n".join([*lines, *upper_of(plan, assembly), ""])


def lower_of(plan: Plan, assembly: Assembly, base: str = "") -> list[str]:
    """The lines that a change of code leaves as they are: base, commands, environment."""
    lines = [f"FROM {base or plan.base}", "USER 0"]
    lines += [f"RUN {_with_secret(command, plan)}" for command in plan.commands]
    if assembly.removed:
        lines.append(
            f"RUN --mount=type=bind,source={_REMOVED},target=/tmp/{_REMOVED} "
            f'while read -r file; do rm -f -- "$file"; done < /tmp/{_REMOVED}'
        )
    if any(part.name == "environment" for part in assembly.parts):
        lines.append("ADD environment.tar.gz /")
    return [*lines, *plan.extra.strip().splitlines()]


def upper_of(plan: Plan, assembly: Assembly) -> list[str]:
    """The lines above: the image's config, package, source, code."""
    lines = [_several("ENV", assembly.env), _several("LABEL", assembly.labels)]
    lines.append(f"WORKDIR {assembly.workdir}")
    words = [line.split()[0].upper() for line in plan.extra.splitlines() if line.split()]
    if "USER" not in words:
        lines.append(f"USER {assembly.user}")
    if "CMD" not in words:
        lines.append(f"CMD {json.dumps(list(assembly.cmd))}")
    names = [part.name for part in assembly.parts if part.name != "environment"]
    return [*filter(None, lines), *(f"ADD {name}.tar.gz /" for name in names)]


def _several(word: str, pairs: Mapping[str, str]) -> str:
    rows = [f"{_quoted(name) if '.' in name else name}={_quoted(pairs[name])}" for name in pairs]
    return f"{word} " + " \\\n    ".join(sorted(rows)) if rows else ""


def _with_secret(command: str, plan: Plan) -> str:
    text = command.strip()
    if "\n" in text.replace("\\\n", "") and not text.startswith("<<"):
        raise InvalidArgumentError(
            f"build command {text[:60]!r} has several lines",
            fix="give each command by itself, or join them with &&",
        )
    return f"{_MOUNT} {_LOAD}; {text}" if plan.environ else text


def _quoted(value: str) -> str:
    text = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
    return '"' + text.replace("\n", "\\n") + '"'


def environment_file(plan: Plan) -> str:
    """The builder's environment as lines of a shell script."""
    return "".join(f"export {k}={shlex.quote(v)}\n" for k, v in sorted(plan.environ.items()))


def write_context(folder: Path, plan: Plan, assembly: Assembly, base: str = "") -> str:
    """Write the Dockerfile and everything it adds into a folder; its text.

    Args:
        folder: Made if it is missing; files of an earlier context are replaced.
        plan: What is wanted.
        assembly: The layers.
        base: Another name of the base image.
    """
    text = dockerfile_of(plan, assembly, base)
    cache = BlobCache()
    folder.mkdir(parents=True, exist_ok=True)
    for part in assembly.parts:
        target = folder / f"{part.name}.tar.gz"
        target.unlink(missing_ok=True)
        source = cache.path(part.layer.digest)
        try:
            os.link(source, target)
        except OSError:  # another file system
            shutil.copyfile(source, target)
    if assembly.removed:
        rows = "".join(f"{path}\n" for path in assembly.removed)
        (folder / _REMOVED).write_text(rows, encoding="utf-8")
    if assembly.locked is not None:
        (folder / "requirements.lock").write_text(assembly.locked.text, encoding="utf-8")
    (folder / "Dockerfile").write_text(text, encoding="utf-8")
    return text
