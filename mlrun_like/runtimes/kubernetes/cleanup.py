"""Deleting what a run is made of, and what broken submissions left behind."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from mlrun_like.errors import MLRunLikeError
from mlrun_like.runtimes.kubernetes.client import Client, path_of
from mlrun_like.runtimes.kubernetes.names import MANAGED_BY

__all__ = ["clean_up", "delete_job", "delete_secrets", "gone"]


def delete_job(client: Client, name: str) -> bool:
    """Delete a Job with all it owns: pods, ConfigMaps, Secrets; False if it is not there."""
    path = path_of("batch/v1", "Job", client.namespace, name)
    return client.delete(path, propagation="Background")


def delete_secrets(client: Client, names: Sequence[str]) -> None:
    """Delete Secrets."""
    for name in names:
        client.delete(path_of("v1", "Secret", client.namespace, name))


def gone(client: Client, uid: str, timeout: float = 60.0) -> bool:
    """Wait until no pod of a run is left.

    Args:
        client: The cluster.
        uid: The run's id.
        timeout: Seconds to wait at most.
    """
    end = time.monotonic() + timeout
    path = path_of("v1", "Pod", client.namespace)
    while client.get(path, labelSelector=f"mlrun/uid={uid}").get("items"):
        if time.monotonic() > end:
            return False
        time.sleep(0.2)
    return True


def clean_up(client: Client, older_than: float = 3600.0, dry_run: bool = False) -> list[str]:
    """Delete our finished Jobs, and those that never started because their submitter died.

    Args:
        client: The cluster.
        older_than: Seconds since their creation.
        dry_run: Only say what would be deleted.

    Returns:
        The names of the Jobs.
    """
    path = path_of("batch/v1", "Job", client.namespace)
    found = client.get(path, labelSelector=f"{MANAGED_BY}=mlrun-like").get("items") or []
    chosen = [
        str(item["metadata"]["name"])
        for item in found
        if _is_over(item) and _age(item) > older_than
    ]
    done = []
    for name in chosen:
        try:
            if not dry_run:
                delete_job(client, name)
        except MLRunLikeError:
            continue  # another one may go all the same
        done.append(name)
    return done


def _is_over(job: dict[str, Any]) -> bool:
    conditions = (job.get("status") or {}).get("conditions") or ()
    ended = any(
        row.get("status") == "True" and row.get("type") in ("Complete", "Failed")
        for row in conditions
    )
    queued = "kueue.x-k8s.io/queue-name" in (job["metadata"].get("labels") or {})
    return ended or (bool(job.get("spec", {}).get("suspend")) and not queued)


def _age(item: dict[str, Any]) -> float:
    text = str(item["metadata"].get("creationTimestamp") or "")
    try:
        made = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return 0.0
    return (datetime.now(timezone.utc) - made).total_seconds()
