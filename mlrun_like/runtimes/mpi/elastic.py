"""Checkpoints that survive an attempt: the next one, perhaps with fewer ranks, goes on from them.

A checkpoint is a folder `step-<number>` that appears whole or not at all. Locally it is renamed
into place; under a URL a file `COMPLETE`, written last, lists its files.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mlrun_like.artifacts.stores import join_url, open_file_store, scheme_of
from mlrun_like.configuration import config
from mlrun_like.errors import InvalidArgumentError, MissingFileError
from mlrun_like.runs.job import Job

__all__ = ["Checkpoint", "checkpoint_base", "checkpoint_of"]

_NAME = re.compile(r"step-(\d{1,18})/?\Z")
_COMPLETE = "COMPLETE"


class Checkpoint:
    """The checkpoints of one run: `context.checkpoint`, the same in every attempt.

    Args:
        folder: A folder that all hosts reach, or a URL such as `s3://bucket/run`.
        writes: Whether this process's checkpoints are kept; on ranks that do not, `save` gives a
            folder that is thrown away, so that all ranks can run the same lines.
        keep: How many complete checkpoints are kept.
        attempt: Number of this attempt, from 1.

    >>> with tempfile.TemporaryDirectory() as name:
    ...     checkpoint = Checkpoint(name)
    ...     with checkpoint.save(3) as folder:
    ...         _ = (folder / "weights.txt").write_text("0.5")
    ...     checkpoint.step, (checkpoint.load() / "weights.txt").read_text()
    (3, '0.5')
    """

    def __init__(
        self, folder: str, *, writes: bool = True, keep: int = 2, attempt: int = 1
    ) -> None:
        if keep < 1:
            raise InvalidArgumentError(f"keep {keep!r} must be 1 or more")
        self.folder = str(folder)
        self.attempt = attempt
        self._writes = writes
        self._keep = keep
        self._local = scheme_of(self.folder) in ("", "file")
        if self._local:
            self.folder = self.folder.removeprefix("file://")

    @property
    def steps(self) -> list[int]:
        """The steps of the complete checkpoints, oldest first."""
        store, path = open_file_store(self.folder)
        try:
            names = store.list(path)
        except MissingFileError:
            return []
        found = [int(match[1]) for name in names if (match := _NAME.match(name))]
        return sorted(step for step in found if self._local or self._files(step) is not None)

    @property
    def step(self) -> int | None:
        """The step of the last complete checkpoint; None: there is none."""
        steps = self.steps
        return steps[-1] if steps else None

    def load(self) -> Path | None:
        """A local folder with the last complete checkpoint; None: start from the beginning.

        What comes from a URL is a copy, which is deleted at the end of this process.
        """
        step = self.step
        if step is None:
            return None
        if self._local:
            return Path(self.folder, _name(step))
        copy = Path(tempfile.mkdtemp(prefix="mlrun-like-checkpoint-"))
        atexit.register(shutil.rmtree, copy, ignore_errors=True)
        for name in self._files(step) or ():
            target = copy / name
            if not target.resolve().is_relative_to(copy.resolve()):
                raise InvalidArgumentError(
                    f"the checkpoint names the file {name!r}, which is outside of it",
                    where=self._url(step),
                )
            target.parent.mkdir(parents=True, exist_ok=True)
            store, path = open_file_store(self._url(step, name))
            target.write_bytes(store.read(path))
        return copy

    @contextlib.contextmanager
    def save(self, step: int) -> Iterator[Path]:
        """Write a checkpoint: files put into the folder given are kept if the block ends well.

        Args:
            step: Its number, 0 or more; one that exists is replaced.

        Raises:
            InvalidArgumentError: if the number is none.
        """
        if isinstance(step, bool) or not isinstance(step, int) or not 0 <= step < 10**18:
            raise InvalidArgumentError(
                f"checkpoint step {step!r} must be a whole number, 0 or more",
                fix="with context.checkpoint.save(epoch) as folder: ...",
            )
        place = None
        if self._writes and self._local:
            place = self.folder
            os.makedirs(place, exist_ok=True)
        new = tempfile.mkdtemp(prefix=".new-", dir=place)
        try:
            yield Path(new)
            if self._writes:
                self._put(step, Path(new))
        finally:
            shutil.rmtree(new, ignore_errors=True)

    def _put(self, step: int, new: Path) -> None:
        if self._local:
            _sync(new)
            target = Path(self.folder, _name(step))
            old = target.with_name(f".old-{target.name}-{os.getpid()}")
            if target.exists():
                target.rename(old)
            new.rename(target)
            _sync_folder(target.parent)
            shutil.rmtree(old, ignore_errors=True)
        else:
            self._upload(step, new)
        for other in self.steps[: -self._keep]:
            self._delete(other)
        if self._local:  # what attempts that were killed left behind
            for name in os.listdir(self.folder):
                if name.startswith((".new-", ".old-")) and name != new.name:
                    shutil.rmtree(Path(self.folder, name), ignore_errors=True)

    def _upload(self, step: int, new: Path) -> None:
        self._delete(step)
        names = sorted(
            file.relative_to(new).as_posix() for file in new.rglob("*") if file.is_file()
        )
        for name in names:
            store, path = open_file_store(self._url(step, name))
            with open(new / name, "rb") as file:
                store.write(path, iter(lambda file=file: file.read(1 << 20), b""))  # type: ignore[misc]
        store, path = open_file_store(self._url(step, _COMPLETE))
        store.write(path, [json.dumps(names).encode()])

    def _files(self, step: int) -> list[str] | None:
        """The files of a checkpoint under a URL; None: it is not complete."""
        store, path = open_file_store(self._url(step, _COMPLETE))
        try:
            names = json.loads(store.read(path))
        except (MissingFileError, ValueError):
            return None
        fits = isinstance(names, list) and all(isinstance(name, str) for name in names)
        return names if fits else None

    def _delete(self, step: int) -> None:
        if not self._local:  # first what says that it is complete
            store, path = open_file_store(self._url(step, _COMPLETE))
            store.delete(path)
        store, path = open_file_store(self._url(step))
        store.delete(path, recursive=True)

    def _url(self, step: int, *parts: str) -> str:
        return join_url(self.folder, _name(step), *parts)


def checkpoint_of(job: Job) -> Checkpoint:
    """The checkpoints of a job's run, as its context gives them."""
    store = type(job.store).__name__
    base = config.mpi_checkpoint_path or checkpoint_base(job)
    folder = join_url(base, job.run.metadata.uid)
    return Checkpoint(folder, writes=store != "QuietStore", attempt=job.attempt)


def checkpoint_base(job: Job) -> str:
    """Where the checkpoints of a project's runs are kept: a folder for each run is below it."""
    meta = job.run.metadata
    return str(config.mpi_checkpoint_path) or join_url(
        str(config.home), "checkpoints", meta.project
    )


def _name(step: int) -> str:
    return f"step-{step:012d}"


def _sync(folder: Path) -> None:
    """Bring a folder's files to the disk: a machine may fail, too."""
    for path in (folder, *folder.rglob("*")):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        else:
            _sync_folder(path)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
