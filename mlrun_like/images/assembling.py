"""The layers of a plan, each made once: environment, package, source, code."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlrun_like.images.base import Base
from mlrun_like.images.entries import Entry, entries_of
from mlrun_like.images.environment import (
    Locked,
    Request,
    lock_environment,
    locked_layer,
)
from mlrun_like.images.layers import Layer, build_layer, kept_layer
from mlrun_like.images.package import DISTRIBUTION, check_python, own_requirements, package_layer
from mlrun_like.images.plan import CODE, HOME, ROOT, Plan
from mlrun_like.images.sending import later
from mlrun_like.images.target import Target
from mlrun_like.packaging.fetching import fetch_source

__all__ = ["Assembly", "Part", "Say", "assemble", "variables_of", "wanted_lines"]

Say = Callable[[str], None]
"""Called with a line of progress."""


@dataclass(frozen=True)
class Part:
    """A layer with its name.

    Args:
        name: `environment`, `package`, `source` or `code`.
        layer: The layer.
        reused: Whether it had been made before.
    """

    name: str
    layer: Layer
    reused: bool = False


@dataclass(frozen=True)
class Assembly:
    """The layers over a base, and what the image's config says.

    Args:
        base: What the base has.
        parts: The layers, lowest first.
        env: Environment variables of the image.
        user: Who runs it: a number, so that clusters can see that it is not root.
        workdir: The working folder.
        cmd: The command.
        labels: Labels.
        locked: The environment's lock; None if there are no packages.
        removed: Files of the base that the environment replaces.
    """

    base: Base
    parts: tuple[Part, ...]
    env: dict[str, str]
    user: str
    workdir: str
    cmd: tuple[str, ...]
    labels: dict[str, str]
    locked: Locked | None = None
    removed: tuple[str, ...] = ()


def assemble(
    plan: Plan, base: Base, *, path: str, say: Say, renew: bool = False, whiteouts: bool = True
) -> Assembly:
    """Make the layers of a plan, or find them in the cache.

    Args:
        plan: What is wanted.
        base: What the base has.
        path: The base's `PATH` and `PYTHONPATH`, joined by a line end.
        say: Called before work that takes longer.
        renew: Choose package versions anew.
        whiteouts: Whether replaced files of the base are removed by the layer itself.

    Raises:
        BuildError: if a requirement cannot be met or a source cannot be had.
    """
    parts: list[Part] = []
    locked: Locked | None = None
    removed: tuple[str, ...] = ()
    request = Request(wanted_lines(plan), base, plan.preferred, plan.environ)
    if request.lines:
        locked, environment, removed = _environment(request, say, renew, whiteouts)
        parts += [environment] if environment else []
    if plan.package and not plan.specifier:
        check_python(base.target)
        with later(say, "packing this package"):
            layer, reused = package_layer(base.target)
        parts.append(Part("package", layer, reused))
    if plan.source:
        parts.append(_source(plan, say))
    parts.append(_code_part(plan))
    old_path, _, old_pythonpath = path.partition("\n")
    labels = dict(plan.labels)
    if locked is not None:
        labels["mlrun-like.lock"] = locked.hash
    return Assembly(
        base=base,
        parts=tuple(parts),
        env=variables_of(plan, base.target, old_path, old_pythonpath),
        user=base.user if base.user not in ("", "0", "root", "0:0", "root:root") else "1000:1000",
        workdir=plan.source_dir if plan.source else HOME,
        cmd=(base.target.executable, *plan.command),
        labels=labels,
        locked=locked,
        removed=removed,
    )


def wanted_lines(plan: Plan) -> tuple[str, ...]:
    """The requirement lines of a plan, with those of this package."""
    lines = list(plan.requirements)
    if plan.package and plan.specifier:
        lines.append(plan.specifier)
    elif plan.package:
        lines += [line for line in own_requirements(plan.extras) if line not in lines]
    return tuple(lines)


def _environment(
    request: Request, say: Say, renew: bool, whiteouts: bool
) -> tuple[Locked, Part | None, tuple[str, ...]]:
    locked = lock_environment(request, renew=renew, say=say)
    found = locked_layer(locked, request, whiteouts=whiteouts, say=say)
    part = Part("environment", found.layer, found.reused) if found.layer else None
    return locked, part, found.removed


def _source(plan: Plan, say: Say) -> Part:
    say(f"fetching the source {plan.source}")
    with tempfile.TemporaryDirectory(prefix="mlrun-like-source-") as folder:
        found = fetch_source(plan.source, Path(folder) / "source", plan.environ)
        return Part("source", build_layer(entries_of(found, plan.source_dir)))


def _code_part(plan: Plan) -> Part:
    text = json.dumps([1, sorted(plan.files.items()), plan.document], sort_keys=True)
    made = []

    def entries() -> Iterator[Entry]:
        made.append(True)
        return _code(plan)

    layer = kept_layer(f"code {hashlib.sha256(text.encode()).hexdigest()}", entries)
    return Part("code", layer, not made)


def _code(plan: Plan) -> Iterator[Entry]:
    """The function's files, its document, and the folder where a run may write."""
    yield Entry.directory(ROOT)
    yield Entry.directory(CODE)
    # any user may write: clusters choose numbers of their own
    yield Entry.directory(HOME, mode=0o1777)
    for name, text in sorted(plan.files.items()):
        yield Entry.data(f"{CODE}/{name}", text.encode())
    if plan.document:
        data = json.dumps(plan.document, sort_keys=True, indent=1, ensure_ascii=False).encode()
        yield Entry.data(f"{ROOT}/function.json", data)


def variables_of(
    plan: Plan, target: Target, path: str = "", pythonpath: str = ""
) -> dict[str, str]:
    """Environment variables of the image.

    Args:
        plan: What is wanted.
        target: The base's Python.
        path: The base's `PATH`.
        pythonpath: The base's `PYTHONPATH`.
    """
    source = plan.source_dir if plan.source else CODE
    own = [CODE] if plan.files else []
    own += [plan.source_dir] if plan.source else []
    for item in filter(None, plan.pythonpath.split(":")) if plan.source else ():
        own.append(item if item.startswith("/") else f"{source}/{item.removeprefix('./')}")
    own += [] if target.on_path else [target.site]
    found = {
        "HOME": HOME,
        "USER": DISTRIBUTION,  # there is no line for it in /etc/passwd
        "MLRUN_LIKE_HOME": f"{HOME}/.mlrun-like",
        "PYTHONUNBUFFERED": "1",
    }
    folders = list(dict.fromkeys([*own, *filter(None, pythonpath.split(":"))]))
    if folders:
        found["PYTHONPATH"] = ":".join(folders)
    if not target.on_path:
        found["PATH"] = f"{target.prefix}/bin:{path}"
    return found
