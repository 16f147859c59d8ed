"""What happened in the jobs of one run: a folder or URL with one small JSON file for each step."""

from __future__ import annotations

import json
import posixpath
import uuid
from collections.abc import Mapping
from typing import Any

import fsspec

from mlrun_like.errors import PipelineError
from mlrun_like.pipelines.run import StepRun

__all__ = ["StateFolder"]

_SUFFIX = ".json"


class StateFolder:
    """See the module. A file is whole or not there: on disks it is renamed when it is complete.

    Args:
        url: A folder, or a URL that fsspec knows.

    Raises:
        PipelineError: if it cannot be used.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
            self._files.makedirs(self._root, exist_ok=True)
        except (OSError, ValueError, ImportError) as exc:
            raise PipelineError(
                f"the state folder {url!r} cannot be used: {exc}",
                where="--state",
                fix="give a folder or URL that all jobs of the run can read and write",
            ) from exc

    def write(self, path: str, run: StepRun) -> None:
        """Record what happened to a step."""
        row = {
            "step": path,
            "state": run.state,
            "uid": run.uid,
            "reason": run.reason,
            "blocked": run.blocked,
            "seconds": round(run.seconds, 3),
            "outputs": dict(run.outputs),
        }
        body = json.dumps(row, default=str).encode()
        target = posixpath.join(self._root, _file_of(path))
        if self._files.protocol in ("file", ("file", "local")):
            temporary = f"{target}.{uuid.uuid4().hex}.part"
            self._files.pipe_file(temporary, body)
            self._files.mv(temporary, target)
        else:
            self._files.pipe_file(target, body)

    def read(self) -> dict[str, StepRun]:
        """What happened, by step.

        Raises:
            PipelineError: if a file is damaged.
        """
        found: dict[str, StepRun] = {}
        self._files.invalidate_cache()
        for name in sorted(self._files.ls(self._root, detail=False)):
            if str(name).endswith(_SUFFIX):
                path, run = _row(self._files.cat_file(name), str(name))
                found[path] = run
        return found


def _file_of(path: str) -> str:
    """The file of a step: `fit[3,0]` is `fit@3,0.json`, as brackets are patterns elsewhere.

    >>> _file_of("fit[3,0]"), _file_of("train")
    ('fit@3,0.json', 'train.json')
    """
    return path.replace("[", "@").rstrip("]") + _SUFFIX


def _row(body: bytes, where: str) -> tuple[str, StepRun]:
    try:
        row: Mapping[str, Any] = json.loads(body)
        run = StepRun(
            str(row["state"]),
            str(row["uid"]),
            str(row["reason"]),
            outputs=dict(row["outputs"]),
            blocked=bool(row["blocked"]),
            seconds=float(row["seconds"]),
        )
        return str(row["step"]), run
    except (ValueError, KeyError, TypeError) as exc:
        raise PipelineError(
            f"the record of a step is damaged: {exc!r}",
            where=where,
            fix="delete the file and run the job of that step again",
        ) from exc
