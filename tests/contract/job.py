"""The contract suite's row for jobs of a Kubernetes cluster: an API server that plays one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.contract.kinds import Place
from tests.kubernetes_api import kubernetes_cluster

__all__ = ["ready"]


@contextmanager
def ready(folder: Path) -> Iterator[Place]:
    """A cluster whose pods see this session's temporary folders through a volume claim."""
    shared = folder.parent  # of all tests of this session
    with kubernetes_cluster(folder) as cluster:
        claim = {"name": "shared", "namespace": "default"}
        cluster.put({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": claim})
        settings = {
            "kubeconfig": str(cluster.kubeconfig()),
            "auto_mount_type": "pvc",
            "auto_mount_params": f"pvc_name=shared,volume_mount_path={shared}",
            "artifact_path": str(folder / "artifacts" / "{{run.uid}}"),
        }
        yield Place("job", image="registry/contract:1", settings=settings)
