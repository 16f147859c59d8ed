"""The pipeline's run in our tracking while Kubeflow runs it: its steps' runs have its id as label.

Whoever comes first records it: `submit`, or the first step of a package that was uploaded by hand.
A package does not know its last step without one more pod, so the run is ended by `watch`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import NotFoundError, StateError
from mlrun_like.names import check_project
from mlrun_like.pipelines.engine.recording import KIND, draft
from mlrun_like.pipelines.exports.joint import ENGINE_RUN
from mlrun_like.pipelines.exports.stepwise import workflow_id
from mlrun_like.pipelines.plan import Plan
from mlrun_like.runs.context_base import utc_now
from mlrun_like.specs.run import TERMINAL, RunDoc, RunMetadata, RunStatus
from mlrun_like.tracking.abilities import StepRow, WorkflowStore
from mlrun_like.tracking.connect import open_store

__all__ = ["KubeflowRecord"]


class KubeflowRecord:
    """See the module.

    Args:
        engine_run: Kubeflow's id of the run; a UUID is our id too, without its dashes.
        project: Where it is recorded; by default the default project.
    """

    def __init__(self, engine_run: str, project: str = "") -> None:
        self.uid = workflow_id(engine_run)
        self.project = check_project(project or config.default_project)
        self._engine_run = engine_run
        self._store = open_store()

    def begin(
        self, name: str, plan: Plan | None = None, arguments: Mapping[str, Any] | None = None
    ) -> bool:
        """Record the run, if nobody did; gives whether steps may run: False if it was aborted."""
        try:
            known = self._store.read_run(self.project, self.uid)
        except NotFoundError:
            if plan is not None:
                run = draft(plan, arguments or {}, self._store, self.project).run
                run.metadata.uid = self.uid
            else:
                meta = RunMetadata(
                    name=name, uid=self.uid, project=self.project, labels={"kind": KIND}
                )
                run = RunDoc(metadata=meta, status=RunStatus(start_time=utc_now()))
            run.metadata.annotations[ENGINE_RUN] = self._engine_run
            run.status.state = "running"
            self._store.store_run(run.to_dict())
            return True
        if plan is not None and not known["spec"].get("function"):  # a step was faster
            known["spec"] = draft(plan, arguments or {}, self._store, self.project).run.to_dict()[
                "spec"
            ]
            self._store.store_run(known)
        state = known["status"].get("state", "")
        if state == "aborting":
            self.end("aborted", "the run was aborted")
        return state not in ("aborting", "aborted")

    def step(self, path: str, state: str, uid: str, began: float, reason: str = "") -> None:
        """Note what became of a step."""
        if isinstance(self._store, WorkflowStore):
            body = {"reason": reason} if reason else {}
            row = StepRow(path, state, uid, began, time.time(), body)
            self._store.store_step(self.project, self.uid, row)

    def end(self, state: str, error: str = "") -> None:
        """End the run, if it is known and goes on."""
        with suppress(NotFoundError, StateError):
            run = self._store.read_run(self.project, self.uid)
            if run["status"].get("state") in TERMINAL:
                return
            run["status"].update(state=state, end_time=utc_now())
            if error:
                run["status"]["error"] = error
            self._store.store_run(run)
