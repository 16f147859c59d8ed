"""Artifacts written on a machine whose disk the submitting process does not see."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from mlrun_like.artifacts.data import open_url
from mlrun_like.artifacts.model import MODEL_SPEC
from mlrun_like.artifacts.stores import join_url

__all__ = ["Outbox", "unpack_files"]


class Outbox:
    """A private folder that stands for the submitter's artifact folder.

    Records name the real folder; the files travel with the result.

    Args:
        target: The submitter's folder of the run's artifacts.
    """

    def __init__(self, target: str) -> None:
        self.target = target
        self.folder = tempfile.mkdtemp(prefix="mlrun-like-outbox-")

    def translated(self, record: Any) -> Any:
        """A record with the submitter's paths."""
        text = json.dumps(record, default=str)
        if self.folder not in text:
            return record
        return json.loads(text.replace(self.folder, json.dumps(self.target)[1:-1]))

    def files(self) -> dict[str, bytes]:
        """Everything in it by relative path."""
        root, found = Path(self.folder), {}
        for path in sorted(root.rglob("*")):
            if path.is_file():
                data = path.read_bytes()
                if path.name == MODEL_SPEC:  # the record of the folder it lies in
                    data = data.replace(self.folder.encode(), self.target.encode())
                found[path.relative_to(root).as_posix()] = data
        return found

    def close(self) -> None:
        """Remove it."""
        with contextlib.suppress(OSError):
            shutil.rmtree(self.folder)


def unpack_files(files: dict[str, bytes], target: str) -> None:
    """Write what travelled into the artifact folder; each file whole or not at all."""
    for name, data in files.items():
        if name.startswith("/") or ".." in name.split("/"):
            continue  # no path of ours
        open_url(join_url(target, name)).put(data)
