"""Messages between the submitter and its ranks: JSON over TCP, both ends prove a shared secret.

Each message is its length (4 bytes, network order) and a JSON text. A connection begins with

    submitter -> rank  {"nonce": a}
    rank -> submitter  {"proof": hmac(secret, "rank" a), "nonce": b, ...who it is}
    submitter -> rank  {"proof": hmac(secret, "submitter" b), ...what to do}

The kernel watches the connection (RFC 1122 keep-alives and Linux's TCP_USER_TIMEOUT), so that a
machine that is cut off is noticed in seconds even while a rank is busy in native code.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import secrets
import socket
import struct
import threading
from typing import Any

__all__ = ["Channel", "closed", "connect", "proof"]

_LENGTH = struct.Struct("!I")
_LARGEST = 256 << 20
_LARGEST_UNKNOWN = 1 << 16
"""Bytes of a message from a peer that has not proved itself."""
_GREET_WITHIN = 10.0


class Channel:
    """One connection.

    Args:
        sock: A connected socket, owned by the channel from now on.
        lost_after: Seconds without an answer of the other machine after which it counts as gone.
    """

    def __init__(self, sock: socket.socket, lost_after: float) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        self.trusted = False
        _watch(sock, lost_after)

    def send(self, message: dict[str, Any]) -> None:
        """Send one message.

        Raises:
            OSError: if the other end is gone.
        """
        data = json.dumps(message, separators=(",", ":"), default=str).encode()
        try:
            with self._lock:
                self._sock.sendall(_LENGTH.pack(len(data)) + data)
        except OSError as exc:
            raise closed(_is_silence(exc)) from exc

    def receive(self) -> dict[str, Any]:
        """Wait for the next message.

        Raises:
            OSError: if the other end is gone, or sends what is no message.
        """
        (size,) = _LENGTH.unpack(self._read(_LENGTH.size))
        if size > (_LARGEST if self.trusted else _LARGEST_UNKNOWN):
            raise closed()
        try:
            message = json.loads(self._read(size))
        except (ValueError, RecursionError) as exc:
            raise closed() from exc
        if not isinstance(message, dict):
            raise closed()
        return message

    def _read(self, size: int) -> bytes:
        parts = []
        while size > 0:
            try:
                part = self._sock.recv(min(size, 1 << 20))
            except OSError as exc:
                raise closed(_is_silence(exc)) from exc
            if not part:
                raise closed()
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def wait_at_most(self, seconds: float | None) -> None:
        """Bound the time of each send and receive; None: no bound."""
        self._sock.settimeout(seconds)

    @property
    def here(self) -> str:
        """The address of this end."""
        return str(self._sock.getsockname()[0])

    @property
    def there(self) -> str:
        """The address of the other end."""
        return str(self._sock.getpeername()[0])

    def close(self) -> None:
        """Release; a receive that waits in another thread ends."""
        with contextlib.suppress(OSError):  # it may not be connected any more
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()


def connect(addresses: str, secret: str, who: dict[str, Any], lost_after: float) -> Channel:
    """Connect to the submitter and prove the secret; what it answers is the first `receive`.

    Args:
        addresses: `host:port`, several separated by commas; the first that answers is taken.
        secret: The secret of this run.
        who: What the submitter is told.
        lost_after: See Channel.

    Raises:
        OSError: if none answers, or the one that answers does not know the secret.
    """
    error: OSError = OSError(f"no address to connect to in {addresses!r}")
    rounds = [(wait, address) for wait in (1, 5, 15) for address in addresses.split(",")]
    for wait, address in rounds:
        host, _, port = address.rpartition(":")
        try:
            sock = socket.create_connection((host, int(port)), wait)
        except (OSError, ValueError) as exc:
            error = exc if isinstance(exc, OSError) else error
            continue
        channel = Channel(sock, lost_after)
        try:
            _greet(channel, secret, who)
        except OSError:
            channel.close()
            raise
        return channel
    raise error


def _greet(channel: Channel, secret: str, who: dict[str, Any]) -> None:
    channel.wait_at_most(_GREET_WITHIN)
    nonce = str(channel.receive().get("nonce", ""))
    own = secrets.token_hex(16)
    channel.send({**who, "proof": proof(secret, "rank", nonce), "nonce": own})
    known = proof(secret, "submitter", own)
    if not hmac.compare_digest(str(channel.receive().get("proof", "")), known):
        raise closed()
    channel.trusted = True
    channel.wait_at_most(None)


def closed(silent: bool = False) -> OSError:
    """The error of a channel whose other end is gone: its machine does not answer any more
    (TimeoutError), or it closed the connection (ConnectionResetError)."""
    if silent:
        return TimeoutError("the other machine does not answer any more")
    return ConnectionResetError("the other end closed the connection")


def proof(secret: str, side: str, nonce: str) -> str:
    """What only somebody who knows the secret can tell.

    >>> proof("s", "rank", "1") == proof("s", "submitter", "1")
    False
    """
    return hmac.new(secret.encode(), f"{side}:{nonce}".encode(), hashlib.sha256).hexdigest()


def _watch(sock: socket.socket, lost_after: float) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    rounds = 3
    step = max(1, round(lost_after / (rounds + 1)))
    for name, value in (
        ("TCP_KEEPIDLE", step),
        ("TCP_KEEPINTVL", step),
        ("TCP_KEEPCNT", rounds),
        ("TCP_USER_TIMEOUT", int(lost_after * 1000)),  # for data that is not acknowledged
    ):
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _is_silence(error: OSError) -> bool:
    """Whether the machine does not answer, as opposed to a process that ended."""
    return not isinstance(error, (ConnectionResetError, BrokenPipeError)) and error.errno != 9
