"""Functions on the gateway of this machine: deploying, waiting, reading their log, ending them."""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.configuration import config
from mlrun_like.errors import EngineError, InvalidArgumentError, StoreUnavailableError, nearest
from mlrun_like.functions.editing import Editing
from mlrun_like.functions.nuclio_status import NuclioStatus
from mlrun_like.registry import resolve

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["TARGETS", "GatewayDeploying", "target_of"]

TARGETS = ("local", "nuclio", "kubernetes")
_CONTROL = "mlrun_like.gateway.control.deploying"
_CLUSTER = "mlrun_like.gateway.manifests.deploying:delete_from_cluster"
_ANNOTATION = "mlrun-like/gateway"
_KEPT = ("key", "state", "address", "url", "external_invocation_urls", "internal_invocation_urls",
         "nuclio_name", "target", "version")  # fmt: skip


def target_of(given: str, dashboard: str = "") -> str:
    """Where a function is deployed: what was said, else Nuclio if it is configured, else here.

    >>> target_of("kubernetes"), target_of("", "http://localhost:8070")
    ('kubernetes', 'nuclio')

    Raises:
        InvalidArgumentError: if there is no such place.
    """
    if not given:
        return "nuclio" if dashboard or config.nuclio_dashboard_url else "local"
    if given not in TARGETS:
        raise InvalidArgumentError(
            f"there is no target {given!r:.60}.{nearest(str(given), TARGETS)}",
            where="fn.deploy(target=...)",
            fix=f"targets: {', '.join(TARGETS)}",
        )
    return given


