"""What calls a Nuclio function, and any other setting of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import InvalidArgumentError
from mlrun_like.functions.editing import Editing
from mlrun_like.runtimes.nuclio.dotted import parts_of_key
from mlrun_like.runtimes.nuclio.triggers import HttpTrigger, V3IOStreamTrigger, trigger_of

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NuclioTriggers"]

_INGRESS = "nginx.ingress.kubernetes.io"


class NuclioTriggers(Editing):
    """Triggers and settings of a function; each method returns the function."""

    def set_config(self, key: str, value: Any) -> Self:
        """Set anything in Nuclio's configuration.

        Args:
            key: A dotted name such as `"spec.eventTimeout"`; a name with dots in it stands between
                backslashes.
            value: Plain data; a list is added to one that is there.

        Raises:
            InvalidArgumentError: if the key names no setting.
        """
        parts_of_key(key)
        spec = self._doc().spec
        spec.config = {**spec.config, key: value}
        return self

    def add_trigger(self, name: str, spec: Any) -> Self:
        """Let something call the function.

        Args:
            name: The trigger's name.
            spec: An object such as `CronTrigger(interval="10s")`, or Nuclio's mapping.

        Raises:
            InvalidArgumentError: naming every mistake.
        """
        return self.set_config(f"spec.triggers.{name}", trigger_of(name, spec))

    def with_http(  # noqa: PLR0913 - MLRun's signature
        self,
        workers: int | None = 8,
        port: int | None = None,
        host: str | None = None,
        paths: Sequence[str] | None = None,
        canary: float | None = None,
        secret: str | None = None,
        worker_timeout: float | None = None,
        gateway_timeout: float | None = None,
        trigger_name: str | None = None,
        annotations: Mapping[str, str] | None = None,
        extra_attributes: Mapping[str, Any] | None = None,
    ) -> Self:
        """Set how requests over HTTP come in.

        Args:
            workers: Requests that are worked on at a time, each by a process; 0: Nuclio's default.
            port: Port to listen on; by default Nuclio chooses.
            host: Host name of an ingress.
            paths: Its paths.
            canary: Share of its requests, 0 to 100.
            secret: Kubernetes secret with its TLS certificate.
            worker_timeout: Seconds a request waits for a free worker, then it gets 503.
            gateway_timeout: Seconds a request may take; by default `worker_timeout` + 60.
            trigger_name: The trigger's name; by default `http`.
            annotations: Annotations of the ingress.
            extra_attributes: Further attributes, such as `maxRequestBodySize`.

        Raises:
            InvalidArgumentError: if a value cannot be used, or the gateway gives up before the
                worker does.
        """
        notes = {str(key): str(value) for key, value in (annotations or {}).items()}
        for what, number in (("worker", worker_timeout), ("gateway", gateway_timeout)):
            if number is not None and (isinstance(number, bool) or number < 0):
                raise InvalidArgumentError(f"{what}_timeout must be seconds, not {number!r}")
        if isinstance(workers, bool) or (workers is not None and workers < 0):
            raise InvalidArgumentError(f"workers must be a whole number from 0, not {workers!r}")
        if worker_timeout:
            gateway_timeout = gateway_timeout or worker_timeout + 60
            if worker_timeout >= gateway_timeout:
                raise InvalidArgumentError(
                    f"the gateway timeout ({gateway_timeout:g} s) must be greater than the worker "
                    f"timeout ({worker_timeout:g} s)",
                    fix=f"gateway_timeout={worker_timeout + 60:g}",
                )
        if gateway_timeout:
            for key in ("connect", "read", "send"):
                notes[f"{_INGRESS}/proxy-{key}-timeout"] = f"{gateway_timeout:g}"
        trigger = HttpTrigger(
            workers or 0, port, host, paths, canary, secret, notes, extra_attributes
        ).to_dict()
        if worker_timeout:
            trigger["workerAvailabilityTimeoutMilliseconds"] = round(worker_timeout * 1000)
        name = trigger_name or "http"
        spec = self._doc().spec
        config = spec.config  # a function has one: another name replaces it
        spec.config = {k: v for k, v in config.items() if k == name or not _is_http(k, v)}
        return self.add_trigger(name, trigger)

    def add_v3io_stream_trigger(
        self,
        stream_path: str,
        name: str = "stream",
        group: str = "serving",
        seek_to: str = "earliest",
        shards: int = 1,
        extra_attributes: Mapping[str, Any] | None = None,
        ack_window_size: int | None = None,
        **kwargs: Any,
    ) -> Self:
        """Let records of an Iguazio stream call the function, a replica for each shard.

        Args:
            stream_path: `v3io://<host>/<container>/<path>`, or `<container>/<path>`.
            name: The trigger's name.
            group: The consumer group.
            seek_to: `earliest`, `latest`, `time` or `sequence`.
            shards: Shards of the stream.
            extra_attributes: Further attributes.
            ack_window_size: Events that stay unacknowledged behind the newest one.
            kwargs: Further arguments of V3IOStreamTrigger.

        Raises:
            InvalidArgumentError: if a value cannot be used.
        """
        webapi, path = "", stream_path
        if "://" in stream_path:
            host, _, path = stream_path.partition("://")[2].partition("/")
            webapi = f"http://{host}" if host else ""
        container, _, inside = path.strip("/").partition("/")
        extra = dict(extra_attributes or {})
        if ack_window_size:
            extra["ackWindowSize"] = ack_window_size
        kwargs = {key: value for key, value in kwargs.items() if key != "consumer_group"}
        values: dict[str, Any] = {"read_batch_size": 256, **kwargs}
        if webapi:
            values["webapi"] = webapi
        try:
            trigger = V3IOStreamTrigger(
                name=name, container=container, path=inside, consumer_group=group,
                seek_to=seek_to, extra_attributes=extra, **values,
            )  # fmt: skip
        except TypeError as exc:
            raise InvalidArgumentError(f"add_v3io_stream_trigger: {exc}") from exc
        self.add_trigger(name, trigger)
        spec = self._doc().spec
        spec.min_replicas = spec.max_replicas = shards or 1
        return self

    def disable_default_http_trigger(self) -> Self:
        """Nuclio makes no HTTP trigger by itself."""
        self._doc().spec.disable_default_http_trigger = True
        return self

    def enable_default_http_trigger(self) -> Self:
        """Nuclio makes an HTTP trigger if there is none."""
        self._doc().spec.disable_default_http_trigger = False
        return self


def _is_http(key: str, value: Any) -> bool:
    return (
        key.startswith("spec.triggers.")
        and isinstance(value, Mapping)
        and value.get("kind") == "http"
    )
