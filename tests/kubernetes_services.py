"""What the test cluster does for services: server-side apply, deployments, probes, custom kinds.

A pod's container is a real process of this machine. There are no networks of pods here, so each
pod listens on a port of its own: the annotation `test/port`; its command and `PORT` are changed.
"""

from __future__ import annotations

import copy
import hashlib
import http.client
import json
import socket
import threading
import uuid
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema  # type: ignore[import-untyped]
import yaml

from tests.kubernetes_node import Refused

if TYPE_CHECKING:
    from tests.kubernetes_api import Cluster

Obj = dict[str, Any]
PORT = "test/port"
_CUSTOM = Path(__file__).with_name("kubernetes_crds.yaml")


@cache
def _schemas() -> Obj:
    found: Obj = yaml.safe_load(_CUSTOM.read_text(encoding="utf-8"))
    return found


def check_custom(body: Obj) -> None:
    """What the schemas of KEDA and the Gateway API refuse.

    Raises:
        Refused: with what is wrong.
    """
    schemas = _schemas()
    schema = schemas["kinds"].get(f"{body['apiVersion']}/{body['kind']}")
    if schema is None:
        return
    try:
        jsonschema.validate(body["spec"], {**schema, "definitions": schemas["definitions"]})
    except jsonschema.ValidationError as exc:
        raise Refused(422, "Invalid", f"{body['kind']}: {exc.message}") from exc


def applied(there: Obj, before: Obj, wanted: Obj) -> Obj:
    """What an object becomes by server-side apply.

    Args:
        there: As it is.
        before: What the same manager applied last.
        wanted: What it applies now.
    """
    found = copy.deepcopy(there)
    for key in before.keys() - wanted.keys():
        found.pop(key, None)
    for key, value in wanted.items():
        old = found.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            last = before.get(key)
            found[key] = applied(old, last if isinstance(last, dict) else {}, value)
        else:
            found[key] = copy.deepcopy(value)
    return found


def check_immutable(there: Obj, wanted: Obj) -> None:
    """Fields that never change.

    Raises:
        Refused: if one shall.
    """
    changed = there.get("immutable") and there.get("data") != wanted.get("data")
    if there["kind"] == "Deployment":
        changed = there["spec"]["selector"] != wanted["spec"]["selector"]
    if changed:
        raise Refused(422, "Invalid", f"{there['metadata']['name']}: field is immutable")


