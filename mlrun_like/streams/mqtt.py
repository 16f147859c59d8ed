"""MQTT, through paho: a topic filter is a stream with one shard.

The broker keeps a session for each reader's name: what comes while the reader is away is handed to
it when it is back (quality of service 1). A group that is not empty is a shared subscription: its
readers get each message once between them.
"""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar
from urllib.parse import unquote, urlsplit

from mlrun_like.errors import InvalidArgumentError, StoreUnavailableError
from mlrun_like.names import new_uid
from mlrun_like.registry import require
from mlrun_like.streams.base import Record, Stream
from mlrun_like.streams.mqtt_consumer import MqttConsumer
from mlrun_like.streams.opening import without_password

__all__ = ["MqttStream"]

_TLS = ("mqtts", "ssl", "tls")


class MqttStream(Stream):
    """An MQTT topic, or for readers a filter with `+` and `#`.

    Args:
        url: `mqtt://[user:password@]host:port/topic`; `mqtts:` over TLS. A `#` is written `%23`.
        subscriptions: For readers: several filters and their quality of service, instead of the
            URL's topic. Services of 2 are asked for as 1, since a message may come twice anyway.
        protocol: 5, or 4 for version 3.1.1.
        session_hours: How long the broker keeps what comes for a reader that is away (version 5).
        prefetch: Messages that one reader may hold unacknowledged (version 5).
        timeout: Seconds to keep trying when the broker cannot be reached.
    """

    def __init__(
        self,
        url: str,
        *,
        subscriptions: Mapping[str, int] | None = None,
        protocol: int | str = 5,
        session_hours: float | str = 168.0,
        prefetch: int | str = 100,
        timeout: float = 15.0,
    ) -> None:
        self.mqtt = require("paho.mqtt.client", feature="an mqtt:// stream", extra="mqtt")
        parts = urlsplit(url)
        self.name, self.url = unquote(parts.path.lstrip("/")), without_password(url)
        self.subscriptions = dict(subscriptions or {self.name: 1})
        if not parts.hostname or not all(self.subscriptions):
            raise InvalidArgumentError(
                f"{self.url!r} does not name an MQTT topic", fix="write mqtt://HOST:1883/TOPIC"
            )
        self.tls = parts.scheme in _TLS
        self.host, self.port = parts.hostname, parts.port or (8883 if self.tls else 1883)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self.five = int(protocol) >= 5
        self.session_hours, self.prefetch = float(session_hours), max(1, int(prefetch))
        self.timeout = timeout
        self._lock = threading.Lock()
        self._made: Any = None

    in_memory: ClassVar[bool] = False

    def make(self, name: str, *, keep: bool) -> Any:
        """A client of paho, not connected.

        Args:
            name: Its name, which names its session at the broker.
            keep: Whether the broker shall keep the session when it goes away.
        """
        module = self.mqtt
        made = module.Client(
            module.CallbackAPIVersion.VERSION2,
            client_id=name,
            clean_session=None if self.five else not keep,
            protocol=module.MQTTv5 if self.five else module.MQTTv311,
            manual_ack=keep,
        )
        if self._user:
            made.username_pw_set(self._user, self._password or None)
        if self.tls:
            made.tls_set_context(ssl.create_default_context())
        made.connect_timeout = min(5.0, self.timeout)
        made.reconnect_delay_set(1, 5)
        return made

    def connect(self, client: Any, *, keep: bool) -> None:
        """Begin to connect; paho's thread goes on with it and comes back when it is lost.

        Raises:
            OSError: if the broker cannot be reached now.
        """
        if not self.five:
            client.connect(self.host, self.port, 30)
            return
        kinds = require("paho.mqtt.properties", feature="an mqtt:// stream", extra="mqtt")
        types = require("paho.mqtt.packettypes", feature="an mqtt:// stream", extra="mqtt")
        asked = kinds.Properties(types.PacketTypes.CONNECT)
        if keep:
            asked.SessionExpiryInterval = int(self.session_hours * 3600)
            asked.ReceiveMaximum = min(65_535, self.prefetch)
        client.connect(self.host, self.port, 30, clean_start=not keep, properties=asked)

    def unavailable(self, exc: object) -> StoreUnavailableError:
        """The error that says that the broker does not answer."""
        return StoreUnavailableError(
            f"the MQTT broker cannot be used: {exc}",
            where=self.url,
            fix="check that it runs and that user and password are right",
        )

    @property
    def shards(self) -> int:
        return 1

    def push_records(self, records: Sequence[Record]) -> None:
        """Publish with quality of service 1; a record's key is no part of it.

        Nobody gets it who has not subscribed before.
        """
        with self._lock:
            if self._made is None:
                ready = threading.Event()
                made = self.make(f"mlrun-like-{new_uid()}", keep=False)
                made.on_connect = lambda *_: ready.set()
                try:
                    self.connect(made, keep=False)
                except (OSError, ValueError) as exc:
                    raise self.unavailable(exc) from exc
                made.loop_start()
                if not ready.wait(self.timeout):
                    made.loop_stop()
                    raise self.unavailable("it does not let this client in")
                self._made = made
            sent = [
                self._made.publish(self.name, record.body, qos=1, properties=self._told(record))
                for record in records
            ]
            try:
                for info in sent:
                    info.wait_for_publish(self.timeout)
                    if not info.is_published():
                        raise self.unavailable("it does not confirm")
            except (RuntimeError, ValueError) as exc:
                raise self.unavailable(exc) from exc

    def _told(self, record: Record) -> Any:
        if not self.five:
            return None  # version 3 has no headers
        kinds = require("paho.mqtt.properties", feature="an mqtt:// stream", extra="mqtt")
        types = require("paho.mqtt.packettypes", feature="an mqtt:// stream", extra="mqtt")
        found = kinds.Properties(types.PacketTypes.PUBLISH)
        pairs = [(str(name), str(value)) for name, value in record.headers.items()]
        if pairs:
            found.UserProperty = pairs
        return found

    def consumer(
        self, group: str, name: str = "", shards: Iterable[int] | None = None
    ) -> MqttConsumer:
        return MqttConsumer(self, group, name or f"mlrun-like-{new_uid()}")

    def depth(self, group: str) -> int:
        """0: a broker does not say how much waits for a session."""
        return 0

    def create(self, groups: Iterable[str] = ()) -> None:
        """Nothing: topics are not made."""

    def delete(self) -> None:
        """Nothing: topics cannot be removed."""

    def close(self) -> None:
        with self._lock:
            made, self._made = self._made, None
        if made is not None:
            made.disconnect()
            made.loop_stop()
