"""What is known of a partition: which records are out, which offset may be committed."""

from __future__ import annotations

from collections import deque

__all__ = ["Offsets", "Partition"]

_SUSPECT = 2
"""How many readers may die of a partition before its records are handed out one by one."""
_ALONE = 1000
"""How many records are handed out one by one then."""


class Offsets:
    """The records of one partition that were handed out.

    Kafka remembers one number per partition: everything below it is done. So only what is done
    without a gap counts. Offsets themselves may have gaps (compaction, transactions), which is why
    the order of handing out decides, not arithmetic.

    >>> offsets = Offsets()
    >>> for offset in (4, 5, 9):
    ...     offsets.handed(offset)
    >>> offsets.done(5), offsets.done(4), offsets.done(9)
    (None, 6, 10)
    """

    def __init__(self) -> None:
        self._out: deque[int] = deque()
        self._done: set[int] = set()

    def handed(self, offset: int) -> None:
        """A record was given to the reader."""
        self._out.append(offset)

    def done(self, offset: int) -> int | None:
        """A record was acknowledged; returns the offset to commit if it moved."""
        if not self._out or offset < self._out[0]:
            return None
        self._done.add(offset)
        last = None
        while self._out and self._out[0] in self._done:
            last = self._out.popleft()
            self._done.discard(last)
        return None if last is None else last + 1


class Partition:
    """What a reader knows of one partition.

    Args:
        begun: How often the first record that is not done was begun with, by any reader.
        alone: How many records are still to be handed out one by one.
    """

    def __init__(self, begun: int = 0, alone: int = 0) -> None:
        self.begun, self.alone = begun, alone
        self.offsets = Offsets()
        self.first = 0
        """The first offset that is not done."""

    @classmethod
    def read(cls, note: str | None) -> Partition:
        """From the metadata of a commit; anybody's own metadata means nothing to us.

        >>> Partition.read("begun=2 alone=0").begun, Partition.read("mine").begun
        (2, 0)
        """
        begun, _, alone = (note or "").partition(" ")
        try:
            return cls(int(begun.removeprefix("begun=")), int(alone.removeprefix("alone=")))
        except ValueError:
            return cls()

    def note(self) -> str:
        """What `read` reads."""
        return f"begun={self.begun} alone={self.alone}"

    def begin(self) -> None:
        """A reader begins."""
        self.begun += 1
        if self.begun > _SUSPECT and not self.alone:
            self.alone = _ALONE

    def done(self, offset: int) -> int | None:
        """A record was acknowledged; returns the offset to commit if it moved."""
        place = self.offsets.done(offset)
        if place is not None:
            self.first = place
            self.alone = max(0, self.alone - 1)
            self.begun = _SUSPECT + 1 if self.alone else 1
        return place
