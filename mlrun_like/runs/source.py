"""Code that is brought when a run starts: a repository, an archive or a folder."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from mlrun_like.configuration import config
from mlrun_like.packaging.fetching import fetch_version
from mlrun_like.packaging.unpack import add_path
from mlrun_like.runs.job import Job

__all__ = ["SOURCE", "loads_source", "source_at_hand"]

SOURCE = "mlrun-like/source"
"""Annotation of a run: the repository that its code came from, at the commit it had."""


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
    if not loads_source(job):
        yield job
        return
    spec = job.function.spec
    root = config.path("sources")
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as name:
        source = spec.build.source
        folder, commit = fetch_version(source, Path(name, "source"), job.secrets)
        if commit:
            job.run.metadata.annotations[SOURCE] = f"{source.partition('#')[0]}#{commit}"
        place = folder / spec.workdir
        for path in (folder, place):
            add_path(str(path))
        if own_process:
            os.chdir(place)
        file = place / spec.command
        if not spec.command or not file.is_file():
            yield job
            return
        here = spec.model_copy(update={"command": str(file)})
        yield replace(job, function=job.function.model_copy(update={"spec": here}))
