"""The recording of one served model: its endpoint, its channel, its switch.

A model whose function was given `set_tracking()` is registered when it is loaded and recorded from
the first request. Any other model of a server costs nothing until somebody switches it on: its
first request starts a look, every few seconds, at a file's time, and only if that has changed (or
the store is a server) at the store. So what needs the store is imported when it is needed.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from typing import Any

from mlrun_like.configuration import config
from mlrun_like.errors import ConflictError, MLRunLikeError
from mlrun_like.monitoring.endpoints.document import endpoint_uid
from mlrun_like.monitoring.endpoints.switch import switch_file
from mlrun_like.monitoring.recording.channel import Channel
from mlrun_like.monitoring.recording.feedback import labels_of
from mlrun_like.names import parse_function_uri
from mlrun_like.registry import resolve

__all__ = ["ModelRecording"]

_RECORDER = "mlrun_like.monitoring.recording.recorder:recorder_of_process"
_log = logging.getLogger("mlrun_like.monitoring")


class ModelRecording:
    """What a model server asks to record its requests.

    Args:
        model: The model server, or a router that answers as one.
        context: The server's context.
        every: Record one request of so many.
        percentage: Record this share of the requests.

    Attributes:
        active: Whether the next request is recorded (or begins the look at the switch).
        endpoint: The endpoint's uid.
    """

    def __init__(self, model: Any, context: Any, every: int, percentage: float) -> None:
        self._model, self._context = model, context
        self._every, self._percentage = every, percentage
        self.stream = str(context.get_param("log_stream", "") or "")
        self.declared = bool(context.tracked)
        self.active = not (self.declared and self.stream)
        self.project = parse_function_uri(context.function_uri).project
        version = model.version or "latest"
        self.endpoint = endpoint_uid(context.function_uri, f"{model.name}:{version}")
        self._channel: Channel | None = None
        self._watch: _Watch | None = None
        self._registered = False
        if self.declared:
            model.model_endpoint_uid = self.endpoint

    def ready(self) -> None:
        """The model is loaded: register its endpoint, and record from now on."""
        if not self.declared:
            return
        self._register()
        if self.stream:
            return
        self._open()

    def push(self, seconds: float, request: Any, answer: Any, operation: str, event: Any) -> None:
        """Record an answered request; takes microseconds."""
        channel = self._channel
        if channel is None:
            self._begin_watch()
            return
        if not channel.on:
            return
        inputs = request.get("inputs")
        if inputs is None:
            inputs = request.get("instances")
        outputs = answer.get("outputs") if type(answer) is dict else answer
        time = None if event is None else vars(event).get("time")
        channel.push(request.get("id"), inputs, outputs, seconds * 1e6, time, operation)

    def push_error(
        self, seconds: float, request: Any, operation: str, error: Exception, event: Any
    ) -> None:
        """Record a request that failed."""
        channel = self._channel
        if channel is None:
            self._begin_watch()
            return
        if not channel.on:
            return
        asked = request if isinstance(request, dict) else {}
        event_id = asked.get("id")
        if event_id is None and event is not None:
            event_id = event.id
        time = None if event is None else vars(event).get("time")
        inputs = asked.get("inputs", asked.get("instances"))
        channel.push_error(event_id, inputs, error, seconds * 1e6, time, operation)

    def feedback(self, body: Any) -> dict[str, Any]:
        """Take labels that came later.

        Raises:
            ConflictError: if requests are not recorded.
            InvalidArgumentError: if the body tells no ids or no labels.
        """
        channel = self._channel
        if channel is None and self.declared:
            channel = self._open()
        if channel is None:
            raise ConflictError(
                "requests are not recorded, so labels have nothing to belong to",
                where=f"model {self._model.name!r}",
                fix="fn.set_tracking(), or switch monitoring on for this endpoint",
            )
        labels = labels_of(body)
        taken = sum(channel.push_label(*label) for label in labels)
        return {"labels": taken, "refused": len(labels) - taken}

    def close(self) -> None:
        """Write what waits, and stop."""
        if self._watch is not None:
            self._watch.stop()
            self._watch = None
        channel, self._channel = self._channel, None
        if channel is not None:
            resolve(_RECORDER)().remove(channel)

    def _register(self) -> None:
        try:
            resolve("mlrun_like.monitoring.endpoints.registering:register")(
                self._model,
                self._context,
                self.endpoint,
                stream=self.stream,
                percentage=self._percentage / self._every,
                mode="enabled",
            )
            self._registered = True
        except MLRunLikeError as exc:
            _log.warning("the model endpoint is registered later: %s", exc)

    def _open(self, *, on: bool = True) -> Channel:
        channel: Channel = resolve(_RECORDER)().channel(
            self.project, self.endpoint, percentage=self._percentage, every=self._every
        )
        record = getattr(self._model, "model_spec", None)
        if record is not None:
            spec = record.spec
            channel.feature_names = [str(item.get("name")) for item in spec.inputs]
            channel.label_names = [str(item.get("name")) for item in spec.outputs]
            channel.feature_stats = dict(spec.feature_stats)
        channel.on = on
        channel.renew = self._register_again
        if not self._registered:
            channel.register = self._register_again
        self._channel = channel
        self.active = True
        return channel

    def _register_again(self) -> bool:
        self._register()
        return self._registered

    # switched on while it serves

    def _begin_watch(self) -> None:
        self.active = False
        if self._watch is None and not self.declared:
            self._watch = _Watch(self)

    def switched_on(self) -> None:
        """Somebody switched recording on: complete the endpoint, and begin."""
        self._watch = None
        self._register()
        self._open()


class _Watch:
    """Looks every few seconds whether recording was switched on."""

    def __init__(self, recording: ModelRecording) -> None:
        self._recording = recording
        self._over = threading.Event()
        self._seen = 0.0
        threading.Thread(target=self._run, name="monitoring-switch", daemon=True).start()

    def stop(self) -> None:
        """End it."""
        self._over.set()

    def _run(self) -> None:
        while not self._over.is_set():
            with contextlib.suppress(MLRunLikeError):  # a store that is away: still off
                if self._changed() and self._enabled():
                    self._recording.switched_on()
                    return
            self._over.wait(float(config.monitoring_poll_interval))

    def _changed(self) -> bool:
        if config.dbpath:
            return True  # a store that others may write to from elsewhere
        try:
            changed = os.stat(switch_file()).st_mtime
        except OSError:
            return False
        before, self._seen = self._seen, changed
        return changed != before

    def _enabled(self) -> bool:
        recording = self._recording
        store = resolve("mlrun_like.tracking.connect:open_store")()
        modes = store.endpoint_modes(recording.project, [recording.endpoint])
        return bool(modes.get(recording.endpoint) == "enabled")
