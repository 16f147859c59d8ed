"""The gateway from another process: what functions and the command line say to it."""

from __future__ import annotations

import contextlib
import getpass
import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, EngineError, MLRunLikeError
from mlrun_like.gateway.control.answers import LocalConnection, error_of
from mlrun_like.gateway.places import control_socket, gateway_home
from mlrun_like.gateway.states import check_key

__all__ = ["GatewayClient"]

_BLOCK = 1 << 16
_PAUSE = 0.05
_T = TypeVar("_T")


class GatewayClient:
    """Talks to the gateway of this home over its private socket.

    Args:
        home: The gateway's folder; by default the one of the settings.
        timeout: Seconds to wait for an answer that should come at once.
    """

    def __init__(self, home: Path | None = None, timeout: float = 30.0) -> None:
        self.home = home or gateway_home()
        self._timeout = timeout

    # Looking ---------------------------------------------------------------------------------

    def is_up(self) -> bool:
        """Whether a gateway answers."""
        try:
            self.info()
        except MLRunLikeError:
            return False
        return True

    def info(self) -> dict[str, Any]:
        """Process id, address, state, number of functions.

        Raises:
            EngineError: if no gateway answers.
        """
        found: dict[str, Any] = self._ask("GET", "info")
        return found

    def deployed(self) -> list[dict[str, Any]]:
        """The status of each deployed function."""
        found: list[dict[str, Any]] = self._ask("GET", "functions")
        return found

    def triggers(self) -> list[dict[str, Any]]:
        """How each trigger does: function, trigger, kind, state, last_error, ..."""
        found: list[dict[str, Any]] = self._ask("GET", "triggers")
        return found

    def status(self, key: str) -> dict[str, Any]:
        """The status of one function.

        Args:
            key: `<project>/<name>`.

        Raises:
            NotFoundError: if it is not deployed.
        """
        found: dict[str, Any] = self._ask("GET", _place(key))
        return found

    def why(self, key: str) -> list[dict[str, Any]]:
        """The last decisions about a function's replicas."""
        found: list[dict[str, Any]] = self._ask("GET", f"{_place(key)}/why")
        return found

    def logs(self, key: str, tail: int = 0, follow: bool = False) -> Iterator[bytes]:
        """What a function printed, in parts.

        Args:
            key: `<project>/<name>`.
            tail: Only so many last lines; 0: all.
            follow: Go on until the caller stops.
        """
        query = urlencode({"tail": tail, "follow": int(follow)})
        with self._response("GET", f"{_place(key)}/logs?{query}", endless=follow) as response:
            while data := response.read1(_BLOCK):
                yield data

    # Changing --------------------------------------------------------------------------------

    def deploy(
        self,
        key: str,
        document: Mapping[str, Any],
        kind: str,
        options: Mapping[str, Any],
        rollout: Mapping[str, Any] | None = None,
        say: Callable[[str], None] = lambda line: None,
    ) -> dict[str, Any]:
        """Deploy a version of a function and wait until it answers.

        Args:
            key: `<project>/<name>`.
            document: The function's document.
            kind: `nuclio`, `serving` or `application`.
            options: `Options.to_dict()`.
            rollout: How it gets its traffic; see `rollout.Rollout.from_dict`.
            say: Is given each line of what happens.

        Returns:
            The function's status.

        Raises:
            EngineError: with the function's own error if it does not start.
        """
        body = {
            "key": key,
            "document": document,
            "kind": kind,
            "options": options,
            "rollout": dict(rollout or {}),
            "by": _user(),
        }
        return _patiently(lambda: self._deploy(body, say))

    def _deploy(self, body: dict[str, Any], say: Callable[[str], None]) -> dict[str, Any]:
        with self._response("POST", "functions", body, endless=True) as response:
            for line in response:
                try:
                    told = json.loads(line)
                except ValueError:
                    break
                if "line" in told:
                    say(str(told["line"]))
                elif "error" in told:
                    raise error_of(told["error"], 500)
                elif "status" in told:
                    found: dict[str, Any] = told["status"]
                    return found
        raise EngineError(
            "the gateway ended while it deployed the function",
            where=str(self.home / "gateway.log"),
            fix="mlrun-like up, and deploy again",
        )

    def delete(self, key: str) -> None:
        """End a function and forget it."""
        _patiently(lambda: self._ask("DELETE", _place(key), slow=True))

    def scale(self, key: str, low: int | None, high: int | None) -> dict[str, Any]:
        """Set the least and the most replicas; None: leave it."""
        return self._change(key, "scale", {"min": low, "max": high})

    def rollback(self, key: str) -> dict[str, Any]:
        """Give the traffic back to who had it before the last change."""
        return self._change(key, "rollback", {})

    def promote(self, key: str) -> dict[str, Any]:
        """Give all traffic to the new version."""
        return self._change(key, "promote", {})

    def shift(self, key: str, shares: Any) -> dict[str, Any]:
        """Set who answers how much: mappings of `version`, `weight`, `header`, `value`."""
        return self._change(key, "shift", {"shares": list(shares)})

    def shadow(self, key: str, version: int, weight: float = 100.0) -> dict[str, Any]:
        """Send a version copies of `weight` percent of the requests; version 0: end that."""
        return self._change(key, "shadow", {"version": version, "weight": weight})

    def entrances(self, project: str = "") -> list[dict[str, Any]]:
        """All API gateways, or those of a project."""
        return list(self._ask("GET", f"gateways?{urlencode({'project': project})}"))

    def entrance(self, key: str) -> dict[str, Any]:
        """One of them."""
        return dict(self._ask("GET", _place(key, "gateways")))

    def store_entrance(self, key: str, values: Mapping[str, Any]) -> dict[str, Any]:
        """Store one: see `entrances.Entrance`."""
        return dict(_patiently(lambda: self._ask("PUT", _place(key, "gateways"), dict(values))))

    def delete_entrance(self, key: str) -> None:
        """Forget one."""
        _patiently(lambda: self._ask("DELETE", _place(key, "gateways")))

    def restart(self) -> None:
        """Ask for another gateway process; see `starting.restart`."""
        self._ask("POST", "restart")

    def down(self) -> None:
        """Ask the gateway to end; see `starting.down`."""
        self._ask("POST", "down")

    def invoke(
        self,
        key: str,
        path: str = "/",
        body: bytes = b"",
        method: str = "",
        headers: Mapping[str, str] | None = None,
        *,
        most: int | None = None,
    ) -> tuple[int, dict[str, str], bytes]:
        """Send a function one request; status, headers and body of its answer.

        With `most` only so many bytes of the body are read, and the wait between two parts is the
        client's timeout; else both are without limit.
        """
        check_key(key)
        target = f"/{key}/{path.lstrip('/')}"
        verb = method or ("POST" if body else "GET")
        with self._sent(verb, target, body, dict(headers or {}), endless=most is None) as response:
            found = {name.lower(): value for name, value in response.getheaders()}
            return response.status, found, response.read(most)

    # Inside ----------------------------------------------------------------------------------

    def _change(self, key: str, what: str, values: dict[str, Any]) -> dict[str, Any]:
        place = f"{_place(key)}/{what}"
        found: dict[str, Any] = _patiently(lambda: self._ask("POST", place, values, slow=True))
        return found

    def _ask(self, method: str, place: str, body: Any = None, slow: bool = False) -> Any:
        with self._response(method, place, body, endless=slow) as response:
            try:
                return json.loads(response.read())
            except ValueError as exc:
                raise EngineError(f"the gateway's answer is not JSON: {exc}", where=place) from exc

    @contextlib.contextmanager
    def _response(
        self, method: str, place: str, body: Any = None, endless: bool = False
    ) -> Iterator[http.client.HTTPResponse]:
        content = b"" if body is None else json.dumps(body, default=str).encode()
        headers = {"content-type": "application/json", "x-mlrun-like-user": _user()}
        with self._sent(method, f"/-/api/{place}", content, headers, endless) as response:
            if response.status >= 300:
                raise error_of(response.read(), response.status)
            yield response

    @contextlib.contextmanager
    def _sent(
        self, method: str, target: str, body: bytes, headers: dict[str, str], endless: bool
    ) -> Iterator[http.client.HTTPResponse]:
        connection = LocalConnection(control_socket(self.home), None if endless else self._timeout)
        try:
            connection.request(method, target, body or None, headers)
            yield connection.getresponse()
        except (FileNotFoundError, ConnectionRefusedError) as exc:
            raise EngineError(
                "no gateway runs for this home", where=str(self.home), fix="mlrun-like up"
            ) from exc
        except (OSError, http.client.HTTPException) as exc:
            raise EngineError(
                f"the gateway does not answer: {exc or type(exc).__name__}",
                where=str(self.home),
                fix="mlrun-like ps; mlrun-like up --restart",
            ) from exc
        finally:
            connection.close()


def _patiently(ask: Callable[[], _T]) -> _T:
    """Ask again while one gateway takes the place of another."""
    end = time.monotonic() + config.gateway_start_timeout
    while True:
        try:
            return ask()
        except ConflictError as exc:
            if exc.status != 503 or time.monotonic() > end:
                raise
        time.sleep(_PAUSE)


def _place(key: str, group: str = "functions") -> str:
    check_key(key)
    return f"{group}/{key}"


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no name for this user id
        return ""
