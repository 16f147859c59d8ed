"""An API server of Kubernetes in this process: stores objects, serves watches and logs.

Only what a real server does: metadata, resource versions, strict field validation, dry runs, label
and field selectors, merge patches, owner references, `Status` answers. `kubernetes_node` plays the
controllers and the kubelet behind it. Tests break it on purpose: see `Faults`.
"""

from __future__ import annotations

import copy
import json
import re
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import kubernetes_validate
import yaml

from mlrun_like.runtimes.kubernetes.client import path_of
from tests.kubernetes_node import Node, Refused, now
from tests.kubernetes_services import Deployments, applied, check_custom, check_immutable

VERSION = "1.37"
_CORE = ("", "apps", "autoscaling", "batch", "networking.k8s.io", "policy")
_PATH = re.compile(
    r"/(?:api|apis/(?P<group>[^/]+))/(?P<version>v[0-9a-z]+)"
    r"(?:/namespaces/(?P<namespace>[^/]+)(?=/[a-z]))?"
    r"/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?(?:/(?P<part>[a-z]+))?\Z"
)
Obj = dict[str, Any]
Key = tuple[str, str, str, str]  # group, plural, namespace, name


class Change(NamedTuple):
    version: int
    kind: str
    key: Key
    item: Obj


@dataclass
class Faults:
    """What goes wrong; tests set it."""

    tokens: set[str] = field(default_factory=set)
    """Accepted bearer tokens; empty: nobody is asked."""
    forbidden: set[tuple[str, str]] = field(default_factory=set)
    """(verb, resource) that nobody may."""
    quota: dict[str, float] = field(default_factory=dict)
    """Resource name -> most that one pod may ask for in requests or limits."""
    used: float = 0.0
    """What others use of it."""
    errors: list[tuple[str, int]] = field(default_factory=list)
    """(pattern of "METHOD path", status) each used up by one request; 0: the connection breaks."""
    down: bool = False
    """Every connection is closed without an answer."""
    slow: float = 0.0
    cut_logs: list[int] = field(default_factory=list)
    """Each log connection takes one number off: it breaks after so many lines."""
    coarse_clock: bool = False
    """Log times have a grain of 0.2 s: many lines have the same time."""
    absent: set[str] = field(default_factory=set)
    """API groups that this cluster does not have."""
    missing_images: set[str] = field(default_factory=set)
    scripts: list[str] = field(default_factory=list)
    """What happens to the next pods: a name of `kubernetes_node.SCRIPTS`, or `""`."""


