"""A run's side of packing for tests: the real artifact manager, store and DataItems."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mlrun_like.artifacts.artifact import Artifact
from mlrun_like.artifacts.data import DataItem
from mlrun_like.artifacts.hints import parse_log_hint
from mlrun_like.artifacts.item import get_dataitem
from mlrun_like.artifacts.manager import ArtifactManager, Producer
from mlrun_like.artifacts.packers import pack_output, to_result
from mlrun_like.errors import NotFoundError
from mlrun_like.tracking.connect import open_store


class Run:
    """Logs like a context and gives inputs like one."""

    def __init__(self, folder: Path, store_folder: Path) -> None:
        self.store = open_store(str(store_folder))
        self.results: dict[str, Any] = {}
        self.logged: dict[str, Artifact] = {}
        self.updated: list[str] = []
        self._manager = ArtifactManager(
            self.store,
            Producer(
                kind="run", name="train", uri="tests/1", project="tests", tree="1",
                artifact_path=str(folder / "artifacts"),
            ),
        )  # fmt: skip

    @property
    def artifacts(self) -> list[dict[str, Any]]:
        return [artifact.to_dict() for artifact in self.logged.values()]

    def log_result(self, key: str, value: Any) -> None:
        self.results[key] = to_result(value)

    def log_artifact(self, item: Any, **options: Any) -> Artifact:
        return self._keep(self._manager.log_artifact(item, **options))

    def log_dataset(self, key: str, df: Any, **options: Any) -> Artifact:
        return self._keep(self._manager.log_dataset(key, df, **options))

    def log_model(self, key: str, **options: Any) -> Artifact:
        return self._keep(self._manager.log_model(key, **options))

    def get_cached_artifact(self, key: str) -> Artifact:
        if key not in self.logged:
            raise NotFoundError(f"no artifact {key!r}")
        return self.logged[key]

    def update_artifact(self, artifact: Artifact) -> None:
        self.updated.append(artifact.key)

    def _keep(self, artifact: Artifact) -> Artifact:
        self.logged[artifact.key] = artifact
        return artifact

    def pack(self, value: object, hint: Any) -> None:
        parsed = parse_log_hint(hint)
        if parsed is not None:
            pack_output(value, parsed, self)

    def input(self, key: str) -> DataItem:
        return get_dataitem(self.logged[key].uri, store=self.store, project="tests", key=key)

    def instructions(self, key: str) -> dict[str, Any]:
        return dict(self.logged[key].spec.unpackaging_instructions)
