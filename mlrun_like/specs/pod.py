"""What a function asks of the place it runs in: pods, containers, nodes (MLRun's flat keys)."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from mlrun_like.specs.model import Model

__all__ = ["PodFields"]


class PodFields(Model):
    """Kubernetes' own forms as plain data; a container on this machine uses what it can.

    Times are in seconds; `state_thresholds` holds texts such as `"1h"`, or `"-1"` for no limit.
    """

    volumes: list[dict[str, Any]] = Field(default_factory=list)
    volume_mounts: list[dict[str, Any]] = Field(default_factory=list)
    node_name: str = ""
    node_selector: dict[str, Any] = Field(default_factory=dict)
    affinity: dict[str, Any] = Field(default_factory=dict)
    tolerations: list[dict[str, Any]] = Field(default_factory=list)
    priority_class_name: str = ""
    preemption_mode: str = ""
    service_account: str = ""
    security_context: dict[str, Any] = Field(default_factory=dict)
    image_pull_policy: str = ""
    image_pull_secret: str = ""
    state_thresholds: dict[str, str] = Field(default_factory=dict)
    replicas: int | None = None
    ttl: int | None = None
    active_deadline: int | None = None
    disable_auto_mount: bool | None = None
    allow_empty_resources: bool | None = None
