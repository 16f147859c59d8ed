"""The run document and the states a run may pass through."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from pydantic import Field

from mlrun_like.errors import StateError
from mlrun_like.registry import resolve
from mlrun_like.specs.model import Model

__all__ = [
    "TERMINAL",
    "TRANSITIONS",
    "RunDoc",
    "RunMetadata",
    "RunSpec",
    "RunStatus",
    "check_transition",
    "has_begun",
]

TRANSITIONS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "created": frozenset({"pending", "running", "aborting", "aborted", "skipped", "error"}),
        "pending": frozenset({"running", "aborting", "aborted", "skipped", "error"}),
        "running": frozenset({"pending", "completed", "error", "aborting", "aborted"}),
        "aborting": frozenset({"aborted", "error", "completed"}),
        "completed": frozenset(),
        "error": frozenset(),
        "aborted": frozenset(),
        "skipped": frozenset(),
    }
)
"""State -> the states that may follow. `running -> pending` is the wait before a retry."""

TERMINAL = frozenset(state for state, following in TRANSITIONS.items() if not following)


def check_transition(before: str, after: str, where: str = "") -> None:
    """Refuse a state change that may not happen; the same state again is always allowed.

    Raises:
        StateError: if `after` may not follow `before`.
    """
    if before == after:
        return
    if before not in TRANSITIONS or after not in TRANSITIONS:
        wrong = after if before in TRANSITIONS else before
        raise StateError(f"{wrong!r} is not a run state", fix=f"states: {', '.join(TRANSITIONS)}")
    if after not in TRANSITIONS[before]:
        raise StateError(f"a run cannot go from {before!r} to {after!r}", where=where)


class RunMetadata(Model):
    """Who the run is."""

    name: str = ""
    uid: str = ""
    iteration: int = 0
    project: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


class RunSpec(Model):
    """What was asked for."""

    function: str = ""
    handler: str = ""
    parameters: dict[str, Any] = Field(default_factory=dict)
    inputs: dict[str, str] = Field(default_factory=dict)
    inputs_type_hints: dict[str, str] = Field(default_factory=dict)
    returns: list[Any] = Field(default_factory=list)
    output_path: str = ""
    input_path: str = ""
    hyperparams: dict[str, Any] = Field(default_factory=dict)
    hyper_param_options: dict[str, Any] = Field(default_factory=dict)
    log_level: str = ""
    retry: dict[str, Any] = Field(default_factory=dict)
    timeout: float | None = None
    secret_sources: list[dict[str, Any]] = Field(default_factory=list)
    notifications: list[dict[str, Any]] = Field(default_factory=list)
    custom_packagers: list[Any] = Field(default_factory=list)
    allow_empty_resources: bool | None = None
    reset_on_run: bool | None = None

    # -- older places of the same ----------------------------------------------------------

    @property
    def param_file(self) -> str:
        """The file of a sweep's values; an option of `hyper_param_options`."""
        return str(self.hyper_param_options.get("param_file") or "")

    @param_file.setter
    def param_file(self, value: str) -> None:
        self.hyper_param_options["param_file"] = value

    @property
    def selector(self) -> str:
        """What the best trial of a sweep is; an option of `hyper_param_options`."""
        return str(self.hyper_param_options.get("selector") or "")

    @selector.setter
    def selector(self, value: str) -> None:
        self.hyper_param_options["selector"] = value

    @property
    def strategy(self) -> str | None:
        """How a sweep chooses; an option of `hyper_param_options`."""
        return self.hyper_param_options.get("strategy")

    @strategy.setter
    def strategy(self, value: str | None) -> None:
        self.hyper_param_options["strategy"] = value

    @property
    def verbose(self) -> bool:
        """Whether everything is logged."""
        return self.log_level == "debug"

    @verbose.setter
    def verbose(self, value: bool) -> None:
        self.log_level = "debug" if value else ""

    @property
    def outputs(self) -> list[Any]:
        """What the run is said to return."""
        return self.returns

    @outputs.setter
    def outputs(self, value: list[Any]) -> None:
        self.returns = value

    @property
    def handler_name(self) -> str:
        """The entry point's name."""
        return self.handler

    def is_hyper_job(self) -> bool:
        """Whether it is a sweep."""
        return bool(self.hyperparams or self.param_file)


class RunStatus(Model):
    """What happened."""

    state: str = "created"
    error: str | None = None
    traceback: str = ""
    status_text: str = ""
    results: dict[str, Any] = Field(default_factory=dict)
    artifact_uris: dict[str, str] = Field(default_factory=dict)
    input_digests: dict[str, str] = Field(default_factory=dict)
    """Of inputs that are no artifacts, when they were first used: SHA-256 of plain files on the
    run's machine, of others what their place tells (see `artifacts.fingerprints`)."""
    iterations: list[list[Any]] = Field(default_factory=list)
    attempts: list[dict[str, Any]] = Field(default_factory=list)
    notifications: dict[str, dict[str, Any]] = Field(default_factory=dict)
    start_time: str | None = None
    last_update: str | None = None
    end_time: str | None = None
    host: str = ""
    pid: int = 0
    pid_started: float = 0.0

    @property
    def artifacts(self) -> list[dict[str, Any]]:
        """The run's artifacts as plain data, read from the store."""
        find = resolve("mlrun_like.artifacts.item:get_artifact")
        return [find(uri).to_dict() for uri in self.artifact_uris.values()]

    @property
    def ui_url(self) -> str:
        """The run's page of a service; here it has none."""
        return ""

    def is_failed(self) -> bool:
        """Whether it ended otherwise than well."""
        return self.state in ("error", "aborted")


def has_begun(status: Any) -> bool:
    """Whether a status, an object or plain data, is that of a run which was started."""
    state = status.get("state") if isinstance(status, dict) else getattr(status, "state", "")
    return bool(state) and state != "created"


class RunDoc(Model):
    """A whole run."""

    kind: str = "run"
    metadata: RunMetadata = Field(default_factory=RunMetadata)
    spec: RunSpec = Field(default_factory=RunSpec)
    status: RunStatus = Field(default_factory=RunStatus)
