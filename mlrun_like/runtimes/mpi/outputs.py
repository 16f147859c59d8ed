"""A launcher's output, taken apart by rank: one log, in which each line tells whose it is."""

from __future__ import annotations

import re

from mlrun_like.runs.job import Job
from mlrun_like.runtimes.output import OutputPipe
from mlrun_like.runtimes.relayed import Relayed

__all__ = ["TAGS", "RankedPipe", "Splitter"]

TAGS = {
    "openmpi": re.compile(rb"\[\d+,(\d+)\]<std(?:out|err|diag)>:"),
    "mpich": re.compile(rb"(?m)^\[(\d+)\] "),
    "horovodrun": re.compile(rb"\[(?:\d+,)?(\d+)\]<std(?:out|err)>:"),
}
"""How each launcher marks whose output follows; the mark may stand anywhere in a line."""

_TORN = re.compile(rb"\[[\d,]{0,24}(?:\](?:<[a-z]{0,8}(?:>:?)?)?)?\Z")
_MOST_HELD = 1 << 16
_MOST_NOISE = 1 << 16
LAUNCHER = -1


class Splitter:
    """Takes marked output apart.

    Args:
        tag: The launcher's mark; its group is the rank.
    """

    def __init__(self, tag: re.Pattern[bytes]) -> None:
        self._tag = tag
        self._held = b""
        self._rank = LAUNCHER
        self._lines: dict[int, bytes] = {}

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Whole lines with their rank (-1: the launcher's own), in the order they ended."""
        data = self._held + data
        torn = _TORN.search(data)
        cut = torn.start() if torn else len(data)
        data, self._held = data[:cut], data[cut:]
        found: list[tuple[int, bytes]] = []
        place = 0
        for match in self._tag.finditer(data):
            self._add(data[place : match.start()], found)
            self._rank = int(match[1])
            place = match.end()
        self._add(data[place:], found)
        return found

    def end(self) -> list[tuple[int, bytes]]:
        """What was left without an end of line."""
        found: list[tuple[int, bytes]] = []
        self._add(self._held, found)
        self._held = b""
        rest, self._lines = self._lines, {}
        return found + [(rank, text + b"\n") for rank, text in rest.items() if text]

    def _add(self, text: bytes, found: list[tuple[int, bytes]]) -> None:
        """After an end of line the launcher itself may speak, until the next mark."""
        while text:
            line, end, text = text.partition(b"\n")
            whole = self._lines.pop(self._rank, b"") + line + end
            if end or len(whole) > _MOST_HELD:
                found.append((self._rank, whole if end else whole + b"\n"))
            elif whole:
                self._lines[self._rank] = whole
            if end:
                self._rank = LAUNCHER


class RankedPipe(OutputPipe):
    """The output of a launcher: rank 0's lines as they are, others' with `[rank] ` before them.

    What the launcher itself prints is kept aside: it is shown only if nothing better explains how
    the run ended.

    Args:
        job: Whose run it is.
        tag: The launcher's mark.
        writer: The rank that records: its lines have no mark in the log.
    """

    def __init__(self, job: Job, tag: re.Pattern[bytes], writer: int = 0) -> None:
        super().__init__(job)
        self.relayed = Relayed(job)
        self.noise = b""
        self._splitter = Splitter(tag)
        self.writer = writer

    def finish(self) -> None:
        """Take what was left without an end of line; nothing may come after it."""
        self._sort(self._splitter.end())
        super()._take(self.relayed.end())

    def note(self, text: str) -> None:
        """See OutputPipe.note."""
        super()._take(f"{text}\n".encode())

    def _take(self, data: bytes) -> None:
        self._sort(self._splitter.feed(data))

    def _sort(self, lines: list[tuple[int, bytes]]) -> None:
        text = []
        for rank, line in lines:
            if rank == LAUNCHER:
                self.noise = (self.noise + line)[-_MOST_NOISE:]
                continue
            if rank == self.writer:
                line = self.relayed.feed(line)
                text.append(line)
            else:
                text.append(b"[%d] %s" % (rank, line))
        super()._take(b"".join(text))
