"""Steps that need not run, because an equal one did: same code, inputs, parameters, environment."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from typing import Any, Literal, NamedTuple

from mlrun_like.artifacts.item import get_artifact
from mlrun_like.errors import InvalidArgumentError, MLRunLikeError, PipelineError, nearest
from mlrun_like.pipelines.keys import Parts, StepKey, differences, key_of
from mlrun_like.pipelines.nodes import Guard, Step
from mlrun_like.pipelines.plan import Plan
from mlrun_like.pipelines.run import StepRun
from mlrun_like.tracking.abilities import CachedStep, WorkflowStore
from mlrun_like.tracking.base import Store

__all__ = ["Cache", "CacheMode", "Lookup", "check_mode"]

CacheMode = bool | Literal["refresh"] | None
"""Whether steps are reused; None: as the pipeline says; `refresh`: run all, and remember them."""

_MOST = 3
"""Differences that a reason names."""


class Lookup(NamedTuple):
    """What became of the search for an equal step.

    Args:
        run: The earlier run; None: the step has to run.
        reason: Why it has to, or which run it is.
        key: Under which the step is remembered when it has run; empty: not at all.
        parts: What the key is made of.
        off: Nothing was looked for.
    """

    run: StepRun | None
    reason: str
    key: str = ""
    parts: Parts = {}  # noqa: RUF012 - never changed
    off: bool = False


class Cache:
    """Looks for earlier steps, and remembers new ones.

    Args:
        store: Where steps and runs are recorded.
        project: The pipeline's project.
        plan: The pipeline.
        mode: Of this run of the pipeline.
        refresh: Steps that run in any case, and are remembered.

    Raises:
        InvalidArgumentError: if the mode is not known.
        PipelineError: if there is no such step.
    """

    def __init__(
        self,
        store: Store,
        project: str,
        plan: Plan,
        mode: CacheMode = None,
        refresh: Collection[str] = (),
    ) -> None:
        self._mode = check_mode(mode)
        self._store = store
        self._project = project
        self._plan = plan
        self._settled = False
        self._refresh = {refresh} if isinstance(refresh, str) else set(refresh)
        names = [step.name for step in plan.steps]
        for name in self._refresh - set(names):
            raise PipelineError(
                f"there is no step {name!r} to refresh.{nearest(name, names)}",
                where=f"pipeline {plan.name!r}",
                fix=f"steps: {', '.join(names)}",
            )
        self._handlers = {
            place.node.handler.name
            for place in plan.places.values()
            if isinstance(place.node, Guard)
        }

    def lookup(self, step: Step, path: str, options: Mapping[str, Any]) -> Lookup:
        """An equal earlier step, or the reason why this one has to run.

        Args:
            step: The step.
            path: Its name, with the rounds of the loops around it.
            options: What its function's `run` is given, with all values.
        """
        off = self._off(step)
        if off:
            return Lookup(None, off, off=True)
        key = key_of(step, options, self._store)
        if key.unknown:
            return Lookup(None, f"never reused: {key.unknown}")
        if self._mode == "refresh" or step.name in self._refresh:
            return Lookup(None, "it is refreshed", key.digest, key.parts)
        assert isinstance(self._store, WorkflowStore)
        if not self._settled:  # a run that has just ended may still be on its way to the disk
            self._store.flush()
            self._settled = True
        found = self._store.find_cached(self._project, key.digest)
        if found is None:
            return Lookup(None, self._difference(path, key), key.digest, key.parts)
        run, reason = self._check(found, step.policy.max_age)
        return Lookup(run, reason, key.digest, key.parts)

    def remember(self, found: Lookup, workflow: str, path: str, uid: str) -> None:
        """Let a step that has run stand in for equal ones.

        Args:
            found: What `lookup` said before it ran.
            workflow: The pipeline's run.
            path: See `lookup`.
            uid: The step's run.
        """
        if found.key and isinstance(self._store, WorkflowStore):
            row = CachedStep(workflow, path, uid, time.time(), {"parts": dict(found.parts)})
            self._store.store_cached(self._project, self._name(path), found.key, row)

    def _name(self, path: str) -> str:
        return f"{self._plan.name}/{path}"

    def _off(self, step: Step) -> str:
        """Why nothing is reused; empty: something may be."""
        wanted = step.policy.cache
        if self._mode is False:
            return "caching is off"
        if wanted is False:
            return "caching is off for this step"
        if wanted is None and not (self._plan.cache if self._mode is None else self._mode):
            return "caching is off"
        if wanted is None and step.name in self._handlers:
            return "an exit handler always runs"
        if not isinstance(self._store, WorkflowStore):
            return "this store keeps no steps of pipelines"
        return ""

    def _difference(self, path: str, key: StepKey) -> str:
        assert isinstance(self._store, WorkflowStore)
        last = self._store.last_cached(self._project, self._name(path))
        if last is None:
            return "no earlier run"
        found = differences(last.body.get("parts") or {}, key.parts)
        if not found:
            return "no earlier run with the same code, inputs and parameters"
        more = f" and {len(found) - _MOST} more" if len(found) > _MOST else ""
        return "; ".join(found[:_MOST]) + more

    def _check(self, found: CachedStep, max_age: float | None) -> tuple[StepRun | None, str]:
        """The earlier run, if it is young enough and all that it made is there."""
        age = time.time() - found.made
        if max_age is not None and age > max_age:
            return None, f"older than max_age: {_span(age)} > {_span(max_age)}"
        name = f"the earlier run {found.uid}"
        try:
            status = self._store.read_run(self._project, found.uid).get("status") or {}
        except MLRunLikeError:
            return None, f"{name} is no longer recorded"
        if status.get("state") != "completed":
            return None, f"{name} is {status.get('state')}"
        uris = status.get("artifact_uris") or {}
        for key, uri in uris.items():
            gone = self._gone(str(uri))
            if gone:
                return None, f"artifact {key} of {name} {gone}"
        reason = f"reused: step {found.step} of run {found.workflow[:12]}, {_span(age)} ago"
        outputs = {**(status.get("results") or {}), **uris}
        return StepRun("completed", found.uid, reason, outputs, reused=True), reason

    def _gone(self, uri: str) -> str:
        """What is wrong with an artifact; empty: nothing."""
        try:
            artifact = get_artifact(uri, store=self._store, project=self._project)
            if artifact.is_inline or not artifact.target_path:
                return ""
            item = artifact.to_dataitem()
            if not item.exists():
                return f"is gone: {artifact.target_path}"
            stat = item.stat()
            size = artifact.spec.size
            if not stat.is_dir and None not in (size, stat.size) and size != stat.size:
                return f"was changed: {artifact.target_path}"
        except MLRunLikeError as exc:
            return f"cannot be read: {exc.what}"
        return ""


def check_mode(mode: Any) -> CacheMode:
    """The mode, if it is one.

    Raises:
        InvalidArgumentError: if not.
    """
    if mode is None or isinstance(mode, bool) or mode == "refresh":
        return mode  # type: ignore[no-any-return]
    raise InvalidArgumentError(
        f"cache={mode!r} is not known", fix='True, False, "refresh", or None: as the pipeline says'
    )


def _span(seconds: float) -> str:
    for unit, size in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"
