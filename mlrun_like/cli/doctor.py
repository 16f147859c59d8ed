"""`mlrun-like doctor`: is everything in order, and if not, what to do."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import typer

from mlrun_like import __version__
from mlrun_like.cli.output import Json, counted, print_json, print_table
from mlrun_like.configuration import config
from mlrun_like.errors import MissingDependencyError, MLRunLikeError
from mlrun_like.registry import known, load
from mlrun_like.runtimes.base import Runtime
from mlrun_like.specs.function import FunctionDoc
from mlrun_like.tracking.base import RunQuery
from mlrun_like.tracking.connect import open_store
from mlrun_like.tracking.full import FullStore
from mlrun_like.tracking.migrate import read_version
from mlrun_like.tracking.reaper import mark_lost
from mlrun_like.tracking.remote.store import RemoteStore
from mlrun_like.tracking.store import SqlStore

__all__ = ["Finding", "doctor"]

_LOW_SPACE = 1_000_000_000
_DISTRIBUTION = "mlrun-like"


class Finding(NamedTuple):
    """One line of the report; state is ok, warn or fail."""

    check: str
    state: str
    what: str
    fix: str = ""


def doctor(as_json: Json = False) -> int:
    """Check this installation and its store; the exit code is 1 if a check fails.

    mlrun-like doctor
    """
    found = [finding for check in _CHECKS for finding in _safely(check)]
    if as_json:
        print_json([finding._asdict() for finding in found])
    else:
        print_table(["check", "state", "what"], [finding[:3] for finding in found])
        for finding in found:
            if finding.fix:
                typer.echo(f"fix {finding.check}: {finding.fix}")
    return int(any(finding.state == "fail" for finding in found))


def _safely(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    """A check that cannot even be made has failed; the others are still made."""
    name = check.__name__.strip("_").replace("_", " ")
    try:
        yield from check()
    except MLRunLikeError as exc:
        yield Finding(name, "fail", exc.what, exc.fix)
    except OSError as exc:
        yield Finding(name, "fail", str(exc))


def _python() -> Iterator[Finding]:
    text = f"{platform.python_implementation()} {platform.python_version()}, {sys.executable}"
    good = (3, 10) <= sys.version_info[:2] < (3, 14)
    fix = "" if good else "use CPython 3.10 to 3.13"
    yield Finding("python", "ok" if good else "warn", text, fix)


def _packages() -> Iterator[Finding]:
    yield Finding(_DISTRIBUTION, "ok", __version__)
    for requirement, extra in _requirements():
        if extra:
            continue
        try:
            yield Finding(requirement, "ok", importlib.metadata.version(requirement))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(requirement, "fail", "not installed", f"pip install {requirement}")


def _extras() -> Iterator[Finding]:
    missing: dict[str, list[str]] = {}
    for requirement, extra in _requirements():
        if extra in ("", "dev", "all"):
            continue
        missing.setdefault(extra, [])
        try:
            importlib.metadata.version(requirement)
        except importlib.metadata.PackageNotFoundError:
            missing[extra].append(requirement)
    for extra, names in missing.items():
        if names:
            # What is optional and absent is no fault: there is nothing to fix.
            how = f'pip install "{_DISTRIBUTION}[{extra}]" brings it'
            yield Finding(f"extra {extra}", "ok", f"without {', '.join(names)}; {how}")
        else:
            yield Finding(f"extra {extra}", "ok", "installed")


def _requirements() -> Iterator[tuple[str, str]]:
    """What this distribution declares: (distribution, extra or "")."""
    for text in importlib.metadata.requires(_DISTRIBUTION) or []:
        requirement, _, marker = text.partition(";")
        name = requirement.strip()
        for position, char in enumerate(name):
            if not (char.isalnum() or char in "-_."):
                name = name[:position]
                break
        _, found, rest = marker.partition("extra ==")
        yield name, rest.strip().strip("'\"") if found else ""


def _home() -> Iterator[Finding]:
    home = config.path()
    fix = "make it writable, or choose another: MLRUN_LIKE_HOME=/path"
    try:
        home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home):
            pass
    except OSError as exc:
        yield Finding("home", "fail", f"{home} cannot be written: {exc.strerror}", fix)
        return
    yield Finding("home", "ok", str(home))
    free = shutil.disk_usage(home).free
    state = "ok" if free >= _LOW_SPACE else "warn"
    fix = "" if state == "ok" else "mlrun-like gc, or a home on a larger disk"
    yield Finding("disk", state, f"{free / 1e9:.1f} GB free", fix)


def _settings() -> Iterator[Finding]:
    changed = config.changed()
    yield Finding("settings", "ok", f"{len(changed)} differ from their defaults")


def _store() -> Iterator[Finding]:
    store = open_store()
    lost = mark_lost(store)
    yield Finding("store", "ok", f"{store.shown}, {_version(store)}")
    newest = store.list_runs(RunQuery(project="*", limit=1))
    yield Finding("runs", "ok", f"newest: {newest[0]['metadata']['uid']}" if newest else "none yet")
    state, fix = ("warn", "mlrun-like get runs --state error") if lost else ("ok", "")
    yield Finding("lost runs", state, f"{len(lost)} found and marked as failed", fix)


def _version(store: FullStore) -> str:
    if isinstance(store, SqlStore):
        with store.database.read() as connection:
            return f"schema {read_version(connection)}"
    if isinstance(store, RemoteStore):
        return f"a service of version {store.client.spec(fresh=True)['version']}"
    return type(store).__name__


def _spool() -> Iterator[Finding]:
    folder = config.path("spool")
    waiting = [path for path in folder.rglob("*.jsonl") if path.name != "rejected.jsonl"]
    rejected = list(folder.rglob("rejected.jsonl"))
    if waiting:
        verb = "waits" if len(waiting) == 1 else "wait"
        what = f"{counted(len(waiting), 'file')} of records {verb} for their store"
        fix = (
            "they are delivered when the store can be reached; those of a token that is no longer "
            f"used, when that is used again: else see {folder}"
        )
        yield Finding("spool", "warn", what, fix)
    else:
        yield Finding("spool", "ok", "nothing waits")
    for path in rejected:
        yield Finding("rejected", "warn", "records the store refused", f"read {path}")


def _fork_server() -> Iterator[Finding]:
    if not hasattr(os, "fork"):
        yield Finding("warm starts", "warn", "this system cannot fork; process runs start cold")
    elif not config.warm:
        yield Finding("warm starts", "ok", "switched off by the setting warm")
    else:
        yield Finding("warm starts", "ok", "process runs are forked from a warm server")


def _engines() -> Iterator[Finding]:
    """Each kind of runtime, and what stands in for one whose engine is not configured."""
    document = FunctionDoc()
    names = known("runtimes")
    for kind in names:
        try:
            runtime = load("runtimes", kind)
        except MissingDependencyError as exc:
            yield Finding(f"kind {kind}", "warn", exc.what, exc.fix)
            continue
        if runtime.kind != kind and runtime.kind in names:
            continue  # another name of the same
        made: Runtime = runtime()
        reason = made.unavailable(document)
        if not reason:
            yield Finding(f"kind {kind}", "ok", "can be used")
        else:  # what is optional and not there is no fault
            instead = f"; {made.local_form!r} stands in" if made.local_form else ""
            yield Finding(f"kind {kind}", "ok", f"not here: {reason}{instead}")


def _command() -> Iterator[Finding]:
    beside = Path(sys.executable).parent / _DISTRIBUTION
    if shutil.which(_DISTRIBUTION) or not beside.exists():
        yield Finding("command", "ok", shutil.which(_DISTRIBUTION) or "python -m mlrun_like")
    else:
        yield Finding("command", "warn", "not on PATH", f"add {beside.parent} to PATH")


_CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _python,
    _packages,
    _extras,
    _settings,
    _home,
    _store,
    _spool,
    _fork_server,
    _engines,
    _command,
)
