"""A dashboard that behaves as docs/reference/api of Nuclio says, with failures on demand."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["FakeDashboard"]

_STATES = ("waitingForBuild", "building", "waitingForResourceConfiguration")


class FakeDashboard:
    """Functions, projects, gateways and invocations, in memory.

    Args:
        script: What deployments do: a list of states, the last one stays; `message` and `log`
            belong to the last one.
    """

    def __init__(self) -> None:
        self.projects: dict[str, Any] = {}
        self.stored: dict[str, Any] = {}
        self.gateways: dict[str, Any] = {}
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.states: list[str] = [*_STATES, "ready"]
        self.message = ""
        self.log: list[str] = ["Building processor image", "Pushing image"]
        self.refuse: list[tuple[str, str, int, Any]] = []
        """(method, start of the path, status, body): each is used once, in order."""
        self.replica_log = ""
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeDashboard:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    def sent(self, method: str, start: str = "") -> list[Any]:
        """Bodies of the requests of a method below a path."""
        return [b for m, p, _, b in self.requests if m == method and p.startswith(start)]

    # -- what it does ---------------------------------------------------------------------

    def answer_to(
        self, method: str, path: str, headers: dict[str, str], body: Any
    ) -> tuple[int, Any]:
        """The status and body for a request of the API."""
        for number, (wanted, start, status, told) in enumerate(self.refuse):
            if wanted == method and path.startswith(start):
                del self.refuse[number]
                return status, told
        kind, _, name = path.partition("/")
        if kind == "projects":
            return self._project(method, name, body)
        if kind == "functions":
            return self._function(method, name, body)
        if kind == "api_gateways":
            return self._gateway(method, name, body)
        if kind == "external_ip_addresses":
            return 200, {"externalIPAddresses": {"addresses": ["10.0.0.7"]}}
        return 404, {"error": f"no such path {path}"}

    def _project(self, method: str, name: str, body: Any) -> tuple[int, Any]:
        if method == "GET":
            found = self.projects.get(name)
            return (200, found) if found else (404, {"error": "Project not found"})
        self.projects[body["metadata"]["name"]] = body
        return 201, body

    def _function(self, method: str, name: str, body: Any) -> tuple[int, Any]:
        if method == "GET" and not name:
            return 200, {key: row["config"] for key, row in self.stored.items()}
        name, _, rest = name.partition("/")
        if rest == "replicas":
            return 200, {"names": [f"nuclio-{name}-abc"]}
        if rest.startswith("logs/"):
            return 200, self.replica_log
        if method == "GET":
            return self._status(name)
        if method == "DELETE":
            found = self.stored.pop(body["metadata"]["name"], None)
            return (204, None) if found else (404, {"error": "Function not found"})
        if method == "POST" and body["metadata"]["name"] in self.stored:
            return 409, {"error": "Function name already exists"}
        self.stored[body["metadata"]["name"]] = {"config": body, "looks": 0}
        return 202, None

    def _status(self, name: str) -> tuple[int, Any]:
        row = self.stored.get(name)
        if row is None:
            return 404, {"error": f"Function not found: {name} @ nuclio"}
        step = min(row["looks"], len(self.states) - 1)
        row["looks"] += 1
        state = self.states[step]
        shown = self.log if step == len(self.states) - 1 else self.log[:step]
        status: dict[str, Any] = {
            "state": state,
            "logs": [
                {"level": "info", "message": text, "time": 1e12 + n, "name": "deployer"}
                for n, text in enumerate(shown)
            ],
        }
        if step == len(self.states) - 1:
            status["message"] = self.message
        if state in ("ready", "scaledToZero"):
            status |= {
                "internalInvocationUrls": [f"nuclio-{name}.nuclio.svc.cluster.local:8080"],
                "externalInvocationUrls": [self.url.partition("://")[2]],
                "httpPort": 31234,
                "containerImage": f"registry/processor-{name}:latest",
            }
        return 200, {**row["config"], "status": status}

    def _gateway(self, method: str, name: str, body: Any) -> tuple[int, Any]:
        if method == "GET":
            found = self.gateways.get(name)
            if found is None:
                return 404, {"error": "API-Gateway not found"}
            return 200, {**found, "status": {"state": "ready"}}
        if method == "DELETE":
            found = self.gateways.pop(body["metadata"]["name"], None)
            return (204, None) if found else (404, None)
        self.gateways[body["metadata"]["name"]] = body
        return (202 if method == "POST" else 204), None


def _handler_of(board: FakeDashboard) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _any(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            raw = self.rfile.read(size)
            headers = {key.lower(): value for key, value in self.headers.items()}
            path = self.path
            if path.startswith("/api/") and not path.startswith("/api/function_invocations"):
                body = json.loads(raw) if raw else None
                board.requests.append((self.command, path[5:], headers, body))
                status, found = board.answer_to(
                    self.command, path[5:].partition("?")[0], headers, body
                )
                text = found if isinstance(found, str) else json.dumps(found)
                content = b"" if found is None else text.encode()
                self._send(status, {"Content-Type": "application/json"}, content)
                return
            board.requests.append((self.command, path, headers, raw))
            status, more, content = board.answer
            self._send(status, more, content)

        def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
            self.send_response(status)
            for key, value in headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _any

        def log_message(self, format: str, *args: Any) -> None:
            time.sleep(0)

    return Handler