class GatewayDeploying(Editing):
    """The part of a function that the gateway of this machine runs."""

    save: Any

    @property
    @abstractmethod
    def status(self) -> NuclioStatus:
        """Where the function is deployed, and its state."""

    @abstractmethod
    def delete_deployment(self, force: bool = False, dashboard: str = "") -> bool:
        """Delete the function where it is deployed."""

    # How it runs -----------------------------------------------------------------------------

    def with_gateway(self, **options: Any) -> Self:
        """Say how the gateway runs the function; what a cluster takes from elsewhere stays so.

        Args:
            options: Fields of `mlrun_like.gateway.deployment.Options`, such as `idle_timeout`
                (seconds), `queue`, `max_requests`, `rate_limit`, `smoke`, `audit`. None takes one
                back.

        Raises:
            InvalidArgumentError: naming every option that is unknown or cannot be used.

        >>> import mlrun_like as ml
        >>> fn = ml.new_function("f", kind="nuclio").with_gateway(idle_timeout="5m")
        >>> fn.metadata.annotations["mlrun-like/gateway"]
        '{"idle_timeout": "5m"}'
        """
        values = resolve("mlrun_like.gateway.reading.option_values:Values")()
        for name, value in options.items():
            if value is not None:
                values.put(name, value, "fn.with_gateway()")
        if values.wrong:
            raise InvalidArgumentError("\n".join(str(item) for item in values.wrong))
        notes = self._doc().metadata.annotations
        merged = {**json.loads(notes.get(_ANNOTATION) or "{}"), **options}
        kept = {name: value for name, value in merged.items() if value is not None}
        notes[_ANNOTATION] = json.dumps(kept, default=list)
        return self

    def with_auth(
        self,
        kind: str = "bearer",
        callers: Mapping[str, str] | None = None,
        scopes: Mapping[str, Iterable[str]] | None = None,
    ) -> Self:
        """Say who may call the function over the gateway.

        Args:
            kind: `bearer` (random tokens), `basic` (passwords) or `none`.
            callers: Name of a caller -> its token or password; only a hash of it is kept.
            scopes: Name -> what it may do: `invoke`, `invoke:GET`, `invoke:POST:/predict`.

        Raises:
            InvalidArgumentError: if the kind is unknown, or a scope is.

        >>> import mlrun_like as ml
        >>> fn = ml.new_function("f", kind="nuclio").with_auth(callers={"anna": "a-random-token"})
        >>> "a-random-token" in fn.to_yaml()
        False
        """
        if kind not in ("bearer", "basic", "none"):
            raise InvalidArgumentError(
                f"auth of kind {kind!r:.60} does not exist", fix="bearer, basic or none"
            )
        name = "hash_token" if kind == "bearer" else "hash_password"
        make = resolve(f"mlrun_like.gateway.http.hashes:{name}")
        rows = []
        for caller, secret in (callers or {}).items():
            if not isinstance(secret, str) or not secret:
                raise InvalidArgumentError(f"caller {caller!r:.60} has no secret")
            row: dict[str, Any] = {"name": caller, "hash": make(secret)}
            if scopes and caller in scopes:
                row["scopes"] = list(scopes[caller])
            rows.append(row)
        auth = {"kind": kind, "callers": rows}
        resolve("mlrun_like.gateway.http.auth:check_auth")(auth)
        return self.with_gateway(auth=auth)

    def _auth_from(self, gateway: Mapping[str, Any]) -> dict[str, Any]:
        """What is said about an API gateway, as far as one machine has it; the rest is given."""
        rest = dict(gateway)
        for name in ("name", "path", "direct_port_access", "ssl_redirect", "set_as_default",
                     "gateway_timeout", "host"):  # fmt: skip
            rest.pop(name, None)
        mode = rest.pop("authentication_mode", "none")
        creds = rest.pop("authentication_creds", None)
        if mode == "basic":
            if not isinstance(creds, Sequence) or isinstance(creds, str) or len(creds) != 2:
                raise InvalidArgumentError(
                    "basic authentication needs a user and a password",
                    fix='authentication_creds=("user", "password")',
                )
            self.with_auth("basic", {str(creds[0]): str(creds[1])})
        elif mode not in ("none", "", None):
            raise InvalidArgumentError(
                f"authentication mode {mode!r:.40} is not for one machine",
                fix='authentication_mode="basic", or fn.with_auth("bearer", {"anna": token})',
            )
        return rest

    # Deployed --------------------------------------------------------------------------------

    def _deploy_here(self, rollout: Mapping[str, Any]) -> str:
        """Deploy to the gateway of this machine; gives the URL."""
        found = resolve(f"{_CONTROL}:deploy")(self, rollout)
        document = self._doc()
        kept = {name: found[name] for name in _KEPT if name in found}
        document.status = {**document.status, **kept}
        try:
            self.save(versioned=False)
        except StoreUnavailableError as exc:  # it is deployed all the same
            resolve(f"{_CONTROL}:print_line")(f"the function's address is not saved: {exc.what}")
        return str(kept["address"])

    def _address_here(self) -> str:
        """The URL at the gateway that runs now, which may have another port than before."""
        return str(resolve(f"{_CONTROL}:address_of")(self))

    def _refresh_here(self) -> bool:
        """Take the status from the gateway of this machine, if it has the function."""
        found = resolve(f"{_CONTROL}:refresh")(self)
        document = self._doc()
        kept = {name: found[name] for name in _KEPT if name in found}
        document.status = {**document.status, **kept}
        return bool(kept)

    def wait_until_ready(self, timeout: float = 60.0) -> str:
        """Wait until the deployed function can answer; gives its URL.

        Args:
            timeout: Seconds.

        Raises:
            EngineError: if it cannot be started, with the reason, or not in time.
            NotFoundError: if it is not deployed.
        """
        self._not_in_a_cluster("kubectl rollout status deployment/{0}")
        found = resolve(f"{_CONTROL}:wait_until_ready")(self, timeout)
        document = self._doc()
        document.status = {**document.status, **{n: found[n] for n in _KEPT if n in found}}
        return str(found["address"])

    def logs(self, tail: int = 0, follow: bool = False) -> str | Iterator[str]:
        """What the deployed function printed.

        Args:
            tail: Only so many last lines; 0: all.
            follow: Give parts as they come, until the caller stops.

        Raises:
            NotFoundError: if it is not deployed on this machine.
            EngineError: if no gateway runs, or the function is in a cluster.
        """
        self._not_in_a_cluster("kubectl logs deployment/{0} --all-containers --follow")
        found = resolve(f"{_CONTROL}:logs")(self, tail, follow)
        if follow:
            return (part.decode("utf-8", "replace") for part in found)
        return b"".join(found).decode("utf-8", "replace")

    def _not_in_a_cluster(self, command: str) -> None:
        status = self._doc().status
        if status.get("target") == "kubernetes":
            name = str(status.get("kubernetes_name") or self._doc().metadata.name)
            place = str(status.get("kubernetes_namespace") or "")
            told = command.format(name) + (f" --namespace {place}" if place else "")
            raise EngineError(f"function {name!r} runs in a cluster, not here", fix=told)

    def delete(self, force: bool = False) -> bool:
        """End the deployed function and forget it; False: it was not deployed.

        Args:
            force: Nuclio: also while it is being built.
        """
        if self.status.target == "kubernetes":
            return bool(resolve(_CLUSTER)(self))
        if self.status.target != "local" and self.status.address:
            return self.delete_deployment(force)
        self._doc().status = {}
        return bool(resolve(f"{_CONTROL}:delete")(self))
