"""A reader of MQTT topics whose session the broker keeps.

Acknowledgements are sent in the order in which messages came, as MQTT asks for (version 5, section
4.6): one that is done early waits for those before it.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mlrun_like.errors import ConflictError
from mlrun_like.streams.base import Consumer, Record

if TYPE_CHECKING:
    from mlrun_like.streams.mqtt import MqttStream

__all__ = ["MqttConsumer"]


class MqttConsumer(Consumer):
    """Made by `MqttStream.consumer`; arguments as there.

    Args:
        stream: What it reads.
        group: Of a shared subscription; empty: every reader gets every message.
        name: Of its session. A reader that comes back under its old name gets what it missed.
    """

    def __init__(self, stream: MqttStream, group: str, name: str) -> None:
        self.group, self.name = group, name
        self._stream = stream
        self._came: queue.SimpleQueue[tuple[int, Record]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._out: OrderedDict[int, tuple[int, bool]] = OrderedDict()
        """Message id -> its quality of service and whether it is done, in the order of arrival."""
        self._life = self._count = 0
        self._joined = threading.Event()
        self._error = "it has not answered yet"
        self._closed = self._started = False
        self._client = stream.make(name, keep=True)
        self._client.on_connect = self._on_connect
        self._client.on_disconnect = self._on_disconnect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def read(self, max: int = 100, wait: float = 1.0) -> list[Record]:
        if self._closed:
            raise ConflictError(f"consumer {self.name!r} is closed", where=self._stream.url)
        deadline = time.monotonic() + wait
        if not self._started:
            try:
                self._stream.connect(self._client, keep=True)
            except (OSError, ValueError) as exc:
                raise self._stream.unavailable(exc) from exc
            self._client.loop_start()
            self._started = True
            self._joined.wait(5.0)
        found: list[Record] = []
        while len(found) < max:
            try:
                left = deadline - time.monotonic()
                if found or left <= 0:
                    life, record = self._came.get_nowait()
                else:
                    life, record = self._came.get(timeout=left)
            except queue.Empty:
                break
            if life == self._life:
                found.append(record)
        if not found and not self._joined.is_set():
            raise self._stream.unavailable(self._error)
        return found

    def ack(self, records: Sequence[Record]) -> None:
        with self._lock:
            for record in records:
                life, mid, _ = record.id.split("-")
                if int(life) == self._life and int(mid) in self._out:
                    self._out[int(mid)] = (self._out[int(mid)][0], True)
            while self._out:
                mid_first, (qos, done) = next(iter(self._out.items()))
                if not done:
                    break
                del self._out[mid_first]
                self._client.ack(mid_first, qos)

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        if self._started:
            self._client.disconnect()
            self._client.loop_stop()

    # Called on paho's thread.

    def _on_connect(self, client: Any, _data: Any, _flags: Any, reason: Any, _more: Any) -> None:
        if getattr(reason, "is_failure", False):
            self._error = f"it refuses this client: {reason}"
            return
        with self._lock:
            self._life += 1  # what was not acknowledged comes again, under the same ids perhaps
            self._out.clear()
        prefix = f"$share/{self.group}/" if self.group else ""
        wanted = [
            (prefix + topic, min(int(qos), 1)) for topic, qos in self._stream.subscriptions.items()
        ]
        client.subscribe(wanted)

    def _on_subscribe(
        self, _client: Any, _data: Any, _mid: Any, reasons: Any, _more: Any = None
    ) -> None:
        refused = [str(reason) for reason in reasons if getattr(reason, "is_failure", False)]
        if refused:
            self._error = f"it refuses a subscription: {', '.join(refused)}"
            self._joined.clear()
        else:
            self._joined.set()

    def _on_disconnect(
        self, _client: Any, _data: Any, _flags: Any, reason: Any = None, _more: Any = None
    ) -> None:
        self._error = f"the connection is lost ({reason})"
        self._joined.clear()

    def _on_message(self, _client: Any, _data: Any, message: Any) -> None:
        headers = {"mqtt-qos": str(message.qos)}
        if message.retain:
            headers["mqtt-retain"] = "1"
        told = getattr(message, "properties", None)
        if told is not None:
            headers.update({str(k): str(v) for k, v in getattr(told, "UserProperty", ())})
            if getattr(told, "ContentType", ""):
                headers["content-type"] = str(told.ContentType)
        with self._lock:
            life = self._life
            if message.qos:
                self._out[message.mid] = (message.qos, False)
            self._count += 1
            place = f"{life}-{message.mid if message.qos else 0}-{self._count}"
        deliveries = 2 if message.dup else 1
        record = Record(
            bytes(message.payload), message.topic, headers, place, 0, time.time(), deliveries
        )
        self._came.put((life, record))
