"""Which member of a group reads which shard of a Redis stream.

A member says every few seconds that it lives; the shards of one that falls silent go to the others.
A process that starts under the name of an earlier one takes its place at once, and the earlier one,
should it still live, is refused from then on.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable

from mlrun_like.errors import ConflictError, MLRunLikeError
from mlrun_like.names import new_uid
from mlrun_like.streams.redis_client import RedisClient
from mlrun_like.streams.redis_scripts import KEEP_ALIVE, LEASE, LEAVE

__all__ = ["Membership"]

_logger = logging.getLogger("mlrun_like.streams")


class Membership:
    """A member's place in a group.

    Args:
        client: The server.
        key: Where the members are written down.
        name: The member's name.
        shards: The number of shards.
        lease: Seconds of silence after which a member counts as dead.
    """

    def __init__(self, client: RedisClient, key: str, name: str, shards: int, lease: float) -> None:
        self.key, self.name, self.token = key, name, new_uid()
        self._client, self._shards, self._lease = client, shards, lease
        self._joined = self._taken = False
        self._due = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="stream-lease", daemon=True)

    def shards(self, busy: Iterable[int]) -> list[int] | None:
        """This member's shards if it is time to ask again, else None.

        Args:
            busy: Shards with records in work, which must not be given back now.

        Raises:
            ConflictError: if another process has taken this name.
            StoreUnavailableError: if the server cannot be reached.
        """
        self._check()
        if time.monotonic() < self._due:
            return None
        arguments = [self.name, self.token, int(self._lease * 1000), self._shards]
        arguments += ["0" if self._joined else "1", *busy]
        found = self._client.script(LEASE, [self.key], arguments, again=False)
        if found == -1:
            self._taken = True
            self._check()
        if not self._joined:
            self._joined = True
            self._thread.start()
        # Shards change hands soon after members come and go, yet asking costs the busy little.
        self._due = time.monotonic() + min(1.0, self._lease / 4)
        return [int(shard) for shard in found]

    def ask_again(self) -> None:
        """Do not wait with the next question for shards."""
        self._due = 0.0

    def leave(self) -> None:
        """Give all shards back now."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._joined:
            try:
                self._client.script(LEAVE, [self.key], [self.name, self.token], again=False)
            except MLRunLikeError as exc:  # the lease ends by itself
                _logger.warning("consumer %r could not say good-bye: %s", self.name, exc.what)

    def _check(self) -> None:
        if self._taken:
            raise ConflictError(
                f"another process has taken the name {self.name!r} in this group",
                where=self.key,
                fix="give each process a name of its own",
            )

    def _beat(self) -> None:
        arguments = [self.name, self.token, int(self._lease * 1000)]
        while not self._stop.wait(self._lease / 4):
            try:
                known = self._client.script(KEEP_ALIVE, [self.key], arguments, again=False)
            except MLRunLikeError as exc:
                _logger.debug("consumer %r could not give a sign of life: %s", self.name, exc.what)
                continue
            if known == -1:
                self._taken = True
            elif known == 0:
                self._due = 0.0  # it was silent for too long: ask which shards are left to it
