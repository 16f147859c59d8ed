"""FileTarget: what targets of files share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

from mlrun_like.errors import MissingFileError
from mlrun_like.feature_store.targets.base import BaseStoreTarget
from mlrun_like.feature_store.targets.layout import Layout, opened
from mlrun_like.feature_store.targets.purging import purge_files
from mlrun_like.feature_store.targets.reading import data_files
from mlrun_like.feature_store.targets.staging import StagedWriter
from mlrun_like.feature_store.targets.state import Site, State, site_of
from mlrun_like.feature_store.targets.writing import TargetWriter, WriteJob

__all__ = ["FileTarget"]

_TRIES = 5


class FileTarget(BaseStoreTarget, ABC):
    """A target that is a file or a folder of files."""

    suffixes: ClassVar[tuple[str, ...]] = ()
    support_dask: ClassVar[bool] = False

    def is_single_file(self) -> bool:
        return bool(self.path) and str(self.path).endswith(self.suffixes)

    @abstractmethod
    def layout(self, job: WriteJob | None) -> Layout:
        """How rows are kept; without a job: as far as opening needs it."""

    @abstractmethod
    def rows(
        self,
        site: Site,
        state: State | None,
        columns: Sequence[str] | None,
        times: tuple[str, Any, Any],
        filters: Any,
    ) -> Any:
        """Read an Arrow table."""

    def site(self, path: str = "") -> Site:
        """Where it is."""
        path = path or self.get_target_path()
        return site_of(path, self.suffixes, self.storage_options)

    def writer(self, job: WriteJob) -> TargetWriter:
        path = self.get_target_path(job.run_id)
        return StagedWriter(self.site(path), self.layout(job), job, self.columns, path)

    def as_arrow(
        self,
        columns: Sequence[str] | None = None,
        times: tuple[str, Any, Any] = ("", None, None),
        filters: Any = None,
    ) -> Any:
        site = self.site()
        layout = self.layout(None)
        for last in range(_TRIES):
            state = opened(site, layout)
            if state is None and not data_files(site, None):
                raise self.missing()
            if state is not None and state.schema is None and not data_files(site, state):
                raise self.missing()
            try:
                found = self.rows(site, state, columns, times, filters)
            except (FileNotFoundError, MissingFileError):
                if last == _TRIES - 1:
                    raise
                continue  # another process replaced files meanwhile
            now = State.load(site)
            if (now and (now.generation, now.publish)) == (state and (state.generation, None)):
                return found
        return found

    def exists(self) -> bool:
        site = self.site()
        state = opened(site, self.layout(None))
        return bool(data_files(site, state)) or (state is not None and state.schema is not None)

    def purge(self) -> None:
        purge_files(self.get_target_path(), storage_options=self.storage_options)