class Cluster:
    """The objects of a cluster, the server in front of them and the node behind them."""

    def __init__(self, folder: Path, validate: bool = True) -> None:
        self.folder = folder
        self.faults = Faults()
        self.requests: list[str] = []
        self.changed = threading.Condition(threading.RLock())
        self._validate = validate
        self._objects: dict[Key, Obj] = {}
        self._version = 100
        self._history: list[Change] = []
        self._oldest = 0
        self.closing = False
        self.node = Node(self)
        self.deployments = Deployments(self)
        self._applied: dict[Key, Obj] = {}
        self.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}})
        self._server = _Server(("127.0.0.1", 0), _handler_of(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        self.node.start()
        self.deployments.start()

    # -- for tests ------------------------------------------------------------------------

    def kubeconfig(self, token: str = "t0", namespace: str = "default") -> Path:
        """Write a kubeconfig for this server."""
        file = self.folder / "kubeconfig"
        context = {"cluster": "c", "user": "u", "namespace": namespace}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.url}}],
            "users": [{"name": "u", "user": {"token": token}}],
            "contexts": [{"name": "test", "context": context}],
            "current-context": "test",
        }
        file.write_text(yaml.safe_dump(document))
        return file

    def all(self, plural: str, **labels: str) -> list[Obj]:
        """The objects of a kind."""
        with self.changed:
            found = [copy.deepcopy(o) for k, o in self._objects.items() if k[1] == plural]
        return [o for o in found if labels.items() <= o["metadata"].get("labels", {}).items()]

    def wait_for(self, check: Callable[[], Any], seconds: float = 20) -> Any:
        """Wait until `check()` is true, and give its value."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := check():
                return value
            time.sleep(0.02)
        raise AssertionError(f"not seen within {seconds} s")

    def expire(self) -> None:
        """Forget the past: watches end with 410 Gone, and older versions are refused."""
        with self.changed:
            self._version += 10
            self._oldest = self._version
            self._history.clear()
            self.changed.notify_all()

    def close(self) -> None:
        """End the server and everything it runs."""
        self.closing = True
        with self.changed:
            self.changed.notify_all()
        self.deployments.close()
        self.node.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    # -- storage --------------------------------------------------------------------------

    def put(self, item: Obj, kind: str = "") -> Obj:
        """Store an object as it is; its version is new."""
        with self.changed:
            meta = item["metadata"]
            key = key_of(item)
            known = self._objects.get(key)
            self._version += 1
            meta["resourceVersion"] = str(self._version)
            meta.setdefault("uid", str(uuid.uuid4()))
            meta.setdefault("creationTimestamp", now())
            stored = copy.deepcopy(item)
            self._objects[key] = stored
            self._tell(kind or ("MODIFIED" if known else "ADDED"), key, stored)
            return copy.deepcopy(stored)

    def find(self, plural: str, namespace: str, name: str) -> Obj | None:
        """One object."""
        with self.changed:
            for key, item in self._objects.items():
                if key[1:] == (plural, namespace, name):
                    return copy.deepcopy(item)
        return None

    def change(self, item: Obj, edit: Callable[[Obj], None]) -> Obj | None:
        """Change the stored form of an object; None if it is gone."""
        with self.changed:
            stored = self._objects.get(key_of(item))
            if stored is None or stored["metadata"]["uid"] != item["metadata"]["uid"]:
                return None
            fresh = copy.deepcopy(stored)
            edit(fresh)
            return self.put(fresh)

    def remove(self, item: Obj) -> None:
        """Take an object away, and what it owns."""
        with self.changed:
            key = key_of(item)
            stored = self._objects.pop(key, None)
            if stored is None:
                return
            self._version += 1
            stored["metadata"]["resourceVersion"] = str(self._version)
            self._tell("DELETED", key, stored)
            uid = stored["metadata"]["uid"]
            for other in [copy.deepcopy(o) for o in self._objects.values()]:
                owners = other["metadata"].get("ownerReferences", [])
                if any(owner["uid"] == uid for owner in owners):
                    self.delete(other, None)

    def delete(self, item: Obj, grace: int | None) -> None:
        """Delete as the API does: pods get time to end."""
        if item["kind"] != "Pod" or grace == 0:
            self.remove(item)
            return
        seconds = item["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace

        def edit(pod: Obj) -> None:
            pod["metadata"].setdefault("deletionTimestamp", now())
            pod["metadata"]["deletionGracePeriodSeconds"] = seconds

        self.change(item, edit)

    def _tell(self, kind: str, key: Key, item: Obj) -> None:
        self._history.append(Change(self._version, kind, key, copy.deepcopy(item)))
        self.changed.notify_all()

    # -- requests -------------------------------------------------------------------------

    def create(self, body: Obj, group: str, plural: str, namespace: str, dry: bool) -> Obj:
        """Store a new object."""
        meta = body.setdefault("metadata", {})
        if namespace:
            if self.find("namespaces", "", namespace) is None:
                raise Refused(404, "NotFound", f'namespaces "{namespace}" not found')
            if meta.setdefault("namespace", namespace) != namespace:
                raise Refused(
                    400,
                    "BadRequest",
                    "the namespace of the provided object does not match the namespace sent on the "
                    "request",
                )
        if not meta.get("name"):
            if not meta.get("generateName"):
                raise Refused(
                    422,
                    "Invalid",
                    f"{body.get('kind')} is invalid: name or generateName is required",
                )
            meta["name"] = meta["generateName"] + uuid.uuid4().hex[:5]
        longest = 253 if plural not in ("jobs",) else 63
        if len(meta["name"]) > longest:
            raise Refused(422, "Invalid", f"metadata.name: Invalid value: {meta['name']!r}")
        if self._validate and group in _CORE:
            check_schema(body)
        check_custom(body)
        if plural == "pods":
            self.node.admit(body)
        if self.find(plural, namespace, meta["name"]) is not None:
            raise Refused(409, "AlreadyExists", f'{plural} "{meta["name"]}" already exists')
        if dry:
            return body
        body.setdefault("status", {})
        return self.put(body)

    def apply(self, body: Obj, group: str, plural: str, namespace: str) -> Obj:
        """Create an object, or change the fields that the same manager applied before."""
        wanted = copy.deepcopy(body)
        with self.changed:
            there = self.find(plural, namespace, body["metadata"]["name"])
            if there is None:
                body.setdefault("metadata", {})["generation"] = 1
                made = self.create(body, group, plural, namespace, False)
                self._applied[key_of(made)] = wanted
                return made
            if self._validate and group in _CORE:
                check_schema(wanted)
            check_custom(wanted)
            check_immutable(there, wanted)
            key = key_of(there)
            found = applied(there, self._applied.get(key, {}), wanted)
            if found == there:
                return there
            if found.get("spec") != there.get("spec"):
                found["metadata"]["generation"] = there["metadata"].get("generation", 0) + 1
            self._applied[key] = wanted
            return self.put(found)

    def listed(self, group: str, plural: str, namespace: str, query: Obj) -> tuple[list[Obj], str]:
        """A list and its version."""
        with self.changed:
            found = [
                copy.deepcopy(item)
                for key, item in self._objects.items()
                if key[:2] == (group, plural) and (not namespace or key[2] == namespace)
            ]
            version = str(self._version)
        return [item for item in found if matches(item, query)], version

    def watched(self, group: str, plural: str, namespace: str, query: Obj) -> Iterator[Obj | None]:
        """Events from a version on; None now and then."""
        at = int(query.get("resourceVersion") or self._version)
        end = time.monotonic() + float(query.get("timeoutSeconds") or 1800)
        if at < self._oldest:
            gone = Refused(410, "Expired", f"too old resource version: {at} ({self._oldest})")
            yield {"type": "ERROR", "object": gone.status()}
            return
        while time.monotonic() < end and not self.closing:
            with self.changed:
                if at < self._oldest:
                    gone = Refused(410, "Expired", "too old resource version")
                    yield {"type": "ERROR", "object": gone.status()}
                    return
                news = [change for change in self._history if change.version > at]
                if not news:
                    self.changed.wait(0.1)
            for change in news:
                at = change.version
                mine = change.key[:2] == (group, plural)
                mine = mine and (not namespace or change.key[2] == namespace)
                if mine and matches(change.item, query):
                    yield {"type": change.kind, "object": change.item}
            yield None


def key_of(item: Obj) -> Key:
    """Where an object is stored."""
    group, _, _ = item["apiVersion"].rpartition("/")
    plural = path_of(item["apiVersion"], item["kind"]).rpartition("/")[2]
    return group, plural, item["metadata"].get("namespace", ""), item["metadata"]["name"]


def matches(item: Obj, query: Obj) -> bool:
    """Label and field selectors."""
    labels = item["metadata"].get("labels") or {}
    for term in filter(None, str(query.get("labelSelector") or "").split(",")):
        name, _, value = term.replace("==", "=").partition("=")
        if labels.get(name) != value:
            return False
    for term in filter(None, str(query.get("fieldSelector") or "").split(",")):
        path, _, value = term.partition("=")
        found: Any = item
        for part in path.split("."):
            found = (found or {}).get(part)
        if str(found) != value:
            return False
    return True


def check_schema(body: Obj) -> None:
    """What `fieldValidation=Strict` and the types of the API refuse."""
    try:
        kubernetes_validate.validate(body, VERSION, strict=True)
    except kubernetes_validate.ValidationError as exc:
        strict = "Additional properties" in str(exc.message)
        message = f"strict decoding error: {exc.message}" if strict else str(exc.message)
        raise Refused(
            400 if strict else 422, "BadRequest" if strict else "Invalid", message
        ) from exc


def merged(target: Any, patch: Any) -> Any:
    """JSON merge patch (RFC 7386)."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is nothing to write about."""