class Deployments:
    """The controllers of deployments and the kubelet's probes."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._thread = threading.Thread(target=self._loop, name="test-deployments")
        self._seen: dict[str, str] = {}

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._thread.join(10)

    def _loop(self) -> None:
        cluster = self._cluster
        while not cluster.closing:
            for pod in cluster.all("pods"):
                if PORT in pod["metadata"].get("annotations", {}):
                    self._probe(pod)
            for item in cluster.all("deployments"):
                self._control(item)
            with cluster.changed:
                cluster.changed.wait(0.1)

    # -- deployments ----------------------------------------------------------------------

    def wanted(self, item: Obj) -> int:
        """How many pods there shall be: the scalers keep their least here."""
        if "replicas" in item["spec"]:
            return int(item["spec"]["replicas"])
        name = item["metadata"]["name"]
        for plural, path in (
            ("horizontalpodautoscalers", ("minReplicas",)),
            ("scaledobjects", ("minReplicaCount",)),
            ("httpscaledobjects", ("replicas", "min")),
        ):
            for scaler in self._cluster.all(plural):
                if scaler["spec"]["scaleTargetRef"]["name"] == name:
                    value: Any = scaler["spec"]
                    for key in path:
                        value = value[key]
                    return int(value)
        return 1

    def _control(self, item: Obj) -> None:
        template, meta = item["spec"]["template"], item["metadata"]
        mark = hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:8]
        count = self.wanted(item)
        pods = [
            pod
            for pod in self._cluster.all("pods", **item["spec"]["selector"]["matchLabels"])
            if not pod["metadata"].get("deletionTimestamp")
        ]
        fresh = [pod for pod in pods if pod["metadata"]["labels"]["pod-template-hash"] == mark]
        ready = [pod for pod in fresh if _is_ready(pod)]
        failure = ""
        if len(fresh) < count:
            failure = self._make(item, template, mark)
        elif len(ready) >= count:
            for pod in [*fresh[count:], *(pod for pod in pods if pod not in fresh)]:
                self._cluster.delete(pod, 2)
        status = {
            "observedGeneration": meta.get("generation", 0),
            "replicas": len(pods),
            "updatedReplicas": len(fresh),
            "readyReplicas": len(ready),
        }
        if failure:
            row = {"type": "ReplicaFailure", "status": "True", "message": failure}
            status["conditions"] = [row]
        if item.get("status") != status:
            self._cluster.change(item, lambda o: o.update(status=status))

    def _make(self, item: Obj, template: Obj, mark: str) -> str:
        """Make a pod, and the ReplicaSet that it belongs to; gives why it cannot."""
        meta, cluster = item["metadata"], self._cluster
        namespace, name = meta["namespace"], f"{meta['name']}-{mark}"
        owner = _owner(item)
        labels = {**template["metadata"]["labels"], "pod-template-hash": mark}
        row = cluster.find("replicasets", namespace, name)
        if row is None:
            body = {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {"name": name, "namespace": namespace, "labels": labels,
                             "ownerReferences": [owner]},
                "spec": {"selector": {"matchLabels": labels}, "template": template},
            }  # fmt: skip
            row = cluster.put({**body, "status": {}})
        spec, port = _with_port(template["spec"])
        notes = {**template["metadata"].get("annotations", {}), PORT: str(port)}
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"{name}-{uuid.uuid4().hex[:5]}",
                "namespace": namespace,
                "labels": labels,
                "annotations": notes,
                "ownerReferences": [_owner(row)],
            },
            "spec": spec,
            "status": {"phase": "Pending"},
        }
        try:
            cluster.create(pod, "", "pods", namespace, False)
        except Refused as exc:
            return str(exc)
        return ""

    # -- the kubelet ----------------------------------------------------------------------

    def _probe(self, pod: Obj) -> None:
        statuses = pod["status"].get("containerStatuses") or [{}]
        state = statuses[0].get("state", {})
        if "terminated" in state and not pod["metadata"].get("deletionTimestamp"):
            self._crash(pod, statuses[0])
            return
        well = "running" in state and _answers(pod)
        if well == _is_ready(pod):
            return
        row = {"type": "Ready", "status": "True" if well else "False"}

        def edit(item: Obj) -> None:
            rows = [old for old in item["status"].get("conditions", []) if old["type"] != "Ready"]
            item["status"]["conditions"] = [*rows, row]

        self._cluster.change(pod, edit)

    def _crash(self, pod: Obj, status: Obj) -> None:
        """A container that ended: it would be started again, and end again."""
        said = "back-off 10s restarting failed container"
        again = {
            **status,
            "ready": False,
            "restartCount": 2,
            "lastState": status["state"],
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": said}},
        }
        self._cluster.change(
            pod, lambda o: o["status"].update(phase="Running", containerStatuses=[again])
        )


def _owner(item: Obj) -> Obj:
    meta = item["metadata"]
    names = {"apiVersion": item["apiVersion"], "kind": item["kind"], "name": meta["name"]}
    return {**names, "uid": meta["uid"], "controller": True}


def _is_ready(pod: Obj) -> bool:
    rows = pod.get("status", {}).get("conditions") or []
    return any(row["type"] == "Ready" and row["status"] == "True" for row in rows)


def _with_port(spec: Obj) -> tuple[Obj, int]:
    """The pod's spec with a port that is free on this machine."""
    found = copy.deepcopy(spec)
    container = found["containers"][0]
    told = str(container["ports"][0]["containerPort"])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for key in ("command", "args"):
        if key in container:
            container[key] = [str(port) if part == told else part for part in container[key]]
    for row in container.get("env", []):
        if row["name"] == "PORT":
            row["value"] = str(port)
    container["ports"][0]["containerPort"] = port
    return found, port


def _answers(pod: Obj) -> bool:
    """Whether the readiness probe succeeds."""
    port = int(pod["metadata"]["annotations"][PORT])
    probe = pod["spec"]["containers"][0]["readinessProbe"]
    try:
        if "tcpSocket" in probe:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return True
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
        try:
            connection.request("GET", probe["httpGet"]["path"])
            return 200 <= connection.getresponse().status < 400
        finally:
            connection.close()
    except (OSError, http.client.HTTPException):
        return False
