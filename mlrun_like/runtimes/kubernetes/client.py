"""Requests to the API server: plain data in and out, repeated while the server cannot answer.

The `kubernetes` package finds the server and the credentials; its models are not used. Protocol as
in the Kubernetes documentation, "Kubernetes API Concepts".
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from mlrun_like.errors import ConflictError, EngineError, MLRunLikeError, NotFoundError
from mlrun_like.runtimes.kubernetes.access import Access, load_access, package
from mlrun_like.runtimes.kubernetes.refusals import explain_refusal

__all__ = ["MERGE", "Client", "path_of", "status_of"]

MERGE = "application/merge-patch+json"
_RETRIED = (429, 500, 502, 503, 504)
_CONNECT, _READ = 5.0, 30.0
_LONGEST_WAIT = 10.0
_PLURALS = {
    "PriorityClass": "priorityclasses",
    "Ingress": "ingresses",
    "NetworkPolicy": "networkpolicies",
}


def path_of(api_version: str, kind: str, namespace: str = "", name: str = "") -> str:
    """The path of a kind of object, or of one.

    >>> path_of("batch/v1", "Job", "default", "a")
    '/apis/batch/v1/namespaces/default/jobs/a'
    """
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    scope = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    plural = _PLURALS.get(kind, f"{kind.lower()}s")
    return f"{root}{scope}/{plural}" + (f"/{quote(name, safe='')}" if name else "")


def status_of(error: MLRunLikeError) -> int:
    """The HTTP status of an error of `Client`; 0: the server was not reached."""
    return int(getattr(error, "http_status", 0))


class Client:
    """The API server of one cluster.

    Args:
        access: Server, credentials, namespace; None: as configured.
        patience: Seconds for which a request is repeated when the server cannot be reached or says
            that it cannot answer now.
    """

    def __init__(self, access: Access | None = None, patience: float = 30.0) -> None:
        self._given = access
        self._access = access or load_access()
        self.patience = patience
        self._api: Any = None

    @property
    def namespace(self) -> str:
        """Where runs are created."""
        return self._access.namespace

    @property
    def where(self) -> str:
        """The server and where its address came from, for messages."""
        return f"{self._access.configuration.host} ({self._access.origin})"

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Read an object or a list."""
        return self.request("GET", path, query=query)

    def create(self, body: Mapping[str, Any], namespace: str = "") -> dict[str, Any]:
        """Create an object, which the server checks strictly; give it as it was stored.

        A repetition of the same request is harmless: its own earlier success is recognised by the
        object's labels.

        Raises:
            ConflictError: if another object has its name.
            EngineError: if the server refuses it; the message says why and what to do.
        """
        path = path_of(body["apiVersion"], body["kind"], namespace or self.namespace)
        try:
            return self.request("POST", path, query={"fieldValidation": "Strict"}, body=body)
        except ConflictError:
            name = body["metadata"].get("name", "")
            found = self.get(f"{path}/{quote(name, safe='')}")
            own, there = (item["metadata"].get("labels") or {} for item in (body, found))
            if not own.items() <= there.items():
                raise
            return found

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change parts of an object (JSON merge patch, RFC 7386)."""
        return self.request("PATCH", path, body=body, content_type=MERGE)

    def delete(self, path: str, *, propagation: str = "", grace: int | None = None) -> bool:
        """Delete an object; False if it is not there any more.

        Args:
            path: Of the object.
            propagation: `Background`, `Foreground` or `Orphan` for what it owns.
            grace: Seconds that a pod gets; None: as the pod says.
        """
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if propagation:
            options["propagationPolicy"] = propagation
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        try:
            self.request("DELETE", path, body=options)
        except NotFoundError:
            return False
        return True

    def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
    ) -> dict[str, Any]:
        """One request, repeated as long as `patience` allows.

        Raises:
            NotFoundError: 404.
            ConflictError: 409.
            EngineError: any other refusal, or no answer in time.
        """
        data = None if body is None else json.dumps(body).encode()
        response = self._until_answered(
            lambda: self._send(method, path, query, data, content_type, _READ)
        )
        text = response.data
        found = json.loads(text) if text else {}
        return found if isinstance(found, dict) else {}

    def stream(self, path: str, read_timeout: float, **query: Any) -> Any:
        """Open a response that is read as it comes (`urllib3.HTTPResponse`); tried once.

        Raises:
            EngineError: if the server refuses, or cannot be reached.
        """
        return self._authorized(
            lambda: self._send("GET", path, query, None, "application/json", read_timeout, True)
        )

    def close(self) -> None:
        """Close connections that wait for further use."""
        if self._api is not None:
            self._api.rest_client.pool_manager.clear()

    # -- one try, and when to make another ------------------------------------------------

    def _until_answered(self, send: Callable[[], Any]) -> Any:
        end = time.monotonic() + self.patience
        wait = 0.2
        while True:
            try:
                return self._authorized(send)
            except EngineError as exc:
                if status_of(exc) not in (0, *_RETRIED) or getattr(exc, "final", False):
                    raise
                pause = max(wait * random.uniform(0.8, 1.2), getattr(exc, "retry_after", 0.0))
                if time.monotonic() + pause > end:
                    raise
            time.sleep(pause)
            wait = min(wait * 2, _LONGEST_WAIT)

    def _authorized(self, send: Callable[[], Any]) -> Any:
        """One try, and another with fresh credentials if those in use have expired."""
        try:
            return send()
        except EngineError as exc:
            if status_of(exc) != 401 or self._given is not None:
                raise
        self._access, self._api = load_access(), None
        return send()

    def _send(
        self,
        method: str,
        path: str,
        query: Mapping[str, Any] | None,
        data: bytes | None,
        content_type: str,
        read_timeout: float,
        stream: bool = False,
    ) -> Any:
        urllib3 = package("urllib3")
        configuration = self._access.configuration
        if self._api is None:
            self._api = package("kubernetes.client").ApiClient(configuration)
        url = configuration.host.rstrip("/") + path
        given = {key: value for key, value in (query or {}).items() if value not in (None, "")}
        if given:
            url += "?" + urlencode(given)
        headers = {"Accept": "application/json, */*", "User-Agent": "mlrun-like"}
        if data is not None:
            headers["Content-Type"] = content_type
        for row in configuration.auth_settings().values():
            if row["in"] == "header" and row["value"]:
                headers[row["key"]] = row["value"]
        try:
            response = self._api.rest_client.pool_manager.request(
                method,
                url,
                body=data,
                headers=headers,
                preload_content=not stream,
                retries=False,
                timeout=urllib3.Timeout(connect=_CONNECT, read=read_timeout),
            )
        except urllib3.exceptions.HTTPError as exc:
            raise self._unreachable(exc) from exc
        if response.status < 300:
            return response
        text = response.data if not stream else response.read()
        raise self._refusal(method, path, response, text)

    def _unreachable(self, exc: Exception) -> EngineError:
        # exceptions of TLS will not go away by waiting
        broken_tls = "SSL" in type(exc).__name__ or "CERTIFICATE" in str(exc)
        fix = "check the network, and kubectl cluster-info"
        if broken_tls:
            fix = "check certificate-authority and the client certificate in the kubeconfig"
        error = EngineError(
            f"the cluster's API server cannot be reached: {_reason(exc)}", where=self.where, fix=fix
        )
        error.__dict__["final"] = broken_tls
        return error

    def _refusal(self, method: str, path: str, response: Any, text: bytes) -> MLRunLikeError:
        what, fix = explain_refusal(response.status, text, f"{method} {path}")
        kinds: dict[int, type[MLRunLikeError]] = {404: NotFoundError, 409: ConflictError}
        error = kinds.get(response.status, EngineError)(what, where=self.where, fix=fix)
        error.__dict__["http_status"] = response.status
        try:
            error.__dict__["retry_after"] = float(response.headers.get("Retry-After") or 0)
        except ValueError:
            error.__dict__["retry_after"] = 0.0
        return error


def _reason(exc: BaseException) -> str:
    """The innermost reason, without the pool's wrapping."""
    inner = getattr(exc, "reason", None)
    while isinstance(inner, BaseException):
        exc, inner = inner, getattr(inner, "reason", None)
    return f"{type(exc).__name__}: {exc}".split(" (Caused by")[0][:300]