def _handler_of(cluster: Cluster) -> type[BaseHTTPRequestHandler]:
    class Handler(_Handler):
        pass

    Handler.cluster = cluster
    return Handler


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    cluster: Cluster
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET

    def _serve(self) -> None:
        cluster = self.cluster
        length = int(self.headers.get("Content-Length") or 0)
        text = self.rfile.read(length) if length else b""
        cluster.requests.append(f"{self.command} {self.path}")
        if cluster.faults.down:
            self._break()
            return
        if cluster.faults.slow:
            time.sleep(cluster.faults.slow)
        try:
            self._fault()
            self._authenticate()
            self._route(text)
        except Refused as exc:
            if exc.code == 0:
                self._break()
            else:
                self._answer(exc.code, exc.status())
        except (ConnectionError, BrokenPipeError):
            self.close_connection = True

    def _break(self) -> None:
        self.close_connection = True
        self.connection.shutdown(2)

    def _fault(self) -> None:
        errors = self.cluster.faults.errors
        for row in list(errors):
            if re.search(row[0], f"{self.command} {self.path}"):
                errors.remove(row)
                raise Refused(row[1], "InternalError", "played by the test")

    def _authenticate(self) -> None:
        tokens = self.cluster.faults.tokens
        given = self.headers.get("Authorization", "").partition(" ")[2]
        if tokens and given not in tokens:
            raise Refused(401, "Unauthorized", "Unauthorized")

    def _route(self, text: bytes) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        if parts.path == "/version":
            self._answer(200, {"major": "1", "minor": "37", "gitVersion": "v1.37.0"})
            return
        body = json.loads(text) if text else {}
        if parts.path.endswith("/selfsubjectaccessreviews"):
            asked = body["spec"]["resourceAttributes"]
            allowed = (asked["verb"], asked["resource"]) not in self.cluster.faults.forbidden
            self._answer(201, {**body, "status": {"allowed": allowed}})
            return
        found = _PATH.match(parts.path)
        if found is None:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        group, plural = found["group"] or "", found["plural"]
        namespace, name = found["namespace"] or "", found["name"] or ""
        if group in self.cluster.faults.absent:
            raise Refused(404, "NotFound", "the server could not find the requested resource")
        self._authorize(query, plural, namespace, name)
        if self.command == "PATCH" and "apply-patch" in self.headers.get("Content-Type", ""):
            if not query.get("fieldManager"):
                raise Refused(400, "BadRequest", "fieldManager is required for apply patch")
            self._answer(200, self.cluster.apply(body, group, plural, namespace))
            return
        if self.command == "POST":
            dry = query.get("dryRun") == "All"
            self._answer(201, self.cluster.create(body, group, plural, namespace, dry))
        elif not name:
            self._list(group, plural, namespace, query)
        else:
            self._one(self._existing(plural, namespace, name), found["part"] or "", query, body)

    def _authorize(self, query: Obj, plural: str, namespace: str, name: str) -> None:
        verbs = {"POST": "create", "PATCH": "patch", "DELETE": "delete", "GET": "get"}
        verb = verbs.get(self.command, "update")
        if verb == "get" and not name:
            verb = "watch" if query.get("watch") == "true" else "list"
        if (verb, plural) in self.cluster.faults.forbidden:
            raise Refused(
                403,
                "Forbidden",
                f'{plural} is forbidden: User "tester" cannot {verb} resource "{plural}" in API '
                f'group "" in the namespace "{namespace}"',
            )

    def _existing(self, plural: str, namespace: str, name: str) -> Obj:
        item = self.cluster.find(plural, namespace, name)
        if item is None:
            raise Refused(404, "NotFound", f'{plural} "{name}" not found')
        return item

    def _one(self, item: Obj, part: str, query: Obj, body: Obj) -> None:
        if self.command == "GET" and part == "log":
            self._log(item, query)
        elif self.command == "GET":
            self._answer(200, item)
        elif self.command == "PATCH":
            kind = self.headers.get("Content-Type", "")
            if kind not in (
                "application/merge-patch+json",
                "application/strategic-merge-patch+json",
            ):
                raise Refused(415, "UnsupportedMediaType", f"media type {kind!r} is not supported")
            self._answer(200, self.cluster.put(merged(item, body)))
        elif self.command == "DELETE":
            if body and body.get("kind") != "DeleteOptions":
                raise Refused(400, "BadRequest", "expected DeleteOptions")
            self.cluster.delete(item, body.get("gracePeriodSeconds"))
            self._answer(200, {"kind": "Status", "apiVersion": "v1", "status": "Success"})
        else:
            raise Refused(405, "MethodNotAllowed", self.command)

    def _list(self, group: str, plural: str, namespace: str, query: Obj) -> None:
        if query.get("watch") != "true":
            items, version = self.cluster.listed(group, plural, namespace, query)
            self._answer(200, {"items": items, "metadata": {"resourceVersion": version}})
            return
        self._begin("application/json")
        for event in self.cluster.watched(group, plural, namespace, query):
            if self.cluster.faults.down:
                self._break()
                return
            if event is not None:
                self._chunk(json.dumps(event).encode() + b"\n")
        self._chunk(b"")

    def _log(self, pod: Obj, query: Obj) -> None:
        log = self.cluster.node.log_of(pod)
        if log is None:
            name = query.get("container")
            raise Refused(
                400,
                "BadRequest",
                f'container "{name}" in pod "{pod["metadata"]["name"]}" is waiting to start: '
                "ContainerCreating",
            )
        cuts = self.cluster.faults.cut_logs
        left = cuts.pop(0) if cuts else -1
        self._begin("text/plain")
        since = query.get("sinceTime", "")[:19]
        for stamp, line in log.lines(follow=query.get("follow") == "true"):
            if self.cluster.faults.down:
                self._break()
                return
            if line is None:
                continue
            if stamp[:19] >= since:
                if left == 0:
                    self._chunk(f"{stamp} ".encode() + line[: len(line) // 2])
                    self._break()
                    return
                left -= 1
                prefix = f"{stamp} ".encode() if query.get("timestamps") == "true" else b""
                self._chunk(prefix + line)
        self._chunk(b"")

    def _begin(self, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.wfile.flush()

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _answer(self, code: int, body: Obj) -> None:
        data = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.wfile.flush()


@contextmanager
def kubernetes_cluster(folder: Path, validate: bool = True) -> Iterator[Cluster]:
    """A running cluster; its kubeconfig is `cluster.kubeconfig()`."""
    cluster = Cluster(folder, validate)
    try:
        yield cluster
    finally:
        cluster.close()
