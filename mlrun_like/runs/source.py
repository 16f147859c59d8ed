"""Code that is brought when a run starts: a repository, an archive or a folder."""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import sysconfig
import tempfile
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mlrun_like.configuration import config
from mlrun_like.packaging.fetching import fetch_version
from mlrun_like.packaging.unpack import add_path
from mlrun_like.runs.folder import folder_here, working_in
from mlrun_like.runs.job import Job

__all__ = ["SOURCE", "loads_source", "source_at_hand"]

SOURCE = "mlrun-like/source"
"""Annotation of a run: the repository that its code came from, at the commit it had."""

_INSTALLED = ("stdlib", "platstdlib", "purelib", "platlib")


def loads_source(job: Job) -> bool:
    """Whether a run brings its code from elsewhere."""
    build = job.function.spec.build
    return bool(build.source and build.load_source_on_run)


@contextlib.contextmanager
def source_at_hand(job: Job, own_process: bool) -> Iterator[Job]:
    """The function's source in a folder of its own, importable in the block; gives the job with
    its file there.

    Args:
        job: Its function says what to fetch (`with_source_archive`), its secrets may open it.
        own_process: This process exists for the run: it works in the function's `workdir` there.

    Raises:
        NotFoundError: if the source does not exist.
        PackagingError: if it cannot be read.
    """
    spec = job.function.spec
    if not loads_source(job):
        with working_in("" if own_process else _folder(job)):
            yield job
        return
    root = config.path("sources")
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as name:
        source = spec.build.source
        folder, commit = fetch_version(source, Path(name, "source"), job.secrets)
        if commit:
            job.run.metadata.annotations[SOURCE] = f"{source.partition('#')[0]}#{commit}"
        place = folder / spec.workdir
        extra = [place / part for part in spec.pythonpath.split(os.pathsep) if part]
        with _importable(folder, place, *extra):
            if own_process:
                os.chdir(place)
            file = place / spec.command
            if not spec.command or not file.is_file():
                yield job
                return
            here = spec.model_copy(update={"command": str(file)})
            yield replace(job, function=job.function.model_copy(update={"spec": here}))


def _folder(job: Job) -> str:
    """Where a run in this process works; empty: where it is."""
    folder, note = folder_here(job.function.spec.workdir, job.function.kind)
    if note:
        meta = job.run.metadata
        job.store.append_log(meta.project, meta.uid, f"mlrun-like: {note}\n".encode())
        if job.watch:
            sys.stderr.write(f"mlrun-like: {note}\n")
    return folder


@contextlib.contextmanager
def _importable(*folders: Path) -> Iterator[None]:
    """Imports look in the folders first, and the process is as before afterwards.

    A module of the same name that is loaded already, from the user's own folder or from another
    version of this source, is set aside meanwhile; what is installed stays.
    """
    tops = {entry.stem for folder in folders if folder.is_dir() for entry in folder.iterdir()}
    aside = {
        name: module
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] in tops and not _is_installed(name, module)
    }
    for name in aside:
        sys.modules.pop(name, None)
    for path in folders:
        add_path(str(path))
    importlib.invalidate_caches()
    try:
        yield
    finally:
        root = str(folders[0]) + os.sep
        for name, module in list(sys.modules.items()):
            if any(place.startswith(root) for place in _places(module)):
                sys.modules.pop(name, None)
        sys.path[:] = [path for path in sys.path if not f"{path}{os.sep}".startswith(root)]
        for name, module in aside.items():
            if all(os.path.exists(place) for place in _places(module)):
                sys.modules.setdefault(name, module)


def _places(module: types.ModuleType) -> list[str]:
    """Where a module is: its file, or the folders of a package without one."""
    file = getattr(module, "__file__", None)
    if isinstance(file, str):
        return [file]
    try:
        return [str(place) for place in getattr(module, "__path__", ())]
    except (KeyError, TypeError):  # a namespace package whose parent was set aside
        return []


def _is_installed(name: str, module: types.ModuleType) -> bool:
    if name.partition(".")[0] in ("__main__", "mlrun_like"):
        return True
    installed = tuple({sysconfig.get_path(kind) + os.sep for kind in _INSTALLED})
    places = _places(module)
    return not places or any(place.startswith(installed) for place in places)
