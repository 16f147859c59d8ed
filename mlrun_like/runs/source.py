"""Code that is brought when a run starts: a repository, an archive or a folder."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mlrun_like.configuration import config
from mlrun_like.packaging.fetching import fetch_source
from mlrun_like.packaging.unpack import add_path
from mlrun_like.runs.job import Job

__all__ = ["loads_source", "source_at_hand"]


def loads_source(job: Job) -> bool:
    """Whether a run brings its code from elsewhere."""
    build = job.function.spec.build
    return bool(build.source and build.load_source_on_run)


@contextlib.contextmanager
def source_at_hand(job: Job, own_process: bool) -> Iterator[None]:
    """The function's source in a folder of its own, importable in the block.

    Args:
        job: Its function says what to fetch (`with_source_archive`), its secrets may open it.
        own_process: This process exists for the run: it works in the function's `workdir` there.

    Raises:
        NotFoundError: if the source does not exist.
        PackagingError: if it cannot be read.
    """
    if not loads_source(job):
        yield
        return
    spec = job.function.spec
    root = config.path("sources")
    root.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=root, ignore_cleanup_errors=True) as name:
        folder = fetch_source(spec.build.source, Path(name, "source"), job.secrets)
        place = folder / spec.workdir
        for path in (folder, place):
            add_path(str(path))
        if own_process:
            os.chdir(place)
        yield
