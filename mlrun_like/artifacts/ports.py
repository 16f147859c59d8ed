"""The two sides that packers work between: an input (`Item`) and a run's log (`OutputLog`)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

__all__ = ["Item", "OutputLog", "Packed", "PackingWarning", "file_artifact"]


class PackingWarning(UserWarning):
    """An output was not logged as asked, or an input was read in another way than it was logged."""


class Item(Protocol):
    """What packers need of a `DataItem`."""

    @property
    def key(self) -> str:
        """The input's name."""

    @property
    def url(self) -> str:
        """Its address."""

    @property
    def suffix(self) -> str:
        """The file's suffix with its dot."""

    @property
    def meta(self) -> Any:
        """The artifact it is, or None."""

    def get(self, size: int | None = None, offset: int = 0, encoding: str | None = None) -> Any:
        """Its bytes."""

    def exists(self) -> bool:
        """Whether there is anything at its address."""

    def local(self) -> str:
        """A path on this machine."""

    def as_df(self) -> Any:
        """Its table."""


class OutputLog(Protocol):
    """Where outputs go: a run's context."""

    @property
    def results(self) -> Mapping[str, Any]:
        """The results so far."""

    @property
    def artifacts(self) -> list[dict[str, Any]]:
        """The artifacts so far, as plain data."""

    def log_result(self, key: str, value: Any) -> Any:
        """Record a result."""

    def log_artifact(self, item: Any, **options: Any) -> Any:
        """Store a file."""

    def log_dataset(self, key: str, df: Any, **options: Any) -> Any:
        """Store a table."""

    def log_model(self, key: str, **options: Any) -> Any:
        """Store a model."""

    def get_cached_artifact(self, key: str) -> Any:
        """An artifact of this run; NotFoundError if there is none."""

    def update_artifact(self, artifact: Any) -> Any:
        """Record changed metadata of one."""


class Packed(NamedTuple):
    """One call of an `OutputLog`, ready to be made: `log.<method>(first, **arguments)`."""

    method: str
    first: Any
    arguments: dict[str, Any]


def file_artifact(key: str, path: str | Path, **arguments: Any) -> Packed:
    """What a packer returns to log a file: its bytes are copied to the artifact store.

    >>> file_artifact("report", "/tmp/report.txt").method
    'log_artifact'
    """
    return Packed("log_artifact", key, {"local_path": str(path), "upload": True, **arguments})
