"""Checkpoints: states of a training on disk, so that it can go on after a failure."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mlrun_like.errors import InvalidArgumentError

__all__ = ["Checkpoints"]

_NAME = re.compile(r"epoch-(\d+)\.ckpt\Z")


class Checkpoints:
    """A folder with the states after the last epochs.

    A state is written under another name first, so a process that dies while writing leaves the
    one before it whole.

    Args:
        directory: The folder; it is made when needed.
        every: Epochs between two states.
        keep: How many states are kept.

    >>> import tempfile
    >>> states = Checkpoints(tempfile.mkdtemp(), keep=1)
    >>> for epoch in (1, 2):
    ...     _ = states.save(epoch, lambda path: Path(path).write_text("state"))
    >>> states.latest()[0]
    2

    Raises:
        InvalidArgumentError: if `every` or `keep` is less than 1.
    """

    def __init__(self, directory: str | os.PathLike[str], every: int = 1, keep: int = 2) -> None:
        if every < 1 or keep < 1:
            raise InvalidArgumentError(f"every={every} and keep={keep} must be at least 1")
        self.folder = Path(directory).absolute()
        self.every, self.keep = every, keep

    def due(self, epoch: int) -> bool:
        """Whether the state after so many epochs is to be written."""
        return epoch % self.every == 0

    def save(self, epoch: int, write: Callable[[str], Any]) -> str:
        """Write the state after `epoch` epochs.

        Args:
            epoch: How many epochs are over.
            write: Writes the state to a path.

        Returns:
            The file's path.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"epoch-{epoch:06}.ckpt"
        part = self.folder / f".{target.name}.{os.getpid()}"
        try:
            write(str(part))
            with open(part, "rb") as stream:
                os.fsync(stream.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        for _, path in self.all()[: -self.keep]:
            path.unlink(missing_ok=True)
        return str(target)

    def all(self) -> list[tuple[int, Path]]:
        """The states, oldest first: how many epochs were over, and the file."""
        found = []
        for path in self.folder.glob("epoch-*.ckpt") if self.folder.is_dir() else ():
            match = _NAME.match(path.name)
            if match:
                found.append((int(match[1]), path))
        return sorted(found)

    def latest(self) -> tuple[int, str]:
        """The newest state, or `(0, "")`."""
        found = self.all()
        return (found[-1][0], str(found[-1][1])) if found else (0, "")
